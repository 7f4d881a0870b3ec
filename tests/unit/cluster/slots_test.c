/* slots_test.c - gates of several servers get their units from one cluster: never too many, never for nothing
 * few SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "runner.h"
#include "slots_model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 4 };
#else
enum { SEEDS = 25 };
#endif

static struct model model;

/* EC_SEEDS=N: so many of each kind.  EC_SEED=N: this one only. */
static int seeds(void)
{
    const char *count = getenv("EC_SEEDS");

    return getenv("EC_SEED") != NULL ? 1 : count != NULL ? atoi(count) : SEEDS;
}

static int first_seed(void)
{
    const char *seed = getenv("EC_SEED");

    return seed != NULL ? atoi(seed) : 1;
}

static void begin(apr_uint64_t seed, int slots, int rates, int is_available)
{
    struct model_config config = { seed, slots, rates, is_available };

    model_start(&model, &config);
    for (int i = 0; i < model.places; i++)
        model_demand(&model, i, 0, model.place[i].limit);
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++)
        model_boot(&model, id);
}

static void run(apr_time_t duration)
{
    ck_assert_msg(model_run(&model, duration), "%s", model.failure);
}

/* Founded, and thawed after a window and a margin. */
static void run_until_free(void)
{
    for (int i = 0; i < 20 && !model_is_whole(&model); i++)
        run(apr_time_from_msec(500));
    ck_assert(model_is_whole(&model));
    run(apr_time_from_msec(3500));
}

START_TEST(all_is_used_and_no_more)
{
    begin((apr_uint64_t)_i + 1, 8, 4, 0);
    run_until_free();
    model_measure(&model);
    run(apr_time_from_sec(10));
    for (int i = 0; i < 8; i++)
        ck_assert_msg(model_utilisation(&model, i) > 0.9, "%s: %.2f", model.place[i].key,
                      model_utilisation(&model, i));
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        double part = model.place[3].used_by[id] / model.place[3].used;

        ck_assert_msg(part > 0.225 && part < 0.275, "server %u has %.3f of 50", id, part);
    }
    model_stop(&model);
}
END_TEST

/* One slot, four servers: it goes round. */
START_TEST(one_slot_goes_round)
{
    begin((apr_uint64_t)_i + 1, 2, 0, 0);
    run_until_free();
    model_measure(&model);
    run(apr_time_from_sec(20));
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        double part = model.place[0].used_by[id] / model.place[0].used;

        ck_assert_msg(part > 0.15 && part < 0.35, "server %u has %.3f of it", id, part);
    }
    model_stop(&model);
}
END_TEST

START_TEST(rates_are_used)
{
    apr_uint64_t could = 0;

    begin((apr_uint64_t)_i + 1, 0, 12, 0);
    run_until_free();
    model.sends = 0;
    run(apr_time_from_sec(20));
    for (int i = 0; i < 12; i++)
        could += (apr_uint64_t)(model.place[i].limit * apr_time_from_sec(20) / model.place[i].window);
    ck_assert_msg(model.sends > could * 9 / 10, "%lu of %lu", (unsigned long)model.sends,
                  (unsigned long)could);
    model_stop(&model);
}
END_TEST

START_TEST(many_keys)
{
    begin((apr_uint64_t)_i + 1, MODEL_GATES, 0, 0);
    run_until_free();
    model_measure(&model);
    run(apr_time_from_sec(2));
    for (int i = 0; i < MODEL_GATES; i++)
        ck_assert_msg(model_utilisation(&model, i) > 0.8, "%s: %.2f", model.place[i].key,
                      model_utilisation(&model, i));
    model_stop(&model);
}
END_TEST

/* A ring without one server, which is back before its lease is over: its connections go on. */
START_TEST(short_absence_costs_nothing)
{
    apr_int64_t before;

    begin((apr_uint64_t)_i + 1, 4, 0, 0);
    run_until_free();
    bus_sim_daemon_down(model.sim, 2);
    bus_sim_daemon_up(model.sim, 2);
    before = 0;
    for (int i = 0; i < 30; i++) {
        run(apr_time_from_msec(100));
        before += model_used(&model, 3, 2) == 0;
    }
    ck_assert_int_eq(before, 0);
    model_stop(&model);
}
END_TEST

