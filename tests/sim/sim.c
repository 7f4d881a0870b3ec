/* sim.c - thousands of clusters with faults, each from a seed
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: sim [--from N] [--seeds N] [--seed N] [--steps M] [--mutant NAME] [--trace[=2]]
 *   --seeds N   run so many seeds, from 1 or --from on
 *   --seed N    run this one only
 *   --steps M   faults in each run
 *   --mutant X  break rule X (mutant.h): all is well when its story (directed.h) or a seed finds it; `all` for each in turn
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

#include "directed.h"
#include "world.h"

static const char *const mutant_names[] = { "NONE",
#define MUTANT_NAME(name, text) #name,
                                            MUTANTS(MUTANT_NAME)
#undef MUTANT_NAME
};

struct options {
    apr_uint64_t first, count;
    int steps, trace, mutant, all_mutants;
};

/* ---- one run ---------------------------------------------------------------------------- */

/* Some seeds are clusters in peace, with at most one fault. */
enum { PEACE_EVERY = 40 };

static int run(const struct options *options, apr_uint64_t seed)
{
    static struct world world;
    int is_good;

    if (seed % PEACE_EVERY == 0)
        peace_run(&world, seed / PEACE_EVERY, options->trace);
    else
        storm_run(&world, seed, options->steps, options->trace);
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
           (seed = atomic_fetch_add(&work->next, 1)) - options->first < options->count) {
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
    for (long i = 1; i < processes && (apr_uint64_t)i < options->count; i++) {
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
    const char *told = directed_run(NULL);
    unsigned long long failed = run_seeds(options);

    if (told != NULL)
        printf("%s\n", told);
    printf("%lu seeds, %llu failed\n", (unsigned long)options->count, failed);
    return failed != 0 || told != NULL;
}

/* Returns whether its story, or else some seed, finds the planted fault. */
static int find_mutant(const struct options *options)
{
    const char *name = mutant_names[options->mutant], *found = NULL;

    mutant_now = (enum mutant)options->mutant;
    if (directed_has(name)) {
        found = directed_run(name);
        printf("%s: %s\n", name, found != NULL ? found : "not found by its story");
        return found != NULL;
    }
    if (run_seeds(options) > 0)
        return 1;
    printf("%s: not found by %lu seeds\n", mutant_names[options->mutant], (unsigned long)options->count);
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
        { "seeds", required_argument, NULL, 'n' },
        { "from", required_argument, NULL, 'f' },
        { "seed", required_argument, NULL, 's' },
        { "steps", required_argument, NULL, 'm' },
        { "mutant", required_argument, NULL, 'x' },
        { "trace", optional_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'n')
            options->count = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            options->first = strtoull(optarg, NULL, 10);
        else if (option == 's') {
            options->first = strtoull(optarg, NULL, 10);
            options->count = 1;
        } else if (option == 'm')
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
