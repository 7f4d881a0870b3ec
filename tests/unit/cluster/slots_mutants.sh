#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Break rules of the gates on purpose (SLOT_MUTANTS in modules/cluster/machine/mutant.h) and see a test find each: which one, which
# case of it, and a seed that found it once.
folder=${SLOTS_TESTS:-tests/unit/cluster}
[ -x "$folder/slots_test" ] || exit 77
status=0
while read -r rule test case seed; do
    if EC_MUTANT=$rule EC_SEED=$seed CK_RUN_CASE=$case "$folder/$test" > slots_mutants.$$ 2>&1; then
        echo "$rule: not found by $test"
        status=1
    else
        echo "$rule: found: $(grep -m 1 -E ':[FE]:' slots_mutants.$$ | cut -d: -f5-)"
    fi
    rm -f slots_mutants.$$
done << 'RULES'
LOST_STAYS slots_test faults 1
LATE_LOSS slots_test faults 1
CLOSED_AT_ONCE slots_test faults 1
KEEPS_OWED slots_test peace 1
NO_REST slots_test faults 9
GIVES_ALL slots_test faults 1
HASTY_TAINTED slot_test slot 1
NO_RESTING_LEFT slot_test slot 1
UNLEASED_KEEPS slot_test slot 1
RULES
exit $status
