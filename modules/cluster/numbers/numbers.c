/* numbers.c - replicated: gauge caches, numbers by key that all nodes add to, each with a lifetime
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/numbers/numbers.h"
#include "cluster/wire/records.h"

struct number {
    struct table_item item;
    apr_int64_t value;
    apr_time_t time; /* of the last change; its lifetime begins there */
};

struct cache {
    struct table_item item;
    apr_size_t max_keys;
    int ttl;
    table_t numbers; /* changed longest ago first */
};

/* ---- on the wire ------------------------------------------------------------------------------------- */

static void write_change(wire_writer_t *writer, const ec_gauge_change_t *change)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, change->cache, strlen(change->cache));
    wire_write(writer, change->max_keys);
    wire_write(writer, (apr_uint64_t)change->ttl);
    wire_write_bytes(writer, change->key, change->length);
    wire_write(writer, change->is_cleared != 0);
    wire_write(writer, (apr_uint64_t)change->n << 1 ^ (change->n < 0 ? APR_UINT64_MAX : 0));
    wire_write(writer, (apr_uint64_t)change->time);
    wire_block_end(writer, block);
}

/* `name` is room for the cache's.  Returns whether it was understood. */
static int read_change(wire_reader_t *reader, ec_gauge_change_t *change, char name[EC_GAUGE_NAME_MAX + 1])
{
    wire_reader_t block = wire_read_block(reader);
    apr_size_t length;
    const char *text = wire_read_bytes(&block, &length, EC_GAUGE_NAME_MAX);
    apr_uint64_t n;

    memcpy(name, text, length);
    name[length] = '\0';
    change->cache = name;
    change->max_keys = (apr_size_t)wire_read_max(&block, APR_INT64_MAX);
    change->ttl = (int)wire_read_max(&block, EC_GAUGE_TTL_MAX);
    change->key = wire_read_bytes(&block, &change->length, EC_GAUGE_KEY_MAX);
    change->is_cleared = (int)wire_read_max(&block, 1);
    n = wire_read(&block);
    change->n = (apr_int64_t)(n >> 1 ^ ((n & 1) != 0 ? APR_UINT64_MAX : 0));
    change->time = (apr_time_t)wire_read_max(&block, APR_INT64_MAX / 2);
    return !block.is_bad && length > 0 && strlen(name) == length && change->max_keys > 0 && change->ttl > 0 && change->length > 0;
}

/* ---- the state ------------------------------------------------------------------------------------------ */

static void remove_number(numbers_t *numbers, struct cache *cache, struct number *number)
{
    table_remove(&cache->numbers, &number->item);
    numbers->keys--;
}

static int is_over(const struct cache *cache, const struct number *number, apr_time_t time)
{
    return time >= number->time + apr_time_from_sec(cache->ttl);
}

/* Oldest first: what is over as of this change, and what is too much. */
static void make_room(numbers_t *numbers, struct cache *cache, apr_time_t time)
{
    TABLE_EACH(struct number, number, &cache->numbers)
    {
        if (!is_over(cache, number, time) && cache->numbers.count <= cache->max_keys)
            return;
        remove_number(numbers, cache, number);
    }
}

static struct cache *find_cache(numbers_t *numbers, const ec_gauge_change_t *change)
{
    struct cache *cache = table_find(&numbers->caches, change->cache, strlen(change->cache));

    if (cache == NULL && numbers->caches.count < NUMBERS_CACHES_MAX)
        cache = table_add(&numbers->caches, sizeof(*cache), change->cache, strlen(change->cache));
    if (cache != NULL) {
        cache->max_keys = change->max_keys;
        cache->ttl = change->ttl;
    }
    return cache;
}

static struct number *find_number(numbers_t *numbers, struct cache *cache, const ec_gauge_change_t *change)
{
    struct number *number = table_find(&cache->numbers, change->key, change->length);

    if (number != NULL && change->is_cleared) {
        remove_number(numbers, cache, number);
        number = NULL;
    }
    if (number != NULL || (change->is_cleared && change->n == 0) || numbers->keys >= NUMBERS_KEYS_MAX)
        return number;
    numbers->keys++;
    return table_add(&cache->numbers, sizeof(*number), change->key, change->length);
}

