/* series.c - audit series: their registry, what this node has counted, what others have
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lock order: the registry, then a series.  Whoever walks over many keys gives the lock back after each slice of them and
 * goes on behind the last key it has seen. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ec/series.h>

#include "series/counts.h"
#include "util/cidr.h"

enum { SLICE = 256 };

struct ec_series {
    ec_series_id_t id;
    char name[EC_SERIES_NAME_MAX + 1];
    int refs; /* the registry's lock */
    pthread_mutex_t lock;
    apr_size_t max_keys;
    keys_t own, others; /* of counts_t */
    int is_shared;
    util_list_t changed; /* of own */
    keys_t gone;         /* keys that were in own; others are to hear of it */
    apr_uint64_t evicted;
};

static struct {
    pthread_mutex_t lock;
    ec_series_t *series[EC_SERIES_MAX]; /* in order of name, interval, windows */
    int count;
    ec_series_wants_fn *wants;
    void *baton;
    atomic_uint made;
    atomic_size_t changes;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- keys: of one series, under its lock --------------------------------------------------------- */

static int is_key(const ec_series_t *series, apr_size_t length)
{
    return series->id.type == EC_SERIES_CIDR ? length == 4 || length == 16
                                             : length >= 1 && length <= EC_SERIES_KEY_MAX;
}

static apr_int64_t number_at(const ec_series_t *series, apr_time_t now)
{
    return now / apr_time_from_sec(series->id.interval);
}

static void note(ec_series_t *series, counts_t *counts)
{
    if (series->is_shared && !util_link_is_linked(&counts->change)) {
        util_list_add_last(&series->changed, &counts->change);
        atomic_fetch_add(&registry.changes, 1);
    }
}

static void unnote(counts_t *counts)
{
    if (util_link_is_linked(&counts->change)) {
        util_list_remove(&counts->change);
        atomic_fetch_sub(&registry.changes, 1);
    }
}

static void drop_gone(ec_series_t *series, struct keys_item *item)
{
    if (item != NULL) {
        keys_remove(&series->gone, item);
        atomic_fetch_sub(&registry.changes, 1);
    }
}

/* That others hear of a key that has gone is bounded, too: who does not hear of it sees its windows pass. */
static void note_gone(ec_series_t *series, const void *key, apr_size_t length)
{
    if (!series->is_shared || keys_find(&series->gone, key, length) != NULL)
        return;
    if (series->gone.count >= series->max_keys)
        drop_gone(series, keys_oldest(&series->gone));
    keys_add(&series->gone, sizeof(struct keys_item), key, length);
    atomic_fetch_add(&registry.changes, 1);
}

static void forget(ec_series_t *series, keys_t *keys, counts_t *counts)
{
    if (keys == &series->own) {
        unnote(counts);
        note_gone(series, counts->in.key, counts->in.length);
    }
    keys_remove(keys, &counts->in);
}

static void make_room(ec_series_t *series, keys_t *keys, apr_size_t max)
{
    while (keys->count > max) {
        forget(series, keys, keys_oldest(keys));
        series->evicted++;
    }
}

static counts_t *find_or_add(ec_series_t *series, keys_t *keys, const void *key, apr_size_t length)
{
    counts_t *counts = keys_find(keys, key, length);

    if (counts != NULL) {
        keys_use(keys, &counts->in);
        return counts;
    }
    make_room(series, keys, series->max_keys - 1);
    if (keys == &series->own)
        drop_gone(series, keys_find(&series->gone, key, length));
    return keys_add(keys, sizeof(*counts) + (apr_size_t)series->id.windows * sizeof(apr_uint32_t), key, length);
}

/* ---- the registry ------------------------------------------------------------------------------------ */

static int is_name(const char *name)
{
    apr_size_t length = strlen(name);

    for (apr_size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
            return 0;
    }
    return length >= 1 && length <= EC_SERIES_NAME_MAX;
}

static int is_id(const ec_series_id_t *id)
{
    return is_name(id->name) && id->interval >= 1 && id->interval <= EC_SERIES_INTERVAL_MAX && id->windows >= 1 &&
           id->windows <= EC_SERIES_WINDOWS_MAX && (id->type == EC_SERIES_STRING || id->type == EC_SERIES_CIDR);
}

static int compare(const ec_series_id_t *one, const ec_series_id_t *other)
{
    int order = strcmp(one->name, other->name);

    if (order == 0)
        order = (one->interval > other->interval) - (one->interval < other->interval);
    return order != 0 ? order : (one->windows > other->windows) - (one->windows < other->windows);
}

/* Where it is, or would be. */
static int place_of(const ec_series_id_t *id, ec_series_t **found)
{
    int place = 0;

    while (place < registry.count && compare(&registry.series[place]->id, id) < 0)
        place++;
    *found = place < registry.count && compare(&registry.series[place]->id, id) == 0 ? registry.series[place]
                                                                                     : NULL;
    return place;
}

static ec_series_t *make(const ec_series_id_t *id, int place)
{
    ec_series_t *series = calloc(1, sizeof(*series));

    EC_ASSERT(series != NULL);
    strcpy(series->name, id->name);
    series->id = *id;
    series->id.name = series->name;
    pthread_mutex_init(&series->lock, NULL);
    keys_init(&series->own);
    keys_init(&series->others);
    keys_init(&series->gone);
    util_list_init(&series->changed);
    series->is_shared = registry.wants != NULL && registry.wants(registry.baton, &series->id);
    memmove(&registry.series[place + 1], &registry.series[place],
            (apr_size_t)(registry.count - place) * sizeof(registry.series[0]));
    registry.series[place] = series;
    registry.count++;
    atomic_fetch_add(&registry.made, 1);
    return series;
}

apr_status_t ec_series_open(ec_series_t **series, const ec_series_id_t *id, apr_size_t max_keys)
{
    apr_status_t rv = APR_SUCCESS;
    int place;

    *series = NULL;
    if (!is_id(id) || max_keys == 0)
        return EC_E_CONFIG;
    pthread_mutex_lock(&registry.lock);
    place = place_of(id, series);
    if (*series != NULL && (*series)->id.type != id->type)
        rv = EC_E_CONFIG;
    else if (*series == NULL && registry.count == EC_SERIES_MAX)
        rv = EC_E_LIMIT;
    else if (*series == NULL)
        *series = make(id, place);
    if (rv == APR_SUCCESS) {
        (*series)->refs++;
        pthread_mutex_lock(&(*series)->lock);
        (*series)->max_keys = max_keys;
        make_room(*series, &(*series)->own, max_keys);
        make_room(*series, &(*series)->others, max_keys);
        pthread_mutex_unlock(&(*series)->lock);
    }
    pthread_mutex_unlock(&registry.lock);
    if (rv != APR_SUCCESS)
        *series = NULL;
    return rv;
}

ec_series_t *ec_series_find(const char *name, int interval, int windows)
{
    ec_series_id_t id = { name, EC_SERIES_STRING, interval, windows };
    ec_series_t *series;

    pthread_mutex_lock(&registry.lock);
    place_of(&id, &series);
    if (series != NULL)
        series->refs++;
    pthread_mutex_unlock(&registry.lock);
    return series;
}

/* Nothing of it is to be told any more. */
static void end_changes(ec_series_t *series)
{
    util_link_t *link;

    while ((link = util_list_take_first(&series->changed)) != NULL)
        atomic_fetch_sub(&registry.changes, 1);
    atomic_fetch_sub(&registry.changes, series->gone.count);
    keys_clear(&series->gone);
}

static void destroy(ec_series_t *series)
{
    end_changes(series);
    keys_clear(&series->own);
    keys_clear(&series->others);
    pthread_mutex_destroy(&series->lock);
    free(series);
}

void ec_series_close(ec_series_t *series)
{
    ec_series_t *found;
    int place;

    pthread_mutex_lock(&registry.lock);
    if (--series->refs == 0) {
        place = place_of(&series->id, &found);
        registry.count--;
        memmove(&registry.series[place], &registry.series[place + 1],
                (apr_size_t)(registry.count - place) * sizeof(registry.series[0]));
        destroy(series);
    }
    pthread_mutex_unlock(&registry.lock);
}

void ec_series_each(ec_series_each_fn *each, void *baton)
{
    ec_series_t *seen[EC_SERIES_MAX];
    int count;

    pthread_mutex_lock(&registry.lock);
    count = registry.count;
    for (int i = 0; i < count; i++) {
        seen[i] = registry.series[i];
        seen[i]->refs++;
    }
    pthread_mutex_unlock(&registry.lock);
    for (int i = 0; i < count; i++) {
        each(baton, seen[i]);
        ec_series_close(seen[i]);
    }
}

ec_series_info_t ec_series_info(ec_series_t *series)
{
    ec_series_info_t info;

    pthread_mutex_lock(&series->lock);
    info = (ec_series_info_t){ series->id, series->max_keys, series->own.count, series->others.count,
                               series->evicted };
    pthread_mutex_unlock(&series->lock);
    return info;
}

unsigned ec_series_made(void)
{
    return atomic_load(&registry.made);
}

/* ---- counting ---------------------------------------------------------------------------------------- */

void ec_series_add(ec_series_t *series, const void *key, apr_size_t length, apr_uint32_t n, apr_time_t now)
{
    counts_t *counts;

    if (!is_key(series, length) || n == 0)
        return;
    pthread_mutex_lock(&series->lock);
    counts = find_or_add(series, &series->own, key, length);
    counts_add(counts, series->id.windows, number_at(series, now), n);
    note(series, counts);
    pthread_mutex_unlock(&series->lock);
}

apr_uint64_t ec_series_subtract(ec_series_t *series, const void *key, apr_size_t length, apr_uint32_t n,
                                apr_time_t now)
{
    apr_uint64_t taken = 0;
    counts_t *counts;

    pthread_mutex_lock(&series->lock);
    counts = keys_find(&series->own, key, length);
    if (counts != NULL) {
        taken = counts_take(counts, series->id.windows, number_at(series, now), n);
        note(series, counts);
    }
    pthread_mutex_unlock(&series->lock);
    return taken;
}

int ec_series_remove(ec_series_t *series, const void *key, apr_size_t length)
{
    counts_t *counts;

    pthread_mutex_lock(&series->lock);
    counts = keys_find(&series->own, key, length);
    if (counts != NULL)
        forget(series, &series->own, counts);
    pthread_mutex_unlock(&series->lock);
    return counts != NULL;
}

static apr_uint64_t sum_of(const ec_series_t *series, const keys_t *keys, const void *key, apr_size_t length, int first,
                           int last, apr_time_t now)
{
    const counts_t *counts = keys_find(keys, key, length);

    return counts == NULL ? 0 : counts_sum(counts, series->id.windows, number_at(series, now), first, last);
}

apr_uint64_t ec_series_count(ec_series_t *series, const void *key, apr_size_t length, int first, int last,
                             apr_time_t now)
{
    apr_uint64_t sum;

    pthread_mutex_lock(&series->lock);
    sum = sum_of(series, &series->own, key, length, first, last, now) +
          sum_of(series, &series->others, key, length, first, last, now);
    pthread_mutex_unlock(&series->lock);
    return sum;
}

/* ---- walking ------------------------------------------------------------------------------------------- */

struct walk {
    ec_series_t *series;
    keys_t *keys;
    unsigned char key[EC_SERIES_KEY_MAX]; /* the last one seen, or the first one wanted */
    apr_size_t length;
    int has_begun;
    /* Under the lock; may remove the item.  0 ends the walk. */
    int (*each)(struct walk *walk, counts_t *counts);
    void *baton;
};

static counts_t *walk_next(struct walk *walk)
{
    counts_t *counts = walk->has_begun ? keys_after(walk->keys, walk->key, walk->length)
                                       : keys_from(walk->keys, walk->key, walk->length);

    walk->has_begun = 1;
    if (counts != NULL) {
        memcpy(walk->key, counts->in.key, counts->in.length);
        walk->length = counts->in.length;
    }
    return counts;
}

/* Returns whether there may be more. */
static int walk_slice(struct walk *walk)
{
    int count = 0, goes_on = 1;

    pthread_mutex_lock(&walk->series->lock);
    while (goes_on && count++ < SLICE) {
        counts_t *counts = walk_next(walk);

        goes_on = counts != NULL && walk->each(walk, counts);
    }
    pthread_mutex_unlock(&walk->series->lock);
    return goes_on;
}

static void walk_all(struct walk *walk)
{
    while (walk_slice(walk))
        ;
}

struct network_sum {
    const ec_series_network_t *network;
    int first, last;
    apr_int64_t present;
    apr_uint64_t sum;
};

static int is_inside(const ec_series_network_t *network, const unsigned char *key, apr_size_t length)
{
    int whole = network->bits / 8, rest = network->bits % 8;

    return length == (apr_size_t)network->bytes && memcmp(key, network->address, (apr_size_t)whole) == 0 &&
           (rest == 0 || ((key[whole] ^ network->address[whole]) & 0xff << (8 - rest) & 0xff) == 0);
}

static int add_address(struct walk *walk, counts_t *counts)
{
    struct network_sum *sum = walk->baton;

    if (!is_inside(sum->network, counts->in.key, counts->in.length))
        return 0;
    sum->sum += counts_sum(counts, walk->series->id.windows, sum->present, sum->first, sum->last);
    return 1;
}

apr_uint64_t ec_series_count_network(ec_series_t *series, const ec_series_network_t *network, int first, int last,
                                     apr_time_t now)
{
    struct network_sum sum = { network, first, last, number_at(series, now), 0 };
    keys_t *tables[] = { &series->own, &series->others };

    if (series->id.type != EC_SERIES_CIDR)
        return 0;
    for (int i = 0; i < 2; i++) {
        struct walk walk = { .series = series, .keys = tables[i], .each = add_address, .baton = &sum };

        walk.length = (apr_size_t)network->bytes;
        memcpy(walk.key, network->address, walk.length);
        walk_all(&walk);
    }
    return sum.sum;
}

int ec_series_network(ec_series_network_t *network, const char *text)
{
    cidr_t cidr;

    if (!cidr_parse(&cidr, text))
        return 0;
    memset(network, 0, sizeof(*network));
    network->bytes = cidr.family == 4 ? 4 : 16;
    network->bits = cidr.bits;
    memcpy(network->address, cidr.addr, (apr_size_t)network->bytes);
    return 1;
}

static int drop_if_over(struct walk *walk, counts_t *counts)
{
    if (counts_are_over(counts, walk->series->id.windows, *(apr_int64_t *)walk->baton))
        forget(walk->series, walk->keys, counts);
    return 1;
}

void ec_series_age(ec_series_t *series, apr_time_t now)
{
    apr_int64_t present = number_at(series, now);
    struct walk own = { .series = series, .keys = &series->own, .each = drop_if_over, .baton = &present };
    struct walk others = { .series = series, .keys = &series->others, .each = drop_if_over, .baton = &present };

    walk_all(&own);
    walk_all(&others);
}

struct copies {
    int count;
    struct {
        unsigned char key[EC_SERIES_KEY_MAX];
        apr_size_t length;
        apr_int64_t newest;
    } head[SLICE];
    apr_uint32_t *counts;
};

static int copy_one(struct walk *walk, counts_t *counts)
{
    struct copies *copies = walk->baton;
    int i = copies->count++;

    memcpy(copies->head[i].key, counts->in.key, counts->in.length);
    copies->head[i].length = counts->in.length;
    copies->head[i].newest = counts->newest;
    counts_write(counts, walk->series->id.windows, copies->counts + i * walk->series->id.windows);
    return 1;
}

void ec_series_keys(ec_series_t *series, ec_series_key_fn *each, void *baton)
{
    struct copies *copies = malloc(sizeof(*copies));
    struct walk walk = { .series = series, .keys = &series->own, .each = copy_one, .baton = copies };
    int has_more = 1, goes_on = 1;

    EC_ASSERT(copies != NULL);
    copies->counts = malloc((apr_size_t)SLICE * (apr_size_t)series->id.windows * sizeof(copies->counts[0]));
    EC_ASSERT(copies->counts != NULL);
    while (has_more && goes_on) {
        copies->count = 0;
        has_more = walk_slice(&walk);
        for (int i = 0; i < copies->count && goes_on; i++)
            goes_on = each(baton, copies->head[i].key, copies->head[i].length, copies->head[i].newest,
                           copies->counts + i * series->id.windows);
    }
    free(copies->counts);
    free(copies);
}

void ec_series_put(ec_series_t *series, const void *key, apr_size_t length, apr_int64_t newest,
                   const apr_uint32_t *list, apr_time_t now)
{
    apr_int64_t present = number_at(series, now);
    counts_t *counts;

    if (!is_key(series, length) || newest < 0 || newest > present || newest <= present - series->id.windows)
        return;
    pthread_mutex_lock(&series->lock);
    counts = find_or_add(series, &series->own, key, length);
    counts_read(counts, series->id.windows, newest, list);
    if (counts_are_over(counts, series->id.windows, present))
        forget(series, &series->own, counts);
    else
        note(series, counts);
    pthread_mutex_unlock(&series->lock);
}

/* ---- sharing --------------------------------------------------------------------------------------------- */

static int note_one(struct walk *walk, counts_t *counts)
{
    note(walk->series, counts);
    return 1;
}

static void share_one(ec_series_t *series)
{
    struct walk walk = { .series = series, .keys = &series->own, .each = note_one };

    pthread_mutex_lock(&series->lock);
    series->is_shared = registry.wants != NULL && registry.wants(registry.baton, &series->id);
    if (!series->is_shared) {
        end_changes(series);
        keys_clear(&series->others);
    }
    pthread_mutex_unlock(&series->lock);
    if (registry.wants != NULL)
        walk_all(&walk);
}

void ec_series_share(ec_series_wants_fn *wants, void *baton)
{
    pthread_mutex_lock(&registry.lock);
    registry.wants = wants;
    registry.baton = baton;
    for (int i = 0; i < registry.count; i++)
        share_one(registry.series[i]);
    pthread_mutex_unlock(&registry.lock);
}

apr_size_t ec_series_changes(void)
{
    return atomic_load(&registry.changes);
}

/* Takes one change out and tells it; 0: there is none. */
static int tell_one(ec_series_t *series, apr_uint32_t *list, ec_series_tell_fn *tell, void *baton)
{
    util_link_t *link = util_list_first(&series->changed);
    struct keys_item *gone;

    if (link != NULL) {
        counts_t *counts = UTIL_OWNER(link, counts_t, change);

        unnote(counts);
        counts_write(counts, series->id.windows, list);
        tell(baton, &series->id, counts->in.key, counts->in.length, counts->newest, list);
        return 1;
    }
    if ((gone = keys_oldest(&series->gone)) == NULL)
        return 0;
    tell(baton, &series->id, gone->key, gone->length, 0, NULL);
    drop_gone(series, gone);
    return 1;
}

apr_size_t ec_series_tell(apr_size_t max, ec_series_tell_fn *tell, void *baton)
{
    apr_uint32_t list[EC_SERIES_WINDOWS_MAX];
    apr_size_t count = 0;

    pthread_mutex_lock(&registry.lock);
    for (int i = 0; i < registry.count; i++) {
        ec_series_t *series = registry.series[i];

        pthread_mutex_lock(&series->lock);
        while (count < max && tell_one(series, list, tell, baton))
            count++;
        pthread_mutex_unlock(&series->lock);
    }
    pthread_mutex_unlock(&registry.lock);
    return count;
}

static void set_others(ec_series_t *series, const void *key, apr_size_t length, apr_int64_t newest,
                       const apr_uint32_t *list)
{
    counts_t *counts;

    if (list == NULL) {
        if ((counts = keys_find(&series->others, key, length)) != NULL)
            forget(series, &series->others, counts);
        return;
    }
    counts = find_or_add(series, &series->others, key, length);
    counts_read(counts, series->id.windows, newest, list);
}

void ec_series_set_others(const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                          const apr_uint32_t *list)
{
    ec_series_t *series = ec_series_find(id->name, id->interval, id->windows);

    if (series == NULL)
        return;
    pthread_mutex_lock(&series->lock);
    if (series->is_shared && series->id.type == id->type && is_key(series, length) && newest >= 0)
        set_others(series, key, length, newest, list);
    pthread_mutex_unlock(&series->lock);
    ec_series_close(series);
}
