/* threadpool_test.c - jobs: where they run, order, size, resizing, virtual clock, stop
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "event/runtime.h"
#include "runner.h"

enum { JOBS = 200 };

struct task {
    ec_job_t job;
    ec_post_t post;
    int number;
    pthread_t worked_by;
    int is_worked, is_done;
};

static struct task tasks[JOBS];
static _Atomic int n_done;
static _Atomic int at_work, most_at_work;
static sem_t gate;

static void create(int loops, event_clock_t *clock)
{
    sem_init(&gate, 0, 0);
    ck_assert_int_eq(event_runtime_create(loops, clock, test_pool), APR_SUCCESS);
}

static void work(void *baton)
{
    struct task *task = baton;
    int now = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);

    ck_assert_ptr_null(ec_loop_self());
    while (now > most && !atomic_compare_exchange_weak(&most_at_work, &most, now)) {
    }
    task->worked_by = pthread_self();
    task->is_worked = 1;
    atomic_fetch_sub(&at_work, 1);
}

static void work_behind_gate(void *baton)
{
    int now = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);

    while (now > most && !atomic_compare_exchange_weak(&most_at_work, &most, now)) {
    }
    event_loop_wake(ec_loop_at(0));
    sem_wait(&gate);
    atomic_fetch_sub(&at_work, 1);
    ((struct task *)baton)->is_worked = 1;
}

static void done(void *baton)
{
    struct task *task = baton;

    ck_assert_int_eq(ec_loop_index(ec_loop_self()), task->number % ec_loop_count());
    ck_assert(task->is_worked);
    ck_assert(!pthread_equal(task->worked_by, pthread_self()));
    task->is_done = 1;
    if (atomic_fetch_add(&n_done, 1) + 1 == JOBS) {
        event_loop_wake(ec_loop_at(0));
    }
}

static int all_done(void *unused)
{
    return atomic_load(&n_done) == JOBS;
}

START_TEST(done_on_the_right_loop)
{
    create(3, NULL);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    for (int i = 0; i < JOBS; i++) {
        tasks[i].number = i;
        ec_job_run(ec_threadpool_find("io"), ec_loop_at(i % 3), &tasks[i].job, work, done, &tasks[i]);
    }
    ck_assert(event_run_until(ec_loop_at(0), all_done, NULL, 100000));
    ck_assert_int_le(atomic_load(&most_at_work), 50);
}
END_TEST

static int order[JOBS], n_ordered;

static void note_order(void *baton)
{
    order[n_ordered++] = ((struct task *)baton)->number;
}

START_TEST(first_in_first_out)
{
    create(1, NULL);
    for (int i = 0; i < JOBS; i++) {
        tasks[i].number = i;
        ec_job_run(ec_threadpool_find("SpoolIn"), NULL, &tasks[i].job, note_order, NULL, &tasks[i]);
    }
    event_runtime_stop(); /* works off what is queued */
    ck_assert_int_eq(n_ordered, JOBS);
    for (int i = 0; i < JOBS; i++) {
        ck_assert_int_eq(order[i], i);
    }
}
END_TEST

static void find_pool(void *baton, const event_threadpool_stats_t *stats)
{
    if (strcmp(stats->name, "Test") == 0) {
        *(event_threadpool_stats_t *)baton = *stats;
    }
}

static event_threadpool_stats_t pool_stats(void)
{
    event_threadpool_stats_t stats = { 0 };

    event_threadpool_each(find_pool, &stats);
    return stats;
}

static int gate_is_full(void *baton)
{
    return atomic_load(&at_work) == *(int *)baton;
}

static int has_shrunk(void *unused)
{
    return pool_stats().threads == 1;
}