static void change_number(struct cache *cache, struct number *number, const ec_gauge_change_t *change)
{
    if (is_over(cache, number, change->time))
        number->value = 0;
    number->value = (apr_int64_t)((apr_uint64_t)number->value + (apr_uint64_t)change->n);
    if (number->time < change->time)
        number->time = change->time;
    table_renew(&cache->numbers, &number->item);
}

/* A cache without a number is not there: so what is written is what is read. */
static void take(numbers_t *numbers, const ec_gauge_change_t *change, int is_snapshot)
{
    struct cache *cache = find_cache(numbers, change);
    struct number *number = cache != NULL ? find_number(numbers, cache, change) : NULL;

    if (number != NULL)
        change_number(cache, number, change);
    if (cache != NULL && !is_snapshot) /* there is nothing too much, and what was not forgotten stays */
        make_room(numbers, cache, change->time);
    if (cache != NULL && cache->numbers.count == 0) {
        table_clear(&cache->numbers);
        table_remove(&numbers->caches, &cache->item);
    }
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    numbers_t *numbers = state;

    while (wire_has_more(body)) {
        char name[EC_GAUGE_NAME_MAX + 1];
        ec_gauge_change_t change;

        if (!read_change(body, &change, name))
            return;
        take(numbers, &change, 0);
        if (numbers->changed != NULL)
            numbers->changed(numbers->baton, event->sender, &change);
    }
}

static void change(void *state, const struct lease_change *what)
{
    /* values belong to nobody: they stay when a node goes */
}

static void clear(void *state)
{
    numbers_t *numbers = state;

    TABLE_EACH(struct cache, cache, &numbers->caches)
    table_clear(&cache->numbers);
    table_clear(&numbers->caches);
    numbers->keys = 0;
    if (numbers->cleared != NULL)
        numbers->cleared(numbers->baton);
}

static ec_gauge_change_t value_of(const struct cache *cache, const struct number *number)
{
    ec_gauge_change_t value = { cache->item.key,         cache->max_keys, cache->ttl,    number->item.key,
                                number->item.key_length, 0,               number->value, number->time };

    return value;
}

void numbers_each(const numbers_t *numbers, numbers_each_fn *each, void *baton)
{
    TABLE_EACH(const struct cache, cache, &numbers->caches)
    {
        TABLE_EACH(const struct number, number, &cache->numbers)
        {
            ec_gauge_change_t value = value_of(cache, number);

            if (!each(baton, &value))
                return;
        }
    }
}

static int write_value(void *baton, const ec_gauge_change_t *value)
{
    write_change(baton, value);
    return 1;
}

static void write_state(const void *state, wire_writer_t *writer)
{
    numbers_each(state, write_value, writer);
}

static int read_state(void *state, wire_reader_t *reader)
{
    while (wire_has_more(reader)) {
        char name[EC_GAUGE_NAME_MAX + 1];
        ec_gauge_change_t value;

        if (!read_change(reader, &value, name))
            return 0;
        take(state, &value, 1);
    }
    return !reader->is_bad;
}

const struct machine_type numbers_machine = { "numbers", MESSAGE_NUMBERS, apply,       NULL,      NULL,
                                              change,    clear,           write_state, read_state };

void numbers_free(numbers_t *numbers)
{
    numbers->cleared = NULL;
    clear(numbers);
}

/* ---- this node's half ---------------------------------------------------------------------------------------- */

void numbers_tell(numbers_local_t *local, const ec_gauge_change_t *change)
{
    write_change(&local->unsent, change);
}

void numbers_unsent_each(const numbers_local_t *local, numbers_each_fn *each, void *baton)
{
    wire_reader_t reader = wire_reader(local->unsent.data, local->unsent.length);

    while (wire_has_more(&reader)) {
        char name[EC_GAUGE_NAME_MAX + 1];
        ec_gauge_change_t change;

        if (!read_change(&reader, &change, name) || !each(baton, &change))
            return;
    }
}

static int flush(void *baton, wire_writer_t *writer, apr_time_t now)
{
    numbers_local_t *local = baton;

    return records_take(&local->unsent, writer);
}

void numbers_local_free(numbers_local_t *local)
{
    wire_free(&local->unsent);
}

const struct machine_local numbers_local = { NULL, NULL, flush, NULL, NULL, NULL };
