/* limits_test.c - which limits stand over which queue, who shares them, and what queues do when units come and go
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <string.h>

#include <apr_strings.h>

#include <ec/gate.h>

#include "queue/show.h"
#include "runner.h"
#include "shape/shape.h"

/* ---- places --------------------------------------------------------------------------------- */

#define SERVER "server_max_outbound_connections global 20000"

/* `keys`: "key limit" and "/seconds" of a rate, joined by "; ", without what the server has always. */
static const struct {
    const char *conf, *host, *keys;
} cases[] = {
    { "", NULL, "" },
    { "scope_max_outbound_connections = 5\n", NULL, "scope_max_outbound_connections global 5; " },
    { "scope_max_outbound_connections = -1\n", NULL, "" },
    { "scope_max_outbound_connections = 0\n", NULL, "scope_max_outbound_connections global 0; " },
    { "scope_max_outbound_connections = 5\nDomain \"one.test\" { scope_max_outbound_connections = 3 }\n",
      NULL, "scope_max_outbound_connections domain:one.test 3; " },
    { "Domain \"/test$/\" { outbound_throttle_messages = \"6/60\" }\n", NULL,
      "outbound_throttle_messages domain:/test$/ 6/60; " },
    { "Domain \"/test$/\" { outbound_throttle_messages = \"6/60\" }\nDomain \"one.test\" { "
      "outbound_throttle_messages = 0 }\n",
      NULL, "" },
    { "outbound_throttle_connections = 7\nBinding \"default\" { Domain \"one.test\" { "
      "outbound_throttle_connections = 8 } }\n",
      NULL, "outbound_throttle_connections binding:default::domain:one.test 8/1; " },
    { "cluster_max_outbound_connections = 9\n", NULL,
      "cluster_max_outbound_connections global each domain:one.test 9 c; " },
    { "Domain \"/./\" { cluster_max_outbound_connections = 9 }\n", NULL,
      "cluster_max_outbound_connections global each domain:one.test 9 c; " },
    { "Binding \"default\" { cluster_max_outbound_connections = 9 }\n", NULL,
      "cluster_max_outbound_connections binding:default each domain:one.test 9 c; " },
    { "Binding_Group \"default\" { server_max_outbound_connections = 2 }\nBinding \"default\" { "
      "server_max_outbound_connections = 1 }\n",
      NULL,
      "server_max_outbound_connections binding:default 1; server_max_outbound_connections "
      "binding_group:default 2; " },
    { "cluster_server_max_outbound_connections = 4\ncluster_limit_mode = available\n", NULL,
      "cluster_server_max_outbound_connections global 4 a; " },
    { "cluster_outbound_throttle_messages = \"5/10\"\n", NULL,
      "cluster_outbound_throttle_messages global 5/10 c; " },
    /* the mode is looked for where the limit is set and outward from there: who shares it agrees on it */
    { "cluster_server_max_outbound_connections = 4\nDomain \"one.test\" { cluster_limit_mode = available }\n", NULL,
      "cluster_server_max_outbound_connections global 4 c; " },
    { "cluster_scope_max_outbound_connections = 4\nBinding \"default\" { cluster_limit_mode = available }\n", NULL,
      "cluster_scope_max_outbound_connections global 4 c; " },
    { "cluster_limit_mode = available\nDomain \"one.test\" { cluster_outbound_throttle_messages = 6 }\n"
      "Binding \"default\" { cluster_limit_mode = strict }\n",
      NULL, "cluster_outbound_throttle_messages domain:one.test 6/1 a; " },
    { "Binding_Group \"default\" { cluster_limit_mode = available Domain \"one.test\" { "
      "cluster_scope_max_outbound_connections = 3 } }\nDomain \"one.test\" { cluster_limit_mode = strict }\n",
      NULL, "cluster_scope_max_outbound_connections binding_group:default::domain:one.test 3 a; " },
    { "cluster_max_outbound_connections = 9\nDomain \"one.test\" { cluster_limit_mode = available }\n", NULL,
      "cluster_max_outbound_connections global each domain:one.test 9 a; " },
    { "cluster_max_outbound_connections = 9\nBinding \"default\" { Domain \"one.test\" { cluster_limit_mode = "
      "available } }\n",
      NULL, "cluster_max_outbound_connections global each domain:one.test 9 c; " },
    { "Binding \"default\" { cluster_max_outbound_connections = 9 Domain \"one.test\" { cluster_limit_mode = "
      "available } }\n",
      NULL, "cluster_max_outbound_connections binding:default each domain:one.test 9 a; " },
    { "max_outbound_connections = 4\n", "mx.test", "" },
    { "Host \"mx.test\" { max_outbound_connections = 4 }\n", "mx.test",
      "max_outbound_connections global each host:mx.test 4; " },
    { "Host \"/^mx/\" { max_outbound_connections = 4 outbound_throttle_messages = 3 }\n", "mx.test",
      "max_outbound_connections global each host:mx.test 4; outbound_throttle_messages host:/^mx/ 3/1; " },
    { "Binding \"default\" { Host \"mx.test\" { cluster_max_outbound_connections = 4 cluster_limit_mode = "
      "available } }\n",
      "mx.test", "cluster_max_outbound_connections binding:default each host:mx.test 4 a; " },
    { "Domain \"one.test\" { cluster_limit_mode = available }\nHost \"mx.test\" { "
      "cluster_scope_max_outbound_connections = 4 }\n",
      "mx.test", "cluster_scope_max_outbound_connections host:mx.test 4 c; " },
    { "cluster_limit_mode = available\nHost \"mx.test\" { cluster_max_outbound_connections = 4 }\n", "mx.test",
      "cluster_max_outbound_connections global each host:mx.test 4 a; " },
};

