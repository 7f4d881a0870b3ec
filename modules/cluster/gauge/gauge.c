/* gauge.c - replicated: counts of each node by key, and their sums
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/gauge/gauge.h"
#include "cluster/machine/mutant.h"

static const apr_uint64_t value_max = (apr_uint64_t)1 << 48;

struct part {
    struct part *next;
    bus_node_t node;
    apr_uint64_t value; /* never 0 */
};

struct gauge_key {
    struct table_item item;
    struct part *parts;
    apr_uint64_t sum;
};

/* ---- the state ------------------------------------------------------------------------- */

static struct part **find_part(struct gauge_key *key, bus_node_t node)
{
    struct part **at = &key->parts;

    while (*at != NULL && (*at)->node < node)
        at = &(*at)->next;
    return at;
}

static void tell(const gauge_t *gauge, const struct gauge_key *key, bus_node_t node, apr_uint64_t before)
{
    if (gauge->watch != NULL && key->sum != before)
        gauge->watch(gauge->watch_baton, node, key->item.key, key->item.key_length,
                     (apr_int64_t)(key->sum - before));
}

static void set_part(gauge_t *gauge, struct gauge_key *key, bus_node_t node, apr_uint64_t value)
{
    struct part **at = find_part(key, node), *part = *at;
    int is_there = part != NULL && part->node == node;
    apr_uint64_t before = key->sum;

    if (is_there && value == 0) {
        *at = part->next;
        key->sum -= part->value;
        free(part);
    } else if (is_there) {
        key->sum += value - part->value;
        part->value = value;
    } else if (value != 0) {
        part = calloc(1, sizeof(*part));
        if (part == NULL)
            abort();
        part->next = *at;
        part->node = node;
        part->value = value;
        *at = part;
        key->sum += value;
    }
    tell(gauge, key, node, before);
}

static void set_value(gauge_t *gauge, bus_node_t node, const char *name, apr_size_t length,
                      apr_uint64_t value)
{
    struct gauge_key *key = table_find(&gauge->keys, name, length);

    if (key == NULL && (value == 0 || gauge->keys.count >= GAUGE_KEYS_MAX))
        return;
    if (key == NULL)
        key = table_add(&gauge->keys, sizeof(*key), name, length);
    set_part(gauge, key, node, value);
    if (key->parts == NULL)
        table_remove(&gauge->keys, &key->item);
}

/* A record: a block of key and value. */
static void write_record(wire_writer_t *writer, const char *key, apr_size_t length, apr_uint64_t value)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, key, length);
    wire_write(writer, value);
    wire_block_end(writer, block);
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    while (wire_has_more(body)) {
        wire_reader_t block = wire_read_block(body);
        apr_size_t length;
        const char *key = wire_read_bytes(&block, &length, TABLE_KEY_MAX);
        apr_uint64_t value = wire_read_max(&block, value_max);

        if (block.is_bad)
            return;
        set_value(state, event->sender, key, length, value);
    }
}

static void forget_node(gauge_t *gauge, bus_node_t node)
{
    if (is_mutant(GHOST_COUNTS))
        return;
    TABLE_EACH(struct gauge_key, key, &gauge->keys)
    {
        set_part(gauge, key, node, 0);
        if (key->parts == NULL)
            table_remove(&gauge->keys, &key->item);
    }
}

static void change(void *state, const struct lease_change *what)
{
    if (what->kind == LEASE_DEPARTED || what->kind == LEASE_DROPPED)
        forget_node(state, what->node);
}

static void clear(void *state)
{
    gauge_t *gauge = state;

    TABLE_EACH(struct gauge_key, key, &gauge->keys)
    {
        while (key->parts != NULL)
            set_part(gauge, key, key->parts->node, 0);
    }
    table_clear(&gauge->keys);
}

static void write_state(const void *state, wire_writer_t *writer)
{
    const gauge_t *gauge = state;

    TABLE_EACH(const struct gauge_key, key, &gauge->keys)
    {
        apr_size_t block = wire_block_begin(writer);

        wire_write_bytes(writer, key->item.key, key->item.key_length);
        for (const struct part *part = key->parts; part != NULL; part = part->next) {
            wire_write(writer, part->node);
            wire_write(writer, part->value);
        }
        wire_block_end(writer, block);
    }
}

static int read_state(void *state, wire_reader_t *reader)
{
    while (wire_has_more(reader)) {
        wire_reader_t block = wire_read_block(reader);
        apr_size_t length;
        const char *name = wire_read_bytes(&block, &length, TABLE_KEY_MAX);

        for (int count = 0; wire_has_more(&block); count++) {
            bus_node_t node = (bus_node_t)wire_read_max(&block, 0xffffffff);
            apr_uint64_t value = wire_read_max(&block, value_max);

            if (block.is_bad || count >= BUS_NODES_MAX)
                return 0;
            set_value(state, node, name, length, value);
        }
        if (block.is_bad)
            return 0;
    }
    return !reader->is_bad;
}

