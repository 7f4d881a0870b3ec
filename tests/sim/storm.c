/* storm.c - a simulated cluster in which everything goes wrong, and then is repaired
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static const apr_uint32_t limits[] = { 1, 2, 7, 50, 7 };

/* The last key's limit changes. */
enum { KEYS = sizeof(limits) / sizeof(limits[0]), CHANGING_KEY = KEYS - 1, CHANGING_MAX = 50 };

/* ---- faults --------------------------------------------------------------------------- */

static bus_node_t any_node(struct world *world)
{
    return 1 + bus_sim_random(world->sim, (apr_uint32_t)world->config.nodes);
}

static void fault_kill(struct world *world)
{
    bus_node_t id = any_node(world);

    world_kill(world, id);
    if (bus_sim_random(world->sim, 3) == 0)
        world_boot(world, id);
}

static void fault_boot(struct world *world)
{
    world_boot(world, any_node(world));
}

static void fault_pause(struct world *world)
{
    int which = 1 + (int)bus_sim_random(world->sim, 3);

    world_pause(world, any_node(world), which & 1, which & 2);
}

static void fault_continue(struct world *world)
{
    world_continue(world, any_node(world));
}

static void fault_daemon(struct world *world)
{
    bus_node_t id = any_node(world);

    world_trace(world, "node %u: daemon killed", id);
    bus_sim_daemon_down(world->sim, id);
    if (bus_sim_random(world->sim, 2))
        bus_sim_daemon_up(world->sim, id);
}

static void fault_daemon_up(struct world *world)
{
    bus_node_t id = any_node(world);

    world_trace(world, "node %u: daemon starts", id);
    bus_sim_daemon_up(world->sim, id);
}

static void fault_power(struct world *world)
{
    bus_node_t id = any_node(world);

    world_kill(world, id);
    world_trace(world, "node %u: power off", id);
    bus_sim_daemon_down(world->sim, id);
}

static void fault_partition(struct world *world)
{
    apr_uint32_t side = bus_sim_random(world->sim, 1u << world->config.nodes);
    int is_one_way = bus_sim_random(world->sim, 3) == 0;

    world_trace(world, "cut between %x and the others%s", side, is_one_way ? ", one way" : "");
    for (int from = 1; from <= world->config.nodes; from++) {
        for (int to = 1; to <= world->config.nodes; to++) {
            if ((side >> (from - 1) & 1) != (side >> (to - 1) & 1) &&
                (!is_one_way || (side >> (from - 1) & 1)))
                bus_sim_link(world->sim, (bus_node_t)from, (bus_node_t)to, 0);
        }
    }
}

/* One that is cut off in the worst moment. */
static void fault_vanish(struct world *world)
{
    bus_node_t id = any_node(world);

    world_trace(world, "node %u is to vanish", id);
    bus_sim_vanish(world->sim, id);
}

static void fault_heal(struct world *world)
{
    world_trace(world, "all links are whole");
    bus_sim_heal(world->sim);
}

static void fault_demand(struct world *world)
{
    int key = (int)bus_sim_random(world->sim, KEYS);

    world_set_demand(world, key, any_node(world), bus_sim_random(world->sim, world->keys[key].limit + 3));
}

/* Nodes do not read their configuration in the same moment; some do so much later. */
static void fault_limit(struct world *world)
{
    apr_uint32_t nodes = bus_sim_random(world->sim, 1u << world->config.nodes);

    if (bus_sim_random(world->sim, 2) == 0)
        world_set_limit(world, CHANGING_KEY, 1 + bus_sim_random(world->sim, CHANGING_MAX), nodes);
    else
        world_set_limit(world, CHANGING_KEY, world->keys[CHANGING_KEY].limit, nodes);
}

static void fault_garbage(struct world *world)
{
    unsigned char bytes[64];
    apr_size_t length = bus_sim_random(world->sim, sizeof(bytes));

    for (apr_size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)bus_sim_random(world->sim, 256);
    if (length > 4 && bus_sim_random(world->sim, 2)) {
        bytes[0] = 0xec;
        bytes[1] = 0x1c;
        bytes[2] = 1;
    }
    world_inject(world, any_node(world), bytes, length);
}

