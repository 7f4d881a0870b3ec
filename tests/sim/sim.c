/* sim.c - thousands of clusters with faults, each from a seed
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: sim [--seeds N] [--seed N] [--steps M] [--mutant NAME] [--trace[=2]]
 *   --seeds N   run the seeds 1..N
 *   --seed N    run this one only
 *   --steps M   faults in each run
 *   --mutant X  break rule X (mutant.h): all is well when a seed finds it; `all` for each in turn
 *   --trace     tell what happens
 * A failing seed prints how to run it again. */
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#include "world.h"

static const char *const mutant_names[] = { "NONE",
#define MUTANT_NAME(name, text) #name,
                                            MUTANTS(MUTANT_NAME)
#undef MUTANT_NAME
};

struct options {
    apr_uint64_t first, last;
    int steps, trace, mutant, all_mutants;
};

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
    int key = (int)bus_sim_random(world->sim, WORLD_KEYS);

    world_set_demand(world, key, any_node(world), bus_sim_random(world->sim, world->limits[key] + 3));
}

/* The limit of the last key goes up, on all nodes one after the other, or on some of them only. */
static void fault_limit(struct world *world)
{
    if (world->limits[WORLD_KEYS - 1] < 50)
        world_set_limit(world, WORLD_KEYS - 1, world->limits[WORLD_KEYS - 1] + 3, 0);
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
    { fault_heal, 5 },   { fault_demand, 6 },    { fault_limit, 1 }, { fault_garbage, 1 },
    { fault_vanish, 3 },
};

static void one_fault(struct world *world)
{
    int sum = 0, at;

    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sum += faults[i].weight;
    at = (int)bus_sim_random(world->sim, (apr_uint32_t)sum);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        at -= faults[i].weight;
        if (at < 0) {
            faults[i].run(world);
            return;
        }
    }
}

/* ---- one run ---------------------------------------------------------------------------- */

/* All is repaired: in the end everybody must be in step, and what is wanted must be used. */
static void repair(struct world *world)
{
    world_trace(world, "repair");
    world->is_restless = 0;
    bus_sim_heal(world->sim);
    for (int id = 1; id <= world->config.nodes; id++) {
        world_continue(world, (bus_node_t)id);
        bus_sim_daemon_up(world->sim, (bus_node_t)id);
        world_boot(world, (bus_node_t)id);
        for (int key = 0; key < WORLD_KEYS; key++)
            world_set_demand(world, key, (bus_node_t)id, world->limits[key]);
    }
}

static void check_recovery(struct world *world)
{
    for (int i = 0; i < 14 && !world_is_whole(world); i++) {
        if (!world_run(world, apr_time_from_msec(500)))
            return;
    }
    /* what was frozen is free after a window and a margin */
    if (!world_run(world, apr_time_from_msec(2900)))
        return;
    if (!world_is_whole(world))
        world_fail(world, "the cluster is not whole 10 s after everything was repaired");
    world_measure(world);
    if (!world_run(world, apr_time_from_msec(1000)))
        return;
    for (int key = 0; key < WORLD_KEYS; key++) {
        if (world_utilisation(world, key) < 0.85)
            world_fail(world, "key %d: only %.0f%% are used in peace", key,
                       world_utilisation(world, key) * 100);
    }
    world_check_counts(world);
    world_kill(world, (bus_node_t)world->config.nodes);
    if (world_run(world, apr_time_from_msec(500)))
        world_check_counts(world);
}

static void start(struct world *world, const struct options *options, apr_uint64_t seed)
{
    static const int losses[] = { 0, 20, 400 };
    struct world_config config = { seed, 2 + (int)(seed * 7 / 3 % 4), options->trace, seed % 5 == 4,
                                   losses[seed % 3] };

    world_start(world, &config);
    world->is_restless = seed % 2;
    for (int id = 1; id <= config.nodes; id++) {
        world->nodes[id].is_newer = bus_sim_random(world->sim, 4) == 0;
        for (int key = 0; key < WORLD_KEYS; key++)
            world_set_demand(world, key, (bus_node_t)id, bus_sim_random(world->sim, world->limits[key] + 2));
        if (bus_sim_random(world->sim, 4) != 0)
            world_boot(world, (bus_node_t)id);
    }
}

