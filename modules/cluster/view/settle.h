/* settle.h - what the members of a new ring say of themselves, and what follows from it
 * SPDX-License-Identifier: Apache-2.0
 *
 * All members get the same STATE messages in the same order, so all decide the same:
 *  - The ring is quorate when a member's quorum service says so.  One host alone of two is not, but may use
 *    half of everything: a state of its own, which always begins anew and never goes on in another ring.
 *  - The state that goes on is that of the highest (epoch, position, digest) among the
 *    members in step; all that have exactly it are the *keepers*.
 *  - When none is in step, the member with the lowest id founds a new state.
 * A *late* member came into a ring that others had begun to settle; it has not seen what they
 * saw, so it neither decides nor keeps.
 * Pure; any thread. */
#ifndef CLUSTER_VIEW_SETTLE_H
#define CLUSTER_VIEW_SETTLE_H

#include "cluster/bus/bus.h"
#include "cluster/wire/wire.h"

struct settle_state {
    bus_node_t node;          /* the sender; not in the message */
    apr_uint64_t ring, round; /* what this answers */
    apr_uint64_t instance, request;
    apr_uint64_t epoch, position, digest;
    int is_late, is_quorate, is_in_step;
    int is_one_of_two; /* the cluster has two hosts, and here is one: meant when nobody is quorate */
    int was_active;    /* this process has held something before */
    int version;
};

void settle_state_write(const struct settle_state *state, wire_writer_t *writer);
/** Returns whether it was understood. */
int settle_state_read(struct settle_state *state, wire_reader_t *reader);

struct settle {
    struct settle_state states[BUS_NODES_MAX]; /* the last of each node */
    int count;
};

void settle_clear(struct settle *settle);
/** Takes a copy, instead of an earlier one of that node. */
void settle_add(struct settle *settle, const struct settle_state *state);
void settle_remove(struct settle *settle, bus_node_t node);
const struct settle_state *settle_find(const struct settle *settle, bus_node_t node);
/** Has every member said something? */
int settle_is_complete(const struct settle *settle, const bus_node_t *members, int count);

struct settle_decision {
    int is_possible; /* 0: only late members have said something */
    int is_quorate;
    int is_half;                       /* not quorate, but half of everything may be used */
    int is_founding;                   /* nobody was in step */
    int is_tainted;                    /* ... but somebody may have used something just now */
    apr_uint64_t epoch;                /* of the state from now on */
    bus_node_t keepers[BUS_NODES_MAX]; /* by id */
    int keeper_count;
};
/** Of so many configured hosts (0: not known). */
void settle_decide(const struct settle *settle, int hosts, struct settle_decision *decision);

#endif