static const struct {
    void (*run)(struct world *world);
    int weight;
} faults[] = {
    { fault_kill, 3 },   { fault_boot, 6 },      { fault_pause, 5 }, { fault_continue, 6 },
    { fault_daemon, 2 }, { fault_daemon_up, 4 }, { fault_power, 1 }, { fault_partition, 5 },
    { fault_heal, 5 },   { fault_demand, 6 },    { fault_limit, 4 }, { fault_garbage, 1 },
    { fault_vanish, 3 },
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

/* Each storm has its own kinds of faults: what hides behind others in a storm of all is seen in one of few.
 */
static void choose_faults(struct world *world, int weights[FAULTS])
{
    int is_choosy = bus_sim_random(world->sim, 3) != 0;

    for (int i = 0; i < FAULTS; i++)
        weights[i] = is_choosy && bus_sim_random(world->sim, 2) == 0 ? 0 : faults[i].weight;
}

static void one_fault(struct world *world, const int weights[FAULTS])
{
    int sum = 0, at;

    for (int i = 0; i < FAULTS; i++)
        sum += weights[i];
    at = (int)bus_sim_random(world->sim, (apr_uint32_t)sum);
    for (int i = 0; i < FAULTS; i++) {
        at -= weights[i];
        if (at < 0) {
            faults[i].run(world);
            return;
        }
    }
}

/* Until the next fault: by chance soon, or much later, when leases have run out. */
static apr_time_t pause_of(struct world *world)
{
    static const apr_uint32_t longest[] = { 3000, 30000, 100000, 100000, 600000, 2500000 };

    return 500 + (apr_time_t)bus_sim_random(world->sim, longest[bus_sim_random(world->sim, 6)]);
}

/* ---- one run ---------------------------------------------------------------------------- */

/* All is repaired: in the end everybody must be in step, and what is wanted must be used. */
static void repair(struct world *world)
{
    world_trace(world, "repair");
    world->is_restless = 0;
    bus_sim_heal(world->sim);
    world_set_limit(world, CHANGING_KEY, world->keys[CHANGING_KEY].limit, ~0u);
    for (int id = 1; id <= world->config.nodes; id++) {
        world_continue(world, (bus_node_t)id);
        bus_sim_daemon_up(world->sim, (bus_node_t)id);
        world_boot(world, (bus_node_t)id);
        for (int key = 0; key < KEYS; key++)
            world_set_demand(world, key, (bus_node_t)id, world->keys[key].limit);
    }
}

/* ... or for this long.  Returns whether all held. */
static int run_until(struct world *world, int (*is_so)(const struct world *world), apr_time_t most)
{
    int holds = 1;

    for (apr_time_t step = apr_time_from_msec(100); holds && !is_so(world) && most > 0; most -= step)
        holds = world_run(world, step);
    return holds;
}

static void check_recovery(struct world *world)
{
    /* a new ring, if there is to be one, forms within one and a half of the token's timeout (bus_sim.h) */
    if (!world_run(world, apr_time_from_msec(900)) ||
        !run_until(world, world_is_whole, apr_time_from_msec(6100)))
        return;
    /* what was frozen is free after a window and a margin, and then taken up */
    if (!run_until(world, world_is_thawed, apr_time_from_msec(2700)) ||
        !world_run(world, apr_time_from_msec(200)))
        return;
    if (!world_is_whole(world) || !world_is_thawed(world))
        world_fail(world, "the cluster is not whole 10 s after everything was repaired");
    world_measure(world);
    if (!world_run(world, apr_time_from_msec(1000)))
        return;
    for (int key = 0; key < KEYS; key++) {
        if (world_utilisation(world, key) < 0.95)
            world_fail(world, "key %d: only %.0f%% are used in peace", key,
                       world_utilisation(world, key) * 100);
    }
    world_check_counts(world);
    world_kill(world, (bus_node_t)world->config.nodes);
    if (world_run(world, apr_time_from_msec(500)))
        world_check_counts(world);
}

static void start(struct world *world, apr_uint64_t seed, int trace)
{
    static const int losses[] = { 0, 20, 400 };
    struct world_config config = { .seed = seed,
                                   .nodes = 2 + (int)(seed * 7 / 3 % 4),
                                   .trace = trace,
                                   .is_available = seed % 5 == 4,
                                   .loss = losses[seed % 3],
                                   .keys = KEYS,
                                   .limits = limits,
                                   .limit_count = KEYS,
                                   .session_max = apr_time_from_msec(120) };

    world_start(world, &config);
    world->is_restless = seed % 2;
    for (int id = 1; id <= config.nodes; id++) {
        world->nodes[id].is_newer = bus_sim_random(world->sim, 4) == 0;
        for (int key = 0; key < KEYS; key++)
            world_set_demand(world, key, (bus_node_t)id, bus_sim_random(world->sim, limits[key] + 2));
        if (bus_sim_random(world->sim, 4) != 0)
            world_boot(world, (bus_node_t)id);
    }
}

void storm_run(struct world *world, apr_uint64_t seed, int steps, int trace)
{
    int weights[FAULTS];

    start(world, seed, trace);
    choose_faults(world, weights);
    world_run(world, apr_time_from_msec(bus_sim_random(world->sim, 5000)));
    for (int i = 0; i < steps && world->failure[0] == '\0'; i++) {
        one_fault(world, weights);
        world_run(world, pause_of(world));
    }
    if (world->failure[0] != '\0')
        return;
    repair(world);
    check_recovery(world);
}
