/* timer.c - timers in a heap; moving one later costs nothing until its old time comes
 * SPDX-License-Identifier: Apache-2.0
 *
 * `key` is where the timer stands in the heap, `due` when it shall run, key <= due.
 * Idle time-outs move later with every byte that arrives; only `due` changes then, and
 * the timer is put in its new place when its key comes up. */
#include <stddef.h>

#include "event/loop.h"
#include "event/runtime.h"

_Atomic int loop_max_timers = 1024;

void event_loop_max_timers(int most)
{
    EC_ASSERT(most > 0);
    atomic_store(&loop_max_timers, most);
}

void ec_timer_start_at(ec_timer_t *timer, ec_loop_t *loop, apr_time_t due, ec_timer_fn *fn, void *baton)
{
    loop_check_thread(loop);
    timer->due = due;
    timer->fn = fn;
    timer->baton = baton;
    if (timer->loop == NULL) {
        timer->loop = loop;
        timer->key = due;
        util_heap_add(&loop->timers, timer, due);
        return;
    }
    EC_ASSERT(timer->loop == loop);
    if (due < timer->key) {
        timer->key = due;
        util_heap_move(&loop->timers, timer, due);
    }
}

void ec_timer_start(ec_timer_t *timer, ec_loop_t *loop, apr_interval_time_t delay, ec_timer_fn *fn,
                    void *baton)
{
    ec_timer_start_at(timer, loop, loop->now + delay, fn, baton);
}

static void take_out(ec_timer_t *timer)
{
    util_heap_remove(&timer->loop->timers, timer);
    timer->loop = NULL;
}

void ec_timer_cancel(ec_timer_t *timer)
{
    if (timer->loop != NULL) {
        loop_check_thread(timer->loop);
        take_out(timer);
    }
}

int ec_timer_is_running(const ec_timer_t *timer)
{
    return timer->loop != NULL;
}

void timer_run_due(ec_loop_t *loop)
{
    int most = atomic_load_explicit(&loop_max_timers, memory_order_relaxed), count = 0;
    ec_timer_t *timer;

    while (count < most && (timer = util_heap_first(&loop->timers)) != NULL && timer->key <= loop->now) {
        if (timer->due > timer->key) {
            timer->key = timer->due;
            util_heap_move(&loop->timers, timer, timer->due);
            continue;
        }
        take_out(timer);
        timer->fn(timer->baton); /* may free it */
        loop_measure(loop, "timer");
        count++;
    }
    loop_count(&loop->stats.timers, count);
}
