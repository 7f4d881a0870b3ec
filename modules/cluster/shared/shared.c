/* shared.c - shared objects as a part of the node
 * SPDX-License-Identifier: Apache-2.0
 *
 * One bundle for each kind; the objects that are configured here have a local half in it. */
#include <ec/gate.h>

#include "cluster/shared/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* While connections come and go they are looked at so often: hooks wake the thread only when it has found
 * nothing. */
static const apr_interval_time_t look_every = apr_time_from_msec(20);
/* A cache that is configured elsewhere only. */
enum { UNKNOWN_CACHE_KEYS = 100000 };

/* ---- kinds ------------------------------------------------------------------------------------------- */

static void *make_gauge(void)
{
    gauge_t *gauge = calloc(1, sizeof(*gauge));

    EC_ASSERT(gauge != NULL);
    return gauge;
}

static void destroy_gauge(void *state)
{
    gauge_free(state);
    free(state);
}

static void *make_cache(void)
{
    cache_t *cache = calloc(1, sizeof(*cache));

    EC_ASSERT(cache != NULL);
    cache->max_size = UNKNOWN_CACHE_KEYS;
    return cache;
}

static void destroy_cache(void *state)
{
    cache_free(state);
    free(state);
}

/* Whoever keeps no state can not pass it on: a manager that comes in is told by each node itself. */
static void tell_newcomer(void *local)
{
    gauge_tell_again(local, 1);
}

static const struct bundle_kind kinds[SHARED_BUNDLES] = {
    [SHARED_GAUGE] = { &gauge_machine, &gauge_local, make_gauge, destroy_gauge, NULL },
    [SHARED_CIDR] = { &cidr_machine, &gauge_local, make_gauge, destroy_gauge, NULL },
    [SHARED_METRICS] = { &gauge_machine, &gauge_local, make_gauge, destroy_gauge, NULL },
    [SHARED_MANAGER_METRICS] = { &gauge_machine, &gauge_local, make_gauge, destroy_gauge, tell_newcomer },
    [SHARED_CACHE] = { &cache_machine, &cache_local, make_cache, destroy_cache, NULL },
};

static const struct machine_type machines[SHARED_BUNDLES] = {
    [SHARED_GAUGE] = BUNDLE_TYPE("gauges", MESSAGE_GAUGE),
    [SHARED_CIDR] = BUNDLE_TYPE("cidrs", MESSAGE_CIDR),
    [SHARED_METRICS] = BUNDLE_TYPE("metrics", MESSAGE_METRICS),
    [SHARED_MANAGER_METRICS] = BUNDLE_TYPE("manager metrics", MESSAGE_MANAGER_METRICS),
    [SHARED_CACHE] = BUNDLE_TYPE("caches", MESSAGE_CACHE),
};

gauge_t *shared_gauge_of(const struct shared_object *object)
{
    return object->in != NULL && object->class->kind != SHARED_CACHE ? object->in->state : NULL;
}

/* ---- what this node counts ----------------------------------------------------------------------------- */

static int is_counted(const struct shared_object *object, const struct tally_conn *conn)
{
    return object->class->side == (int)conn->side && !object->is_leaving &&
           (object->group == NULL || strcasecmp(object->group, conn->group) == 0);
}

/* A connection came or went. */
static void on_told(void *baton, const struct tally_conn *conn, int by)
{
    shared_t *shared = baton;
    char key[TABLE_KEY_MAX];

    for (struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        apr_size_t length = is_counted(object, conn) ? object->class->key(key, conn) : 0;

        if (length > 0)
            gauge_set(&object->counts, key, length,
                      gauge_own_count(&object->counts, key, length) + (apr_uint64_t)(apr_int64_t)by,
                      shared->now);
    }
}

static void on_wake(void *baton)
{
    shared_t *shared = baton;

    node_wake(shared->node);
}

