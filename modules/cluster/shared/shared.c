/* shared.c - shared objects as a part of the node
 * SPDX-License-Identifier: Apache-2.0
 *
 * One bundle for each kind; the objects that are configured here have a local half in it. */
#include "cluster/shared/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* While connections come and go they are looked at so often: hooks wake the thread only when it has found nothing. */
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

gauge_t *shared_gauge_of(const shared_t *shared, const struct shared_object *object)
{
    return object->in != NULL && object->class->kind != SHARED_CACHE ? object->in->state : NULL;
}

/* ---- what this node counts ----------------------------------------------------------------------------- */

static int is_counted(const struct shared_object *object, const struct tally_conn *conn)
{
    return object->class->side == (int)conn->side &&
           (object->binding_group == NULL || strcasecmp(object->binding_group, conn->group) == 0);
}

/* A connection came or went. */
static void on_told(void *baton, const struct tally_conn *conn, int by)
{
    shared_t *shared = baton;
    char key[TABLE_KEY_MAX];

    for (int i = 0; i < shared->count; i++) {
        struct shared_object *object = &shared->objects[i];
        apr_size_t length = is_counted(object, conn) ? object->class->key(key, conn) : 0;

        if (length > 0)
            gauge_set(&object->counts, key, length,
                      gauge_own_count(&object->counts, key, length) + (apr_uint64_t)(apr_int64_t)by, shared->now);
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
    for (int i = 0; i < shared->count; i++) {
        if (shared->objects[i].metrics.series != 0)
            metrics_look(&shared->objects[i].metrics, totals, shared->now);
    }
}

/* ---- the part ------------------------------------------------------------------------------------------- */

static void *local_of(struct shared_object *object)
{
    switch (object->class->kind) {
    case SHARED_METRICS:
    case SHARED_MANAGER_METRICS:
        return &object->metrics.counts;
    case SHARED_CACHE:
        return object->in->state;
    default:
        return &object->counts;
    }
}

static void set_up(struct shared_object *object)
{
    apr_time_t max_delay = (apr_time_t)(object->max_delay * APR_USEC_PER_SEC);
    int max_pending = (int)object->max_pending;

    object->counts.max_delay = max_delay;
    object->counts.max_pending = max_pending;
    object->metrics.max_delay = max_delay;
    object->metrics.max_pending = max_pending;
    if (object->class->kind == SHARED_METRICS || object->class->kind == SHARED_MANAGER_METRICS)
        object->metrics.series = object->wants & (SHARED_SERIES_LATER - 1);
    if (object->class->kind == SHARED_CACHE) {
        cache_t *cache = object->in->state;

        cache->max_size = object->max_size < 0 ? APR_SIZE_MAX : (apr_size_t)object->max_size;
        cache->has_snapshot = (object->wants & SHARED_SNAPSHOT) != 0;
    }
}

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
    for (int i = 0; i < shared->count; i++) {
        struct shared_object *object = &shared->objects[i];

        if (object->class->kind == SHARED_THROTTLE)
            continue;
        object->in = bundle_object(&shared->bundles[object->class->kind], object->name, strlen(object->name));
        EC_ASSERT(object->in != NULL);
        set_up(object);
        object->in->local = local_of(object);
        if (object->class->side == TALLY_IN)
            shared_watch_inbound(shared, object->in->state);
    }
    tally_attach(&shared->reader);
    return APR_SUCCESS;
}

static void part_turn(void *part, apr_time_t now)
{
    shared_t *shared = part;

    shared->now = now;
    look_at_connections(shared);
    look_at_series(shared);
}

static apr_time_t part_next(void *part)
{
    shared_t *shared = part;
    apr_time_t next = shared->look_at;

    for (int i = 0; i < shared->count; i++) {
        const struct shared_object *object = &shared->objects[i];
        apr_time_t due = object->metrics.series != 0 ? metrics_next(&object->metrics, shared->now) : 0;

        next = next == 0 || (due != 0 && due < next) ? due : next;
    }
    return next;
}

static void part_close(void *part)
{
    shared_t *shared = part;

    tally_detach(&shared->reader);
}

const struct node_part shared_part = { "shared", part_open, part_turn, part_next, NULL, part_close };

/* ---- life -------------------------------------------------------------------------------------------------- */

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

apr_status_t shared_create(shared_t **result, const ec_instance_t *instance, ec_option_handle_t inbound_limit,
                           const char **why)
{
    shared_t *shared = apr_pcalloc(instance->pool, sizeof(*shared));

    shared->instance = instance;
    shared->inbound_limit = inbound_limit;
    shared->reader = (struct tally_reader){ on_wake, on_told, shared };
    EC_TRY(shared_read_stanzas(shared, why));
    pthread_mutex_init(&shared->others_lock, NULL);
    name_counters(shared);
    tally_hold();
    *result = shared;
    return APR_SUCCESS;
}

void shared_destroy(shared_t *shared)
{
    for (int i = 0; i < shared->count; i++) {
        gauge_local_free(&shared->objects[i].counts);
        metrics_free(&shared->objects[i].metrics);
    }
    for (int i = 0; i < SHARED_BUNDLES; i++)
        bundle_free(&shared->bundles[i]);
    cidr_index_free(&shared->others);
    pthread_mutex_destroy(&shared->others_lock);
    tally_release();
}
