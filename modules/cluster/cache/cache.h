/* cache.h - replicated: values by key, the newest ones
 * SPDX-License-Identifier: Apache-2.0
 *
 * Last writer in the order wins; at most `max_size` keys, the one that was set longest ago goes first.
 * A node that comes in gets all keys when the cache is for that (`has_snapshot`), else
 * only what is set from then on.  All nodes must be configured alike. */
#ifndef CLUSTER_CACHE_CACHE_H
#define CLUSTER_CACHE_CACHE_H

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

extern const struct machine_type cache_machine; /* state: cache_t */
extern const struct machine_local cache_local;  /* local: cache_t, too */

enum {
    CACHE_VALUE_MAX = 64 * 1024,
    CACHE_UNSENT_MAX = 4 * 1024 * 1024 /* bytes of records that wait, as they do while this node is not in the cluster */
};

typedef struct {
    table_t keys;
    apr_size_t max_size; /* cache_limit() */
    int has_snapshot;
    wire_writer_t unsent; /* records of this node that wait for flush() */
} cache_t;

/** Borrows until the next event.  NULL: not there. */
const void *cache_get(const cache_t *cache, const char *key, apr_size_t length, apr_size_t *value_length);
/** Tell all nodes, this one included, when it comes back in the order.  A NULL value removes.  Key and value are within TABLE_KEY_MAX
 * and CACHE_VALUE_MAX.  0: too much is waiting to be sent. */
int cache_set(cache_t *cache, const char *key, apr_size_t length, const void *value,
              apr_size_t value_length);
/** At most so many keys from now on. */
void cache_limit(cache_t *cache, apr_size_t max_size);
/** All keys, the one that was set longest ago first; `each` returns 0 to end. */
typedef int cache_each_fn(void *baton, const char *key, apr_size_t length, const void *value,
                          apr_size_t value_length);
void cache_each(const cache_t *cache, cache_each_fn *each, void *baton);
void cache_free(cache_t *cache);

#endif
