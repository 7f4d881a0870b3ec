/* hook_test.c - order, the swap, and that nobody is inside when `done` says so
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "event/runtime.h"
#include "hook/hook.h"
#include "runner.h"

static int seen[8], n_seen;

static void on_delivery(void *self, const ec_event_t *event)
{
    seen[n_seen++] = *(int *)self;
}

static void on_reopen(void *self)
{
    seen[n_seen++] = -*(int *)self;
}

static const ec_hook_t table[] = { EC_HOOK(log_delivery, on_delivery), EC_HOOK(log_reopen, on_reopen),
                                   EC_HOOK_END };
static int numbers[] = { 1, 2, 3, 4 };

static void call(const int *want, int n)
{
    const ec_event_t event = { 0 };

    n_seen = 0;
    HOOK_CALL(log_delivery, &event);
    ck_assert_int_eq(n_seen, n);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(seen[i], want[i]);
    }
}

START_TEST(nobody)
{
    ck_assert_ptr_null(hook_list(EC_HOOK_log_delivery));
    call(NULL, 0);
}
END_TEST

START_TEST(order_of_adding)
{
    for (int i = 0; i < 4; i++) {
        hook_add(table, &numbers[i], "m");
    }
    call((int[]){ 1, 2, 3, 4 }, 4);
    hook_remove(&numbers[1], NULL, NULL);
    call((int[]){ 1, 3, 4 }, 3);
    n_seen = 0;
    HOOK_CALL(log_reopen);
    ck_assert_int_eq(n_seen, 3);
    ck_assert_int_eq(seen[0], -1);
    hook_clear();
    call(NULL, 0);
}
END_TEST

START_TEST(a_set_replaces_all)
{
    hook_set_t *set = hook_set_create();

    hook_add(table, &numbers[3], "m");
    hook_set_add(set, table, &numbers[1], "m");
    hook_set_add(set, table, &numbers[0], "m");
    call((int[]){ 4 }, 1); /* not before it is installed */
    hook_install(set, NULL, NULL);
    call((int[]){ 2, 1 }, 2);
    hook_set_destroy(hook_set_create());
    hook_clear();
}
END_TEST

START_TEST(names_and_prototypes)
{
    ck_assert_str_eq(hook_name(EC_HOOK_log_delivery), "log_delivery");
    ck_assert_str_eq(hook_prototype(EC_HOOK_log_reopen), "void log_reopen(void *self)");
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------------ */

static _Atomic int is_inside, may_leave, is_done;

/* Holds its loop until it is told to go on. */
static void on_slow(void *self, const ec_event_t *event)
{
    atomic_store(&is_inside, 1);
    while (!atomic_load(&may_leave)) {
    }
    ck_assert_int_eq(atomic_load(&is_done), 0);
    atomic_store(&is_inside, 0);
}

static const ec_hook_t slow_table[] = { EC_HOOK(log_delivery, on_slow), EC_HOOK_END };

static void call_on_loop(void *unused)
{
    const ec_event_t event = { 0 };

    HOOK_CALL(log_delivery, &event);
}

static void on_done(void *unused)
{
    ck_assert_ptr_eq(ec_loop_self(), ec_loop_at(0));
    ck_assert_int_eq(atomic_load(&is_inside), 0);
    atomic_store(&is_done, 1);
}

static int pred_inside(void *unused)
{
    return atomic_load(&is_inside);
}

static int pred_done(void *unused)
{
    return atomic_load(&is_done);
}

START_TEST(done_waits_for_a_loop_that_is_inside)
{
    int self = 1, turns = 20;
    ec_post_t post = { 0 };

    ck_assert_int_eq(event_runtime_create(2, NULL, test_pool), APR_SUCCESS);
    hook_add(slow_table, &self, "m");
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    ec_loop_post(ec_loop_at(1), &post, call_on_loop, NULL);
    while (!pred_inside(NULL)) {
        event_run_until(ec_loop_at(0), NULL, NULL, 1);
    }
    hook_remove(&self, on_done, NULL);
    ck_assert_ptr_null(hook_list(EC_HOOK_log_delivery)); /* at once for new calls */
    while (turns-- > 0) {
        event_run_until(ec_loop_at(0), NULL, NULL, 1);
        ck_assert_int_eq(atomic_load(&is_done), 0);
    }
    atomic_store(&may_leave, 1);
    ck_assert(event_run_until(ec_loop_at(0), pred_done, NULL, 1000));
}
END_TEST

static _Atomic long calls;
static _Atomic int is_over;
static int alive[64];

static void on_count(void *self, const ec_event_t *event)
{
    ck_assert_int_eq(*(volatile int *)self, 1); /* never one that is gone */
    atomic_fetch_add(&calls, 1);
}

static const ec_hook_t count_table[] = { EC_HOOK(log_delivery, on_count), EC_HOOK_END };

static void keep_calling(void *post)
{
    const ec_event_t event = { 0 };

    HOOK_CALL(log_delivery, &event);
    if (!atomic_load(&is_over)) {
        ec_loop_post(ec_loop_self(), post, keep_calling, post);
    }
}

static void on_gone(void *self)
{
    *(int *)self = 0;
}

START_TEST(swaps_under_fire)
{
    static ec_post_t posts[2];
    static int always = 1;

    ck_assert_int_eq(event_runtime_create(3, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    for (int i = 0; i < 2; i++) {
        ec_loop_post(ec_loop_at(i + 1), &posts[i], keep_calling, &posts[i]);
    }
    for (int i = 0; i < TEST_COUNT(alive); i++) {
        alive[i] = 1;
        hook_add(count_table, &alive[i], "m");
        event_run_until(ec_loop_at(0), NULL, NULL, 2);
        hook_remove(&alive[i], on_gone, &alive[i]);
    }
    hook_add(count_table, &always, "m");
    while (atomic_load(&calls) == 0) {
        event_run_until(ec_loop_at(0), NULL, NULL, 2);
    }
    atomic_store(&is_over, 1);
    event_runtime_stop();
    hook_clear();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "hook", 60);

    tcase_add_test(tcase, nobody);
    tcase_add_test(tcase, order_of_adding);
    tcase_add_test(tcase, a_set_replaces_all);
    tcase_add_test(tcase, names_and_prototypes);
    tcase_add_test(tcase, done_waits_for_a_loop_that_is_inside);
    tcase_add_test(tcase, swaps_under_fire);
}

TEST_MAIN("hook/hook", add)
