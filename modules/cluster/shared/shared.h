/* shared.h - what nodes share besides limits: the objects of Replicate stanzas
 * SPDX-License-Identifier: Apache-2.0
 *
 *     Replicate "outbound_domains" { max_delay = 1.0 }
 *
 * An object has a name (the stanza's) and a class, which says what is counted and by which machine it is replicated
 * (stanzas.c).  All nodes have a view of each node's part and of the sum.
 *
 * Hooks of the server note what happens (tally.h, counters); the node's thread takes it from there in its turns.
 * The part belongs to the process, as the node does: a reload changes its objects, and what they count goes on.
 *
 * Thread: create, adopt and destroy on the master loop; what is marked so on loops; the rest under the node's lock. */
#ifndef CLUSTER_SHARED_SHARED_H
#define CLUSTER_SHARED_SHARED_H

#include <ec/module.h>
#include <ec/out.h>

#include "cluster/node/node.h"
#include "cluster/slots/slots.h"

typedef struct shared shared_t;

extern const struct node_part shared_part; /* part: shared_t */
/** For the module's tables: the Replicate stanza. */
extern const ec_option_t shared_replicate_options[];
#define SHARED_STANZA { "replicate", NULL, EC_STANZA_NAMED, shared_replicate_options }
/** A row for the module's options; the field of the instance is its handle, for shared_smtp_connect(). */
#define SHARED_INBOUND_OPTION(type, field)                                                                 \
    EC_OPT_ADDED(type, field, INT, "0", "esmtp_listener listen pathway pathway_group peer",                \
                 "Inbound connections of the whole cluster at a time, then 421; in a peer stanza those "   \
                 "of its network. Counted through the Replicate object inbound_cidr, so not exact. 0: no limit.", \
                 .min = 0, .max = 100000000)

/** In init of every instance: read and check its Replicate stanzas; what they say is kept in the instance's pool.  On
 * failure `*why` is a sentence with file and line. */
apr_status_t shared_check(const ec_instance_t *instance, const char **why);
/** With what shared_check() kept; a cluster_part's functions (module.h). */
void *shared_create(const ec_instance_t *instance, const char **why);
void shared_destroy(void *shared);
/** The stanzas of another instance are in force. */
void shared_adopt(void *shared, const ec_instance_t *instance);

/* ---- what the module's hooks call; loops -------------------------------------------------------- */

/** `limit`: the option that SHARED_INBOUND_OPTION() made. */
ec_verdict_t shared_smtp_connect(shared_t *shared, ec_conn_t *conn, ec_option_handle_t limit);
void shared_smtp_disconnect(shared_t *shared, ec_conn_t *conn);
void shared_out_connected(shared_t *shared, ec_out_t *out);
void shared_out_disconnect(shared_t *shared, ec_out_t *out);
void shared_delivery(shared_t *shared);
void shared_transient_failure(shared_t *shared);
void shared_permanent_failure(shared_t *shared);
void shared_reception(shared_t *shared);
void shared_rejection(shared_t *shared);

/* ---- for other modules (ec/cluster.h); under the node's lock --------------------------------------- */

apr_status_t shared_cache_set(const char *name, const void *key, apr_size_t key_length, const void *value,
                              apr_size_t length);
/** Borrows until the lock is given back. */
const void *shared_cache_get(const char *name, const void *key, apr_size_t key_length, apr_size_t *length);
apr_uint64_t shared_count(const char *name, const void *key, apr_size_t key_length, bus_node_t node);

/* ---- commands; master loop, takes the lock -------------------------------------------------------- */

/** "cluster shared list".  Throttles are those of `slots`. */
void shared_command_list(shared_t *shared, const slots_t *slots, ec_answer_t *answer);
/** "cluster shared show <object>" and "... from <node>" */
void shared_command_show(shared_t *shared, const slots_t *slots, ec_answer_t *answer);

#endif
