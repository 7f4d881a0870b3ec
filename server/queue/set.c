/* set.c - the queues of each loop: finding, making and ending them; start
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sets are made at start and live until the runtime ends; each is touched by its loop only, and at the end,
 * when no loop runs any more, by the master thread. */
#include "queue/inside.h"

#include <stdlib.h>
#include <string.h>

#include "event/runtime.h"

spool_t *queue_spool;
ec_log_t *queue_room_log;
queue_set_t **queue_sets;
int queue_n_sets;
const queue_transport_t *queue_transport;
apr_time_t queue_started;
queue_gauges_t queue_gauges;

enum { BUCKETS_LEAST = 64 };

queue_set_t *queue_set_of(apr_uint64_t hash)
{
    return queue_sets[hash % (apr_uint64_t)queue_n_sets];
}

/* ---- table --------------------------------------------------------------------------- */

/* The low bits chose the loop, so the table uses others. */
static queue_t **bucket_of(const queue_set_t *set, apr_uint64_t hash)
{
    return &set->table[(hash >> 8) & (set->n_buckets - 1)];
}

queue_t *queue_find(queue_set_t *set, apr_uint64_t hash, const binding_t *binding, const char *domain)
{
    queue_t *queue = *bucket_of(set, hash);

    while (queue != NULL &&
           (queue->hash != hash || queue->bound != binding || strcmp(queue->domain, domain) != 0)) {
        queue = queue->chain;
    }
    return queue;
}

static void link_queue(queue_set_t *set, queue_t *queue)
{
    queue_t **bucket = bucket_of(set, queue->hash);

    queue->chain = *bucket;
    *bucket = queue;
}

static void grow(queue_set_t *set)
{
    queue_t **old = set->table;
    apr_size_t n = set->n_buckets;

    set->n_buckets = n == 0 ? BUCKETS_LEAST : n * 2;
    set->table = calloc(set->n_buckets, sizeof *set->table);
    EC_ASSERT(set->table != NULL);
    for (apr_size_t i = 0; i < n; i++) {
        for (queue_t *queue = old[i], *next; queue != NULL; queue = next) {
            next = queue->chain;
            link_queue(set, queue);
        }
    }
    free(old);
    renew_again(set);
}

queue_t *queue_find_or_make(queue_set_t *set, apr_uint64_t hash, binding_t *binding, const char *domain, int is_gateway)
{
    queue_t *queue = queue_find(set, hash, binding, domain);
    apr_size_t length = strlen(domain);

    if (queue == NULL) {
        queue = calloc(1, sizeof *queue + length + 1);
        EC_ASSERT(queue != NULL);
        queue->set = set;
        queue->hash = hash;
        queue->bound = binding;
        queue->group = binding->group;
        queue->binding = binding->name;
        queue->goal = GOAL_START;
        memcpy(queue->domain, domain, length + 1);
        util_heap_init(&queue->delayed, offsetof(queue_entry_t, at.slot));
        util_list_init(&queue->attempts);
        util_list_init(&queue->sessions);
        util_list_init(&queue->idle);
        util_list_init(&queue->closing);
        limits_init(queue);
        util_list_init(&queue->waits);
        if (++set->n_queues > set->n_buckets) {
            grow(set);
        }
        link_queue(set, queue);
        ec_counter_add(queue_gauges.domains, 1);
    }
    queue->is_gateway |= is_gateway != 0;
    return queue;
}

static void keep_counts(const queue_t *queue)
{
    atomic_fetch_add_explicit(&queue->bound->received, queue->n_received, memory_order_relaxed);
    atomic_fetch_add_explicit(&queue->bound->delivered, queue->n_delivered, memory_order_relaxed);
    atomic_fetch_add_explicit(&queue->bound->failed, queue->n_failed, memory_order_relaxed);
    atomic_fetch_add_explicit(&queue->bound->transient, queue->n_transient, memory_order_relaxed);
}

void queue_end(queue_t *queue)
{
    queue_t **link = bucket_of(queue->set, queue->hash);

    while (*link != queue) {
        link = &(*link)->chain;
    }
    *link = queue->chain;
    keep_counts(queue);
    queue->set->n_queues--;
    ec_counter_add(queue_gauges.domains, -1);
    ec_timer_cancel(&queue->timer);
    util_list_remove(&queue->dirty);
    util_list_remove(&queue->starved);
    route_forget(queue);
    limits_end(queue);
    if (queue->note_free != NULL) {
        queue->note_free(queue->note);
    }
    reply_release(queue, queue->reason);
    util_heap_free(&queue->delayed);
    free(queue);
}

void queue_each(queue_set_t *set, void (*each)(void *baton, queue_t *queue), void *baton)
{
    for (apr_size_t i = 0; i < set->n_buckets; i++) {
        for (queue_t *queue = set->table[i]; queue != NULL; queue = queue->chain) {
            each(baton, queue);
        }
    }
}

/* ---- what sessions and others ask ------------------------------------------------------ */

ec_loop_t *queue_loop(const queue_t *queue)
{
    return queue->set->loop;
}

const char *queue_domain(const queue_t *queue)
{
    return queue->domain;
}

const char *queue_next_sender(const queue_t *queue)
{
    const queue_entry_t *first = queue->active.first;

    return first != NULL && first->batch != NULL ? ec_batch_sender(first->batch) : NULL;
}

