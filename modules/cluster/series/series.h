/* series.h - replicated: audit series, each node's counts by series, key and window of time
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node says of a key all that it counts itself, as it is now; only the newest word counts, so to say it twice changes nothing.
 * What a node has counted goes with the node.  Windows pass by without a message: their numbers say when they were
 * (ec/series.h), and who reads knows what time it is.
 *
 * Bounded by SERIES_BYTES_MAX over all series and nodes: what would be more is passed over, by all in the same way.  Pure. */
#ifndef CLUSTER_SERIES_SERIES_H
#define CLUSTER_SERIES_SERIES_H

#include <ec/series.h>

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

extern const struct machine_type series_machine;         /* state: series_t */
extern const struct machine_type manager_series_machine; /* the same, for managers */

enum { SERIES_BYTES_MAX = 256 * 1024 * 1024 };

/** What nodes count of this key has changed, or is gone; while an event is applied. */
typedef void series_watch_fn(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length);

typedef struct {
    table_t keys;
    apr_size_t bytes; /* of all parts */
    int is_deaf;      /* what others say is not kept here */
    series_watch_fn *watch; /* NULL: nobody */
    void (*joined)(void *baton, bus_node_t node); /* it is active from now on, and nothing of it is known; NULL: nobody hears */
    void *baton;
} series_t;

void series_free(series_t *series);
/** The watch is called for all keys. */
void series_watch_all(series_t *series);

/** Whose counts are asked for. */
enum series_whose { SERIES_OF_ALL, SERIES_OF_NODE, SERIES_OF_OTHERS };
/** The sums of each window, from the newest that somebody has; `counts` has room for all windows.  0: nobody counts this key. */
int series_sum(const series_t *series, const ec_series_id_t *id, const void *key, apr_size_t length, enum series_whose whose,
               bus_node_t node, apr_int64_t *newest, apr_uint32_t *counts);
/** All keys, in order of their coming; `each` returns 0 to end. */
typedef int series_each_fn(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length);
void series_each(const series_t *series, series_each_fn *each, void *baton);

/** This node's half: records that wait.  An empty one is all zero. */
typedef struct {
    wire_writer_t unsent;
} series_local_t;
extern const struct machine_local series_local; /* local: series_local_t */

/** What this node counts of a key; `counts` NULL: nothing any more. */
void series_tell(series_local_t *local, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                 const apr_uint32_t *counts);
void series_local_free(series_local_t *local);

#endif
