/* loop.h - event loops: one thread each, and what lives on one is touched by no other
 * SPDX-License-Identifier: Apache-2.0
 *
 * A loop dispatches, in this order and never inside one another: posted jobs,
 * due timers, ready descriptors.  A callback never runs inside the call that armed
 * it, nor after its cancel or stop returned.  It may destroy its own object.
 * Nothing may block in a callback; slow work is a job for a thread pool (job.h). */
#ifndef EC_LOOP_H
#define EC_LOOP_H

#include <apr_network_io.h>
#include <apr_poll.h>
#include <apr_pools.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_loop ec_loop_t;

/** The loop of the calling thread; NULL on any other thread. */
ec_loop_t *ec_loop_self(void);

/** Number of loops in the process, and the i-th one (0 is the master loop).
 * Constant between server start and stop. */
int ec_loop_count(void);
ec_loop_t *ec_loop_at(int index);

/** Index of a loop, for per-loop arrays. */
int ec_loop_index(const ec_loop_t *loop);

/** The loop's clock, in microseconds since 1970, read once per turn; monotonic.
 * Tests replace it, so decisions about time use this and nothing else.
 * Loop thread only. */
apr_time_t ec_loop_now(const ec_loop_t *loop);

/** Pool of the loop: what is made in it lives as long as the loop.  Loop thread only. */
apr_pool_t *ec_loop_pool(ec_loop_t *loop);

/** A pool of its own (made with the loop's allocator, so without locks).
 * Create, use and destroy on the loop's thread only. */
apr_pool_t *ec_loop_subpool(ec_loop_t *loop);

/* ---- posts ---------------------------------------------------------------- */

typedef struct ec_post ec_post_t;
typedef void ec_post_fn(void *baton);

/** Embed one in whatever travels; it must stay in place until `fn` starts. */
struct ec_post {
    ec_post_t *next;
    ec_post_fn *fn;
    void *baton;
};

/** Run `fn(baton)` on `loop` in one of its next turns; posts of one thread to one loop
 * run in order.  Keeps `post` until `fn` starts (`fn` may free or re-post it).
 * Any thread; lock-free; also wakes the loop.  A loop that has stopped drops nothing:
 * server stop drains the inboxes. */
void ec_loop_post(ec_loop_t *loop, ec_post_t *post, ec_post_fn *fn, void *baton);

/* ---- timers --------------------------------------------------------------- */

typedef struct ec_timer ec_timer_t;
typedef void ec_timer_fn(void *baton);

/** Embed one; all zero is idle.  Fields are the loop's. */
struct ec_timer {
    ec_loop_t *loop;       /* NULL when idle */
    apr_time_t due;        /* when it shall run */
    apr_time_t key;        /* where it stands in the heap: may be earlier than due */
    apr_size_t slot;
    ec_timer_fn *fn;
    void *baton;
};

/** Run `fn(baton)` once, `delay` microseconds from the loop's now.  Starting a running
 * timer moves it (cheap when it moves later).  Loop thread only. */
void ec_timer_start(ec_timer_t *timer, ec_loop_t *loop, apr_interval_time_t delay, ec_timer_fn *fn, void *baton);
/** As above, at an absolute time. */
void ec_timer_start_at(ec_timer_t *timer, ec_loop_t *loop, apr_time_t due, ec_timer_fn *fn, void *baton);
/** Does nothing when idle. */
void ec_timer_cancel(ec_timer_t *timer);
int ec_timer_is_running(const ec_timer_t *timer);

/* ---- descriptors ----------------------------------------------------------- */

enum { EC_READ = 1, EC_WRITE = 2 };

typedef struct ec_watch ec_watch_t;
/** `ready` is EC_READ, EC_WRITE or both; errors and hang-ups count as both that are watched. */
typedef void ec_watch_fn(void *baton, int ready);

/** Embed one; all zero is idle.  Fields are the loop's. */
struct ec_watch {
    ec_loop_t *loop;       /* NULL when idle */
    apr_pollfd_t pfd;
    int mask;
    int batch;             /* place in the turn's ready list + 1, else 0 */
    ec_watch_fn *fn;
    void *baton;
};

/** Watch a socket (level-triggered).  Keeps the socket: stop before closing it.
 * `mask` may be 0 (only errors and hang-ups, told with `ready` 0 until the watch stops).
 * Loop thread only. */
apr_status_t ec_watch_start(ec_watch_t *watch, ec_loop_t *loop, apr_socket_t *socket, int mask,
                            ec_watch_fn *fn, void *baton);
/** As above for a bare descriptor (pipes, libraries' descriptors); `pool` holds its wrapper. */
apr_status_t ec_watch_start_fd(ec_watch_t *watch, ec_loop_t *loop, int fd, int mask,
                               ec_watch_fn *fn, void *baton, apr_pool_t *pool);
/** Change what is watched; no system call when nothing changes. */
apr_status_t ec_watch_set(ec_watch_t *watch, int mask);
/** Does nothing when idle. */
void ec_watch_stop(ec_watch_t *watch);

#ifdef __cplusplus
}
#endif
#endif