const char *queue_binding(const queue_t *queue)
{
    return queue->binding;
}

const char *queue_group(const queue_t *queue)
{
    return queue->group;
}

const conf_view_t *queue_view(queue_t *queue)
{
    if (queue->view == NULL || queue->generation != queue->set->generation) {
        queue_renew(queue);
    }
    return queue->view;
}

ec_log_t *queue_log(const queue_t *queue)
{
    return queue_room_log;
}

void queue_set_note(queue_t *queue, void *note, void (*free_fn)(void *))
{
    queue->note = note;
    queue->note_free = free_fn;
}

void *queue_note(const queue_t *queue)
{
    return queue->note;
}

void queue_set_transport(const queue_transport_t *transport)
{
    queue_transport = transport;
}

void queue_totals(queue_totals_t *totals)
{
    *totals = (queue_totals_t){
        .queued = ec_counter_value(queue_gauges.held),
        .active = ec_counter_value(queue_gauges.active),
        .delayed = ec_counter_value(queue_gauges.delayed),
        .attempted = ec_counter_value(queue_gauges.attempted),
        .resident = ec_counter_value(queue_gauges.resident),
        .domains = ec_counter_value(queue_gauges.domains),
        .sessions = ec_counter_value(queue_gauges.sessions),
    };
}

/* ---- start and end -------------------------------------------------------------------------- */

static void make_gauges(void)
{
    queue_gauges = (queue_gauges_t){
        .held = ec_counter("queue.held", "messages the queues answer for"),
        .active = ec_counter("queue.active", "messages that may be tried now"),
        .delayed = ec_counter("queue.delayed", "messages that wait for their next attempt"),
        .attempted = ec_counter("queue.attempted", "messages in attempts"),
        .resident = ec_counter("queue.resident", "messages whose bodies the queues keep in memory"),
        .domains = ec_counter("queue.domains", "queues, one per binding and domain"),
        .sessions = ec_counter("queue.sessions", "outbound connections"),
        .in_doubt = ec_counter("queue.in_doubt", "attempts whose answer to the final dot was lost"),
        .swapped_in = ec_counter("queue.swapped_in", "bodies read back from the spool"),
    };
}

static queue_set_t *make_set(int index)
{
    queue_set_t *set = calloc(1, sizeof *set);

    EC_ASSERT(set != NULL);
    set->loop = ec_loop_at(index);
    set->index = index;
    set->names = name_cache_create();
    set->binds = bind_cache_create();
    util_list_init(&set->dirty);
    util_list_init(&set->starved);
    util_list_init(&set->stuck);
    grow(set);
    return set;
}

static void free_entry(queue_t *queue, queue_entry_t *entry)
{
    entry->flags &= (unsigned char)~E_BUSY;
    entry_free(queue, entry);
}

static void free_queue(queue_t *queue)
{
    queue_entry_t *entry;

    while ((entry = list_take_first(&queue->active)) != NULL ||
           (entry = list_take_first(&queue->doomed)) != NULL) {
        free_entry(queue, entry);
    }
    while ((entry = util_heap_first(&queue->delayed)) != NULL) {
        util_heap_remove(&queue->delayed, entry);
        free_entry(queue, entry);
    }
    queue_end(queue);
}

/* A queue that still has sessions or requests is left as it is: others point into it. */
static int may_free(const queue_t *queue)
{
    return util_list_is_empty(&queue->attempts) && queue->n_sessions + queue->n_closing == 0 && queue->n_loads == 0 &&
           queue->query == NULL && util_list_is_empty(&queue->waits);
}

static void free_set(queue_set_t *set)
{
    for (apr_size_t i = 0; i < set->n_buckets; i++) {
        for (queue_t *queue = set->table[i], *next; queue != NULL; queue = next) {
            next = queue->chain;
            if (may_free(queue)) {
                free_queue(queue);
            }
        }
    }
    renew_end(set);
    if (set->n_queues == 0) {
        ec_timer_cancel(&set->stuck_timer);
        ec_timer_cancel(&set->hold_timer);
        entry_free_slabs(set);
        name_cache_destroy(set->names);
        bind_cache_destroy(set->binds);
        free(set->table);
        free(set);
    }
}

static void on_runtime_stop(void *baton)
{
    recover_stop();
    if (recover_is_under_way()) {
        return; /* its thread ends when the spool is closed, and may still come here */
    }
    for (int i = 0; i < queue_n_sets; i++) {
        free_set(queue_sets[i]);
    }
    free(queue_sets);
    queue_sets = NULL;
    queue_n_sets = 0;
}

apr_status_t queue_start(spool_t *spool, ec_log_t *log, apr_pool_t *pool)
{
    static int is_registered;

    queue_spool = spool;
    queue_room_log = ec_log_child(log, pool, "queue");
    make_gauges();
    queue_started = ec_loop_now(ec_loop_at(0));
    queue_n_sets = ec_loop_count();
    queue_sets = calloc((apr_size_t)queue_n_sets, sizeof *queue_sets);
    EC_ASSERT(queue_sets != NULL);
    for (int i = 0; i < queue_n_sets; i++) {
        queue_sets[i] = make_set(i);
        recover_hold(queue_sets[i]);
    }
    event_runtime_on_stop(on_runtime_stop, NULL);
    if (!is_registered) {
        conf_on_change(renew_on_change, NULL);
        is_registered = 1;
    }
    return APR_SUCCESS;
}
