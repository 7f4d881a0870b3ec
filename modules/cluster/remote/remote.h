/* remote.h - the consoles of a cluster: a manager's commands run on the nodes, and their answers come back
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node does what a request in the control group says, by its own console commands, whoever has sent it: the
 * cluster's network is trusted, and corosync's key protects it.  A manager asks and never answers, so no
 * command can come back to where it was given.
 *
 * Threads: commands, requests under way and stored replies live on the master loop.  The node's thread sends
 * what is queued (a piece at a time, so that large answers do not hold up limits), and hands on what comes.
 */
#ifndef CLUSTER_REMOTE_REMOTE_H
#define CLUSTER_REMOTE_REMOTE_H

#include <ec/module.h>

#include "cluster/node/node.h"
#include "cluster/remote/asking.h"
#include "cluster/remote/replies.h"

/* ---- for the module's table of parts ------------------------------------------------------------------ */

extern const struct node_part remote_part;
void *remote_create(const ec_instance_t *instance, const char **why);
void remote_destroy(void *part);

/** Commands of a manager. */
extern const ec_command_t remote_commands[];

/* ---- for the commands; master loop -----------------------------------------------------------------------
 */

typedef struct remote remote_t;

/** The one whose node runs, or NULL. */
remote_t *remote_current(void);
/** The nodes that a request (its target and name) means now: copies of the first `max`; returns how many. */
int remote_meant(const remote_t *remote, const struct remote_request *request, struct asking_node *nodes,
                 int max);
/** Send it to them; its id is set.  Events come later, never inside this call.  On failure `*why` is a
 * sentence in `pool`. */
apr_status_t remote_ask(remote_t *remote, struct remote_request *request, apr_interval_time_t timeout,
                        const struct asking_events *events, void *baton, const char **why, apr_pool_t *pool);

/** Replies that are kept; read from the file at the first call. */
replies_t *remote_replies(remote_t *remote);
/** They have changed. */
void remote_replies_changed(remote_t *remote);

#endif
