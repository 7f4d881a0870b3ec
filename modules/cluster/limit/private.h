/* private.h - what the files of the limit machine share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_LIMIT_PRIVATE_H
#define CLUSTER_LIMIT_PRIVATE_H

#include "cluster/limit/limit.h"

/* Grants that were not confirmed yet, in order. */
struct fresh {
    apr_uint64_t position;
    struct limit_entry *entry;
    apr_uint32_t count, tainted;
    int is_reclaimed; /* in use already */
};

/* An active node, or a departure. */
struct limit_holder {
    struct limit_holder *next;
    bus_node_t node;
    apr_uint64_t departure; /* 0: active */
    struct limit_entry *entries;
    struct fresh *fresh;
    apr_size_t fresh_first, fresh_count, fresh_size;
};

static inline apr_uint32_t has(const struct limit_entry *entry)
{
    return entry->firm + entry->fresh;
}

static inline int is_waiting(const struct limit_entry *entry)
{
    return entry->holder->departure == 0 && entry->target > has(entry);
}

#endif
