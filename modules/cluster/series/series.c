/* series.c - replicated: audit series, each node's counts by series, key and window of time
 * SPDX-License-Identifier: Apache-2.0
 *
 * A key of the table is the series and its key, as on the wire. */
#include <stdlib.h>
#include <string.h>

#include "cluster/machine/mutant.h"
#include "cluster/series/series.h"
#include "cluster/wire/records.h"

enum { KEY_MAX = EC_SERIES_NAME_MAX + EC_SERIES_KEY_MAX + 32 };

struct part {
    struct part *next;
    bus_node_t node;
    apr_int64_t newest;
    int n; /* counts of the newest window and those before it; the last is not 0 */
    apr_uint32_t counts[];
};

struct series_key {
    struct table_item item;
    struct part *parts; /* by node */
};

/* ---- names on the wire ----------------------------------------------------------------------------- */

struct name {
    ec_series_id_t id;
    char text[EC_SERIES_NAME_MAX + 1]; /* id.name */
    const void *key;
    apr_size_t length;
};

static void write_name(wire_writer_t *writer, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    wire_write_bytes(writer, id->name, strlen(id->name));
    wire_write(writer, id->type);
    wire_write(writer, (apr_uint64_t)id->interval);
    wire_write(writer, (apr_uint64_t)id->windows);
    wire_write_bytes(writer, key, length);
}

/* What is not within bounds is bad. */
static void read_name(wire_reader_t *reader, struct name *name)
{
    apr_size_t length;
    const char *text = wire_read_bytes(reader, &length, EC_SERIES_NAME_MAX);

    memcpy(name->text, text, length);
    name->text[length] = '\0';
    name->id.name = name->text;
    name->id.type = (ec_series_type_t)wire_read_max(reader, EC_SERIES_CIDR);
    name->id.interval = (int)wire_read_max(reader, EC_SERIES_INTERVAL_MAX);
    name->id.windows = (int)wire_read_max(reader, EC_SERIES_WINDOWS_MAX);
    name->key = wire_read_bytes(reader, &name->length, EC_SERIES_KEY_MAX);
    if (length == 0 || strlen(name->text) != length || name->id.interval == 0 || name->id.windows == 0 || name->length == 0 ||
        (name->id.type == EC_SERIES_CIDR && name->length != 4 && name->length != 16))
        reader->is_bad = 1;
}

/* In place: a name points into itself. */
static void read_key(const struct series_key *key, struct name *name)
{
    wire_reader_t reader = wire_reader(key->item.key, key->item.key_length);

    read_name(&reader, name);
}

static struct series_key *find_key(const series_t *series, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    wire_writer_t writer = { 0 };
    struct series_key *found;

    write_name(&writer, id, key, length);
    found = table_find(&series->keys, writer.data, writer.length);
    wire_free(&writer);
    return found;
}

static struct series_key *add_key(series_t *series, const struct name *name)
{
    wire_writer_t writer = { 0 };
    struct series_key *made;

    write_name(&writer, &name->id, name->key, name->length);
    made = table_add(&series->keys, sizeof(*made), writer.data, writer.length);
    wire_free(&writer);
    return made;
}

/* ---- parts -------------------------------------------------------------------------------------------- */

static apr_size_t bytes_of(int n)
{
    return sizeof(struct part) + sizeof(struct series_key) + KEY_MAX + (apr_size_t)n * sizeof(apr_uint32_t);
}

static struct part **find_part(struct series_key *key, bus_node_t node)
{
    struct part **at = &key->parts;

    while (*at != NULL && (*at)->node < node)
        at = &(*at)->next;
    return at;
}

static void remove_part(series_t *series, struct series_key *key, bus_node_t node)
{
    struct part **at = find_part(key, node), *part = *at;

    if (part == NULL || part->node != node)
        return;
    *at = part->next;
    series->bytes -= bytes_of(part->n);
    free(part);
}

static void tell_watch(const series_t *series, const struct name *name)
{
    if (series->watch != NULL)
        series->watch(series->baton, &name->id, name->key, name->length);
}

