/* loop.c - one event loop: its turn, its sleep, its numbers
 * SPDX-License-Identifier: Apache-2.0
 *
 * A turn: poll; read the clock; posted jobs; due timers; ready descriptors.  Polling
 * comes first so that all callbacks of a turn see the time after the sleep. */
#include <stddef.h>

#include <apr_errno.h>

#include "event/loop.h"
#include "event/runtime.h"
#include "event/threadpool.h"

enum { SLEEP_MAX_MS = 60 * 60 * 1000, TEST_WAIT_MS = 100, SLOW_MS = 100, PERIOD_SECONDS = 10 };

static _Thread_local ec_loop_t *self;

ec_loop_t *ec_loop_self(void)
{
    return self;
}

ec_loop_t *loop_enter(ec_loop_t *loop)
{
    ec_loop_t *before = self;

    self = loop;
    return before;
}

void loop_check_thread(const ec_loop_t *loop)
{
    EC_ASSERT(self == loop || !atomic_load_explicit(&loop->is_running, memory_order_relaxed));
}

int ec_loop_index(const ec_loop_t *loop)
{
    return loop->index;
}

apr_time_t ec_loop_now(const ec_loop_t *loop)
{
    return loop->now;
}

/* ---- memory --------------------------------------------------------------------- */

apr_pool_t *ec_loop_pool(ec_loop_t *loop)
{
    return loop->pool;
}

static int out_of_memory(int rv)
{
    EC_ASSERT(rv == APR_SUCCESS); /* a pool can not go on without memory */
    return rv;
}

apr_pool_t *ec_loop_subpool(ec_loop_t *loop)
{
    apr_pool_t *pool;

    loop_check_thread(loop);
    apr_pool_create_ex(&pool, loop->pool, out_of_memory, NULL);
    return pool;
}

/* A pool without a parent and with an allocator without a mutex: nothing in it ever takes a lock. */
static apr_status_t make_pool(apr_pool_t **pool)
{
    apr_allocator_t *allocator;

    EC_TRY(apr_allocator_create(&allocator));
    apr_allocator_max_free_set(allocator, LOOP_FREE_MAX);
    EC_TRY(apr_pool_create_unmanaged_ex(pool, out_of_memory, allocator));
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

apr_status_t loop_create(ec_loop_t **result, int index, event_clock_t *clock, apr_pool_t *pool)
{
    apr_uintptr_t place = (apr_uintptr_t)apr_pcalloc(pool, sizeof **result + LOOP_CACHE_LINE);
    ec_loop_t *loop = (ec_loop_t *)((place + LOOP_CACHE_LINE - 1) & ~(apr_uintptr_t)(LOOP_CACHE_LINE - 1));
    apr_status_t rv;

    loop->index = index;
    loop->clock = clock;
    loop->now = event_clock_now(clock);
    atomic_init(&loop->stats.busy_permille, -1);
    atomic_init(&loop->stats.longest_kind, "post");
    util_heap_init(&loop->timers, offsetof(ec_timer_t, slot));
    EC_TRY(make_pool(&loop->pool));
    loop->log = ec_log_child(ec_log_root(), loop->pool, "loop %d", index);
    /* APR adds one place for the wakeup, and a poll may fill that with a descriptor, too. */
    rv = apr_pollset_create(&loop->pollset, LOOP_BATCH - 1, loop->pool, APR_POLLSET_WAKEABLE | APR_POLLSET_NOCOPY);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(loop->pool);
        return rv;
    }
    *result = loop;
    return APR_SUCCESS;
}

void loop_destroy(ec_loop_t *loop)
{
    ec_loop_t *before = loop_enter(loop);

    apr_pool_destroy(loop->pool);
    util_heap_free(&loop->timers);
    loop_enter(before == loop ? NULL : before);
}

/* ---- numbers ---------------------------------------------------------------------- */

