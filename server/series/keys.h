/* keys.h - items by key, in the order of the keys and in the order of their use
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are in order of their length, then of their bytes, so the addresses of a network stand side by side.  A
 * treap: its shape comes from a hash with a seed of this process, so nobody outside can make it deep.  An item
 * is a struct of the user's that begins with a keys_item; it is allocated with its key.  Running out of memory ends
 * the process.  Thread: the owner's. */
#ifndef SERIES_KEYS_H
#define SERIES_KEYS_H

#include <apr.h>

#include "util/list.h"

struct keys_item {
    struct keys_item *left, *right;
    util_link_t use; /* in keys_t.use */
    apr_uint64_t weight;
    const unsigned char *key;
    apr_size_t length;
};

typedef struct {
    struct keys_item *root;
    util_list_t use; /* used longest ago first */
    apr_size_t count;
} keys_t;

void keys_init(keys_t *keys);

void *keys_find(const keys_t *keys, const void *key, apr_size_t length);
/** The first whose key is not before this one. */
void *keys_from(const keys_t *keys, const void *key, apr_size_t length);
/** The first whose key comes after this one. */
void *keys_after(const keys_t *keys, const void *key, apr_size_t length);
/** A new, zeroed item of `size` bytes, used last.  The key must not be there. */
void *keys_add(keys_t *keys, apr_size_t size, const void *key, apr_size_t length);
/** Make it the one used last. */
void keys_use(keys_t *keys, struct keys_item *item);
/** The one used longest ago, or NULL. */
void *keys_oldest(const keys_t *keys);
/** Takes out and frees. */
void keys_remove(keys_t *keys, struct keys_item *item);
void keys_clear(keys_t *keys);

/** `for` head over all items as `type *name`, used longest ago first; the current one may be removed. */
#define KEYS_EACH(type, name, keys)                                                                             \
    for (type *name = keys_oldest(keys), *name##_next_ = NULL;                                                  \
         name != NULL && (name##_next_ = keys_next_used(keys, (struct keys_item *)name), 1); name = name##_next_)
void *keys_next_used(const keys_t *keys, struct keys_item *item);

#endif
