/* shape_test.c - gates on one loop and a virtual clock: order, equal parts, limits that change, rates
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "event/runtime.h"
#include "runner.h"
#include "shape/shape.h"

enum { MOST = 12 };

static event_clock_t *clock;
static ec_loop_t *loop;

/* A user that takes what it can whenever it is told, and ends connections when it shall, if it is willing. */
struct client {
    shape_user_t user;
    int told, is_idle, is_stubborn;
};
static struct client clients[MOST];
static char order[64]; /* who was told, in order */

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
    event_clock_hold(clock); /* time passes in pass() alone */
    shape_set_clock(virtual_now);
}

static void teardown(void)
{
    for (int i = 0; i < MOST; i++) {
        if (clients[i].user.gate != NULL) {
            shape_leave(&clients[i].user);
        }
    }
    event_runtime_destroy();
    test_teardown();
}

static void take_all(struct client *client)
{
    while (client->user.used < client->user.wanted && shape_take(&client->user)) {
    }
}

static void on_told(void *baton)
{
    struct client *client = baton;
    size_t n = strlen(order);

    client->told++;
    if (n + 1 < sizeof order) {
        order[n] = (char)('a' + (client - clients));
    }
    if (client->is_idle) {
        return;
    }
    while (!client->is_stubborn && shape_lost(&client->user) + shape_surplus(&client->user) > 0) {
        shape_put(&client->user);
    }
    take_all(client);
}

static ec_gate_t *gate_of(apr_int64_t limit, apr_interval_time_t window)
{
    return shape_gate(&(shape_place_t){ .key = "place", .limit = limit, .window = window });
}

static void join(int n, apr_int64_t limit, apr_interval_time_t window)
{
    for (int i = 0; i < n; i++) {
        ec_gate_t *gate = gate_of(limit, window);

        shape_join(&clients[i].user, gate, loop, on_told, &clients[i]);
        shape_gate_unref(gate);
    }
}

static void want(int i, apr_int64_t wanted)
{
    shape_want(&clients[i].user, wanted);
    take_all(&clients[i]);
}

static void turns(void)
{
    event_run_turns(loop, 6);
}

/* Forward, by small steps, so that timers run about when they are due. */
static void pass(apr_interval_time_t time)
{
    for (apr_interval_time_t done = 0; done < time; done += 1000) {
        event_clock_advance(clock, 1000);
        event_run_turns(loop, 2);
    }
}

static apr_int64_t used(int i)
{
    return clients[i].user.used;
}

START_TEST(one_gate_for_one_place)
{
    ec_gate_t *one = gate_of(3, 0), *other = gate_of(3, 0), *rate = gate_of(3, 1000000);

    ck_assert_ptr_eq(one, other);
    ck_assert_ptr_ne(one, rate);
    shape_gate_unref(one);
    shape_gate_unref(other);
    shape_gate_unref(rate);
}
END_TEST

START_TEST(waiters_in_order)
{
    join(4, 1, 0);
    want(0, 1);
    want(2, 1);
    want(1, 1);
    want(3, 1);
    ck_assert_int_eq(used(0), 1);
    for (int i = 0; i < 4; i++) {
        shape_want(&clients[i].user, used(i));
        shape_want(&clients[i].user, 1);
    }
    turns();
    ck_assert_str_eq(order, "");
    want(2, 1);
    want(1, 1);
    want(3, 1);
    shape_want(&clients[0].user, 0);
    shape_put(&clients[0].user);
    turns();
    ck_assert_str_eq(order, "c");
    for (int i = 2; i > 0; i--) {
        shape_want(&clients[i].user, 0);
        shape_put(&clients[i].user);
        turns();
    }
    ck_assert_str_eq(order, "cbd");
    ck_assert_int_eq(used(3), 1);
}
END_TEST

/* Nobody who comes by gets what was promised to one that waits. */
START_TEST(promised_is_kept_and_passed_on)
{
    join(3, 1, 0);
    want(0, 1);
    clients[1].is_idle = 1;
    want(1, 1);
    shape_put(&clients[0].user);
    ck_assert(!shape_take(&clients[0].user));
    turns();
    ck_assert_int_eq(clients[1].told, 1);
    ck_assert_int_eq(used(0), 0);
    pass(50000); /* it does not take it */
    ck_assert_int_eq(used(0), 1);
}
END_TEST

START_TEST(equal_parts)
{
    join(3, 12, 0);
    want(0, 100);
    ck_assert_int_eq(used(0), 12);
    want(1, 100);
    turns();
    ck_assert_int_eq(used(0), 6);
    ck_assert_int_eq(used(1), 6);
    want(2, 3); /* less than its part: the others share the rest */
    turns();
    turns();
    ck_assert_int_eq(used(2), 3);
    ck_assert_int_eq(used(0) + used(1), 9);
    ck_assert(used(0) == 4 || used(0) == 5);
}
END_TEST

/* Each decision is counted: one connection ends for one that is wanted, and none when it is wanted no more.
 */
START_TEST(surplus_is_counted)
{
    join(3, 4, 0);
    clients[0].is_stubborn = clients[1].is_stubborn = 1;
    want(0, 2);
    want(1, 2);
    want(2, 1);
    turns();
    ck_assert_int_eq(shape_surplus(&clients[0].user) + shape_surplus(&clients[1].user), 1);
    want(2, 4);
    turns();
    ck_assert_int_eq(shape_surplus(&clients[0].user) + shape_surplus(&clients[1].user), 1);
    shape_want(&clients[2].user, 0);
    ck_assert_int_eq(shape_surplus(&clients[0].user) + shape_surplus(&clients[1].user), 0);
}
END_TEST