/* What a dead server had is used by the others after token timeout, window and margin, and a second. */
START_TEST(share_of_the_dead_is_used)
{
    begin((apr_uint64_t)_i + 1, 4, 0, 0);
    run_until_free();
    model_kill(&model, 1);
    bus_sim_daemon_down(model.sim, 1);
    run(apr_time_from_msec(900 + 2250 + 1000));
    model_measure(&model);
    run(apr_time_from_sec(1));
    ck_assert_msg(model_utilisation(&model, 3) > 0.9, "%.2f", model_utilisation(&model, 3));
    model_stop(&model);
}
END_TEST

/* The end of its connections comes a moment after its own. */
START_TEST(who_leaves_with_connections_open)
{
    begin((apr_uint64_t)_i + 1, 4, 0, 0);
    run_until_free();
    model_leave(&model, 1, apr_time_from_msec(500));
    run(apr_time_from_sec(2));
    run(apr_time_from_sec(2));
    model_measure(&model);
    run(apr_time_from_sec(1));
    ck_assert_msg(model_utilisation(&model, 3) > 0.9, "%.2f", model_utilisation(&model, 3));
    model_stop(&model);
}
END_TEST

/* Who has none open says so, and what it had is used at once. */
START_TEST(who_leaves_with_none)
{
    begin((apr_uint64_t)_i + 1, 4, 0, 0);
    run_until_free();
    for (int i = 0; i < model.places; i++) {
        model_demand(&model, i, 0, 0);
        model_demand(&model, i, 1, model.place[i].limit); /* it has all of them ... */
    }
    run(apr_time_from_sec(3));
    for (int i = 0; i < model.places; i++) {
        model.servers[1].gates[i].demand = 0; /* ... and nothing to do, of which the cluster has not heard yet */
        model.servers[1].gates[i].link_count = 0;
    }
    model_leave(&model, 1, 0);
    for (int i = 0; i < model.places; i++)
        model_demand(&model, i, 2, model.place[i].limit);
    run(apr_time_from_msec(500));
    model_measure(&model);
    run(apr_time_from_msec(500));
    ck_assert_msg(model_utilisation(&model, 3) > 0.9, "%.2f", model_utilisation(&model, 3));
    model_stop(&model);
}
END_TEST

START_TEST(unused_gates_are_forgotten)
{
    begin((apr_uint64_t)_i + 1, 8, 4, 0);
    run_until_free();
    for (int i = 0; i < model.places; i++)
        model_demand(&model, i, 0, 0);
    run(apr_time_from_sec(4));
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        for (int i = 0; i < model.places; i++) {
            ck_assert_int_eq(model.servers[id].gates[i].units, 0);
            ck_assert_int_eq(model.servers[id].gates[i].is_known, 0);
        }
        ck_assert_uint_eq(slots_state(model.servers[id].slots, 0)->keys.count, 0);
        ck_assert_uint_eq(slots_state(model.servers[id].slots, 1)->keys.count, 0);
    }
    for (int i = 0; i < model.places; i++)
        model_demand(&model, i, 0, model.place[i].limit);
    run(apr_time_from_sec(2));
    model_measure(&model);
    run(apr_time_from_sec(2));
    ck_assert(model_utilisation(&model, 3) > 0.9);
    model_stop(&model);
}
END_TEST

START_TEST(lowered_and_raised)
{
    begin((apr_uint64_t)_i + 1, 4, 0, 0);
    run_until_free();
    model_limit(&model, 3, 5);
    run(apr_time_from_msec(700));
    model.place[3].allowed = 5;
    run(apr_time_from_msec(1000));
    model_limit(&model, 3, 20);
    run(apr_time_from_msec(700));
    model_measure(&model);
    run(apr_time_from_sec(1));
    ck_assert_msg(model_utilisation(&model, 3) > 0.9, "%.2f", model_utilisation(&model, 3));
    model_stop(&model);
}
END_TEST

/* ---- everything at once ------------------------------------------------------------------------ */

static bus_node_t any_server(void)
{
    return 1 + bus_sim_random(model.sim, MODEL_SERVERS);
}

