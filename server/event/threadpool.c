/* threadpool.c - named pools of threads for work that blocks
 * SPDX-License-Identifier: Apache-2.0
 *
 * One lock and one queue per pool.  A thread is started when a job comes, nobody is
 * idle, and there may be more; it stays until the server stops or the pool shrinks.
 * Pools live from threadpool_create_all() to threadpool_destroy_all(). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <ec/log.h>

#include "event/loop.h"
#include "event/runtime.h"
#include "event/thread.h"
#include "event/threadpool.h"

static const struct {
    const char *name;
    int concurrency;
} built_in[] = { { "IO", 50 }, { "CPU", 4 }, { "SwapIn", 5 }, { "SwapOut", 5 }, { "SpoolIn", 1 } };

struct worker {
    struct worker *next;
    ec_threadpool_t *pool;
    pthread_t thread;
    int is_over; /* left because the pool shrank: to be joined */
};

struct ec_threadpool {
    ec_threadpool_t *next;
    char *name;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* a job came, or the end */
    pthread_cond_t quiet; /* no job queued or at work */
    ec_job_t *first, **last;
    apr_uint64_t queued, done;
    int concurrency, threads, idle, busy;
    apr_size_t stack_size;
    int is_ending;
    struct worker *workers;
};

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list of pools */
static ec_threadpool_t *pools;
static _Atomic int outstanding;

int threadpool_outstanding(void)
{
    return atomic_load(&outstanding);
}

/* ---- a thread's life ---------------------------------------------------------------- */

static void job_done(void *baton)
{
    ec_job_t *job = baton;
    ec_job_fn *done = job->done;
    void *done_baton = job->baton;

    atomic_fetch_sub(&outstanding, 1);
    done(done_baton); /* the job's memory is the owner's again */
}

static void job_perform(ec_job_t *job)
{
    int has_done = job->done != NULL;
    ec_loop_t *loop = job->loop;

    job->work(job->baton); /* without done, the job may be gone after this */
    if (has_done) {
        ec_loop_post(loop, &job->post, job_done, job);
    } else {
        atomic_fetch_sub(&outstanding, 1);
        event_loop_wake(ec_loop_at(0)); /* a virtual clock may be waiting for it */
    }
}

/* Called and returns with the lock held. */
static void work_off(ec_threadpool_t *pool)
{
    while (pool->first != NULL && pool->threads <= pool->concurrency) {
        ec_job_t *job = pool->first;

        pool->first = job->next;
        if (pool->first == NULL) {
            pool->last = &pool->first;
        }
        pool->queued--;
        pool->busy++;
        pthread_mutex_unlock(&pool->lock);
        job_perform(job);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
        pool->done++;
    }
    if (pool->busy == 0 && pool->first == NULL) {
        pthread_cond_broadcast(&pool->quiet);
    }
}

static void worker_main(void *baton)
{
    struct worker *worker = baton;
    ec_threadpool_t *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        work_off(pool);
        if (pool->is_ending || pool->threads > pool->concurrency) {
            break;
        }
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
    }
    if (pool->first != NULL) { /* the signal that woke this one was for a job */
        pthread_cond_signal(&pool->work);
    }
    pool->threads--;
    worker->is_over = 1;
    pthread_mutex_unlock(&pool->lock);
}

/* Joins those that left.  Called with the lock held; they do not take it again. */
static void reap(ec_threadpool_t *pool)
{
    struct worker **link = &pool->workers;

    while (*link != NULL) {
        struct worker *worker = *link;

        if (worker->is_over) {
            *link = worker->next;
            pthread_join(worker->thread, NULL);
            free(worker);
        } else {
            link = &worker->next;
        }
    }
}

