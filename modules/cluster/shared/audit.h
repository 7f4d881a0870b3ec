/* audit.h - audit series and gauge caches of this process (ec/series.h, ec/gauge.h), shared with other nodes
 * SPDX-License-Identifier: Apache-2.0
 *
 * The server's tables are what modules count in and ask; the machines (series, numbers) are what nodes tell each other.  This goes
 * between them in the node's turns: what has changed here is told, what others have said is put into the tables.
 *
 * Which series are shared: those named connections, receptions and rejections of addresses (inbound_audit's) where the words connect,
 * reception and rejection are, all others where audit_series is.
 *
 * Thread: under the node's lock; what is marked so any. */
#ifndef CLUSTER_SHARED_AUDIT_H
#define CLUSTER_SHARED_AUDIT_H

#include <stdatomic.h>

#include "cluster/node/node.h"
#include "cluster/numbers/numbers.h"
#include "cluster/series/series.h"

/* Bits of what is wanted, above those of METRICS_*. */
enum { AUDIT_SERIES = 1 << 16, AUDIT_GAUGES = 1 << 17 };

/** What all objects together want. */
struct audit_wants {
    unsigned all, manager; /* kept by all nodes, and by managers */
    apr_time_t max_delay;
    int max_pending;
};

typedef struct {
    node_t *node;
    struct audit_wants wants;
    atomic_uint series; /* bits of `all` and `manager`; also read under the locks of series, on any thread */
    int is_sharing, has_gauges;
    series_t kept, manager_kept;
    series_local_t told, manager_told;
    numbers_t numbers;
    numbers_local_t added;
    bus_node_t self;
    unsigned made;                         /* ec_series_made() when others' counts were put into all series */
    int must_tell, must_feed;              /* all of it, once */
    int has_more;                          /* is due, and did not go in this turn */
    apr_time_t series_since, gauges_since; /* when what waits began to wait; 0: nothing does */
} audit_t;

/** An empty one is all zero.  Before the node runs. */
void audit_open(audit_t *audit, node_t *node);
/** From now on. */
void audit_configure(audit_t *audit, const struct audit_wants *wants);
void audit_turn(audit_t *audit, apr_time_t now);
/** When there is to be a turn at the latest; 0: nothing is shared. */
apr_time_t audit_next(const audit_t *audit, apr_time_t now);
/** No callback comes any more. */
void audit_close(audit_t *audit);
void audit_free(audit_t *audit);

/** Is a series shared by an object with these bits?  Any thread. */
int audit_is_wanted(unsigned wants, const ec_series_id_t *id);

#endif