static void partition(void)
{
    apr_uint32_t side = bus_sim_random(model.sim, 1u << MODEL_SERVERS);

    for (bus_node_t from = 1; from <= MODEL_SERVERS; from++) {
        for (bus_node_t to = 1; to <= MODEL_SERVERS; to++) {
            if ((side >> (from - 1) & 1) != (side >> (to - 1) & 1))
                bus_sim_link(model.sim, from, to, 0);
        }
    }
}

static void change_demand(void)
{
    int place = (int)bus_sim_random(model.sim, (apr_uint32_t)model.places);

    model_demand(&model, place, any_server(),
                 bus_sim_random(model.sim, (apr_uint32_t)model.place[place].limit + 3));
}

static void stop_and_go(void)
{
    bus_node_t id = any_server();

    if (bus_sim_is_stopped(model.sim, id))
        bus_sim_continue(model.sim, id);
    else
        bus_sim_stop(model.sim, id, 1, bus_sim_random(model.sim, 3) == 0);
}

static void one_fault(void)
{
    bus_node_t id = any_server();

    switch (bus_sim_random(model.sim, 9)) {
    case 0:
        model_kill(&model, id);
        break;
    case 1:
    case 2:
        model_boot(&model, id);
        break;
    case 3:
        stop_and_go();
        break;
    case 4:
        bus_sim_daemon_down(model.sim, id);
        bus_sim_daemon_up(model.sim, id);
        break;
    case 5:
        partition();
        break;
    case 6:
        bus_sim_heal(model.sim);
        break;
    case 7:
        bus_sim_continue(model.sim, id);
        break;
    default:
        change_demand();
    }
}

static void repair(void)
{
    bus_sim_heal(model.sim);
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        bus_sim_continue(model.sim, id);
        bus_sim_daemon_up(model.sim, id);
        model_boot(&model, id);
    }
    for (int i = 0; i < model.places; i++)
        model_demand(&model, i, 0, model.place[i].limit);
}

static void storm(apr_uint64_t seed, int is_available)
{
    begin(seed, 8, 6, is_available);
    run(bus_sim_random(model.sim, 6000000));
    for (int i = 0; i < 20; i++) {
        one_fault();
        run(500 + (apr_time_t)bus_sim_random(model.sim, bus_sim_random(model.sim, 3) ? 100000 : 3000000));
    }
    repair();
    run(apr_time_from_sec(6));
    run_until_free();
    model_measure(&model);
    run(apr_time_from_sec(2));
    for (int i = 0; i < 8; i++)
        ck_assert_msg(model_utilisation(&model, i) > 0.8, "seed %lu, %s: %.2f", (unsigned long)seed,
                      model.place[i].key, model_utilisation(&model, i));
    model_stop(&model);
}

START_TEST(storms)
{
    storm((apr_uint64_t)_i, 0);
}
END_TEST

START_TEST(storms_in_available_mode)
{
    storm((apr_uint64_t)_i, 1);
}
END_TEST

static void add(Suite *suite)
{
    TCase *peace = test_case(suite, "peace", 300), *faults = test_case(suite, "faults", 300);

    tcase_add_loop_test(peace, all_is_used_and_no_more, 0, 3);
    tcase_add_loop_test(peace, one_slot_goes_round, 0, 3);
    tcase_add_loop_test(peace, rates_are_used, 0, 3);
    tcase_add_loop_test(peace, many_keys, 0, 1);
    tcase_add_loop_test(peace, who_leaves_with_connections_open, 0, 5);
    tcase_add_loop_test(peace, who_leaves_with_none, 0, 3);
    tcase_add_loop_test(peace, unused_gates_are_forgotten, 0, 3);
    tcase_add_loop_test(peace, lowered_and_raised, 0, 3);
    tcase_add_loop_test(faults, short_absence_costs_nothing, 0, 5);
    tcase_add_loop_test(faults, share_of_the_dead_is_used, 0, 5);
    tcase_add_loop_test(faults, storms, first_seed(), first_seed() + seeds());
    tcase_add_loop_test(faults, storms_in_available_mode, first_seed(), first_seed() + seeds());
}

TEST_MAIN("cluster/slots", add)