/* Where there is not one for each, the odd ones change hands every second. */
START_TEST(odd_units_change_hands)
{
    int had[MOST] = { 0 };

    join(7, 2, 0);
    for (int i = 0; i < 7; i++) {
        want(i, 1);
    }
    for (int ms = 0; ms < 9000; ms += 500) {
        int sum = 0;

        pass(500000);
        turns();
        for (int i = 0; i < 7; i++) {
            had[i] += used(i) > 0;
            sum += (int)used(i);
        }
        ck_assert_int_eq(sum, 2);
    }
    for (int i = 0; i < 7; i++) {
        ck_assert_int_gt(had[i], 0);
    }
}
END_TEST

START_TEST(limit_changes)
{
    join(2, 10, 0);
    clients[0].is_stubborn = 1;
    want(0, 10);
    shape_gate_unref(gate_of(4, 0));
    turns();
    ck_assert_int_eq(shape_surplus(&clients[0].user), 6);
    for (int i = 0; i < 6; i++) {
        shape_put(&clients[0].user);
        ck_assert_int_eq(shape_surplus(&clients[0].user), 5 - i);
        ck_assert(!shape_take(&clients[0].user));
    }
    ck_assert_int_eq(used(0), 4);
    clients[0].is_stubborn = 0;
    shape_gate_unref(gate_of(9, 0)); /* it waits: it is told */
    turns();
    ck_assert_int_eq(used(0), 9);
    shape_gate_unref(gate_of(0, 0));
    turns();
    ck_assert_int_eq(used(0), 0);
    shape_gate_unref(gate_of(-1, 0));
    turns();
    ck_assert_int_eq(used(0), 10);
}
END_TEST

static int sent;

static void send_when_told(void *baton)
{
    struct client *client = baton;

    client->told++;
    for (shape_want(&client->user, 1000); shape_take(&client->user); shape_want(&client->user, 1000)) {
        sent++;
    }
}

START_TEST(rate_tells_when_rested)
{
    ec_gate_t *gate = gate_of(5, apr_time_from_sec(1));

    for (int i = 0; i < 3; i++) {
        shape_join(&clients[i].user, gate, loop, send_when_told, &clients[i]);
    }
    shape_gate_unref(gate);
    send_when_told(&clients[0]);
    ck_assert_int_eq(sent, 5);
    send_when_told(&clients[1]);
    send_when_told(&clients[2]);
    ck_assert_int_gt(shape_next(&clients[0].user), virtual_now() + apr_time_from_sec(1));
    pass(apr_time_from_sec(1));
    ck_assert_int_eq(sent, 5);
    pass(30000);
    ck_assert_int_eq(sent, 10);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_gt(clients[i].told, 1);
    }
    pass(apr_time_from_sec(10));
    ck_assert_int_eq(sent, 55); /* five at first, and in each of ten windows of 130/128 s */
}
END_TEST

/* In turn, although one of them always has more. */
START_TEST(rate_is_shared)
{
    int counts[3] = { 0 };

    join(3, 6, apr_time_from_sec(1));
    for (int i = 0; i < 3; i++) {
        clients[i].is_idle = 1;
    }
    for (int ms = 0; ms < 20000; ms++) {
        for (int i = 0; i < 3; i++) {
            shape_want(&clients[i].user, 1000);
            counts[i] += shape_take(&clients[i].user);
        }
        pass(1000);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_ge(counts[i], 36);
        ck_assert_int_le(counts[i], 42);
    }
}
END_TEST

START_TEST(untaken_comes_back)
{
    join(1, 1, apr_time_from_sec(10));
    for (int i = 0; i < 5; i++) {
        ck_assert(shape_take(&clients[0].user));
        shape_return(&clients[0].user, clients[0].user.taken_at);
    }
    ck_assert(shape_take(&clients[0].user));
    ck_assert(!shape_take(&clients[0].user));
}
END_TEST

/* A rate remembers what was used when everybody has left. */
START_TEST(rate_outlives_its_users)
{
    join(1, 2, apr_time_from_sec(10));
    ck_assert(shape_take(&clients[0].user));
    ck_assert(shape_take(&clients[0].user));
    shape_leave(&clients[0].user);
    pass(1000);
    join(1, 2, apr_time_from_sec(10));
    ck_assert(!shape_take(&clients[0].user));
    shape_leave(&clients[0].user);
    event_clock_advance(clock, apr_time_from_sec(11));
    join(1, 2, apr_time_from_sec(10));
    ck_assert(shape_take(&clients[0].user));
}
END_TEST

START_TEST(leaving_gives_all_back)
{
    join(2, 3, 0);
    want(0, 3);
    want(1, 2);
    shape_leave(&clients[0].user); /* with a surplus, and a bell that rings */
    turns();
    ck_assert_int_eq(used(1), 2);
    ck_assert_int_eq(clients[0].told, 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("shape");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, one_gate_for_one_place);
    tcase_add_test(tcase, waiters_in_order);
    tcase_add_test(tcase, promised_is_kept_and_passed_on);
    tcase_add_test(tcase, equal_parts);
    tcase_add_test(tcase, surplus_is_counted);
    tcase_add_test(tcase, odd_units_change_hands);
    tcase_add_test(tcase, limit_changes);
    tcase_add_test(tcase, rate_tells_when_rested);
    tcase_add_test(tcase, rate_is_shared);
    tcase_add_test(tcase, untaken_comes_back);
    tcase_add_test(tcase, rate_outlives_its_users);
    tcase_add_test(tcase, leaving_gives_all_back);
}

TEST_MAIN("shape/shape", add)
