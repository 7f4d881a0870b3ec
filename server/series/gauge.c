/* gauge.c - gauge caches: numbers by key, each with a lifetime
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lock order: the registry, then a cache. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ec/gauge.h>

#include "series/keys.h"

struct number {
    struct keys_item in;
    util_link_t change; /* in the list of those that others have not been told */
    apr_int64_t value;
    apr_int64_t untold; /* part of it */
    int is_cleared;     /* others are to begin from 0 */
    int has_value;      /* 0: it is only there to be told */
    apr_time_t time;    /* of the last change; its lifetime begins there */
};

struct ec_gauge {
    char name[EC_GAUGE_NAME_MAX + 1];
    int refs; /* the registry's lock */
    pthread_mutex_t lock;
    apr_size_t max_keys;
    int ttl, is_shared;
    enum { WHOLE, WAITS, IS_FILLED } state; /* WAITS: to be filled */
    keys_t keys;    /* of struct number */
    util_list_t changed;
    apr_uint64_t evicted;
};

static struct {
    pthread_mutex_t lock;
    ec_gauge_t *gauges[EC_GAUGE_MAX]; /* by name */
    int count;
    atomic_int is_on;
    atomic_int has_waiting;
    atomic_size_t changes;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- numbers: of one cache, under its lock ---------------------------------------------------------- */

static void note(ec_gauge_t *gauge, struct number *number)
{
    if (!util_link_is_linked(&number->change)) {
        util_list_add_last(&gauge->changed, &number->change);
        atomic_fetch_add(&registry.changes, 1);
    }
}

static void unnote(struct number *number)
{
    number->untold = 0;
    number->is_cleared = 0;
    if (util_link_is_linked(&number->change)) {
        util_list_remove(&number->change);
        atomic_fetch_sub(&registry.changes, 1);
    }
}

static void drop(ec_gauge_t *gauge, struct number *number)
{
    unnote(number);
    keys_remove(&gauge->keys, &number->in);
}

static void make_room(ec_gauge_t *gauge, apr_size_t max)
{
    while (gauge->keys.count > max) {
        drop(gauge, keys_oldest(&gauge->keys));
        gauge->evicted++;
    }
}

static struct number *find_or_add(ec_gauge_t *gauge, const void *key, apr_size_t length)
{
    struct number *number = keys_find(&gauge->keys, key, length);

