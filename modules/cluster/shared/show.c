/* show.c - shared objects on the console: "cluster shared list", "cluster shared show"
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include <ec/daemon.h>

#include "cluster/shared/inside.h"

/* An answer is not to hold the node's thread for long. */
enum { ROWS_MAX = 10000, SHOWN_MAX = 120 };

static apr_int64_t key_count(const struct shared_object *object, const slots_t *slots)
{
    if (object->class->kind == SHARED_THROTTLE)
        return slots_throttle_count(slots, object->class->throttles);
    if (object->in == NULL)
        return 0;
    if (object->class->kind == SHARED_CACHE)
        return (apr_int64_t)((const cache_t *)object->in->state)->keys.count;
    return (apr_int64_t)shared_gauge_of(object)->keys.count;
}

/* Counts always come with a snapshot; what is in a cache only when it is for that. */
static int has_snapshot(const struct shared_object *object)
{
    return object->class->kind != SHARED_CACHE || (object->wants & SHARED_SNAPSHOT) != 0;
}

static void add_object(ec_node_t *table, const struct shared_object *object, const slots_t *slots)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "object", object->name);
    ec_node_text(row, "laziness", object->class->kind == SHARED_THROTTLE ? "exact" : "lazy");
    ec_node_text(row, "kind", object->class->shown);
    ec_node_text(row, "snapshots", has_snapshot(object) ? "yes" : "no");
    ec_node_text(row, "class", object->class->name);
    ec_node_text(row, "binding_group", object->group != NULL ? object->group : "");
    ec_node_float(row, "max_delay", object->max_delay, 3);
    ec_node_int(row, "max_pending", object->max_pending);
    ec_node_int(row, "keys", key_count(object, slots));
}

/* Throttles of the cluster are there without a stanza. */
static struct shared_object unconfigured(const struct shared_class *class)
{
    struct shared_object object = { .class = class };

    apr_cpystrn(object.name, class->name, sizeof(object.name));
    return object;
}

static void add_unconfigured(ec_node_t *table, const shared_t *shared, const slots_t *slots)
{
    for (const struct shared_class *class = shared_class_next(NULL); class != NULL;
         class = shared_class_next(class)) {
        struct shared_object object;

        if (class->kind != SHARED_THROTTLE || shared_find(shared, class->name) != NULL)
            continue;
        object = unconfigured(class);
        add_object(table, &object, slots);
    }
}

void shared_command_list(shared_t *shared, const slots_t *slots, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "objects");

    node_lock(shared->node);
    for (struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        if (!object->is_leaving)
            add_object(table, object, slots);
    }
    add_unconfigured(table, shared, slots);
    node_unlock(shared->node);
}

/* ---- one object -------------------------------------------------------------------------------------- */

struct shown {
    ec_node_t *table;
    int rows;
};

static int has_room(struct shown *shown)
{
    return ++shown->rows <= ROWS_MAX;
}

/* Keys come from outside. */
static const char *printable(char *text, const char *key, apr_size_t length)
{
    apr_size_t shown = length < SHOWN_MAX ? length : SHOWN_MAX;

    for (apr_size_t i = 0; i < shown; i++)
        text[i] = isprint((unsigned char)key[i]) ? key[i] : '?';
    memcpy(text + shown, shown < length ? "..." : "", shown < length ? 4 : 1);
    return text;
}

static int show_count(void *baton, const char *key, apr_size_t length, apr_uint64_t value)
{
    struct shown *shown = baton;
    char text[SHOWN_MAX + 4];
    ec_node_t *row;

    if (!has_room(shown))
        return 0;
    row = ec_node_row(shown->table);
    ec_node_int(row, "count", (apr_int64_t)value);
    ec_node_text(row, "key", printable(text, key, length));
    return 1;
}

static int show_network(void *baton, const char *key, apr_size_t length, apr_uint64_t value)
{
    struct shown *shown = baton;
    char text[INET6_ADDRSTRLEN] = "?";
    ec_node_t *row;

    if (!has_room(shown))
        return 0;
    inet_ntop(length == 4 ? AF_INET : AF_INET6, key, text, sizeof(text));
    row = ec_node_row(shown->table);
    ec_node_int(row, "count", (apr_int64_t)value);
    ec_node_format(row, "network", "%s/%d", text, (int)length * 8);
    return 1;
}