const struct machine_type gauge_machine = { "gauge", MESSAGE_GAUGE, apply,       apply,     NULL,
                                            change,  clear,         write_state, read_state };
const struct machine_type cidr_machine = { "cidr", MESSAGE_CIDR, apply,       apply,     NULL,
                                           change, clear,        write_state, read_state };

apr_uint64_t gauge_sum(const gauge_t *gauge, const char *name, apr_size_t length)
{
    const struct gauge_key *key = table_find(&gauge->keys, name, length);

    return key == NULL ? 0 : key->sum;
}

apr_uint64_t gauge_of(const gauge_t *gauge, const char *name, apr_size_t length, bus_node_t node)
{
    struct gauge_key *key = table_find(&gauge->keys, name, length);
    const struct part *part = key == NULL ? NULL : *find_part(key, node);

    return part != NULL && part->node == node ? part->value : 0;
}

void gauge_each(const gauge_t *gauge, bus_node_t node, gauge_each_fn *each, void *baton)
{
    TABLE_EACH(struct gauge_key, key, &gauge->keys)
    {
        const struct part *part = node != 0 ? *find_part(key, node) : NULL;
        apr_uint64_t value = node == 0 ? key->sum : part != NULL && part->node == node ? part->value : 0;

        if (value != 0 && !each(baton, key->item.key, key->item.key_length, value))
            return;
    }
}

void gauge_free(gauge_t *gauge)
{
    clear(gauge);
}

/* ---- this node's own counts --------------------------------------------------------------- */

struct gauge_own {
    struct table_item item;
    apr_uint64_t value;
    int is_changed;
    struct gauge_own *changed_next;
};

/* What is put into one message, and into a JOIN that others write into, too: far below BUS_MESSAGE_MAX. */
enum { RECORDS_MAX = 512, MESSAGE_BYTES = 96 * 1024, JOIN_BYTES = 16 * 1024 };

static void change_own(gauge_local_t *local, struct gauge_own *own, apr_time_t now)
{
    if (own->is_changed)
        return;
    own->is_changed = 1;
    own->changed_next = local->changed;
    if (local->changed == NULL)
        local->oldest = now;
    local->changed = own;
    local->pending++;
}

void gauge_set(gauge_local_t *local, const char *name, apr_size_t length, apr_uint64_t value, apr_time_t now)
{
    struct gauge_own *own = table_find(&local->keys, name, length);

    if (own == NULL && value == 0)
        return;
    if (own == NULL)
        own = table_add(&local->keys, sizeof(*own), name, length);
    if (own->value == value)
        return;
    own->value = value;
    change_own(local, own, now);
}

void gauge_set_none(gauge_local_t *local, apr_time_t now)
{
    TABLE_EACH(struct gauge_own, own, &local->keys)
    gauge_set(local, own->item.key, own->item.key_length, 0, now);
}

void gauge_tell_again(gauge_local_t *local, apr_time_t now)
{
    TABLE_EACH(struct gauge_own, own, &local->keys)
    change_own(local, own, now);
}

apr_uint64_t gauge_own_count(const gauge_local_t *local, const char *name, apr_size_t length)
{
    const struct gauge_own *own = table_find(&local->keys, name, length);

    return own == NULL ? 0 : own->value;
}

/* What was told, or is told whole by a JOIN. */
static void told(gauge_local_t *local, struct gauge_own *own)
{
    local->changed = own->changed_next;
    local->pending--;
    own->is_changed = 0;
    if (own->value == 0)
        table_remove(&local->keys, &own->item);
}

static int flush(void *baton, wire_writer_t *writer, apr_time_t now)
{
    gauge_local_t *local = baton;
    apr_size_t began = writer->length;
    int count = 0;

    if (local->pending == 0 ||
        (local->pending < local->max_pending && now - local->oldest < local->max_delay))
        return 0;
    while (local->changed != NULL && count++ < RECORDS_MAX && writer->length - began < MESSAGE_BYTES) {
        struct gauge_own *own = local->changed;

        write_record(writer, own->item.key, own->item.key_length, own->value);
        told(local, own);
    }
    return 1;
}

/* Counts that change while the JOIN is under way are told again, by flush(); so is at once what does not fit.
 */
static void join(void *baton, wire_writer_t *writer, apr_time_t now)
{
    gauge_local_t *local = baton;
    apr_size_t began = writer->length;

    while (local->changed != NULL)
        told(local, local->changed);
    TABLE_EACH(struct gauge_own, own, &local->keys)
    {
        if (writer->length - began < JOIN_BYTES)
            write_record(writer, own->item.key, own->item.key_length, own->value);
        else
            change_own(local, own, now - local->max_delay);
    }
}

static apr_time_t next_time(const void *baton)
{
    const gauge_local_t *local = baton;

    return local->pending == 0 ? 0 : local->oldest + local->max_delay;
}

void gauge_local_free(gauge_local_t *local)
{
    table_clear(&local->keys);
    local->changed = NULL;
    local->pending = 0;
}

const struct machine_local gauge_local = { NULL, join, flush, NULL, NULL, next_time };
