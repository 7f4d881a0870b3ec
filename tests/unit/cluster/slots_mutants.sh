#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Break rules of the gates on purpose (SLOT_MUTANTS in modules/cluster/machine/mutant.h) and see slots_test find it.  The number is
# a seed that found it once.
test=${SLOTS_TEST:-tests/unit/cluster/slots_test}
[ -x "$test" ] || exit 77
while read -r rule seed; do
    if EC_MUTANT=$rule EC_SEED=$seed CK_RUN_CASE=faults "$test" > slots_mutants.$$ 2>&1; then
        echo "$rule: not found by seed $seed"
        cat slots_mutants.$$
        rm -f slots_mutants.$$
        exit 1
    fi
    echo "$rule: found: $(grep -m 1 -E ':[FE]:' slots_mutants.$$ | cut -d: -f6-)"
    rm -f slots_mutants.$$
done << 'RULES'
CLOSED_AT_ONCE 1
RULES