static const char *describe(const limit_place_t *place)
{
    return apr_psprintf(
        test_pool, "%s %" APR_INT64_T_FMT "%s%s; ", place->place.key, place->place.limit,
        place->place.window > 0 ? apr_psprintf(test_pool, "/%d", (int)apr_time_sec(place->place.window)) : "",
        !place->place.is_cluster    ? ""
        : place->place.is_available ? " a"
                                    : " c");
}

START_TEST(places)
{
    limit_place_t found[LIMITS_MAX];
    const char *keys = "";
    int n;

    world_start(cases[_i].conf, 1, test_pool);
    world.can_connect = 0;
    world_mail("a@here.test", "b@one.test");
    world_pass(0.001);
    n = places_find(found, world_queue("one.test"), cases[_i].host, test_pool);
    for (int i = 0; i < n; i++) {
        const char *text = describe(&found[i]);

        keys = strncmp(text, SERVER, strlen(SERVER)) == 0 ? keys : apr_pstrcat(test_pool, keys, text, NULL);
    }
    ck_assert_str_eq(keys, cases[_i].keys);
    world_stop();
}
END_TEST

/* ---- units that come and go ---------------------------------------------------------------------- */

static void wake(void *baton)
{
}
static const ec_gate_provider_t provider = { wake };

static ec_gate_t *gate_of(const char *key)
{
    ec_gate_t *gate, *found = NULL;
    ec_gate_state_t state;

    while ((gate = ec_gate_changed()) != NULL) {
        ec_gate_state(gate, &state);
        found = strcmp(state.key, key) == 0 ? gate : found;
    }
    return found;
}

static apr_int64_t used(ec_gate_t *gate)
{
    ec_gate_state_t state;

    ec_gate_state(gate, &state);
    return state.used;
}

#define CLUSTER "cluster_scope_max_outbound_connections"

