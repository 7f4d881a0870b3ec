/* registry.c - all gates, by key
 * SPDX-License-Identifier: Apache-2.0
 *
 * A gate is found by its key, what it counts and where its units come from, so that a place whose option
 * changes from slots to a rate, or from the node to the cluster, gets another gate.  One that nobody holds
 * stays while its rate remembers uses; whoever makes or leaves a gate looks at a few of those, so that they
 * do not gather. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "shape/inside.h"
#include "shape/show.h"
#include "util/hash.h"

enum { BUCKETS_MIN = 64, IDLE_LOOKS = 4 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ec_gate_t **buckets;
static apr_size_t n_buckets, n_gates;
static util_list_t idle = { &idle, &idle };

void registry_lock(void)
{
    pthread_mutex_lock(&lock);
}

void registry_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void *zeroed(apr_size_t size)
{
    void *memory = calloc(1, size);

    EC_ASSERT(memory != NULL);
    return memory;
}

static void grow(void)
{
    apr_size_t size = n_buckets == 0 ? BUCKETS_MIN : n_buckets * 2;
    ec_gate_t **larger;

    if (n_gates < n_buckets) {
        return;
    }
    larger = zeroed(size * sizeof(ec_gate_t *));
    for (apr_size_t i = 0; i < n_buckets; i++) {
        for (ec_gate_t *gate = buckets[i], *next; gate != NULL; gate = next) {
            next = gate->next;
            gate->next = larger[gate->hash & (size - 1)];
            larger[gate->hash & (size - 1)] = gate;
        }
    }
    free(buckets);
    buckets = larger;
    n_buckets = size;
}

void registry_each(void (*fn)(void *baton, ec_gate_t *gate), void *baton)
{
    for (apr_size_t i = 0; i < n_buckets; i++) {
        for (ec_gate_t *gate = buckets[i], *next; gate != NULL; gate = next) {
            next = gate->next;
            fn(baton, gate);
        }
    }
}

void registry_remove(ec_gate_t *gate)
{
    ec_gate_t **place = &buckets[gate->hash & (n_buckets - 1)];

    while (*place != gate) {
        place = &(*place)->next;
    }
    *place = gate->next;
    if (--n_gates == 0) {
        free(buckets);
        buckets = NULL;
        n_buckets = 0;
    }
    util_list_remove(&gate->idle);
    util_heap_free(&gate->hungry);
    util_heap_free(&gate->rich);
    pthread_mutex_destroy(&gate->lock);
    free(gate->rate);
    free(gate);
}

/* Some of those that nobody holds have rested by now. */
static void sweep(void)
{
    apr_time_t now = ec_gate_clock();
    util_link_t *link;

    for (int i = 0; i < IDLE_LOOKS && (link = util_list_take_first(&idle)) != NULL; i++) {
        ec_gate_t *gate = UTIL_OWNER(link, ec_gate_t, idle);

        gate_age(gate, now);
        if (gate->used == 0) {
            registry_remove(gate);
        } else {
            util_list_add_last(&idle, link);
        }
    }
}

void registry_retire(ec_gate_t *gate)
{
    if (!util_link_is_linked(&gate->idle)) {
        util_list_add_first(&idle, &gate->idle); /* the next to be looked at: slots go at once */
    }
}

static ec_gate_t *find(apr_uint64_t hash, const shape_place_t *place)
{
    ec_gate_t *gate = n_buckets > 0 ? buckets[hash & (n_buckets - 1)] : NULL;

    while (gate != NULL &&
           (gate->hash != hash || strcmp(gate->key, place->key) != 0 ||
            gate->is_cluster != place->is_cluster || (gate->rate == NULL) != (place->window == 0))) {
        gate = gate->next;
    }
    return gate;
}

