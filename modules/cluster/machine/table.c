/* table.c - items by key, in the order in which they came
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "cluster/machine/table.h"

static struct {
    apr_uint64_t k0, k1;
} seed;

/* The seed is drawn once, before main() runs threads. */
__attribute__((constructor)) static void draw_seed(void)
{
    if (apr_generate_random_bytes((unsigned char *)&seed, sizeof(seed)) != APR_SUCCESS)
        seed.k0 = (apr_uint64_t)(size_t)&seed;
}

static inline apr_uint64_t rotated(apr_uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(apr_uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotated(v[1], 13) ^ v[0];
    v[3] = rotated(v[3], 16) ^ v[2];
    v[0] = rotated(v[0], 32) + v[3];
    v[2] += v[1];
    v[3] = rotated(v[3], 21) ^ v[0];
    v[1] = rotated(v[1], 17) ^ v[2];
    v[2] = rotated(v[2], 32);
}

static apr_uint64_t hash_of(const void *key, apr_size_t length)
{
    apr_uint64_t v[4] = { seed.k0 ^ 0x736f6d6570736575ULL, seed.k1 ^ 0x646f72616e646f6dULL,
                          seed.k0 ^ 0x6c7967656e657261ULL, seed.k1 ^ 0x7465646279746573ULL };
    const unsigned char *at = key;
    apr_size_t left = length;
    apr_uint64_t word;

    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (apr_uint64_t)length << 56;
    memcpy(&word, at, left);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct table_item **bucket_of(const table_t *table, apr_uint64_t hash)
{
    return &table->buckets[hash & (table->size - 1)];
}

void *table_find(const table_t *table, const void *key, apr_size_t length)
{
    apr_uint64_t hash;

    if (table->count == 0)
        return NULL;
    hash = hash_of(key, length);
    for (struct table_item *item = *bucket_of(table, hash); item != NULL; item = item->chain) {
        if (item->hash == hash && item->key_length == length && memcmp(item->key, key, length) == 0)
            return item;
    }
    return NULL;
}

static void grow(table_t *table)
{
    free(table->buckets);
    table->size = table->size == 0 ? 16 : table->size * 2;
    table->buckets = calloc(table->size, sizeof(*table->buckets));
    if (table->buckets == NULL)
        abort();
    for (struct table_item *item = table->first; item != NULL; item = item->next) {
        struct table_item **bucket = bucket_of(table, item->hash);

        item->chain = *bucket;
        *bucket = item;
    }
}

static void append(table_t *table, struct table_item *item)
{
    item->next = NULL;
    item->prev = table->last;
    *(table->last != NULL ? &table->last->next : &table->first) = item;
    table->last = item;
}

static void unlink_item(table_t *table, struct table_item *item)
{
    *(item->prev != NULL ? &item->prev->next : &table->first) = item->next;
    *(item->next != NULL ? &item->next->prev : &table->last) = item->prev;
}

void *table_add(table_t *table, apr_size_t size, const void *key, apr_size_t length)
{
    struct table_item *item = calloc(1, size + length + 1), **bucket;

    if (item == NULL)
        abort();
    if (table->count >= table->size)
        grow(table);
    memcpy((char *)item + size, key, length);
    item->key = (char *)item + size;
    item->key_length = length;
    item->hash = hash_of(key, length);
    bucket = bucket_of(table, item->hash);
    item->chain = *bucket;
    *bucket = item;
    append(table, item);
    table->count++;
    return item;
}

void table_renew(table_t *table, struct table_item *item)
{
    unlink_item(table, item);
    append(table, item);
}

void table_remove(table_t *table, struct table_item *item)
{
    struct table_item **at = bucket_of(table, item->hash);

    while (*at != item)
        at = &(*at)->chain;
    *at = item->chain;
    unlink_item(table, item);
    table->count--;
    free(item);
}

void table_clear(table_t *table)
{
    TABLE_EACH(struct table_item, item, table)
    free(item);
    free(table->buckets);
    memset(table, 0, sizeof(*table));
}