    if (number != NULL) {
        keys_use(&gauge->keys, &number->in);
        return number;
    }
    make_room(gauge, gauge->max_keys - 1);
    return keys_add(&gauge->keys, sizeof(*number), key, length);
}

static int is_over(const ec_gauge_t *gauge, const struct number *number, apr_time_t now)
{
    return !number->has_value || now >= number->time + apr_time_from_sec(gauge->ttl);
}

/* One rule for this node's changes and those of others. */
static void change(ec_gauge_t *gauge, struct number *number, apr_int64_t n, apr_time_t time)
{
    if (is_over(gauge, number, time))
        number->value = number->untold = 0;
    number->has_value = 1;
    number->value = (apr_int64_t)((apr_uint64_t)number->value + (apr_uint64_t)n);
    if (number->time < time)
        number->time = time;
}

static int is_told_to_others(const ec_gauge_t *gauge)
{
    return gauge->is_shared && atomic_load(&registry.is_on);
}

/* ---- the registry ------------------------------------------------------------------------------------- */

static int is_name(const char *name)
{
    apr_size_t length = strlen(name);

    for (apr_size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~')
            return 0;
    }
    return length >= 1 && length <= EC_GAUGE_NAME_MAX;
}

/* Where it is, or would be. */
static int place_of(const char *name, ec_gauge_t **found)
{
    int place = 0, order = 1;

    while (place < registry.count && (order = strcmp(registry.gauges[place]->name, name)) < 0)
        place++;
    *found = place < registry.count && order == 0 ? registry.gauges[place] : NULL;
    return place;
}

static ec_gauge_t *make(const char *name, int place)
{
    ec_gauge_t *gauge = calloc(1, sizeof(*gauge));

    EC_ASSERT(gauge != NULL);
    strcpy(gauge->name, name);
    pthread_mutex_init(&gauge->lock, NULL);
    keys_init(&gauge->keys);
    util_list_init(&gauge->changed);
    if (atomic_load(&registry.is_on)) {
        gauge->state = WAITS;
        atomic_store(&registry.has_waiting, 1);
    }
    memmove(&registry.gauges[place + 1], &registry.gauges[place],
            (apr_size_t)(registry.count - place) * sizeof(registry.gauges[0]));
    registry.gauges[place] = gauge;
    registry.count++;
    return gauge;
}

static void set_up(ec_gauge_t *gauge, apr_size_t max_keys, int ttl, int is_shared)
{
    pthread_mutex_lock(&gauge->lock);
    gauge->max_keys = max_keys;
    gauge->ttl = ttl;
    gauge->is_shared = is_shared;
    make_room(gauge, max_keys);
    pthread_mutex_unlock(&gauge->lock);
}

apr_status_t ec_gauge_open(ec_gauge_t **gauge, const char *name, apr_size_t max_keys, int ttl, int is_shared)
{
    apr_status_t rv = APR_SUCCESS;
    int place;

    *gauge = NULL;
    if (!is_name(name) || max_keys == 0 || ttl < 1 || ttl > EC_GAUGE_TTL_MAX)
        return EC_E_CONFIG;
    pthread_mutex_lock(&registry.lock);
    place = place_of(name, gauge);
    if (*gauge == NULL && registry.count == EC_GAUGE_MAX)
        rv = EC_E_LIMIT;
    else if (*gauge == NULL)
        *gauge = make(name, place);
    if (rv == APR_SUCCESS) {
        (*gauge)->refs++;
        set_up(*gauge, max_keys, ttl, is_shared);
    }
    pthread_mutex_unlock(&registry.lock);
    return rv;
}

ec_gauge_t *ec_gauge_find(const char *name)
{
    ec_gauge_t *gauge;

    pthread_mutex_lock(&registry.lock);
    place_of(name, &gauge);
    if (gauge != NULL)
        gauge->refs++;
    pthread_mutex_unlock(&registry.lock);
    return gauge;
}

static void destroy(ec_gauge_t *gauge)
{
    KEYS_EACH(struct number, number, &gauge->keys)
    drop(gauge, number);
    pthread_mutex_destroy(&gauge->lock);
    free(gauge);
}

void ec_gauge_close(ec_gauge_t *gauge)
{
    ec_gauge_t *found;
    int place;

    pthread_mutex_lock(&registry.lock);
    if (--gauge->refs == 0) {
        place = place_of(gauge->name, &found);
        registry.count--;
        memmove(&registry.gauges[place], &registry.gauges[place + 1],
                (apr_size_t)(registry.count - place) * sizeof(registry.gauges[0]));
        destroy(gauge);
    }
    pthread_mutex_unlock(&registry.lock);
}

void ec_gauge_each(ec_gauge_each_fn *each, void *baton)
{
    ec_gauge_t *seen[EC_GAUGE_MAX];
    int count;

    pthread_mutex_lock(&registry.lock);
    count = registry.count;
    for (int i = 0; i < count; i++) {
        seen[i] = registry.gauges[i];
        seen[i]->refs++;
    }
    pthread_mutex_unlock(&registry.lock);
    for (int i = 0; i < count; i++) {
        each(baton, seen[i]);
        ec_gauge_close(seen[i]);
    }
}

ec_gauge_info_t ec_gauge_info(ec_gauge_t *gauge)
{
    ec_gauge_info_t info;

    pthread_mutex_lock(&gauge->lock);
    info = (ec_gauge_info_t){ gauge->name, gauge->max_keys,  gauge->keys.count,
                              gauge->ttl,  gauge->is_shared, gauge->evicted };
    pthread_mutex_unlock(&gauge->lock);
    return info;
}

/* ---- up and down --------------------------------------------------------------------------------------- */

static int is_key(apr_size_t length)
{
    return length >= 1 && length <= EC_GAUGE_KEY_MAX;
}

apr_int64_t ec_gauge_add(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_int64_t n, apr_time_t now)
{
    struct number *number;
    apr_int64_t value;

    if (!is_key(length))
        return 0;
    pthread_mutex_lock(&gauge->lock);
    number = find_or_add(gauge, key, length);
    change(gauge, number, n, now);
    value = number->value;
    if (is_told_to_others(gauge)) {
        number->untold = (apr_int64_t)((apr_uint64_t)number->untold + (apr_uint64_t)n);
        note(gauge, number);
    }
    pthread_mutex_unlock(&gauge->lock);
    return value;
}

apr_int64_t ec_gauge_get(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_time_t now)
{
    const struct number *number;
    apr_int64_t value = 0;

    pthread_mutex_lock(&gauge->lock);
    number = keys_find(&gauge->keys, key, length);
    if (number != NULL && !is_over(gauge, number, now))
        value = number->value;
    pthread_mutex_unlock(&gauge->lock);
    return value;
}

/* Of a shared cache the key stays, without a value, until others have been told. */
static void clear_number(ec_gauge_t *gauge, struct number *number, apr_time_t now)
{
    if (!is_told_to_others(gauge)) {
        drop(gauge, number);
        return;
    }
    number->value = number->untold = 0;
    number->has_value = 0;
    number->time = now;
    number->is_cleared = 1;
    note(gauge, number);
}

int ec_gauge_remove(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_time_t now)
{
    struct number *number;
    int was_there;

    pthread_mutex_lock(&gauge->lock);
    number = keys_find(&gauge->keys, key, length);
    was_there = number != NULL && !is_over(gauge, number, now);
    if (number != NULL)
        clear_number(gauge, number, now);
    pthread_mutex_unlock(&gauge->lock);
    return was_there;
}

/* ---- sharing ---------------------------------------------------------------------------------------------- */

static void each_locked(void (*what)(ec_gauge_t *gauge, void *baton), void *baton)
{
    pthread_mutex_lock(&registry.lock);
    for (int i = 0; i < registry.count; i++) {
        pthread_mutex_lock(&registry.gauges[i]->lock);
        what(registry.gauges[i], baton);
        pthread_mutex_unlock(&registry.gauges[i]->lock);
    }
    pthread_mutex_unlock(&registry.lock);
}

static void end_changes(ec_gauge_t *gauge, void *baton)
{
    KEYS_EACH(struct number, number, &gauge->keys)
    unnote(number);
    gauge->state = WHOLE;
}

static void note_all(ec_gauge_t *gauge, void *baton)
{
    if (!gauge->is_shared)
        return;
    KEYS_EACH(struct number, number, &gauge->keys)
    {
        number->untold = number->value;
        note(gauge, number);
    }
}

void ec_gauge_share(int is_on)
{
    int was_on = atomic_exchange(&registry.is_on, is_on);

    if (is_on && !was_on)
        each_locked(note_all, NULL);
    else if (!is_on)
        each_locked(end_changes, NULL);
}

apr_size_t ec_gauge_changes(void)
{
    return atomic_load(&registry.changes);
}

struct telling {
    apr_size_t count, max;
    ec_gauge_tell_fn *tell;
    void *baton;
};

static void tell_changes(ec_gauge_t *gauge, void *baton)
{
    struct telling *telling = baton;
    util_link_t *link;

    while (telling->count < telling->max && (link = util_list_first(&gauge->changed)) != NULL) {
        struct number *number = UTIL_OWNER(link, struct number, change);
        ec_gauge_change_t made = { gauge->name,       gauge->max_keys,    gauge->ttl,     number->in.key,
                                   number->in.length, number->is_cleared, number->untold, number->time };

        telling->tell(telling->baton, &made);
        telling->count++;
        unnote(number);
        if (!number->has_value)
            drop(gauge, number);
    }
}

apr_size_t ec_gauge_tell(apr_size_t max, ec_gauge_tell_fn *tell, void *baton)
{
    struct telling telling = { 0, max, tell, baton };

    each_locked(tell_changes, &telling);
    return telling.count;
}

static void take(ec_gauge_t *gauge, const ec_gauge_change_t *made)
{
    struct number *number = find_or_add(gauge, made->key, made->length);

    if (made->is_cleared) {
        number->value = number->untold; /* what was added here meanwhile comes after it */
        number->has_value = number->untold != 0;
    }
    if (made->is_cleared && made->n == 0 && !number->has_value && !util_link_is_linked(&number->change))
        drop(gauge, number);
    else if (made->n != 0 || !made->is_cleared)
        change(gauge, number, made->n, made->time);
}

static void take_if(const ec_gauge_change_t *made, int state)
{
    ec_gauge_t *gauge = is_key(made->length) ? ec_gauge_find(made->cache) : NULL;

    if (gauge == NULL)
        return;
    pthread_mutex_lock(&gauge->lock);
    if (is_told_to_others(gauge) && (int)gauge->state == state)
        take(gauge, made);
    pthread_mutex_unlock(&gauge->lock);
    ec_gauge_close(gauge);
}

void ec_gauge_apply(const ec_gauge_change_t *made)
{
    take_if(made, WHOLE);
}

void ec_gauge_fill(const ec_gauge_change_t *value)
{
    take_if(value, IS_FILLED);
}

static void reset(ec_gauge_t *gauge, void *baton)
{
    if (!gauge->is_shared)
        return;
    gauge->state = WAITS;
    atomic_store(&registry.has_waiting, 1);
    KEYS_EACH(struct number, number, &gauge->keys)
    {
        number->value = number->untold;
        if (!util_link_is_linked(&number->change))
            drop(gauge, number);
    }
}

void ec_gauge_reset(void)
{
    each_locked(reset, NULL);
}

static void begin_to_fill(ec_gauge_t *gauge, void *baton)
{
    if (gauge->state == WAITS)
        gauge->state = IS_FILLED;
}

int ec_gauge_waits(void)
{
    if (!atomic_exchange(&registry.has_waiting, 0))
        return 0;
    each_locked(begin_to_fill, NULL);
    return 1;
}

static void end_filling(ec_gauge_t *gauge, void *baton)
{
    if (gauge->state == IS_FILLED)
        gauge->state = WHOLE;
}

void ec_gauge_filled(void)
{
    each_locked(end_filling, NULL);
}
