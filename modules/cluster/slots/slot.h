/* slot.h - one gate, and the key of the replicated limits that its units come from
 * SPDX-License-Identifier: Apache-2.0
 *
 * At all times, of the client's key: used = given + closing + reserved + resting.  Of a rate, given + closing
 * is what rests in the gate, or what may be used there, whichever is more.
 *
 * A slot without a gate ends what its key still has: units that were in use when the gate went.
 *
 * Thread: the node's. */
#ifndef CLUSTER_SLOTS_SLOT_H
#define CLUSTER_SLOTS_SLOT_H

#include <ec/gate.h>

#include "cluster/limit/client.h"

struct slot {
    limit_client_t *client;
    struct limit_client_key *key; /* its `user` is this slot */
    ec_gate_t *gate;              /* its note is this slot; NULL: nobody needs the key any more */
    apr_interval_time_t window;   /* of a rate, else 0 */
    apr_uint32_t given;           /* units that are in the gate */
    apr_uint32_t closing;         /* lost, but not closed, or not rested */
    apr_uint32_t reserved;        /* of a rate: came tainted, and are not firm yet */
    apr_uint32_t resting;         /* in use when the gate went, until `rested` */
    apr_time_t rested;
    apr_int64_t shed; /* as the gate was told */
    int is_unleased;  /* as the gate was told */
    apr_time_t asked; /* since when a unit is lacking; 0: none is */
    apr_time_t look;  /* something changes by time alone; 0: no */
    /* the owner's lists */
    int is_due;
    struct slot *due_next;
    struct slot *next, **at;
};

/** Units are taken from the gate at once because they are not ours any more: what of `count`, as the client
 * says it, was not taken before. */
void slot_lose(struct slot *slot, apr_uint32_t count);
/** Of a rate: `count` units have come, or will, that others may have used just now. */
void slot_reserve(struct slot *slot, apr_uint32_t count, apr_time_t now);
/** Brings gate and key in line: what is wanted, given, given back, awaited.  Returns how long a unit that was
 * given now was waited for, in microseconds; negative: none was. */
apr_interval_time_t slot_settle(struct slot *slot, const ec_gate_state_t *state, apr_time_t now);
/** The gate goes, or goes on with another key: what is in it is lost to it, and rests here for one window. */
void slot_leave_gate(struct slot *slot, apr_time_t now);
/** Are there connections, as receivers see it, on units of this node?  Rates rest in the cluster's state anyway. */
int slot_holds(const struct slot *slot, apr_time_t now);
/** Without a gate: is there nothing left, and the key forgotten? */
int slot_end(struct slot *slot, apr_time_t now);

#endif