void loop_measure(ec_loop_t *loop, const char *kind)
{
    apr_time_t now = event_clock_monotonic(), took = now - loop->mark;

    loop->mark = now;
    if (took > atomic_load_explicit(&loop->stats.longest, memory_order_relaxed)) {
        atomic_store_explicit(&loop->stats.longest, took, memory_order_relaxed);
        atomic_store_explicit(&loop->stats.longest_kind, kind, memory_order_relaxed);
    }
    if (took > SLOW_MS * 1000) {
        ec_log(loop->log, EC_LOG_WARNING, "callback held up the loop kind=%s milliseconds=%d", kind,
               (int)(took / 1000));
    }
}

static void measure_turn(ec_loop_t *loop)
{
    struct loop_stats *stats = &loop->stats;
    apr_time_t busy = loop->mark - loop->turn_start, period = loop->mark - loop->period_start;

    loop_count(&stats->turns, 1);
    if (busy > atomic_load_explicit(&stats->longest_turn, memory_order_relaxed)) {
        atomic_store_explicit(&stats->longest_turn, busy, memory_order_relaxed);
    }
    loop_count(&stats->busy, (int)busy);
    loop->period_busy += busy;
    if (period >= PERIOD_SECONDS * APR_USEC_PER_SEC) {
        atomic_store_explicit(&stats->busy_permille, (int)(loop->period_busy * 1000 / period),
                              memory_order_relaxed);
        loop->period_start = loop->mark;
        loop->period_busy = 0;
    }
}

void event_loop_stats(const ec_loop_t *loop, event_loop_stats_t *stats)
{
    apr_time_t first = atomic_load(&loop->stats.first_turn);

    *stats = (event_loop_stats_t){
        .turns = atomic_load(&loop->stats.turns),
        .posts = atomic_load(&loop->stats.posts),
        .timers = atomic_load(&loop->stats.timers),
        .events = atomic_load(&loop->stats.events),
        .busy = (apr_interval_time_t)atomic_load(&loop->stats.busy),
        .total = first == 0 ? 0 : event_clock_monotonic() - first,
        .busy_permille = atomic_load(&loop->stats.busy_permille),
        .longest = atomic_load(&loop->stats.longest),
        .longest_kind = atomic_load(&loop->stats.longest_kind),
        .longest_turn = atomic_load(&loop->stats.longest_turn),
    };
    if (stats->busy_permille < 0) {
        stats->busy_permille = stats->total > 0 ? (int)(stats->busy * 1000 / stats->total) : 0;
    }
}

void event_loop_forget_longest(ec_loop_t *loop)
{
    atomic_store(&loop->stats.longest, 0);
    atomic_store(&loop->stats.longest_turn, 0);
}

/* ---- sleep ------------------------------------------------------------------------- */

void loop_rouse(ec_loop_t *loop)
{
    if (atomic_exchange(&loop->is_sleeping, 0)) {
        apr_pollset_wakeup(loop->pollset);
    }
}

void event_loop_wake(ec_loop_t *loop)
{
    atomic_store(&loop->is_wanted, 1);
    loop_rouse(loop);
}

/* Looked at after is_sleeping was set, so that what comes now also ends the sleep (see post.c). */
static int must_stay_awake(ec_loop_t *loop)
{
    return atomic_exchange(&loop->is_wanted, 0) || post_is_pending(loop) || atomic_load(&loop->is_stopping);
}

/* One poll of at most `wait` microseconds; a post or a wake ends it. */
static void sleep_poll(ec_loop_t *loop, apr_interval_time_t wait)
{
    const apr_pollfd_t *results = NULL;
    apr_int32_t count = 0;
    apr_status_t rv;

    if (wait > 0) {
        atomic_store(&loop->is_sleeping, 1);
        if (must_stay_awake(loop)) {
            wait = 0;
        }
    }
    rv = apr_pollset_poll(loop->pollset, wait, &count, &results);
    atomic_store_explicit(&loop->is_sleeping, 0, memory_order_relaxed);
    if (rv == APR_SUCCESS) {
        watch_collect(loop, results, count);
        return;
    }
    EC_ASSERT(APR_STATUS_IS_EINTR(rv) || APR_STATUS_IS_TIMEUP(rv));
}