static int show_value(void *baton, const char *key, apr_size_t length, const void *value,
                      apr_size_t value_length)
{
    struct shown *shown = baton;
    char text[SHOWN_MAX + 4];
    ec_node_t *row;

    if (!has_room(shown))
        return 0;
    row = ec_node_row(shown->table);
    ec_node_text(row, "key", printable(text, key, length));
    ec_node_int(row, "bytes", (apr_int64_t)value_length);
    ec_node_text(row, "value", printable(text, value, value_length));
    return 1;
}

static apr_uint64_t value_of(const gauge_t *gauge, const char *key, bus_node_t node)
{
    apr_size_t length = strlen(key);

    return node == 0 ? gauge_sum(gauge, key, length) : gauge_of(gauge, key, length, node);
}

static void show_series(ec_node_t *table, const struct shared_object *object, bus_node_t node)
{
    for (int i = 0; i < METRICS_COUNT; i++) {
        const gauge_t *gauge = shared_gauge_of(object);
        char key[32];
        ec_node_t *row;

        if ((object->wants & 1u << i) == 0)
            continue;
        metrics_minute_key((enum metrics_series)i, key);
        row = ec_node_row(table);
        ec_node_text(row, "series", metrics_name((enum metrics_series)i));
        ec_node_int(row, "count", (apr_int64_t)value_of(gauge, metrics_name((enum metrics_series)i), node));
        ec_node_int(row, "last_minute", (apr_int64_t)value_of(gauge, key, node));
    }
}

/* ---- audit series and gauge caches of a metrics object ------------------------------------------------ */

struct shown_series {
    struct shown shown;
    ec_node_t *root;
    const series_t *series;
    unsigned wants;
    bus_node_t node;
    apr_time_t now;
};

/* A table is made when it has something to show. */
static ec_node_t *add_row(struct shown *shown, ec_node_t *root, const char *table)
{
    if (shown->table == NULL)
        shown->table = ec_node_table(root, table);
    return ec_node_row(shown->table);
}

/* In windows that are not over. */
static apr_uint64_t count_now(const struct shown_series *showing, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    apr_uint32_t counts[EC_SERIES_WINDOWS_MAX];
    apr_int64_t newest, oldest = showing->now / apr_time_from_sec(id->interval) - id->windows + 1;
    enum series_whose whose = showing->node == 0 ? SERIES_OF_ALL : SERIES_OF_NODE;
    apr_uint64_t sum = 0;

    if (!series_sum(showing->series, id, key, length, whose, showing->node, &newest, counts))
        return 0;
    for (int i = 0; i < id->windows && newest - i >= oldest; i++)
        sum += counts[i];
    return sum;
}

static int show_series_key(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    struct shown_series *showing = baton;
    char text[SHOWN_MAX + 4];
    apr_uint64_t count = audit_is_wanted(showing->wants, id) ? count_now(showing, id, key, length) : 0;
    ec_node_t *row;

    if (count == 0)
        return 1;
    if (!has_room(&showing->shown))
        return 0;
    row = add_row(&showing->shown, showing->root, "audit_series");
    ec_node_text(row, "series", id->name);
    ec_node_format(row, "parameters", "%d,%d", id->interval, id->windows);
    ec_node_int(row, "count", (apr_int64_t)count);
    ec_node_text(row, "key", id->type == EC_SERIES_CIDR ? inet_ntop(length == 4 ? AF_INET : AF_INET6, key, text, sizeof(text))
                                                        : printable(text, key, length));
    return 1;
}

static int show_number(void *baton, const ec_gauge_change_t *value)
{
    struct shown_series *showing = baton;
    char text[SHOWN_MAX + 4];
    ec_node_t *row;

    if (showing->now >= value->time + apr_time_from_sec(value->ttl))
        return 1;
    if (!has_room(&showing->shown))
        return 0;
    row = add_row(&showing->shown, showing->root, "gauge_caches");
    ec_node_text(row, "cache", value->cache);
    ec_node_int(row, "value", value->n);
    ec_node_text(row, "key", printable(text, value->key, value->length));
    return 1;
}