static void look_at_connections(shared_t *shared)
{
    if (shared->look_at != 0 && shared->now < shared->look_at)
        return;
    shared->look_at = tally_read(&shared->reader) > 0 ? shared->now + look_every : 0;
}

static void look_at_series(shared_t *shared)
{
    apr_uint64_t totals[METRICS_COUNT];

    for (int i = 0; i < METRICS_COUNT; i++)
        totals[i] = (apr_uint64_t)ec_counter_value(shared->series[i]);
    for (struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        if (object->metrics.series != 0)
            metrics_look(&object->metrics, totals, shared->now);
    }
}

/* ---- objects, as configured ------------------------------------------------------------------------------
 */

struct shared_object *shared_find(const shared_t *shared, const char *name)
{
    struct shared_object *object = shared->objects;

    name = shared_spelled(name);
    while (object != NULL && (object->is_leaving || strcasecmp(object->name, name) != 0))
        object = object->next;
    return object;
}

static gauge_local_t *counts_of(struct shared_object *object)
{
    int is_metrics = object->class->kind == SHARED_METRICS || object->class->kind == SHARED_MANAGER_METRICS;

    return is_metrics ? &object->metrics.counts : &object->counts;
}

static void set_up_cache(cache_t *cache, const struct shared_settings *settings)
{
    cache_limit(cache, settings->max_size < 0 ? APR_SIZE_MAX : (apr_size_t)settings->max_size);
    cache->has_snapshot = (settings->wants & SHARED_SNAPSHOT) != 0;
}

/* Takes part in its bundle from now on. */
static void set_up(shared_t *shared, struct shared_object *object, const struct shared_settings *settings)
{
    apr_time_t max_delay = (apr_time_t)(settings->max_delay * APR_USEC_PER_SEC);
    enum shared_kind kind = settings->class->kind;

    object->class = settings->class;
    object->wants = settings->wants;
    object->max_delay = settings->max_delay;
    object->max_pending = settings->max_pending;
    free(object->group);
    object->group = settings->binding_group != NULL ? strdup(settings->binding_group) : NULL;
    object->counts.max_delay = object->metrics.max_delay = max_delay;
    object->counts.max_pending = object->metrics.max_pending = (int)settings->max_pending;
    object->is_leaving = 0;
    if (kind == SHARED_THROTTLE)
        return;
    if (kind == SHARED_METRICS || kind == SHARED_MANAGER_METRICS)
        object->metrics.series = object->wants & SHARED_METRICS_BITS;
    object->in = bundle_object(&shared->bundles[kind], object->name, strlen(object->name));
    if (object->in == NULL) {
        ec_log(shared->log, EC_LOG_ERROR,
               "Replicate \"%s\" is not shared: there are %d objects of its kind already", object->name,
               BUNDLE_OBJECTS_MAX);
        return;
    }
    if (kind == SHARED_CACHE)
        set_up_cache(object->in->state, settings);
    object->in->local = kind == SHARED_CACHE ? object->in->state : (void *)counts_of(object);
}

static void free_object(struct shared_object *object)
{
    if (object->in != NULL)
        object->in->local = NULL;
    gauge_local_free(&object->counts);
    metrics_free(&object->metrics);
    free(object->group);
    free(object);
}

/* The one of `*list` with this name and kind, taken out; else a new one. */
static struct shared_object *take_object(struct shared_object **list, const struct shared_settings *settings)
{
    struct shared_object *object;

    for (; (object = *list) != NULL; list = &object->next) {
        if (strcmp(object->name, settings->name) == 0 && object->class->kind == settings->class->kind) {
            *list = object->next;
            return object;
        }
    }
    object = calloc(1, sizeof(*object));
    EC_ASSERT(object != NULL);
    memcpy(object->name, settings->name, strlen(settings->name));
    return object;
}