static ec_gate_t *make(apr_uint64_t hash, const shape_place_t *place)
{
    apr_size_t length = strlen(place->key) + 1;
    ec_gate_t *gate = zeroed(sizeof *gate + length);

    grow();
    memcpy(gate->key, place->key, length);
    gate->hash = hash;
    gate->is_cluster = place->is_cluster;
    gate->is_leased = 1;
    gate->limit = place->limit;
    gate->window = place->window;
    gate->is_available = place->is_available;
    gate->generation = place->generation;
    pthread_mutex_init(&gate->lock, NULL);
    util_list_init(&gate->members);
    util_list_init(&gate->owed_list);
    util_list_init(&gate->ending);
    util_list_init(&gate->idlers);
    util_heap_init(&gate->hungry, offsetof(shape_user_t, hungry_slot));
    util_heap_init(&gate->rich, offsetof(shape_user_t, rich_slot));
    if (place->window > 0) {
        gate->rate = zeroed(sizeof *gate->rate);
        ec_window_init(gate->rate, place->window, ec_gate_clock());
    }
    gate->next = buckets[hash & (n_buckets - 1)];
    buckets[hash & (n_buckets - 1)] = gate;
    n_gates++;
    provider_adopt(gate);
    return gate;
}

/* Uses of the old window count as if they were of now: none rests too short. */
static void set_window(ec_gate_t *gate, apr_interval_time_t window, apr_time_t now)
{
    gate_age(gate, now);
    gate->window = window;
    ec_window_init(gate->rate, window, now);
    ec_window_use(gate->rate, now, (apr_uint32_t)gate->used);
}

static void update(ec_gate_t *gate, const shape_place_t *place)
{
    if (place->generation != 0 && place->generation < gate->generation) {
        return; /* a loop that has not taken up the new one yet */
    }
    gate->generation = place->generation;
    pthread_mutex_lock(&gate->lock);
    if (gate->limit != place->limit || gate->window != place->window ||
        gate->is_available != place->is_available) {
        apr_time_t now = ec_gate_clock();

        if (gate->window != place->window) {
            set_window(gate, place->window, now);
        }
        gate_age(gate, now);
        gate->limit = place->limit;
        gate->is_available = place->is_available;
        gate_bind(gate);
        provider_tell(gate);
        gate->alarm = NULL; /* who looks after time is to look again */
        fair_settle(gate, now);
    }
    pthread_mutex_unlock(&gate->lock);
}

ec_gate_t *shape_gate(const shape_place_t *place)
{
    apr_uint64_t hash = util_hash(util_hash_seed(), place->key, strlen(place->key));
    ec_gate_t *gate;

    registry_lock();
    gate = find(hash, place);
    if (gate == NULL) {
        sweep();
        gate = make(hash, place);
    } else {
        util_list_remove(&gate->idle);
        update(gate, place);
    }
    if (gate->refs++ == 0) {
        pthread_mutex_lock(&gate->lock);
        provider_tell(gate);
        pthread_mutex_unlock(&gate->lock);
    }
    registry_unlock();
    return gate;
}

void gate_ref(ec_gate_t *gate)
{
    registry_lock();
    gate->refs++;
    registry_unlock();
}

void shape_gate_unref(ec_gate_t *gate)
{
    registry_lock();
    if (--gate->refs == 0 && !provider_keeps(gate)) {
        registry_retire(gate);
        sweep();
    }
    registry_unlock();
}

/* ---- for the console ------------------------------------------------------------------------- */

struct visit {
    shape_each_fn *each;
    void *baton;
};

static void show(void *baton, ec_gate_t *gate)
{
    const struct visit *visit = baton;
    shape_info_t info = { .key = gate->key, .window = gate->window, .is_cluster = gate->is_cluster };

    pthread_mutex_lock(&gate->lock);
    gate_age(gate, ec_gate_clock());
    info.limit = gate->limit;
    info.units = gate->is_provided ? gate->units : gate->limit;
    info.used = gate->used;
    info.wanted = gate->wanted + (gate->rate != NULL ? gate->used : 0);
    info.users = gate->users;
    info.waiting = gate->waiting;
    info.is_leased = gate->is_bound;
    info.is_open = gate_is_open(gate);
    pthread_mutex_unlock(&gate->lock);
    visit->each(visit->baton, &info);
}

void shape_each(shape_each_fn *each, void *baton)
{
    struct visit visit = { each, baton };

    registry_lock();
    registry_each(show, &visit);
    registry_unlock();
}
