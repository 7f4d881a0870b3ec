/* runtime.c - all loops of the process, from creation to the last drained post
 * SPDX-License-Identifier: Apache-2.0
 *
 * At stop the loops' threads end first.  From then on this thread is every loop's: it
 * runs their inboxes in turn, so nothing that was posted is dropped and no two
 * callbacks run at once, until inboxes and pools stay empty.  The pools' threads stay
 * to the end, since closing rooms may still have files to sync. */
#include <signal.h>
#include <string.h>

#include <apr_strings.h>

#include "event/loop.h"
#include "event/runtime.h"
#include "event/thread.h"
#include "event/threadpool.h"
#include "stats/counter.h"

struct stop_callback {
    struct stop_callback *next;
    event_stop_fn *fn;
    void *baton;
};

static struct {
    apr_pool_t *pool; /* NULL: there is no runtime */
    event_clock_t *clock;
    ec_loop_t **loops;
    pthread_t *threads; /* by loop; [0] is unused */
    int n_loops;
    int n_started;
    int is_stopped;
    struct stop_callback *stop_callbacks; /* newest first */
} runtime;

int ec_loop_count(void)
{
    return runtime.n_loops;
}

ec_loop_t *ec_loop_at(int index)
{
    EC_ASSERT(index >= 0 && index < runtime.n_loops);
    return runtime.loops[index];
}

event_clock_t *event_runtime_clock(void)
{
    return runtime.clock;
}

/* ---- start --------------------------------------------------------------------------- */

static apr_status_t destroy(void *unused)
{
    event_runtime_stop();
    event_runtime_drain();
    threadpool_destroy_all();
    for (int i = runtime.n_loops - 1; i >= 0; i--) {
        loop_destroy(runtime.loops[i]);
    }
    loop_enter(NULL);
    counter_thread_end();
    memset(&runtime, 0, sizeof runtime);
    return APR_SUCCESS;
}

void event_runtime_destroy(void)
{
    if (runtime.pool != NULL) {
        apr_pool_cleanup_run(runtime.pool, NULL, destroy);
    }
}

apr_status_t event_runtime_create(int loops, event_clock_t *clock, apr_pool_t *pool)
{
    EC_ASSERT(runtime.pool == NULL && loops > 0);
    EC_ASSERT(clock == NULL || loops == 1 || !event_clock_is_virtual(clock));
    signal(SIGPIPE, SIG_IGN);
    memset(&runtime, 0, sizeof runtime);
    runtime.pool = pool;
    runtime.clock = clock != NULL ? clock : event_clock_real();
    runtime.loops = apr_pcalloc(pool, (apr_size_t)loops * sizeof runtime.loops[0]);
    runtime.threads = apr_pcalloc(pool, (apr_size_t)loops * sizeof runtime.threads[0]);
    threadpool_create_all();
    counter_thread_begin();
    apr_pool_cleanup_register(pool, NULL, destroy, apr_pool_cleanup_null);
    for (int i = 0; i < loops; i++) {
        apr_status_t rv = loop_create(&runtime.loops[i], i, runtime.clock, pool);

        if (rv != APR_SUCCESS) {
            event_runtime_destroy();
            return rv;
        }
        runtime.n_loops = i + 1;
    }
    loop_enter(runtime.loops[0]);
    return APR_SUCCESS;
}

static void loop_thread(void *baton)
{
    counter_thread_begin();
    event_loop_run(baton);
    counter_thread_end();
}

apr_status_t event_runtime_start(void)
{
    EC_ASSERT(runtime.pool != NULL && runtime.n_started == 0);
    for (int i = 1; i < runtime.n_loops; i++) {
        char name[16];

        apr_snprintf(name, sizeof name, "loop %d", i);
        EC_TRY(event_thread_start(&runtime.threads[i], name, 0, loop_thread, runtime.loops[i]));
        runtime.n_started = i;
    }
    return APR_SUCCESS;
}

int event_runtime_has_threads(void)
{
    return runtime.n_started > 0;
}

/* ---- stop ---------------------------------------------------------------------------- */

void event_runtime_on_stop(event_stop_fn *fn, void *baton)
{
    struct stop_callback *callback = apr_palloc(runtime.pool, sizeof *callback);

    *callback = (struct stop_callback){ runtime.stop_callbacks, fn, baton };
    runtime.stop_callbacks = callback;
}

static int run_inboxes(void)
{
    int count = 0;

    for (int i = 0; i < runtime.n_loops; i++) {
        ec_loop_t *loop = runtime.loops[i];

        loop_enter(loop);
        loop->now = event_clock_now(loop->clock);
        loop->mark = event_clock_monotonic();
        count += post_run_all(loop);
    }
    loop_enter(runtime.n_loops > 0 ? runtime.loops[0] : NULL);
    return count;
}

void event_runtime_drain(void)
{
    EC_ASSERT(runtime.is_stopped);
    do {
        threadpool_wait_all();
    } while (run_inboxes() > 0 || threadpool_outstanding() > 0);
}

void event_runtime_stop(void)
{
    if (runtime.pool == NULL || runtime.is_stopped) {
        return;
    }
    runtime.is_stopped = 1;
    for (int i = 0; i < runtime.n_loops; i++) {
        event_loop_end(runtime.loops[i]);
    }
    for (int i = 1; i <= runtime.n_started; i++) {
        pthread_join(runtime.threads[i], NULL);
    }
    event_runtime_drain();
    while (runtime.stop_callbacks != NULL) {
        struct stop_callback *callback = runtime.stop_callbacks;

        runtime.stop_callbacks = callback->next;
        callback->fn(callback->baton);
        event_runtime_drain();
    }
}
