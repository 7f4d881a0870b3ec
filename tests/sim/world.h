/* world.h - a simulated cluster: nodes with replicas, what they use, and what must hold
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every node runs what a real one runs, on the simulated bus: a replica with all
 * machines and a user of each.  After every event everything that must hold is checked; the
 * first thing that does not is put down in `failure`.  One thread. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "cluster/bus_sim/bus_sim.h"
#include "cluster/cache/cache.h"
#include "cluster/gauge/gauge.h"
#include "cluster/limit/client.h"
#include "cluster/machine/mutant.h"
#include "cluster/machine/replica.h"
#include "cluster/throttle/throttle.h"

enum {
    WORLD_NODES_MAX = 7,
    WORLD_KEYS = 5,
    SESSIONS_MAX = 64,
    WORLD_RATES = 2,
    RATE_MAX = 40,
    HISTORY = 8192
};

struct world;

/* A connection, or the wish to have one. */
struct session {
    apr_time_t ends; /* by the node's clock */
};

struct user_key {
    struct node *node;
    int index;
    struct limit_client_key *key;
    apr_uint32_t demand;
    struct session sessions[SESSIONS_MAX];
    apr_uint32_t open;
};

struct node {
    struct world *world;
    bus_node_t id;
    bus_t bus;      /* ours, in front of the simulator's */
    int is_running; /* the process exists */
    int is_awake;   /* and has looked at its clock since it was last stopped */
    int is_newer;   /* speaks version N + 1 */
    apr_uint64_t instance;
    replica_t *replica;
    limit_t limits;
    limit_client_t client;
    struct user_key users[WORLD_KEYS];
    limit_t throttles;
    limit_client_t throttle_client;
    struct throttle_rate rates[WORLD_RATES];
    apr_uint32_t rate_wants[WORLD_RATES];
    gauge_t gauge;
    gauge_local_t counts;
    cache_t cache;
    apr_uint64_t sessions_done;
};

struct world_config {
    apr_uint64_t seed;
    int nodes;
    int trace;
    int is_available; /* mode of the limits */
    int loss;         /* see bus_sim */
};

struct world {
    struct world_config config;
    bus_sim_t *sim;
    struct node nodes[WORLD_NODES_MAX + 1]; /* by id */
    apr_uint32_t limits[WORLD_KEYS];        /* as configured now */
    apr_uint32_t allowed[WORLD_KEYS];       /* as promised now: the greatest of the last seconds */
    double used[WORLD_KEYS];                /* slots times microseconds, since the last world_measure() */
    apr_time_t measured_from, measured_at;
    struct {
        apr_uint64_t ring, lineage, position, digest;
    } history[HISTORY];
    apr_time_t sends[WORLD_RATES][RATE_MAX]; /* the last ones, by all nodes */
    apr_uint64_t send_count[WORLD_RATES];
    int is_restless; /* demand changes with every connection */
    apr_uint64_t events;
    char failure[512];
};

void world_start(struct world *world, const struct world_config *config);
void world_stop(struct world *world);
/** Run until this much later, or the first failure.  Returns whether all held. */
int world_run(struct world *world, apr_time_t duration);
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Things that happen to nodes. */
void world_boot(struct world *world, bus_node_t id);
void world_kill(struct world *world, bus_node_t id);
void world_pause(struct world *world, bus_node_t id, int is_process, int is_daemon);
void world_continue(struct world *world, bus_node_t id);
/** A message that is none, from this node. */
void world_inject(struct world *world, bus_node_t id, const void *data, apr_size_t length);
/** Another limit in the configuration of one node, or (0) of all. */
void world_set_limit(struct world *world, int key, apr_uint32_t limit, bus_node_t id);
void world_set_demand(struct world *world, int key, bus_node_t id, apr_uint32_t demand);

/** Begin to measure how much is used. */
void world_measure(struct world *world);
/** Used since then, of what the limit allows: 0 to 1. */
double world_utilisation(const struct world *world, int key);
/** In peace: does everybody see the counts of those who are there, and of nobody else? */
void world_check_counts(struct world *world);
/** Are all running nodes active in one ring? */
int world_is_whole(const struct world *world);

#endif
