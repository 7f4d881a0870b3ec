/* throttle_test.c - named throttles: one node without a cluster, and units that a provider brings
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ec/throttle.h>

#include "event/runtime.h"
#include "runner.h"
#include "shape/shape.h"

static const apr_interval_time_t window = apr_time_from_sec(2);

static event_clock_t *clock;
static ec_loop_t *loop;

static apr_time_t virtual_now(void)
{
    return event_clock_now(clock);
}

static void setup(void)
{
    test_setup();
    clock = event_clock_virtual(apr_time_from_sec(1000), test_pool);
    ck_assert_int_eq(event_runtime_create(1, clock, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    event_clock_hold(clock);
    shape_set_clock(virtual_now);
}

static void teardown(void)
{
    event_runtime_destroy();
    test_teardown();
}

/* Everything happens on the loop. */
static void on_loop(ec_post_fn *run)
{
    static ec_post_t post;

    ec_loop_post(loop, &post, run, NULL);
    event_run_turns(loop, 3);
}

static void pass(apr_interval_time_t time)
{
    for (apr_interval_time_t done = 0; done < time; done += 1000) {
        event_clock_advance(clock, 1000);
        event_run_turns(loop, 2);
    }
}

static ec_named_throttle_t *one, *other;
static int told, taken;

static void on_told(void *baton)
{
    told++;
    while (ec_throttle_take(baton == NULL ? one : other, NULL))
        taken++;
}

static int take_all(ec_named_throttle_t *throttle)
{
    int count = 0;

    while (ec_throttle_take(throttle, NULL))
        count++;
    return count;
}

static void open_bad(void *baton)
{
    char name[EC_THROTTLE_NAME_MAX + 2];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(ec_throttle_open("", 5, window, NULL, NULL));
    ck_assert_ptr_null(ec_throttle_open(name, 5, window, NULL, NULL));
    ck_assert_ptr_null(ec_throttle_open("n", 0, window, NULL, NULL));
    ck_assert_ptr_null(ec_throttle_open("n", EC_THROTTLE_LIMIT_MAX + 1LL, window, NULL, NULL));
    ck_assert_ptr_null(ec_throttle_open("n", 5, EC_THROTTLE_WINDOW_MIN - 1, NULL, NULL));
    one = ec_throttle_open(name + 1, 1, EC_THROTTLE_WINDOW_MIN, NULL, NULL);
    ck_assert_ptr_nonnull(one);
    ec_throttle_close(one);
}

START_TEST(arguments_have_bounds)
{
    on_loop(open_bad);
}
END_TEST

static void use_two(void *baton)
{
    apr_interval_time_t wait = -1;

    one = ec_throttle_open("a", 5, window, NULL, NULL);
    other = ec_throttle_open("a", 5, window, NULL, NULL);
    ck_assert_int_eq(ec_throttle_take(other, &wait), 1);
    ck_assert_int_eq(wait, 0);
    ck_assert_int_eq(take_all(one), 4); /* a name is one throttle */
    ck_assert_int_eq(ec_throttle_take(other, &wait), 0);
    ck_assert_msg(wait >= window && wait <= window + window / 32, "wait %ld", (long)wait);
    ec_throttle_close(other);
    other = ec_throttle_open("b", 5, window, NULL, NULL);
    ck_assert_int_eq(take_all(other), 5); /* and another name another one */
    ec_throttle_close(other);
    ec_throttle_close(one);
}

static void use_again(void *baton)
{
    one = ec_throttle_open("a", 5, window, NULL, NULL);
    ck_assert_int_eq(take_all(one), 0); /* what was used rests, whoever has closed what */
}

static void use_later(void *baton)
{
    ck_assert_int_eq(take_all(one), 5);
    other = ec_throttle_open("a", 7, window, NULL, NULL); /* another number */
    ck_assert_int_eq(take_all(one) + take_all(other), 2);
    ec_throttle_close(one);
    ec_throttle_close(other);
}

START_TEST(one_node_has_all)
{
    on_loop(use_two);
    on_loop(use_again);
    pass(window + window / 32);
    on_loop(use_later);
}
END_TEST

static void begin_to_wait(void *baton)
{
    one = ec_throttle_open("a", 3, window, on_told, NULL);
    other = ec_throttle_open("a", 3, window, on_told, &other);
    ck_assert_int_eq(take_all(one), 3);
    ck_assert_int_eq(take_all(other), 0);
}

static void close_both(void *baton)
{
    ec_throttle_close(one);
    ec_throttle_close(other);
}

START_TEST(who_waits_is_told)
{
    told = taken = 0;
    on_loop(begin_to_wait);
    pass(window - 2000);
    ck_assert_int_eq(told, 0);
    pass(window / 32 + 4000);
    ck_assert_int_gt(told, 0);
    ck_assert_int_eq(taken, 3);
    pass(10 * window);
    ck_assert_msg(taken >= 3 * 10, "%d", taken); /* 3 in any window, and not much less */
    ck_assert_msg(taken <= 3 * 11, "%d", taken);
    on_loop(close_both);
}
END_TEST

/* ---- with a provider: what a cluster does ------------------------------------------------------- */

static void on_wake(void *baton)
{
}

static const ec_gate_provider_t provider = { on_wake };

static void open_provided(void *baton)
{
    one = ec_throttle_open("a", 5, window, on_told, NULL);
    ck_assert_int_eq(take_all(one), 0); /* it has what the provider brings */
    ec_throttle_want(one, 4);
}

static void close_one(void *baton)
{
    ec_throttle_close(one);
}

START_TEST(a_cluster_brings_units)
{
    ec_gate_state_t state;
    ec_gate_t *gate;

    told = taken = 0;
    ck_assert_int_eq(ec_gate_provide(&provider, NULL), APR_SUCCESS);
    on_loop(open_provided);
    gate = ec_gate_changed();
    ck_assert_ptr_nonnull(gate);
    ec_gate_state(gate, &state);
    ck_assert_str_eq(state.key, "shared_named_throttles a");
    ck_assert_int_eq(state.limit, 5);
    ck_assert_int_eq(state.window, window);
    ck_assert_int_eq(state.wanted, 4);
    ck_assert_int_eq(state.is_available, 0);
    ec_gates_lease(virtual_now() + apr_time_from_sec(100));
    ec_gate_give(gate, 2, 0);
    pass(5000);
    ck_assert_int_eq(taken, 2);
    ec_gate_state(gate, &state);
    ck_assert_int_eq(state.used, 2);
    ec_gates_lease(0); /* cut off: nothing is used any more */
    ec_gate_give(gate, 2, 0);
    pass(5000);
    ck_assert_int_eq(taken, 2);
    on_loop(close_one);
    ck_assert_int_eq(ec_gate_provide(NULL, NULL), APR_SUCCESS);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("throttle");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, arguments_have_bounds);
    tcase_add_test(tcase, one_node_has_all);
    tcase_add_test(tcase, who_waits_is_told);
    tcase_add_test(tcase, a_cluster_brings_units);
    suite_add_tcase(suite, tcase);
}

TEST_MAIN("shape/throttle", add)