/* Called with the lock held. */
static void start_worker(ec_threadpool_t *pool)
{
    struct worker *worker = calloc(1, sizeof *worker);
    apr_status_t rv = APR_ENOMEM;

    reap(pool);
    if (worker != NULL) {
        worker->pool = pool;
        rv = event_thread_start(&worker->thread, pool->name, pool->stack_size, worker_main, worker);
    }
    if (rv != APR_SUCCESS) {
        free(worker);
        ec_log_rv(ec_log_root(), pool->threads == 0 ? EC_LOG_CRITICAL : EC_LOG_WARNING, rv,
                  "thread of a pool can not be started, jobs wait pool=%s threads=%d", pool->name,
                  pool->threads);
        return;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    pool->threads++;
}

/* ---- jobs ------------------------------------------------------------------------------ */

void ec_job_run(ec_threadpool_t *pool, ec_loop_t *loop, ec_job_t *job, ec_job_fn *work, ec_job_fn *done,
                void *baton)
{
    EC_ASSERT(done == NULL || loop != NULL);
    job->next = NULL;
    job->work = work;
    job->done = done;
    job->baton = baton;
    job->loop = loop;
    atomic_fetch_add(&outstanding, 1);
    pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    pool->queued++;
    if (pool->queued > (apr_uint64_t)pool->idle && pool->threads < pool->concurrency) {
        start_worker(pool);
    }
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- pools ------------------------------------------------------------------------------ */

static ec_threadpool_t *find(const char *name)
{
    ec_threadpool_t *pool = pools;

    while (pool != NULL && strcasecmp(pool->name, name) != 0) {
        pool = pool->next;
    }
    return pool;
}

ec_threadpool_t *ec_threadpool_find(const char *name)
{
    ec_threadpool_t *pool;

    pthread_mutex_lock(&pools_lock);
    pool = find(name);
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

static ec_threadpool_t *make(const char *name)
{
    ec_threadpool_t *pool = calloc(1, sizeof *pool);

    EC_ASSERT(pool != NULL);
    pool->name = strdup(name);
    EC_ASSERT(pool->name != NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->quiet, NULL);
    pool->last = &pool->first;
    pool->next = pools;
    pools = pool;
    return pool;
}

ec_threadpool_t *event_threadpool_configure(const char *name, int concurrency, apr_size_t stack_size)
{
    ec_threadpool_t *pool;

    EC_ASSERT(concurrency > 0);
    pthread_mutex_lock(&pools_lock);
    pool = find(name);
    if (pool == NULL) {
        pool = make(name);
    }
    pthread_mutex_lock(&pool->lock);
    pool->concurrency = concurrency;
    pool->stack_size = stack_size;
    while (pool->threads < concurrency &&
           (apr_uint64_t)pool->threads < pool->queued + (apr_uint64_t)pool->busy) {
        int before = pool->threads;

        start_worker(pool);
        if (pool->threads == before) {
            break;
        }
    }
    pthread_cond_broadcast(&pool->work); /* those too many leave */
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

void event_threadpool_each(event_threadpool_each_fn *each, void *baton)
{
    pthread_mutex_lock(&pools_lock);
    for (ec_threadpool_t *pool = pools; pool != NULL; pool = pool->next) {
        event_threadpool_stats_t stats;

        pthread_mutex_lock(&pool->lock);
        stats = (event_threadpool_stats_t){ pool->name, pool->concurrency, pool->threads,
                                            pool->busy, pool->queued,      pool->done };
        pthread_mutex_unlock(&pool->lock);
        each(baton, &stats);
    }
    pthread_mutex_unlock(&pools_lock);
}

void threadpool_create_all(void)
{
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        event_threadpool_configure(built_in[i].name, built_in[i].concurrency, 0);
    }
}

void threadpool_wait_all(void)
{
    for (ec_threadpool_t *pool = pools; pool != NULL; pool = pool->next) {
        pthread_mutex_lock(&pool->lock);
        while (pool->first != NULL || pool->busy > 0) {
            pthread_cond_wait(&pool->quiet, &pool->lock);
        }
        pthread_mutex_unlock(&pool->lock);
    }
}

static void destroy(ec_threadpool_t *pool)
{
    pthread_mutex_lock(&pool->lock);
    EC_ASSERT(pool->first == NULL && pool->busy == 0);
    pool->is_ending = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (struct worker *worker = pool->workers, *next; worker != NULL; worker = next) {
        next = worker->next;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
    pthread_cond_destroy(&pool->quiet);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->name);
    free(pool);
}

void threadpool_destroy_all(void)
{
    ec_threadpool_t *pool = pools, *next;

    pools = NULL;
    for (; pool != NULL; pool = next) {
        next = pool->next;
        destroy(pool);
    }
}