/* A queue uses what it is given, gives up what others need, and says how much it could use. */
START_TEST(units_of_a_provider)
{
    ec_gate_state_t state;
    ec_gate_t *gate;
    char why[1000];

    ck_assert_int_eq(ec_gate_provide(&provider, NULL), APR_SUCCESS);
    world_start(CLUSTER " = 10\nconnection_allocation_aggressiveness = high\nmax_recipients_per_batch = 1\n",
                1, test_pool);
    world.reply_delay = apr_time_from_sec(1);
    world.idle_timeout = apr_time_from_sec(60);
    world_mail_many("a@here.test", "one.test", 50);
    world_pass(0.1);
    ck_assert_int_eq(world.opened, 0);
    queue_why(world_queue("one.test"), why, sizeof why);
    ck_assert_msg(strstr(why, CLUSTER " is closed: this node has no lease") != NULL, "%s", why);
    ck_assert_ptr_nonnull(gate = gate_of(CLUSTER " global"));
    ec_gate_state(gate, &state);
    ck_assert_int_ge(state.wanted, 10);
    ec_gates_lease(ec_gate_clock() + apr_time_from_sec(1000));
    ec_gate_give(gate, 6, 0);
    world_pass(0.1);
    queue_why(world_queue("one.test"), why, sizeof why);
    ck_assert_msg(strstr(why, CLUSTER " is reached: 6 of 6 connections in use here, all that this node has at present of the cluster's 10") != NULL, "%s", why);
    ck_assert_int_eq(world.open_now, 6);
    ec_gate_shed(gate, 2);
    world_pass(3);
    ck_assert_int_eq(world.open_now, 4);
    ck_assert_int_eq(used(gate), 4);
    ck_assert_int_eq(ec_gate_take_back(gate, 5), 2);
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.most_open, 6);
    world_stop();
    ec_gate_provide(NULL, NULL);
}
END_TEST

/* A limit that a reload brings counts what is open already: the surplus ends, and nothing is opened above it.
 */
START_TEST(a_new_limit_counts_what_is_open)
{
    world_start("connection_allocation_aggressiveness = high\nmax_recipients_per_batch = 1\n", 1, test_pool);
    world.reply_delay = apr_time_from_sec(1);
    world_mail_many("a@here.test", "one.test", 200);
    world_pass(0.1);
    ck_assert_int_eq(world.open_now, 32);
    world_configure("scope_max_outbound_connections = 3\nconnection_allocation_aggressiveness = "
                    "high\nmax_recipients_per_batch = 1\n");
    world_pass(3);
    ck_assert_int_eq(world.open_now, 3);
    world_configure("scope_max_outbound_connections = 8\nconnection_allocation_aggressiveness = "
                    "high\nmax_recipients_per_batch = 1\n");
    world_pass(3);
    ck_assert_int_eq(world.open_now, 8);
    ck_assert_int_eq(world_settle(300), 0);
    world_stop();
}
END_TEST

/* Two domains under one place: what one does not need goes to the other at once, also when it is held idle.
 */
START_TEST(idle_connections_give_way)
{
    world_start("scope_max_outbound_connections = 1\nidle_timeout = 1000\n", 1, test_pool);
    world.idle_timeout = apr_time_from_sec(1000);
    for (int i = 0; i < 20; i++) {
        world_mail("a@here.test", i % 2 ? "b@one.test" : "b@two.test");
    }
    ck_assert_int_eq(world_settle(30), 0);
    ck_assert_int_eq(world.most_open, 1);
    world_stop();
}
END_TEST

/* Also of a limit that is the node's own: a connection that we close counts until the receiver has heard of it. */
START_TEST(what_is_closed_counts_until_it_is_heard)
{
    world_start("scope_max_outbound_connections = 2\nconnection_allocation_aggressiveness = high\n", 1, test_pool);
    world.heard_after = apr_time_from_msec(100);
    for (int i = 0; i < 40; i++) {
        world_mail("a@here.test", apr_psprintf(test_pool, "b@d%d.test", i % 4));
    }
    ck_assert_int_eq(world_settle(120), 0);
    ck_assert_int_le(world.most_open, 2);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "limits", 60);

    tcase_add_loop_test(tcase, places, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, units_of_a_provider);
    tcase_add_test(tcase, a_new_limit_counts_what_is_open);
    tcase_add_test(tcase, idle_connections_give_way);
    tcase_add_test(tcase, what_is_closed_counts_until_it_is_heard);
}

TEST_MAIN("queue/limits", add)
