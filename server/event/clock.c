/* clock.c - real and virtual time
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <ec/status.h>

#include "event/clock.h"

struct event_clock {
    int is_virtual;
    apr_time_t offset;      /* real: wall time less monotonic time at first use */
    _Atomic apr_time_t now; /* virtual */
    _Atomic int holds;
};

static event_clock_t real_clock;
static pthread_once_t real_once = PTHREAD_ONCE_INIT;

apr_time_t event_clock_monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (apr_time_t)t.tv_sec * APR_USEC_PER_SEC + t.tv_nsec / 1000;
}

static void real_make(void)
{
    real_clock.offset = apr_time_now() - event_clock_monotonic();
}

event_clock_t *event_clock_real(void)
{
    pthread_once(&real_once, real_make);
    return &real_clock;
}

event_clock_t *event_clock_virtual(apr_time_t start, apr_pool_t *pool)
{
    event_clock_t *clock = apr_pcalloc(pool, sizeof *clock);

    clock->is_virtual = 1;
    atomic_init(&clock->now, start);
    return clock;
}

apr_time_t event_clock_now(const event_clock_t *clock)
{
    return clock->is_virtual ? atomic_load(&clock->now) : event_clock_monotonic() + clock->offset;
}

int event_clock_is_virtual(const event_clock_t *clock)
{
    return clock->is_virtual;
}

void event_clock_advance(event_clock_t *clock, apr_interval_time_t by)
{
    EC_ASSERT(clock->is_virtual && by >= 0);
    atomic_fetch_add(&clock->now, by);
}

void event_clock_hold(event_clock_t *clock)
{
    atomic_fetch_add(&clock->holds, 1);
}

void event_clock_release(event_clock_t *clock)
{
    atomic_fetch_sub(&clock->holds, 1);
}

int event_clock_is_held(const event_clock_t *clock)
{
    return atomic_load(&clock->holds) > 0;
}
