/* loop.h - what a loop is made of; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_LOOP_H
#define EVENT_LOOP_H

#include <stdatomic.h>

#include <apr_allocator.h>
#include <ec/log.h>
#include <ec/loop.h>

#include "event/clock.h"
#include "util/heap.h"

enum {
    LOOP_BATCH = 512, /* descriptors taken from one poll */
    LOOP_CACHE_LINE = 64,
    LOOP_FREE_MAX = 4 * 1024 * 1024 /* bytes that a loop's allocator keeps for reuse */
};

/* A descriptor that poll reported.  The watch becomes NULL when it is stopped before its turn. */
struct loop_ready {
    ec_watch_t *watch;
    apr_int16_t events;
};

/* Written by the loop's thread only; read by any. */
struct loop_stats {
    _Atomic apr_uint64_t turns, posts, timers, events;
    _Atomic apr_uint64_t busy;
    _Atomic apr_time_t longest, longest_turn, first_turn;
    _Atomic int busy_permille; /* -1: no full period yet */
    const char *_Atomic longest_kind;
};

struct ec_loop {
    int index;
    event_clock_t *clock;
    apr_time_t now;
    apr_pool_t *pool;
    ec_log_t *log;
    apr_pollset_t *pollset;
    util_heap_t timers;
    struct loop_ready ready[LOOP_BATCH];
    int n_ready;
    apr_time_t mark; /* monotonic time when the last callback ended */
    apr_time_t turn_start, period_start, period_busy;
    struct loop_stats stats;

    /* What other threads write stands on a cache line of its own. */
    _Alignas(LOOP_CACHE_LINE) _Atomic(ec_post_t *) inbox; /* newest first */
    _Atomic int is_sleeping;
    _Atomic int is_wanted; /* event_loop_wake() since the last sleep */
    _Atomic int is_stopping;
    _Atomic int is_running;
};

/* Adds to a number that only the calling thread writes. */
static inline void loop_count(_Atomic apr_uint64_t *number, int n)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + (apr_uint64_t)n,
                          memory_order_relaxed);
}

extern _Atomic int loop_max_timers;

/* loop.c */
apr_status_t loop_create(ec_loop_t **loop, int index, event_clock_t *clock, apr_pool_t *pool);
void loop_destroy(ec_loop_t *loop);
/** Makes `loop` (or NULL) the calling thread's; returns the one before. */
ec_loop_t *loop_enter(ec_loop_t *loop);
/** Asserts that the caller may touch what is on `loop`: it is its thread, or the loop does not run. */
void loop_check_thread(const ec_loop_t *loop);
/** Ends the loop's sleep if it sleeps.  The caller has left something that the loop looks at before it
 * sleeps. */
void loop_rouse(ec_loop_t *loop);
/** Takes the time since the last callback ended. */
void loop_measure(ec_loop_t *loop, const char *kind);

/* post.c */
int post_run_all(ec_loop_t *loop);
int post_is_pending(ec_loop_t *loop);

/* timer.c */
void timer_run_due(ec_loop_t *loop);

/* watch.c */
void watch_collect(ec_loop_t *loop, const apr_pollfd_t *results, int count);
void watch_dispatch(ec_loop_t *loop);

#endif
