/* binding.c - the table of bindings
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries are never freed, so whoever has one needs no lock; who looks one up by name remembers it. */
#include "message/binding.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

#include "util/hash.h"

enum { BUCKETS_LEAST = 64 };

binding_t binding_default = { .group = "default", .name = "default" };

/* A group's counter. */
struct turn {
    struct turn *next;
    _Atomic apr_uint32_t at;
    char group[];
};

static struct {
    pthread_mutex_t lock;
    binding_t **bucket;
    apr_size_t n_buckets, n;
    struct turn *turns;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void grow(void)
{
    binding_t **old = table.bucket;
    apr_size_t n = table.n_buckets;

    table.n_buckets = n == 0 ? BUCKETS_LEAST : n * 2;
    table.bucket = calloc(table.n_buckets, sizeof(binding_t *));
    EC_ASSERT(table.bucket != NULL);
    for (apr_size_t i = 0; i < n; i++) {
        for (binding_t *binding = old[i], *next; binding != NULL; binding = next) {
            binding_t **at = &table.bucket[binding->hash & (table.n_buckets - 1)];

            next = binding->chain;
            binding->chain = *at;
            *at = binding;
        }
    }
    free(old);
}

static binding_t *make(const char *group, const char *name, apr_uint64_t hash)
{
    apr_size_t n_group = strlen(group) + 1, n_name = strlen(name) + 1;
    binding_t *binding = calloc(1, sizeof *binding + n_group + n_name);

    EC_ASSERT(binding != NULL);
    binding->group = memcpy(binding + 1, group, n_group);
    binding->name = memcpy((char *)(binding + 1) + n_group, name, n_name);
    binding->hash = hash;
    return binding;
}

static binding_t *find_or_make(const char *group, const char *name, apr_uint64_t hash)
{
    binding_t *binding, **at;

    if (table.n >= table.n_buckets) {
        grow();
    }
    at = &table.bucket[hash & (table.n_buckets - 1)];
    for (binding = *at; binding != NULL; binding = binding->chain) {
        if (binding->hash == hash && strcmp(binding->group, group) == 0 && strcmp(binding->name, name) == 0) {
            return binding;
        }
    }
    binding = make(group, name, hash);
    binding->chain = *at;
    *at = binding;
    table.n++;
    return binding;
}

binding_t *binding_of(const char *group, const char *name)
{
    apr_uint64_t hash;
    binding_t *binding;

    if (strcmp(group, binding_default.group) == 0 && strcmp(name, binding_default.name) == 0) {
        return &binding_default;
    }
    hash = util_hash(util_hash(util_hash_seed(), group, strlen(group)), name, strlen(name));
    pthread_mutex_lock(&table.lock);
    binding = find_or_make(group, name, hash);
    pthread_mutex_unlock(&table.lock);
    return binding;
}

binding_t **binding_all(const char *name, int *n, apr_pool_t *pool)
{
    binding_t **all;

    *n = 0;
    pthread_mutex_lock(&table.lock);
    all = apr_palloc(pool, (table.n + 1) * sizeof *all);
    if (name == NULL || strcmp(name, binding_default.name) == 0) {
        all[(*n)++] = &binding_default;
    }
    for (apr_size_t i = 0; i < table.n_buckets; i++) {
        for (binding_t *binding = table.bucket[i]; binding != NULL; binding = binding->chain) {
            if (name == NULL || strcmp(name, binding->name) == 0) {
                all[(*n)++] = binding;
            }
        }
    }
    pthread_mutex_unlock(&table.lock);
    return all;
}

int binding_any(void)
{
    int is_any;

    pthread_mutex_lock(&table.lock);
    is_any = table.n > 0;
    pthread_mutex_unlock(&table.lock);
    return is_any;
}

_Atomic apr_uint32_t *binding_turn(const char *group)
{
    apr_size_t length = strlen(group) + 1;
    struct turn *turn;

    pthread_mutex_lock(&table.lock);
    for (turn = table.turns; turn != NULL && strcmp(turn->group, group) != 0; turn = turn->next) {
    }
    if (turn == NULL) {
        turn = calloc(1, sizeof *turn + length);
        EC_ASSERT(turn != NULL);
        memcpy(turn->group, group, length);
        turn->next = table.turns;
        table.turns = turn;
    }
    pthread_mutex_unlock(&table.lock);
    return &turn->at;
}