/* `n` 0: the node counts nothing. */
static void set_part(series_t *series, const struct name *name, bus_node_t node, apr_int64_t newest, const apr_uint32_t *counts,
                     int n)
{
    struct series_key *key = find_key(series, &name->id, name->key, name->length);
    int has_room;

    if (key != NULL)
        remove_part(series, key, node);
    has_room = series->bytes + bytes_of(n) <= SERIES_BYTES_MAX;
    if (n > 0 && has_room) {
        struct part *part = calloc(1, sizeof(*part) + (apr_size_t)n * sizeof(part->counts[0])), **at;

        if (part == NULL)
            abort();
        if (key == NULL)
            key = add_key(series, name);
        at = find_part(key, node);
        part->next = *at;
        part->node = node;
        part->newest = newest;
        part->n = n;
        memcpy(part->counts, counts, (apr_size_t)n * sizeof(part->counts[0]));
        *at = part;
        series->bytes += bytes_of(n);
    }
    tell_watch(series, name);
    if (key != NULL && key->parts == NULL)
        table_remove(&series->keys, &key->item);
}

/* ---- messages ------------------------------------------------------------------------------------------ */

static int used(const apr_uint32_t *counts, int n)
{
    while (n > 0 && counts[n - 1] == 0)
        n--;
    return n;
}

static void write_counts(wire_writer_t *writer, apr_int64_t newest, const apr_uint32_t *counts, int n)
{
    wire_write(writer, (apr_uint64_t)newest);
    wire_write(writer, (apr_uint64_t)n);
    for (int i = 0; i < n; i++)
        wire_write(writer, counts[i]);
}

/* Returns how many; `counts` has room for all windows. */
static int read_counts(wire_reader_t *reader, const struct name *name, apr_int64_t *newest, apr_uint32_t *counts)
{
    int n;

    *newest = (apr_int64_t)wire_read_max(reader, APR_INT64_MAX / 2);
    n = (int)wire_read_max(reader, (apr_uint64_t)name->id.windows);
    for (int i = 0; i < n && !reader->is_bad; i++)
        counts[i] = (apr_uint32_t)wire_read_max(reader, APR_UINT32_MAX);
    return reader->is_bad ? 0 : used(counts, n);
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    series_t *series = state;
    apr_uint32_t counts[EC_SERIES_WINDOWS_MAX];

    while (wire_has_more(body) && !series->is_deaf) {
        wire_reader_t block = wire_read_block(body);
        struct name name;
        apr_int64_t newest;
        int n;

        read_name(&block, &name);
        n = read_counts(&block, &name, &newest, counts);
        if (block.is_bad)
            return;
        set_part(series, &name, event->sender, newest, counts, n);
    }
}

static void forget_node(series_t *series, bus_node_t node)
{
    if (is_mutant(GHOST_COUNTS))
        return;
    TABLE_EACH(struct series_key, key, &series->keys)
    {
        const struct part *part = *find_part(key, node);
        struct name name;

        read_key(key, &name);
        if (part != NULL && part->node == node)
            set_part(series, &name, node, 0, NULL, 0);
    }
}

static void change(void *state, const struct lease_change *what)
{
    series_t *series = state;

    if (what->kind == LEASE_DEPARTED || what->kind == LEASE_DROPPED)
        forget_node(series, what->node);
    else if (what->kind == LEASE_JOINED && series->joined != NULL)
        series->joined(series->baton, what->node);
}

static void clear(void *state)
{
    series_t *series = state;

    TABLE_EACH(struct series_key, key, &series->keys)
    {
        struct name name;

        read_key(key, &name);
        while (key->parts != NULL)
            remove_part(series, key, key->parts->node);
        tell_watch(series, &name);
    }
    table_clear(&series->keys);
}

static void write_state(const void *state, wire_writer_t *writer)
{
    const series_t *series = state;

    TABLE_EACH(const struct series_key, key, &series->keys)
    {
        apr_size_t block = wire_block_begin(writer);

        wire_write_raw(writer, key->item.key, key->item.key_length);
        for (const struct part *part = key->parts; part != NULL; part = part->next) {
            wire_write(writer, part->node);
            write_counts(writer, part->newest, part->counts, part->n);
        }
        wire_block_end(writer, block);
    }
}

