/* clock.h - where the loops' time comes from
 * SPDX-License-Identifier: Apache-2.0
 *
 * The real clock counts on from the wall time at its first use and never steps; two
 * loops see the same time.  A virtual clock stands still while anything is ready or
 * a job is under way, and otherwise jumps to the next timer: days pass in
 * milliseconds.  Only a runtime with one loop can have a virtual clock. */
#ifndef EVENT_CLOCK_H
#define EVENT_CLOCK_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct event_clock event_clock_t;

event_clock_t *event_clock_real(void);

/** A clock for tests that shows `start`.  Lives as long as `pool`. */
event_clock_t *event_clock_virtual(apr_time_t start, apr_pool_t *pool);

apr_time_t event_clock_now(const event_clock_t *clock);
int event_clock_is_virtual(const event_clock_t *clock);

/** Moves a virtual clock forward; timers that become due run in the next turn.  Any thread. */
void event_clock_advance(event_clock_t *clock, apr_interval_time_t by);

/** While held, a virtual clock does not jump (something outside is awaited).  Holds are
 * counted.  Nothing on the real clock.  Any thread. */
void event_clock_hold(event_clock_t *clock);
void event_clock_release(event_clock_t *clock);
int event_clock_is_held(const event_clock_t *clock);

/** Microseconds of the machine's monotonic clock: for measuring, never for deciding. */
apr_time_t event_clock_monotonic(void);

#endif
