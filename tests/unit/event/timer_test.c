/* timer_test.c - timers on a virtual clock: order, moving, cancelling, days in no time
 * SPDX-License-Identifier: Apache-2.0 */
#include "event/runtime.h"
#include "runner.h"

enum { TIMERS = 500 };

static const apr_time_t start = 1700000000 * APR_TIME_C(1000000);
static event_clock_t *clock;
static ec_loop_t *loop;

static void setup(void)
{
    clock = event_clock_virtual(start, test_pool);
    ck_assert_int_eq(event_runtime_create(1, clock, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    ck_assert_int_eq(ec_loop_now(loop), start);
}

struct probe {
    ec_timer_t timer;
    ec_timer_t *victim;
    apr_time_t want;
    int runs;
};

static struct probe probes[TIMERS];
static apr_time_t last_run;
static int runs;

static void on_time(void *baton)
{
    struct probe *probe = baton;

    ck_assert_int_eq(ec_loop_now(loop), probe->want);
    ck_assert_int_ge(probe->want, last_run);
    ck_assert(!ec_timer_is_running(&probe->timer));
    last_run = probe->want;
    probe->runs++;
    runs++;
}

static void arm(struct probe *probe, apr_interval_time_t delay)
{
    probe->want = start + delay;
    ec_timer_start(&probe->timer, loop, delay, on_time, probe);
    ck_assert(ec_timer_is_running(&probe->timer));
}

START_TEST(run_in_order)
{
    for (int i = 0; i < TIMERS; i++) {
        arm(&probes[i], (i * 7919 % TIMERS) * 1000 + 1);
    }
    ck_assert_int_eq(runs, 0);
    ck_assert(event_run_until(loop, NULL, NULL, TIMERS * 3));
    ck_assert_int_eq(runs, TIMERS);
}
END_TEST

START_TEST(moved_later_and_earlier)
{
    arm(&probes[0], 1000);
    arm(&probes[1], 5000);
    arm(&probes[2], 3000);
    arm(&probes[0], 9000); /* later */
    arm(&probes[0], 7000); /* earlier again, still later than where it stands */
    arm(&probes[1], 200);  /* earlier */
    ck_assert(event_run_until(loop, NULL, NULL, 100));
    ck_assert_int_eq(runs, 3);
    ck_assert_int_eq(event_clock_now(clock), start + 7000);
}
END_TEST

static void cancel_victim(void *baton)
{
    struct probe *probe = baton;

    ec_timer_cancel(probe->victim);
    ck_assert(!ec_timer_is_running(probe->victim));
    runs++;
}

START_TEST(cancelled_in_a_callback)
{
    probes[0].victim = &probes[1].timer;
    probes[1].victim = &probes[0].timer;
    for (int i = 0; i < 2; i++) { /* both due at once: exactly one runs */
        ec_timer_start(&probes[i].timer, loop, 1000, cancel_victim, &probes[i]);
    }
    ck_assert(event_run_until(loop, NULL, NULL, 100));
    ck_assert_int_eq(runs, 1);
    ec_timer_cancel(&probes[0].timer); /* idle: nothing */
}
END_TEST

static void again_or_free(void *baton)
{
    struct probe *probe = baton;

    runs++;
    if (probe->runs-- > 0) {
        ec_timer_start(&probe->timer, loop, 0, again_or_free, probe);
        return;
    }
    free(probe);
}

START_TEST(rearmed_and_freed_in_its_callback)
{
    struct probe *probe = calloc(1, sizeof *probe);

    probe->runs = 3;
    ec_timer_start(&probe->timer, loop, 5, again_or_free, probe);
    ck_assert(event_run_until(loop, NULL, NULL, 100));
    ck_assert_int_eq(runs, 4);
}
END_TEST

static void every_minute(void *baton)
{
    struct probe *probe = baton;

    runs++;
    if (ec_loop_now(loop) < start + apr_time_from_sec(10 * 86400)) {
        ec_timer_start(&probe->timer, loop, apr_time_from_sec(60), every_minute, probe);
    }
}

START_TEST(ten_days)
{
    apr_time_t began = event_clock_monotonic();

    ec_timer_start(&probes[0].timer, loop, 0, every_minute, &probes[0]);
    ck_assert(event_run_until(loop, NULL, NULL, 100000));
    ck_assert_int_eq(runs, 10 * 24 * 60 + 1);
    ck_assert_int_eq(event_clock_now(clock), start + apr_time_from_sec(10 * 86400));
    ck_assert_int_lt(event_clock_monotonic() - began, apr_time_from_sec(3600));
}
END_TEST

static void on_post(void *baton)
{
    ck_assert_int_eq(runs, 0); /* posts come before timers that are due in the same turn */
    *(int *)baton = 1;
}

START_TEST(posts_before_timers)
{
    ec_post_t post;
    int is_posted = 0;

    arm(&probes[0], 0);
    ec_loop_post(loop, &post, on_post, &is_posted);
    ck_assert(event_run_until(loop, NULL, NULL, 10));
    ck_assert_int_eq(runs, 1);
    ck_assert_int_eq(is_posted, 1);
}
END_TEST

START_TEST(bounded_per_turn)
{
    event_loop_max_timers(10);
    for (int i = 0; i < 25; i++) {
        arm(&probes[i], 0);
    }
    event_run_until(loop, NULL, NULL, 1);
    ck_assert_int_eq(runs, 10);
    event_run_until(loop, NULL, NULL, 2);
    ck_assert_int_eq(runs, 25);
}
END_TEST

START_TEST(held_clock_stands)
{
    arm(&probes[0], 1000);
    event_clock_hold(clock);
    ck_assert(!event_run_until(loop, NULL, NULL, 2));
    ck_assert_int_eq(event_clock_now(clock), start);
    event_clock_release(clock);
    ck_assert(event_run_until(loop, NULL, NULL, 10));
    ck_assert_int_eq(runs, 1);
}
END_TEST

START_TEST(advance)
{
    arm(&probes[0], 1000);
    event_clock_hold(clock);
    probes[0].want = start + 5000;
    event_clock_advance(clock, 5000);
    event_run_until(loop, NULL, NULL, 1);
    ck_assert_int_eq(runs, 1);
}
END_TEST

static int has_run(void *unused)
{
    return runs > 0;
}

static void on_real_time(void *baton)
{
    struct probe *probe = baton;

    ck_assert_int_ge(ec_loop_now(loop), probe->want);
    runs++;
}

START_TEST(real_clock) /* own runtime: never early */
{
    event_loop_stats_t stats;

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    probes[0].want = ec_loop_now(loop) + 20500;
    ec_timer_start(&probes[0].timer, loop, 20500, on_real_time, &probes[0]);
    ck_assert(event_run_until(loop, has_run, NULL, 10000));
    event_loop_stats(loop, &stats);
    ck_assert_uint_eq(stats.timers, 1);
    ck_assert_uint_lt(stats.turns, 10); /* slept, did not spin */
    ck_assert_int_ge(stats.total, 20000);
    ck_assert_int_le(stats.busy_permille, 1000);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "timer", 60), *real = test_case(suite, "real time", 60);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, run_in_order);
    tcase_add_test(tcase, moved_later_and_earlier);
    tcase_add_test(tcase, cancelled_in_a_callback);
    tcase_add_test(tcase, rearmed_and_freed_in_its_callback);
    tcase_add_test(tcase, ten_days);
    tcase_add_test(tcase, posts_before_timers);
    tcase_add_test(tcase, bounded_per_turn);
    tcase_add_test(tcase, held_clock_stands);
    tcase_add_test(tcase, advance);
    tcase_add_test(real, real_clock);
}

TEST_MAIN("event/timer", add)
