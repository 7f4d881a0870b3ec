/* cache.c - replicated: values by key, the newest ones
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/cache/cache.h"
#include "cluster/wire/records.h"

struct entry {
    struct table_item item;
    void *value;
    apr_size_t length;
};

static void remove_entry(cache_t *cache, struct entry *entry)
{
    free(entry->value);
    table_remove(&cache->keys, &entry->item);
}

/* The one that was set longest ago goes first. */
static void trim(cache_t *cache)
{
    while (cache->keys.count > cache->max_size)
        remove_entry(cache, (struct entry *)cache->keys.first);
}

void cache_limit(cache_t *cache, apr_size_t max_size)
{
    cache->max_size = max_size;
    trim(cache);
}

static void set(cache_t *cache, const char *key, apr_size_t length, const void *value,
                apr_size_t value_length)
{
    struct entry *entry = table_find(&cache->keys, key, length);

    if (entry == NULL)
        entry = table_add(&cache->keys, sizeof(*entry), key, length);
    free(entry->value);
    entry->value = malloc(value_length + 1);
    if (entry->value == NULL)
        abort();
    memcpy(entry->value, value, value_length);
    entry->length = value_length;
    table_renew(&cache->keys, &entry->item);
    trim(cache);
}

static void write_record(wire_writer_t *writer, const char *key, apr_size_t length, const void *value,
                         apr_size_t value_length)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, key, length);
    wire_write(writer, value != NULL);
    if (value != NULL)
        wire_write_bytes(writer, value, value_length);
    wire_block_end(writer, block);
}

/* Returns whether it was understood. */
static int read_record(cache_t *cache, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);
    apr_size_t length, value_length = 0;
    const char *key = wire_read_bytes(&block, &length, TABLE_KEY_MAX);
    int has_value = (int)wire_read_max(&block, 1);
    const void *value = has_value ? wire_read_bytes(&block, &value_length, CACHE_VALUE_MAX) : NULL;
    struct entry *entry;

    if (block.is_bad)
        return 0;
    if (has_value)
        set(cache, key, length, value, value_length);
    else if ((entry = table_find(&cache->keys, key, length)) != NULL)
        remove_entry(cache, entry);
    return 1;
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    while (wire_has_more(body) && read_record(state, body))
        ;
}

static void change(void *state, const struct lease_change *what)
{
    /* values belong to nobody: they stay when a node goes */
}

static void clear(void *state)
{
    cache_t *cache = state;

    TABLE_EACH(struct entry, entry, &cache->keys)
    remove_entry(cache, entry);
    table_clear(&cache->keys);
}

static void write_state(const void *state, wire_writer_t *writer)
{
    const cache_t *cache = state;

    if (!cache->has_snapshot)
        return;
    TABLE_EACH(const struct entry, entry, &cache->keys)
    write_record(writer, entry->item.key, entry->item.key_length, entry->value, entry->length);
}

static int read_state(void *state, wire_reader_t *reader)
{
    while (wire_has_more(reader)) {
        if (!read_record(state, reader))
            return 0;
    }
    return !reader->is_bad;
}

const struct machine_type cache_machine = { "cache", MESSAGE_CACHE, apply,       NULL,      NULL,
                                            change,  clear,         write_state, read_state };

const void *cache_get(const cache_t *cache, const char *key, apr_size_t length, apr_size_t *value_length)
{
    const struct entry *entry = table_find(&cache->keys, key, length);

    *value_length = entry == NULL ? 0 : entry->length;
    return entry == NULL ? NULL : entry->value;
}

int cache_set(cache_t *cache, const char *key, apr_size_t length, const void *value, apr_size_t value_length)
{
    if (cache->unsent.length + length + value_length > CACHE_UNSENT_MAX)
        return 0;
    write_record(&cache->unsent, key, length, value, value_length);
    return 1;
}

static int flush(void *local, wire_writer_t *writer, apr_time_t now)
{
    return records_take(&((cache_t *)local)->unsent, writer);
}

static apr_time_t next_time(const void *local)
{
    const cache_t *cache = local;

    return cache->unsent.length > 0 ? 1 : 0;
}

void cache_each(const cache_t *cache, cache_each_fn *each, void *baton)
{
    TABLE_EACH(const struct entry, entry, &cache->keys)
    {
        if (!each(baton, entry->item.key, entry->item.key_length, entry->value, entry->length))
            return;
    }
}

void cache_free(cache_t *cache)
{
    clear(cache);
    wire_free(&cache->unsent);
}

const struct machine_local cache_local = { NULL, NULL, flush, NULL, NULL, next_time };
