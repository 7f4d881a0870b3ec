/* refusals.h - what was said in the log about messages that can not be understood
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever sends one broken message sends many.  Of each kind of fault of each process one line a minute is
 * enough; the rest is counted.
 * Thread: the owner's. */
#ifndef CLUSTER_WIRE_REFUSALS_H
#define CLUSTER_WIRE_REFUSALS_H

#include <apr_time.h>

#include "cluster/bus/bus.h"

enum { REFUSALS_MAX = 128 };

typedef struct {
    struct refusal {
        bus_node_t node;
        apr_uint32_t pid;
        const char *why;
        apr_time_t said;
    } list[REFUSALS_MAX];
    int count;
} refusals_t;

/** Is this to be said now?  Then it counts as said.  `pid` is 0 where processes are not told apart; keeps `why`, which is
 * constant; `now` is of a clock that never goes back.  When more kinds of faults than there is room for were said within the
 * minute, others are not. */
int refusals_say(refusals_t *refusals, bus_node_t node, apr_uint32_t pid, const char *why, apr_time_t now);

#endif
