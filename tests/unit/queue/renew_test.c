/* renew_test.c - queues take up a new generation: what changed, for whom, in how many turns
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <string.h>

#include <apr_strings.h>

#include "runner.h"

enum { MANY = 3000, TURNS = 400 };

static int n_live;

static void count(void *baton, const conf_live_t *live)
{
    n_live++;
}

static int generations(void)
{
    n_live = 0;
    conf_each_live(count, NULL);
    return n_live;
}

static apr_uint64_t in_force(void)
{
    return conf_generation(conf_latest());
}

static void count_renewed(void *baton, queue_t *queue)
{
    *(int *)baton += queue->view != NULL && queue->generation == in_force();
}

static int renewed(void)
{
    int n = 0;

    queue_each(queue_sets[0], count_renewed, &n);
    return n;
}

static void make_queues(int n)
{
    for (int i = 0; i < n; i++) {
        world_mail("a@here.test", apr_psprintf(test_pool, "b@d%d.test", i));
    }
    world_pass(0.001);
    ck_assert_int_eq(renewed(), n);
}

/* One turn of the loop. */
static void turn(void)
{
    event_run_until(ec_loop_at(0), NULL, NULL, 1);
}

START_TEST(nothing_changed)
{
    world_start("suspend_delivery = false\n", 1, test_pool);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_ptr_nonnull(world_queue("there.test")->route);
    world_configure("Domain \"other.test\" { retry_interval = 7 }\nsuspend_delivery = false\n");
    world_pass(0.001);
    ck_assert_int_eq(renewed(), 1);
    ck_assert_ptr_nonnull(world_queue("there.test")->route);
    ck_assert_int_eq(generations(), 1);
    world_stop();
}
END_TEST

/* The route stays when something else changed, and is asked for again when it may be another. */
static const struct {
    const char *text;
    int keeps_route;
} changes[] = {
    { "max_outbound_connections = 3\n", 1 },
    { "idle_timeout = 3\n", 1 },
    { "Domain \"there.test\" { retry_interval = 3 }\n", 1 },
    { "Domain \"there.test\" { Gateway = \"relay.test\" }\n", 0 },
    { "Domain \"there.test\" { Routes = ( \"127.0.0.1\" ) }\n", 0 },
    { "Prefer_IPv6_MXs = true\n", 0 },
};

START_TEST(route)
{
    world_start("", 1, test_pool);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_ptr_nonnull(world_queue("there.test")->route);
    world_configure(changes[_i].text);
    world_pass(0.001);
    ck_assert_int_eq(world_queue("there.test")->route != NULL, changes[_i].keeps_route);
    world_stop();
}
END_TEST

START_TEST(waiting_mail_starts)
{
    world_start("suspend_delivery = true\n", 1, test_pool);
    make_queues(10);
    world_pass(100);
    ck_assert_int_eq(world.deliveries, 0);
    world_configure("Domain \"d3.test\" { suspend_delivery = true }\n");
    world_settle(10);
    ck_assert_int_eq(world.deliveries, 9);
    world_configure("");
    ck_assert_int_eq(world_settle(10), 0);
    world_stop();
}
END_TEST

/* However many queues there are, a turn looks at some hundred of them. */
START_TEST(in_slices)
{
    int before = 0, turns = 0;

    world_start("suspend_delivery = true\n", 1, test_pool);
    make_queues(MANY);
    world_configure("suspend_delivery = true\nretry_interval = 7\n");
    for (; renewed() < MANY && turns < TURNS; turns++) {
        turn();
        ck_assert_int_le(renewed() - before, 600); /* a slice of renewals and one of runs */
        before = renewed();
    }
    ck_assert_int_eq(renewed(), MANY);
    ck_assert_int_gt(turns, 4);
    world_pass(0.001);
    ck_assert_int_eq(generations(), 1);
    world_stop();
}
END_TEST

/* The next generation comes while queues are gone through; more queues, too, so that the table grows. */
START_TEST(again_meanwhile)
{
    world_start("suspend_delivery = true\n", 1, test_pool);
    make_queues(MANY);
    for (int i = 0; i < 5; i++) {
        world_configure(apr_psprintf(test_pool, "suspend_delivery = true\nretry_interval = %d\n", 100 + i));
        turn();
        turn();
        for (int k = 0; k < MANY / 2; k++) {
            world_mail("a@here.test", apr_psprintf(test_pool, "b@n%d-%d.test", i, k));
        }
    }
    world_pass(0.001);
    ck_assert_int_eq(renewed(), MANY + 5 * MANY / 2);
    ck_assert_int_eq(conf_int(queue_view(world_queue("d7.test")), CONF_O_RETRY_INTERVAL), 104);
    ck_assert_int_eq(generations(), 1);
    world_configure("");
    ck_assert_int_eq(world_settle(100), 0);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "renew", 120);

    tcase_add_test(tcase, nothing_changed);
    tcase_add_loop_test(tcase, route, 0, sizeof changes / sizeof changes[0]);
    tcase_add_test(tcase, waiting_mail_starts);
    tcase_add_test(tcase, in_slices);
    tcase_add_test(tcase, again_meanwhile);
}
TEST_MAIN("queue/renew", add)