/* Time until the next timer, at most `longest`; whole milliseconds, since the poll rounds down. */
static apr_interval_time_t real_wait(ec_loop_t *loop, apr_interval_time_t longest)
{
    apr_interval_time_t wait = longest;

    if (loop->timers.count > 0) {
        apr_interval_time_t left = util_heap_first_key(&loop->timers) - event_clock_now(loop->clock);

        wait = left < longest ? left : longest;
    }
    return wait <= 0 ? 0 : (wait + 999) / 1000 * 1000;
}

static void virtual_sleep(ec_loop_t *loop, apr_interval_time_t longest)
{
    int may_jump = !event_clock_is_held(loop->clock) && threadpool_outstanding() == 0;

    sleep_poll(loop, 0);
    if (loop->n_ready > 0 || post_is_pending(loop)) {
        return;
    }
    if (loop->timers.count > 0) {
        apr_interval_time_t left = util_heap_first_key(&loop->timers) - event_clock_now(loop->clock);

        if (left > 0 && may_jump) {
            event_clock_advance(loop->clock, left);
        }
        if (left <= 0 || may_jump) {
            return;
        }
    }
    sleep_poll(loop, longest);
}

static void turn(ec_loop_t *loop, apr_interval_time_t longest)
{
    loop->n_ready = 0;
    if (event_clock_is_virtual(loop->clock)) {
        virtual_sleep(loop, longest);
    } else {
        sleep_poll(loop, real_wait(loop, longest));
    }
    loop->now = event_clock_now(loop->clock);
    loop->turn_start = loop->mark = event_clock_monotonic();
    post_run_all(loop);
    timer_run_due(loop);
    watch_dispatch(loop);
    measure_turn(loop);
}

/* ---- running ------------------------------------------------------------------------- */

static ec_loop_t *begin_running(ec_loop_t *loop)
{
    EC_ASSERT(!atomic_exchange(&loop->is_running, 1));
    if (atomic_load(&loop->stats.first_turn) == 0) {
        loop->period_start = event_clock_monotonic();
        atomic_store(&loop->stats.first_turn, loop->period_start);
    }
    return loop_enter(loop);
}

static void end_running(ec_loop_t *loop, ec_loop_t *before)
{
    loop_enter(before);
    atomic_store(&loop->is_running, 0);
}

void event_loop_run(ec_loop_t *loop)
{
    ec_loop_t *before = begin_running(loop);

    while (!atomic_load(&loop->is_stopping)) {
        turn(loop, SLEEP_MAX_MS * (apr_interval_time_t)1000);
    }
    end_running(loop, before);
}

void event_loop_end(ec_loop_t *loop)
{
    atomic_store(&loop->is_stopping, 1);
    loop_rouse(loop);
}

static int is_quiet(ec_loop_t *loop)
{
    return loop->timers.count == 0 && threadpool_outstanding() == 0 && !event_clock_is_held(loop->clock) &&
           !post_is_pending(loop);
}

void event_run_turns(ec_loop_t *loop, int turns)
{
    ec_loop_t *before = begin_running(loop);

    while (turns-- > 0) {
        turn(loop, 0);
    }
    end_running(loop, before);
}

int event_run_until(ec_loop_t *loop, event_pred_fn *pred, void *baton, int max_turns)
{
    ec_loop_t *before = begin_running(loop);
    int is_reached = 0;

    for (int i = 0; i <= max_turns && !is_reached; i++) {
        int was_quiet = is_quiet(loop);

        if (pred != NULL && (is_reached = pred(baton) != 0)) {
            break;
        }
        if (i < max_turns) {
            apr_uint64_t events = atomic_load(&loop->stats.events);

            turn(loop, pred == NULL && was_quiet ? 0 : TEST_WAIT_MS * (apr_interval_time_t)1000);
            is_reached =
                pred == NULL && was_quiet && is_quiet(loop) && events == atomic_load(&loop->stats.events);
        }
    }
    end_running(loop, before);
    return is_reached;
}