/* Others are to forget what it counted; it goes when they have been told. */
static void begin_to_leave(shared_t *shared, struct shared_object *object)
{
    object->is_leaving = 1;
    object->metrics.series = 0;
    object->counts.max_delay = 0;
    object->metrics.counts.max_delay = 0;
    gauge_set_none(counts_of(object), shared->now);
}

static void drop_those_that_left(shared_t *shared)
{
    struct shared_object **at = &shared->objects, *object;

    while ((object = *at) != NULL) {
        if (object->is_leaving && counts_of(object)->pending == 0) {
            *at = object->next;
            free_object(object);
        } else {
            at = &object->next;
        }
    }
}

static void watch_inbound(shared_t *shared)
{
    struct shared_object *object = shared->objects;

    while (object != NULL && (object->class->side != TALLY_IN || object->is_leaving))
        object = object->next;
    shared_watch_inbound(shared, object != NULL ? shared_gauge_of(object) : NULL);
}

static struct audit_wants audit_wants(const shared_t *shared)
{
    struct audit_wants wants = { 0, 0, apr_time_from_sec(3600), 1000000 };

    for (const struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        int is_for_all = object->class->kind == SHARED_METRICS;

        if (object->is_leaving || (!is_for_all && object->class->kind != SHARED_MANAGER_METRICS))
            continue;
        *(is_for_all ? &wants.all : &wants.manager) |= object->wants;
        if (wants.max_delay > object->metrics.max_delay)
            wants.max_delay = object->metrics.max_delay;
        if (wants.max_pending > object->metrics.max_pending)
            wants.max_pending = object->metrics.max_pending;
    }
    return wants;
}

/* Connections are counted anew, from all that there are, within this call: others see no difference. */
static void count_anew(shared_t *shared)
{
    for (struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        if (object->class->key != NULL)
            gauge_set_none(&object->counts, shared->now);
    }
    tally_attach(&shared->reader);
    shared->look_at = 0;
    look_at_connections(shared);
}

static void configure(shared_t *shared, const struct shared_config *config)
{
    struct shared_object *before = shared->objects, **end = &shared->objects;
    struct audit_wants wants;

    for (int i = 0; i < config->count; i++) {
        *end = take_object(&before, &config->objects[i]);
        set_up(shared, *end, &config->objects[i]);
        end = &(*end)->next;
    }
    *end = before;
    for (; before != NULL; before = before->next)
        begin_to_leave(shared, before);
    watch_inbound(shared);
    count_anew(shared);
    wants = audit_wants(shared);
    audit_configure(&shared->audit, &wants);
    drop_those_that_left(shared);
}

/* ---- the part -------------------------------------------------------------------------------------------
 */

static apr_status_t part_open(void *part, node_t *node, const char **why)
{
    shared_t *shared = part;

    shared->node = node;
    for (int i = 0; i < SHARED_BUNDLES; i++) {
        struct machine machine = { &machines[i], &shared->bundles[i], &bundle_local, &shared->bundles[i] };

        shared->bundles[i].kind = &kinds[i];
        node_add_machine(node, &machine);
    }
    shared->bundles[SHARED_MANAGER_METRICS].is_deaf = !node_settings(node)->is_manager;
    audit_open(&shared->audit, node);
    shared->now = ec_gate_clock();
    configure(shared, shared->config);
    shared->config = NULL;
    return APR_SUCCESS;
}

static void part_turn(void *part, apr_time_t now)
{
    shared_t *shared = part;
    bus_node_t self = node_self(shared->node);

    shared->now = now;
    if (self != 0 && self != shared->self) {
        shared->self = self;
        watch_inbound(shared);
    }
    look_at_connections(shared);
    look_at_series(shared);
    audit_turn(&shared->audit, now);
    drop_those_that_left(shared);
}

