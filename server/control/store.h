/* store.h - what commands keep with a console's session
 * SPDX-License-Identifier: Apache-2.0
 *
 * A handful of values by the address of their owner's key.  Master loop. */
#ifndef CONTROL_STORE_H
#define CONTROL_STORE_H

typedef struct store_value store_value_t;

/* Zero is an empty one. */
typedef struct {
    store_value_t *first;
} store_t;

typedef void store_destroy_fn(void *value);

void *store_get(const store_t *store, const void *key);
/** The value that was there is destroyed, unless it is the same.  `value` NULL takes it away; `destroy` may be NULL. */
void store_set(store_t *store, const void *key, void *value, store_destroy_fn *destroy);
int store_is_empty(const store_t *store);
void store_clear(store_t *store);

#endif
