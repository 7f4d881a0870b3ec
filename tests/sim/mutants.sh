#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Break rules on purpose (modules/cluster/machine/mutant.h) and see the simulator find it: those that few seeds find.
# Others take thousands: tests/sim/sim --mutant NAME --seeds 20000
sim=${SIM:-tests/sim/sim}
[ -x "$sim" ] || exit 77
for rule in NO_WINDOW NO_FREEZE NO_QUORUM NO_CLOCK LOST_EVENTS STALE_KEEPER SKIPPED_RING NO_TAINT NO_AGING GHOST_COUNTS; do
    "$sim" --mutant $rule --seeds 400 || exit 1
done
