/* store.c - what commands keep with a console's session
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/store.h"

#include <stdlib.h>

#include <ec/status.h>

struct store_value {
    store_value_t *next;
    const void *key;
    void *value;
    store_destroy_fn *destroy;
};

static store_value_t **find(store_t *store, const void *key)
{
    store_value_t **at = &store->first;

    while (*at != NULL && (*at)->key != key) {
        at = &(*at)->next;
    }
    return at;
}

void *store_get(const store_t *store, const void *key)
{
    const store_value_t *found = *find((store_t *)store, key);

    return found != NULL ? found->value : NULL;
}

/* Unlinked first: destroy() may look into the store. */
static void take_out(store_value_t **at)
{
    store_value_t *old = *at;

    *at = old->next;
    if (old->destroy != NULL) {
        old->destroy(old->value);
    }
    free(old);
}

void store_set(store_t *store, const void *key, void *value, store_destroy_fn *destroy)
{
    store_value_t **at = find(store, key), *made;

    if (*at != NULL && (*at)->value == value) {
        (*at)->destroy = destroy;
        return;
    }
    if (*at != NULL) {
        take_out(at);
    }
    if (value == NULL) {
        return;
    }
    made = malloc(sizeof *made);
    EC_ASSERT(made != NULL);
    *made = (store_value_t){ store->first, key, value, destroy };
    store->first = made;
}

int store_is_empty(const store_t *store)
{
    return store->first == NULL;
}

void store_clear(store_t *store)
{
    while (store->first != NULL) {
        take_out(&store->first);
    }
}