static int read_parts(series_t *series, const struct name *name, wire_reader_t *block)
{
    apr_uint32_t counts[EC_SERIES_WINDOWS_MAX];

    for (int count = 0; wire_has_more(block); count++) {
        bus_node_t node = (bus_node_t)wire_read_max(block, 0xffffffff);
        apr_int64_t newest;
        int n = read_counts(block, name, &newest, counts);

        if (block->is_bad || count >= BUS_NODES_MAX)
            return 0;
        set_part(series, name, node, newest, counts, n);
    }
    return !block->is_bad;
}

static int read_state(void *state, wire_reader_t *reader)
{
    series_t *series = state;

    while (wire_has_more(reader) && !series->is_deaf) {
        wire_reader_t block = wire_read_block(reader);
        struct name name;

        read_name(&block, &name);
        if (block.is_bad || !read_parts(series, &name, &block))
            return 0;
    }
    return !reader->is_bad;
}

const struct machine_type series_machine = { "series", MESSAGE_SERIES, apply,       NULL,      NULL,
                                             change,   clear,          write_state, read_state };
const struct machine_type manager_series_machine = { "manager series", MESSAGE_MANAGER_SERIES, apply,       NULL,      NULL,
                                                     change,           clear,                  write_state, read_state };

void series_free(series_t *series)
{
    series->watch = NULL;
    clear(series);
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

static int is_asked(const struct part *part, enum series_whose whose, bus_node_t node)
{
    return whose == SERIES_OF_ALL || (part->node == node) == (whose == SERIES_OF_NODE);
}

static void add_part(const struct part *part, int windows, apr_int64_t newest, apr_uint32_t *counts)
{
    for (int i = 0; i < part->n && newest - part->newest + i < windows; i++) {
        apr_uint32_t *count = &counts[newest - part->newest + i];

        *count = part->counts[i] > APR_UINT32_MAX - *count ? APR_UINT32_MAX : *count + part->counts[i];
    }
}

int series_sum(const series_t *series, const ec_series_id_t *id, const void *key, apr_size_t length, enum series_whose whose,
               bus_node_t node, apr_int64_t *newest, apr_uint32_t *counts)
{
    const struct series_key *found = find_key(series, id, key, length);
    int is_there = 0;

    *newest = 0;
    memset(counts, 0, (apr_size_t)id->windows * sizeof(counts[0]));
    for (const struct part *part = found != NULL ? found->parts : NULL; part != NULL; part = part->next) {
        if (!is_asked(part, whose, node))
            continue;
        is_there = 1;
        if (part->newest > *newest)
            *newest = part->newest;
    }
    for (const struct part *part = is_there ? found->parts : NULL; part != NULL; part = part->next) {
        if (is_asked(part, whose, node))
            add_part(part, id->windows, *newest, counts);
    }
    return is_there;
}

void series_each(const series_t *series, series_each_fn *each, void *baton)
{
    TABLE_EACH(const struct series_key, key, &series->keys)
    {
        struct name name;

        read_key(key, &name);
        if (!each(baton, &name.id, name.key, name.length))
            return;
    }
}

void series_watch_all(series_t *series)
{
    TABLE_EACH(const struct series_key, key, &series->keys)
    {
        struct name name;

        read_key(key, &name);
        tell_watch(series, &name);
    }
}

/* ---- this node's half ------------------------------------------------------------------------------------------ */

void series_tell(series_local_t *local, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                 const apr_uint32_t *counts)
{
    apr_size_t block = wire_block_begin(&local->unsent);

    write_name(&local->unsent, id, key, length);
    write_counts(&local->unsent, newest, counts, counts != NULL ? used(counts, id->windows) : 0);
    wire_block_end(&local->unsent, block);
}

static int flush(void *baton, wire_writer_t *writer, apr_time_t now)
{
    series_local_t *local = baton;

    return records_take(&local->unsent, writer);
}

void series_local_free(series_local_t *local)
{
    wire_free(&local->unsent);
}

const struct machine_local series_local = { NULL, NULL, flush, NULL, NULL, NULL };
