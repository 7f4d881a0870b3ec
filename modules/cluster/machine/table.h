/* table.h - items by key, in the order in which they came
 * SPDX-License-Identifier: Apache-2.0
 *
 * An item is a struct of the user's that begins with a table_item; the table allocates
 * it with its key.  Walking goes in order of addition and so is the same on every node,
 * whatever the hash (SipHash-1-3 with a seed of this process, as keys come from
 * outside).  Running out of memory ends the process.  Thread: the owner's. */
#ifndef CLUSTER_MACHINE_TABLE_H
#define CLUSTER_MACHINE_TABLE_H

#include <apr.h>

enum { TABLE_KEY_MAX = 1024 };

struct table_item {
    struct table_item *chain;       /* same bucket */
    struct table_item *next, *prev; /* order; NULL at the ends */
    apr_uint64_t hash;
    const char *key; /* NUL-terminated, but may hold any byte */
    apr_size_t key_length;
};

typedef struct {
    struct table_item **buckets;
    struct table_item *first, *last;
    apr_size_t count, size;
} table_t;

/** An empty table is all zero. */
void *table_find(const table_t *table, const void *key, apr_size_t length);
/** A new, zeroed item of `size` bytes at the end.  The key must not be there. */
void *table_add(table_t *table, apr_size_t size, const void *key, apr_size_t length);
/** Make an item the last one. */
void table_renew(table_t *table, struct table_item *item);
/** Takes out and frees. */
void table_remove(table_t *table, struct table_item *item);
/** Remove all. */
void table_clear(table_t *table);

/** `for` head over all items as `type *name`; the current one may be removed. */
#define TABLE_EACH(type, name, table)                               \
    for (type *name = (type *)(table)->first, *name##_next_ = NULL; \
         name != NULL && (name##_next_ = (type *)((struct table_item *)name)->next, 1); name = name##_next_)

#endif