/* Returns the rows of the longer table.  Gauge caches have no parts of nodes. */
static int show_audit(ec_node_t *root, const audit_t *audit, const struct shared_object *object, bus_node_t node)
{
    struct shown_series showing = { .root = root, .wants = object->wants, .node = node, .now = ec_loop_now(ec_loop_self()) };
    int rows;

    showing.series = object->class->kind == SHARED_METRICS ? &audit->kept : &audit->manager_kept;
    series_each(showing.series, show_series_key, &showing);
    rows = showing.shown.rows;
    showing.shown = (struct shown){ NULL, 0 };
    if ((object->wants & AUDIT_GAUGES) != 0 && node == 0)
        numbers_each(&audit->numbers, show_number, &showing);
    return rows > showing.shown.rows ? rows : showing.shown.rows;
}

static void show_object(const shared_t *shared, ec_answer_t *answer, const struct shared_object *object, bus_node_t node)
{
    ec_node_t *root = ec_answer_root(answer);
    struct shown shown = { NULL, 0 };

    if (object->in == NULL) {
        ec_node_note(root, "It is not shared: there are too many objects of its kind.");
        return;
    }
    if (object->class->kind == SHARED_MANAGER_METRICS && !ec_is_manager()) {
        ec_node_note(root, "Only the manager keeps this.");
        return;
    }
    shown.table = ec_node_table(root, object->class->kind == SHARED_CACHE ? "values" : "counts");
    if (object->class->kind == SHARED_CACHE)
        cache_each(object->in->state, show_value, &shown);
    else if (object->class->kind == SHARED_CIDR)
        gauge_each(object->in->state, node, show_network, &shown);
    else if (object->class->kind == SHARED_GAUGE)
        gauge_each(object->in->state, node, show_count, &shown);
    else {
        show_series(shown.table, object, node);
        shown.rows = show_audit(root, &shared->audit, object, node);
    }
    if (shown.rows > ROWS_MAX)
        ec_node_note(root, "There are more: only the first %d are shown.", ROWS_MAX);
}

/* The id of the member of this name; 0: there is none. */
static bus_node_t find_member(shared_t *shared, const char *name)
{
    const struct node_member *members;
    int count = node_members(shared->node, &members);

    for (int i = 0; i < count; i++) {
        if (strcasecmp(members[i].name, name) == 0)
            return members[i].id;
    }
    return 0;
}

/* Nothing comes from others now, so nobody should take it for what is. */
static void say_how_old(ec_node_t *root, node_t *node)
{
    struct replica_info info;

    replica_info(node_replica(node), &info);
    if (!info.is_active)
        ec_node_note(root, "This node is not active in the cluster: this is what it knew last.");
}

static void show_head(ec_node_t *root, const struct shared_object *object, const slots_t *slots,
                      const char *view)
{
    ec_node_text(root, "object", object->name);
    ec_node_text(root, "kind", object->class->shown);
    ec_node_text(root, "view", view);
    ec_node_int(root, "keys", key_count(object, slots));
}

/* The configured one, or throttles that need not be; NULL: there is none. */
static const struct shared_object *find_object(const shared_t *shared, const char *name,
                                               struct shared_object *room)
{
    const struct shared_object *object = shared_find(shared, name);
    const struct shared_class *class = object == NULL ? shared_class_find(name) : NULL;

    if (class == NULL || class->kind != SHARED_THROTTLE)
        return object;
    *room = unconfigured(class);
    return room;
}

void shared_command_show(shared_t *shared, const slots_t *slots, ec_answer_t *answer)
{
    const char *name = ec_answer_arg(answer, "object"), *from = ec_answer_arg(answer, "node");
    struct shared_object room;
    const struct shared_object *object;
    bus_node_t node = 0;

    node_lock(shared->node);
    object = find_object(shared, name, &room);
    if (from != NULL && strcasecmp(from, "global") != 0)
        node = find_member(shared, from);
    if (object == NULL) {
        ec_answer_error(answer, "There is no shared object \"%s\"; \"%s\" shows them.", name,
                        ec_is_manager() ? "show cluster shared" : "cluster shared list");
    } else if (from != NULL && strcasecmp(from, "global") != 0 && node == 0) {
        ec_answer_error(answer, "There is no node \"%s\"; \"%scluster membership\" shows them.", from,
                        ec_is_manager() ? "show " : "");
    } else {
        show_head(ec_answer_root(answer), object, slots, node == 0 ? "global" : from);
        say_how_old(ec_answer_root(answer), shared->node);
        if (object->class->kind == SHARED_THROTTLE)
            slots_show_throttles(slots, shared->node, object->class->throttles, node,
                                 ec_node_table(ec_answer_root(answer), "throttles"));
        else
            show_object(shared, answer, object, node);
    }
    node_unlock(shared->node);
}