static apr_time_t part_next(void *part)
{
    shared_t *shared = part;
    apr_time_t next = shared->look_at, audit = audit_next(&shared->audit, shared->now);

    next = next == 0 || (audit != 0 && audit < next) ? audit : next;
    for (struct shared_object *object = shared->objects; object != NULL; object = object->next) {
        apr_time_t due = object->metrics.series != 0 ? metrics_next(&object->metrics, shared->now) : 0;

        next = next == 0 || (due != 0 && due < next) ? due : next;
    }
    return next;
}

static void part_close(void *part)
{
    shared_t *shared = part;

    tally_detach(&shared->reader);
    audit_close(&shared->audit);
}

const struct node_part shared_part = {
    .name = "shared", .open = part_open, .turn = part_turn, .next = part_next, .close = part_close
};

/* ---- for other modules ----------------------------------------------------------------------------- */

static shared_t *open_now; /* there is one node in a process */

static cache_t *find_cache(const char *name)
{
    const struct shared_object *object = open_now != NULL ? shared_find(open_now, name) : NULL;

    return object != NULL && object->in != NULL && object->class->kind == SHARED_CACHE ? object->in->state
                                                                                       : NULL;
}

apr_status_t shared_cache_set(const char *name, const void *key, apr_size_t key_length, const void *value,
                              apr_size_t length)
{
    cache_t *cache = find_cache(name);

    if (cache == NULL)
        return EC_E_NOT_FOUND;
    if (key_length > TABLE_KEY_MAX || length > CACHE_VALUE_MAX)
        return EC_E_TOO_LONG;
    return cache_set(cache, key, key_length, value, length) ? APR_SUCCESS : EC_E_LIMIT;
}

const void *shared_cache_get(const char *name, const void *key, apr_size_t key_length, apr_size_t *length)
{
    const cache_t *cache = find_cache(name);

    return cache != NULL ? cache_get(cache, key, key_length, length) : NULL;
}

apr_uint64_t shared_count(const char *name, const void *key, apr_size_t key_length, bus_node_t node)
{
    const struct shared_object *object = open_now != NULL ? shared_find(open_now, name) : NULL;
    const gauge_t *gauge = object != NULL ? shared_gauge_of(object) : NULL;

    return gauge == NULL ? 0
           : node == 0   ? gauge_sum(gauge, key, key_length)
                         : gauge_of(gauge, key, key_length, node);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void name_counters(shared_t *shared)
{
    static const struct {
        const char *name, *help;
    } rows[] = {
#define ROW(id, name, text) { "cluster.metrics." name, text },
        METRICS_SERIES(ROW)
#undef ROW
    };

    for (int i = 0; i < METRICS_COUNT; i++)
        shared->series[i] = ec_counter(rows[i].name, rows[i].help);
}

void *shared_create(const ec_instance_t *instance, const char **why)
{
    shared_t *shared = calloc(1, sizeof(*shared));

    EC_ASSERT(shared != NULL);
    shared->log = ec_log_root();
    shared->reader = (struct tally_reader){ on_wake, on_told, shared };
    shared->config = shared_config_of(instance);
    shared_tell_useless(shared->config, instance->log);
    pthread_mutex_init(&shared->others_lock, NULL);
    name_counters(shared);
    tally_hold();
    open_now = shared;
    return shared;
}

void shared_adopt(void *part, const ec_instance_t *instance)
{
    shared_t *shared = part;
    const struct shared_config *config = shared_config_of(instance);

    shared_tell_useless(config, instance->log);
    node_lock(shared->node);
    configure(shared, config);
    node_unlock(shared->node);
    node_wake(shared->node);
}

void shared_destroy(void *part)
{
    shared_t *shared = part;

    open_now = NULL;
    while (shared->objects != NULL) {
        struct shared_object *object = shared->objects;

        shared->objects = object->next;
        free_object(object);
    }
    for (int i = 0; i < SHARED_BUNDLES; i++)
        bundle_free(&shared->bundles[i]);
    audit_free(&shared->audit);
    cidr_index_free(&shared->others);
    pthread_mutex_destroy(&shared->others_lock);
    tally_release();
    free(shared);
}
