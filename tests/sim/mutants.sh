#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Break rules on purpose (modules/cluster/machine/mutant.h) and see the simulator find it.  The number is a seed that found
# it once: to begin there saves time, and others follow when it does not any more.  What takes thousands of seeds is not here:
# tests/sim/sim --mutant NAME --seeds 20000
sim=${SIM:-tests/sim/sim}
[ -x "$sim" ] || exit 77
while read -r rule from; do
    "$sim" --mutant "$rule" --from "$from" --seeds 3000 || exit 1
done << 'RULES'
NO_WINDOW 1
NO_FREEZE 1
FRESH_IS_FIRM 22
SELF_IS_PROOF 286
NO_QUORUM 1
GREEDY_RECLAIM 754
NO_CLOCK 1
LOST_EVENTS 1
STALE_KEEPER 398
SKIPPED_RING 1
NO_TAINT 1
NO_AGING 1
RAISED_IN_FREEZE 446
HASTY_FOUNDER 1
HALF_STAYS 1
WHOLE_ALONE 1
GHOST_COUNTS 1
EARLY_REST 1
NO_REVOKE 1
BLIND_EVICT 1
CLEAN_START 1
RULES
