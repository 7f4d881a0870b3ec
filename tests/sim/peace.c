/* peace.c - a simulated cluster in which nothing happens, or one thing: what is promised of such times
 * SPDX-License-Identifier: Apache-2.0
 *
 * All nodes want all of every limit.  At least 95% is used, and all nodes have the same part, within 10%.
 * What a dead node held is used by the others after the token's timeout, the lease's window and margin, and a
 * second. */
#include "world.h"

static const apr_uint32_t limits[] = {
    500, 1, 2, 7,  50, 1, 2, 7,  50, 1, 2, 7,  50, 1, 2, 7,  50, 1, 2, 7,
    1,   2, 7, 50, 1,  2, 7, 50, 1,  2, 7, 50, 1,  2, 7, 50, 1,  2, 7, 50
};

/* The first few have each limit once. */
enum { FEW = 5, LIMITS = sizeof(limits) / sizeof(limits[0]) };

/* To find each other, and to have what a founded state freezes. */
static const apr_time_t forming = apr_time_from_sec(6);
/* Long enough for many turns of what does not divide; many keys are many turns at once. */
static const apr_time_t measuring = apr_time_from_sec(60), measuring_wide = apr_time_from_sec(12);

static void start(struct world *world, apr_uint64_t seed, int trace)
{
    int is_wide = seed % 8 == 7;
    struct world_config config = { .seed = seed,
                                   .nodes = 2 + (int)(seed % 4),
                                   .trace = trace,
                                   .keys = is_wide ? WORLD_KEYS_MAX : FEW,
                                   .limits = limits,
                                   .limit_count = LIMITS,
                                   .session_max = apr_time_from_msec(is_wide ? 200 : 120),
                                   .nap = is_wide ? apr_time_from_msec(3) : 0 };

    world_start(world, &config);
    for (int id = 1; id <= config.nodes; id++) {
        for (int key = 0; key < config.keys; key++)
            world_set_demand(world, key, (bus_node_t)id, world->keys[key].limit);
        world_boot(world, (bus_node_t)id);
    }
    world_run(world, forming);
    if (!world_is_whole(world))
        world_fail(world, "the nodes have not found each other");
}

/* What a node uses of all keys with this limit. */
static double part_of(struct world *world, bus_node_t id, apr_uint32_t limit)
{
    double sum = 0;

    for (int key = 0; key < world->config.keys; key++)
        sum += world->keys[key].limit == limit ? world_use_of(world, key, id) : 0;
    return sum;
}

/* Among those who are there.  What does not divide goes round in turns, and the time measured begins and ends within one. */
static void check_fair(struct world *world, apr_uint32_t limit)
{
    double turn = (double)(WORLD_TURN + world->config.session_max) / world_measured_time(world);
    double least = WORLD_KEYS_MAX, most = 0;

    for (int id = 1; id <= world->config.nodes; id++) {
        double part = part_of(world, (bus_node_t)id, limit);

        if (!world->nodes[id].is_running)
            continue;
        least = part < least ? part : least;
        most = part > most ? part : most;
    }
    world_trace(world, "limit %u: nodes use between %.1f%% and %.1f%%", limit, least * 100, most * 100);
    if (most > least * 1.1 + turn / limit)
        world_fail(world, "limit %u: one node uses %.1f%%, another one %.1f%%", limit, least * 100,
                   most * 100);
}

static void check_used(struct world *world, double least)
{
    for (int key = 0; key < world->config.keys; key++) {
        double used = world_utilisation(world, key);

        world_trace(world, "key %d limit %u: %.1f%% used", key, world->keys[key].limit, used * 100);
        if (used < least)
            world_fail(world, "key %d: only %.1f%% are used", key, used * 100);
    }
}

static void check_steady(struct world *world)
{
    world_measure(world);
    if (!world_run(world, world->config.nap != 0 ? measuring_wide : measuring))
        return;
    check_used(world, 0.95);
    for (int key = 0; key < FEW; key++)
        check_fair(world, limits[key]);
    for (int i = 0; i < WORLD_RATES; i++) {
        world_trace(world, "rate %d: %.1f%% used", i, world_rate_utilisation(world, i) * 100);
        if (world_rate_utilisation(world, i) < 0.95)
            world_fail(world, "rate %d: only %.1f%% are used", i, world_rate_utilisation(world, i) * 100);
    }
}

/* ---- one that is gone ------------------------------------------------------------------------ */

/* The ring without it forms within one and a half of the token's timeout (bus_sim.h); then come window and
 * margin. */
static const apr_time_t takeover = apr_time_from_msec(900 + 2000 + 250 + 1000);

static void die_alone(struct world *world, bus_node_t id)
{
    world_kill(world, id);
}

static void lose_power(struct world *world, bus_node_t id)
{
    world_kill(world, id);
    bus_sim_daemon_down(world->sim, id);
}

static void stop_process(struct world *world, bus_node_t id)
{
    world_pause(world, id, 1, 0);
}

static void stop_host(struct world *world, bus_node_t id)
{
    world_pause(world, id, 1, 1);
}

static void lose_daemon(struct world *world, bus_node_t id)
{
    bus_sim_daemon_down(world->sim, id);
}

static void pull_cable(struct world *world, bus_node_t id)
{
    for (bus_node_t other = 1; other <= (bus_node_t)world->config.nodes; other++) {
        if (other != id) {
            bus_sim_link(world->sim, id, other, 0);
            bus_sim_link(world->sim, other, id, 0);
        }
    }
}

/* In each of them what the node held is to be used by the others; alone of two hosts a node has half. */
static const struct ending {
    const char *name;
    void (*run)(struct world *world, bus_node_t id);
    int is_host_gone;
} endings[] = {
    { "killed", die_alone, 0 },
    { "without power", lose_power, 1 },
    { "process stopped", stop_process, 0 },
    { "host stopped", stop_host, 1 },
    { "without corosync", lose_daemon, 1 },
    { "cut off", pull_cable, 1 },
};

static void check_takeover(struct world *world, const struct ending *ending)
{
    bus_node_t gone = 1 + bus_sim_random(world->sim, (apr_uint32_t)world->config.nodes);
    int is_half = ending->is_host_gone && world->config.nodes == 2;

    world_trace(world, "node %u: %s", gone, ending->name);
    ending->run(world, gone);
    if (!world_run(world, takeover))
        return;
    world_measure(world);
    if (!world_run(world, apr_time_from_sec(1)))
        return;
    for (int key = 0; key < world->config.keys; key++) {
        apr_uint32_t limit = world->keys[key].limit;
        double there = is_half ? (double)(limit / 2) / limit : 1, used = 0;

        for (int id = 1; id <= world->config.nodes; id++)
            used += id == (int)gone ? 0 : world_use_of(world, key, (bus_node_t)id);
        world_trace(world, "key %d limit %u: %.1f%% used by the others", key, limit, used * 100);
        if (used < there * 0.95)
            world_fail(world, "key %d: the others use only %.1f%% after node %u was %s", key, used * 100,
                       gone, ending->name);
    }
}

void peace_run(struct world *world, apr_uint64_t seed, int trace)
{
    start(world, seed, trace);
    if (world->failure[0] == '\0' && seed % 2 == 1)
        check_steady(world);
    if (world->failure[0] == '\0')
        check_takeover(world, &endings[seed / 4 % (sizeof(endings) / sizeof(endings[0]))]);
}
