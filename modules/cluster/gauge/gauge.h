/* gauge.h - replicated: counts of each node by key, and their sums
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node says its own counts (connections by domain, by address); everybody sees them and the sum.
 * Only the newest value counts, so updates are gathered for at most `max_delay` or until
 * `max_pending` keys have changed.  What a node has counted goes with the node; who
 * comes in tells all of its counts, and gets those of others with the snapshot.  Not
 * exact while under way: limits are for that (limit.h).  Pure, but for the local half. */
#ifndef CLUSTER_GAUGE_GAUGE_H
#define CLUSTER_GAUGE_GAUGE_H

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

extern const struct machine_type gauge_machine; /* state: gauge_t */
extern const struct machine_type cidr_machine;  /* the same, keys are addresses (cidr/cidr.h) */

struct gauge_key;
/** What `node` counts of a key changed by `by`, and so did the sum; called while an event is applied. */
typedef void gauge_watch_fn(void *baton, bus_node_t node, const char *key, apr_size_t length, apr_int64_t by);

typedef struct {
    table_t keys;
    gauge_watch_fn *watch; /* NULL: nobody */
    void *watch_baton;
} gauge_t;

enum { GAUGE_KEYS_MAX = 1 << 20 };

void gauge_free(gauge_t *gauge);

/** All keys, in order of their coming; `each` returns 0 to end.  The value is that of `node`, or (0) the sum;
 * keys that are 0 are left out. */
typedef int gauge_each_fn(void *baton, const char *key, apr_size_t length, apr_uint64_t value);
void gauge_each(const gauge_t *gauge, bus_node_t node, gauge_each_fn *each, void *baton);

/** Sum over all active nodes; of one node. */
apr_uint64_t gauge_sum(const gauge_t *gauge, const char *key, apr_size_t length);
apr_uint64_t gauge_of(const gauge_t *gauge, const char *key, apr_size_t length, bus_node_t node);

/** This node's own counts.  An empty one is all zero but for `max_delay` and `max_pending`. */
typedef struct {
    table_t keys;
    struct gauge_own *changed;
    apr_time_t max_delay, oldest; /* when the first of `changed` came */
    int max_pending, pending;
    int is_active;
} gauge_local_t;

extern const struct machine_local gauge_local; /* local: gauge_local_t */

/** Set our count of a key; 0 forgets it. */
void gauge_set(gauge_local_t *local, const char *key, apr_size_t length, apr_uint64_t value, apr_time_t now);
apr_uint64_t gauge_own_count(const gauge_local_t *local, const char *key, apr_size_t length);
/** Set all of them to 0. */
void gauge_set_none(gauge_local_t *local, apr_time_t now);
/** Tell all of it once more, soon: somebody may not have it. */
void gauge_tell_again(gauge_local_t *local, apr_time_t now);
void gauge_local_free(gauge_local_t *local);

#endif