START_TEST(size_is_kept_and_changed)
{
    ec_threadpool_t *pool;
    int want = 3;

    create(1, NULL);
    pool = event_threadpool_configure("Test", 3, 256 * 1024);
    ck_assert_ptr_eq(pool, ec_threadpool_find("TEST"));
    ck_assert_int_eq(pool_stats().threads, 0); /* none before it is needed */
    for (int i = 0; i < 20; i++) {
        ec_job_run(pool, NULL, &tasks[i].job, work_behind_gate, NULL, &tasks[i]);
    }
    ck_assert(event_run_until(ec_loop_at(0), gate_is_full, &want, 1000));
    ck_assert_int_eq(pool_stats().threads, 3);
    ck_assert_uint_eq(pool_stats().queued, 17);
    event_threadpool_configure("test", 6, 0);
    want = 6;
    ck_assert(event_run_until(ec_loop_at(0), gate_is_full, &want, 1000));
    event_threadpool_configure("test", 1, 0);
    for (int i = 0; i < 6; i++) { /* five leave after their job, though more are queued */
        sem_post(&gate);
    }
    ck_assert(event_run_until(ec_loop_at(0), has_shrunk, NULL, 100));
    for (int i = 6; i < 20; i++) {
        sem_post(&gate);
    }
    event_runtime_stop();
    for (int i = 0; i < 20; i++) {
        ck_assert(tasks[i].is_worked);
    }
    ck_assert_int_eq(pool_stats().threads, 1);
    ck_assert_uint_eq(pool_stats().done, 20);
    ck_assert_int_eq(atomic_load(&most_at_work), 6);
}
END_TEST

START_TEST(built_in_pools)
{
    static const char *const names[] = { "IO", "CPU", "SwapIn", "SwapOut", "SpoolIn" };

    create(1, NULL);
    for (int i = 0; i < TEST_COUNT(names); i++) {
        ck_assert_ptr_nonnull(ec_threadpool_find(names[i]));
    }
    ck_assert_ptr_null(ec_threadpool_find("nosuch"));
}
END_TEST

static ec_timer_t timer;
static int is_timed_out;

static void time_out(void *baton)
{
    is_timed_out = 1;
}

static void done_first(void *baton)
{
    ck_assert(!is_timed_out);
    ((struct task *)baton)->is_done = 1;
}

static void open_gate(void *unused)
{
    sem_post(&gate);
}

/* A virtual clock does not jump while a job is under way. */
START_TEST(virtual_clock_waits_for_jobs)
{
    struct task *slow = &tasks[0], *opener = &tasks[1];

    create(1, event_clock_virtual(1000, test_pool));
    ec_timer_start(&timer, ec_loop_at(0), 10, time_out, NULL);
    ec_job_run(ec_threadpool_find("CPU"), ec_loop_at(0), &slow->job, work_behind_gate, done_first, slow);
    ec_loop_post(ec_loop_at(0), &opener->post, open_gate, NULL);
    ck_assert(event_run_until(ec_loop_at(0), NULL, NULL, 10000));
    ck_assert(slow->is_done);
    ck_assert(is_timed_out);
}
END_TEST

static int is_freed;

static void free_task(void *baton)
{
    free(baton);
    is_freed = 1;
}

static void nothing(void *baton)
{
}

START_TEST(job_may_end_with_its_callback) /* a sanitizer sees a use after that */
{
    struct task *in_done = calloc(1, sizeof *in_done), *in_work = calloc(1, sizeof *in_work);

    create(1, NULL);
    ec_job_run(ec_threadpool_find("CPU"), ec_loop_at(0), &in_done->job, nothing, free_task, in_done);
    event_runtime_stop();
    ck_assert(is_freed);
    ec_job_run(ec_threadpool_find("CPU"), NULL, &in_work->job, free, NULL, in_work);
    event_runtime_destroy();
}
END_TEST

static void run_next(void *baton)
{
    struct task *task = baton;

    if (++n_ordered < 30) {
        ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &task->job, nothing, run_next, task);
    }
}

START_TEST(stop_drains_jobs_of_jobs)
{
    create(2, NULL);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &tasks[0].job, nothing, run_next, &tasks[0]);
    event_runtime_stop();
    ck_assert_int_eq(n_ordered, 30);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "threadpool", 60);

    tcase_add_test(tcase, done_on_the_right_loop);
    tcase_add_test(tcase, first_in_first_out);
    tcase_add_test(tcase, size_is_kept_and_changed);
    tcase_add_test(tcase, built_in_pools);
    tcase_add_test(tcase, virtual_clock_waits_for_jobs);
    tcase_add_test(tcase, job_may_end_with_its_callback);
    tcase_add_test(tcase, stop_drains_jobs_of_jobs);
}

TEST_MAIN("event/threadpool", add)
