/* runtime.h - make, run and end the loops and thread pools of a process
 * SPDX-License-Identifier: Apache-2.0
 *
 * Order of a life, all on one thread, which is the master loop's:
 *   event_runtime_create()   loops exist, nothing runs; rooms arm what they need
 *   event_signals()          before there are threads
 *   event_runtime_start()    the other loops run on threads of their own
 *   event_loop_run(master)   until event_loop_end(master), called by whoever decides
 *                            that the work is over (after the rooms finished theirs)
 *   event_runtime_stop()     ends the other loops' threads and drains; then runs the stop
 *                            callbacks, newest first, and drains after each
 *   (rooms close; event_runtime_drain() where one of them waits for a job)
 *   event_runtime_destroy()  drains, ends the thread pools; loops and their pools are gone
 * To drain is to run, on this thread, all posts and jobs that are left, until none come.
 * There is one runtime in a process at a time. */
#ifndef EVENT_RUNTIME_H
#define EVENT_RUNTIME_H

#include <ec/job.h>
#include <ec/loop.h>

#include "event/clock.h"

/** Make `loops` loops and the built-in thread pools.  `clock` NULL: the real one; else it is
 * kept.  The calling thread becomes the master loop's.  SIGPIPE is ignored from now on.
 * Destroying `pool` destroys the runtime, too. */
apr_status_t event_runtime_create(int loops, event_clock_t *clock, apr_pool_t *pool);

/** Start the threads of all loops but the master loop. */
apr_status_t event_runtime_start(void);
/** Do other threads run loops?  What they look at without a lock has to be made before. */
int event_runtime_has_threads(void);

/** Called by event_runtime_stop(), the last registered first, when only this thread and those of
 * the thread pools run, so it may touch what belongs to any loop.  Timers and descriptors are not
 * served any more; posts and jobs are, between two such callbacks.  Master thread. */
typedef void event_stop_fn(void *baton);
void event_runtime_on_stop(event_stop_fn *fn, void *baton);

/** See above.  Master thread, outside of callbacks.  Does nothing the second time. */
void event_runtime_stop(void);

/** See above.  Master thread, after event_runtime_stop(). */
void event_runtime_drain(void);

/** See above.  Stops first if need be.  Master thread.  Does nothing without a runtime. */
void event_runtime_destroy(void);

event_clock_t *event_runtime_clock(void);

/* ---- loops ------------------------------------------------------------------------ */

/** Run `loop` on the calling thread until event_loop_end(). */
void event_loop_run(ec_loop_t *loop);
/** Make event_loop_run() return after its turn.  Any thread, also a signal callback. */
void event_loop_end(ec_loop_t *loop);
/** Make a loop that sleeps take a turn.  Any thread. */
void event_loop_wake(ec_loop_t *loop);
/** Most timers that run in one turn (option max_timed_events_per_iter; 1024).  Any thread. */
void event_loop_max_timers(int most);

/** For tests: take turns on the calling thread until `pred` is true (returns 1), or, with `pred`
 * NULL, until nothing is posted, armed, ready or under way in a job (returns 1); after `max_turns`
 * turns returns 0.  A turn without anything to do waits at most 100 ms. */
typedef int event_pred_fn(void *baton);
int event_run_until(ec_loop_t *loop, event_pred_fn *pred, void *baton, int max_turns);
/** For tests: take turns that wait for nothing, to see that nothing more happens. */
void event_run_turns(ec_loop_t *loop, int turns);

typedef struct {
    apr_uint64_t turns, posts, timers, events;
    apr_interval_time_t busy, total; /* since the loop first ran */
    int busy_permille;               /* share of the last full ten seconds; before: since start */
    apr_interval_time_t longest;     /* longest callback */
    const char *longest_kind;        /* "post", "timer" or "event" */
    apr_interval_time_t longest_turn; /* longest time between two polls: what a ready descriptor waited at most */
} event_loop_stats_t;

/** Any thread; the numbers may be of slightly different moments. */
void event_loop_stats(const ec_loop_t *loop, event_loop_stats_t *stats);

/** The longest ones are sought anew.  Any thread; what is under way at that moment may or may not count. */
void event_loop_forget_longest(ec_loop_t *loop);

/* ---- signals ------------------------------------------------------------------------ */

/** `fn(baton, SIGTERM)` and so on as a callback of `loop` for SIGTERM, SIGINT, SIGHUP and SIGUSR1.
 * Blocks them in the calling thread, so call it before other threads exist; a program that is
 * started from here must unblock them.  Undone when the loop is destroyed.  Keeps `baton`. */
typedef void event_signal_fn(void *baton, int signal_number);
apr_status_t event_signals(ec_loop_t *loop, event_signal_fn *fn, void *baton);

/* ---- thread pools -------------------------------------------------------------------- */

/** Find or make the pool `name` and set its size (a stanza threadpool "name" {}).  A smaller size
 * takes effect as threads become idle; `stack_size` (0: default) is that of threads started later.
 * Any thread. */
ec_threadpool_t *event_threadpool_configure(const char *name, int concurrency, apr_size_t stack_size);

typedef struct {
    const char *name;
    int concurrency, threads, busy;
    apr_uint64_t queued, done;
} event_threadpool_stats_t;
typedef void event_threadpool_each_fn(void *baton, const event_threadpool_stats_t *stats);

/** Visit all pools.  Any thread. */
void event_threadpool_each(event_threadpool_each_fn *each, void *baton);

#endif