static int run(const struct options *options, apr_uint64_t seed)
{
    static struct world world;
    int is_good;

    start(&world, options, seed);
    world_run(&world, apr_time_from_msec(bus_sim_random(world.sim, 5000)));
    for (int i = 0; i < options->steps && world.failure[0] == '\0'; i++) {
        one_fault(&world);
        world_run(&world, 500 + (apr_time_t)bus_sim_random(world.sim,
                                                           bus_sim_random(world.sim, 3) ? 100000 : 2500000));
    }
    if (world.failure[0] == '\0') {
        repair(&world);
        check_recovery(&world);
    }
    is_good = world.failure[0] == '\0';
    if (!is_good && options->mutant == 0)
        printf("seed %lu: %s\n  again: tests/sim/sim --seed %lu --steps %d --trace\n", (unsigned long)seed,
               world.failure, (unsigned long)seed, options->steps);
    else if (!is_good)
        printf("%s: found by seed %lu: %s\n", mutant_names[options->mutant], (unsigned long)seed,
               world.failure);
    fflush(stdout);
    world_stop(&world);
    return is_good;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* What the processes that run seeds share. */
struct work {
    atomic_ullong next;   /* the first seed that nobody has begun */
    atomic_ullong failed; /* runs */
};

/* More failures say nothing new. */
static const unsigned long long failures_max = 5;

static void take_seeds(const struct options *options, struct work *work)
{
    unsigned long long seed, enough = options->mutant != 0 ? 1 : failures_max;

    while (atomic_load(&work->failed) < enough &&
           (seed = atomic_fetch_add(&work->next, 1)) <= options->last) {
        if (!run(options, seed))
            atomic_fetch_add(&work->failed, 1);
    }
}

/* As many processes as there are processors; a process that ends badly is a failure.  Returns how many
 * failed. */
static unsigned long long run_seeds(const struct options *options)
{
    struct work *work = mmap(NULL, sizeof(*work), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long processes = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned long long failed;
    int status;

    if (work == MAP_FAILED)
        abort();
    atomic_init(&work->next, options->first);
    atomic_init(&work->failed, 0);
    fflush(stdout);
    for (long i = 1; i < processes && options->first + (apr_uint64_t)i <= options->last; i++) {
        if (fork() == 0) {
            take_seeds(options, work);
            _exit(0);
        }
    }
    take_seeds(options, work);
    while (wait(&status) > 0) {
        if (status != 0)
            atomic_fetch_add(&work->failed, 1);
    }
    failed = atomic_load(&work->failed);
    munmap(work, sizeof(*work));
    return failed;
}

static int run_all(const struct options *options)
{
    unsigned long long failed = run_seeds(options);

    printf("%lu seeds, %llu failed\n", (unsigned long)(options->last - options->first + 1), failed);
    return failed != 0;
}

/* Returns whether some seed finds the planted fault. */
static int find_mutant(const struct options *options)
{
    mutant_now = (enum mutant)options->mutant;
    if (run_seeds(options) > 0)
        return 1;
    printf("%s: not found by %lu seeds\n", mutant_names[options->mutant],
           (unsigned long)(options->last - options->first + 1));
    return 0;
}

static int find_all_mutants(struct options *options)
{
    int missed = 0;

    for (options->mutant = 1; options->mutant < MUTANT_END; options->mutant++)
        missed += !find_mutant(options);
    return missed;
}

static int find_name(const char *name)
{
    for (int i = 1; i < MUTANT_END; i++) {
        if (strcmp(mutant_names[i], name) == 0)
            return i;
    }
    fprintf(stderr, "sim: no rule \"%s\" to break; they are in mutant.h\n", name);
    exit(2);
}

static void read_options(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        { "seeds", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
        { "steps", required_argument, NULL, 'm' }, { "mutant", required_argument, NULL, 'x' },
        { "trace", optional_argument, NULL, 't' }, { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'n')
            options->last = strtoull(optarg, NULL, 10);
        else if (option == 's')
            options->first = options->last = strtoull(optarg, NULL, 10);
        else if (option == 'm')
            options->steps = atoi(optarg);
        else if (option == 't')
            options->trace = optarg == NULL ? 1 : atoi(optarg);
        else if (option == 'x' && strcmp(optarg, "all") == 0)
            options->all_mutants = 1;
        else if (option == 'x')
            options->mutant = find_name(optarg);
        else
            exit(2);
    }
}

/* Sanitizers make each run several times slower; they look for other faults. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const apr_uint64_t seeds = 40;
#else
static const apr_uint64_t seeds = 2000;
#endif

int main(int argc, char **argv)
{
    struct options options = { 1, seeds, 14, 0, 0, 0 };
    int failed;

    apr_initialize();
    read_options(&options, argc, argv);
    if (options.all_mutants)
        failed = find_all_mutants(&options);
    else if (options.mutant != 0)
        failed = !find_mutant(&options);
    else
        failed = run_all(&options);
    apr_terminate();
    return failed != 0;
}
