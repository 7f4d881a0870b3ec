/* slots.h - cluster-wide limits of this server: its gates get their units from the replicated limits
 * SPDX-License-Identifier: Apache-2.0
 *
 * The provider of all gates (ec/gate.h), and a part of the node: two machines, one for slots and one for rates, with a
 * client each.  What is in a gate counts as used by the client, whether a connection stands for it or
 * not: a unit goes to the gate when the client has it, and to the client only when the gate has given it back, out of
 * use.  README.md ("Gates") says why the sum over all nodes never exceeds a limit.
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

/** For the console and for tests. */
const limit_t *slots_state(const slots_t *slots, int is_rate);

#endif
