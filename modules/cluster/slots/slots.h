/* slots.h - cluster-wide limits of this server: its gates get their units from the replicated limits
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider of all gates (ec/gate.h), and a part of the node: two machines, one for slots and one for
 * rates, with a client each.  What is in a gate counts as used by the client, whether a connection stands for
 * it or not: a unit goes to the gate when the client has it, and to the client only when the gate has given
 * it back, out of use.  README.md ("Gates") says why the sum over all nodes never exceeds a limit.
 *
 * Thread: the node's. */
#ifndef CLUSTER_SLOTS_SLOTS_H
#define CLUSTER_SLOTS_SLOTS_H

#include <ec/module.h>

#include "cluster/limit/client.h"
#include "cluster/node/node.h"

typedef struct slots slots_t;

/** The baton of slots_part, a slots_t; as cluster_part has it.  Running out of memory ends the process. */
void *slots_create(const ec_instance_t *instance, const char **why);
/** After close(), or when open() was never called. */
void slots_destroy(void *part);

/** Opening fails with EC_E_BUSY when something else provides gates. */
extern const struct node_part slots_part;

enum { SLOTS_WAITS = 1024 };

/** How long the last units were waited for, in microseconds, from when their lack was seen until the gate had
 * them. */
struct slots_waits {
    apr_uint64_t count; /* of all; the last SLOTS_WAITS are kept, in a ring */
    apr_uint32_t last[SLOTS_WAITS];
};

/** For the console and for tests, on the node's thread or under its lock. */
const struct slots_waits *slots_waits(const slots_t *slots);
const limit_t *slots_state(const slots_t *slots, int is_rate);

/** Units of a rate that this node has used, and that rest, or that it keeps back as if it had; 0 also when it has none. */
apr_int64_t slots_resting(const slots_t *slots, const struct limit_key *key);

/** show.c: "cluster limits [<pattern>]".  With the node's lock held. */
void slots_command(const slots_t *slots, node_t *node, ec_answer_t *answer);
/** show.c: the rates of one kind, whose places begin with this word: how many there are, and a row for each: what is allowed,
 * and how many units all nodes, or (`of` is not 0) this one, hold.  With the node's lock held. */
apr_int64_t slots_throttle_count(const slots_t *slots, const char *kind);
void slots_show_throttles(const slots_t *slots, node_t *node, const char *kind, bus_node_t of, ec_node_t *table);

#endif
