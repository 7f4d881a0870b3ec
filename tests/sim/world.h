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
#include "cluster/numbers/numbers.h"
#include "cluster/series/series.h"
#include "cluster/gauge/gauge.h"
#include "cluster/limit/client.h"
#include "cluster/machine/mutant.h"
#include "cluster/machine/replica.h"
#include "cluster/throttle/throttle.h"

enum { WORLD_NODES_MAX = 7, WORLD_KEYS_MAX = 200, WORLD_RATES = 2, RATE_MAX = 40, HISTORY = 8192 };
/* How long a node keeps what does not divide, while others wait for it. */
#define WORLD_TURN apr_time_from_msec(200)

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
    struct session *sessions;
    apr_uint32_t open, size;
    double area; /* `open` times microseconds, since world_measure() */
    apr_time_t counted;
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
    struct user_key users[WORLD_KEYS_MAX];
    limit_t throttles;
    limit_client_t throttle_client;
    struct throttle_rate rates[WORLD_RATES];
    apr_uint32_t rate_wants[WORLD_RATES];
    gauge_t gauge;
    gauge_local_t counts;
    cache_t cache;
    series_t series;
    series_local_t told;
    numbers_t numbers;
    numbers_local_t added;
    apr_uint64_t sessions_done;
};

struct world_config {
    apr_uint64_t seed;
    int nodes;
    int trace;
    int is_available; /* mode of the limits */
    int loss;         /* see bus_sim */
    int keys;
    const apr_uint32_t *limits; /* of the keys, again and again */
    int limit_count;
    apr_time_t session_max; /* they take up to this */
    apr_time_t nap;         /* a node looks around no sooner than that: for worlds with many sessions */
};

struct world {
    struct world_config config;
    bus_sim_t *sim;
    struct node nodes[WORLD_NODES_MAX + 1]; /* by id */
    struct world_key {
        apr_uint32_t limit;   /* as configured now */
        apr_uint32_t allowed; /* as promised now: the greatest of the last seconds */
        apr_time_t lowered;   /* from this time on less than `allowed` is allowed; 0: never */
        apr_uint32_t in_use;  /* by those that are able to send */
    } keys[WORLD_KEYS_MAX];
    apr_time_t next_lowered; /* the first of theirs; 0: none */
    apr_time_t measured_from;
    struct {
        apr_uint64_t ring, lineage, position, digest;
    } history[HISTORY];
    apr_time_t sends[WORLD_RATES][RATE_MAX];                         /* the last ones, by all nodes */
    apr_uint64_t send_count[WORLD_RATES], sends_before[WORLD_RATES]; /* all; until world_measure() */
    int is_restless; /* demand changes with every connection */
    apr_uint64_t events;
    struct node *touched; /* by the event just now */
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
/** Another limit in the configuration; the nodes in the set (bit 0 is node 1) know it at once. */
void world_set_limit(struct world *world, int key, apr_uint32_t limit, apr_uint32_t nodes);
void world_set_demand(struct world *world, int key, bus_node_t id, apr_uint32_t demand);

/* ---- checks.c: what must hold, and measures ----------------------------------------------- */

/** A node uses more or less now than before (`by`), and may do so. */
void check_use(struct user_key *user, int by);
/** The node can send again after it was stopped, or can not any more. */
void check_awake(struct node *node, int is_awake);
void check_rate(struct world *world, int index);
/** After every event. */
void check_world(struct world *world);

/** Begin to measure how much is used. */
void world_measure(struct world *world);
/** Since world_measure(), in microseconds. */
double world_measured_time(const struct world *world);
/** Used since then, of what the limit allows: 0 to 1. */
double world_utilisation(struct world *world, int key);
/** Its part in it. */
double world_use_of(struct world *world, int key, bus_node_t id);
/** Messages sent since then, of those that the rate allows. */
double world_rate_utilisation(const struct world *world, int index);
/** In peace: does everybody see the counts of those who are there, and of nobody else? */
void world_check_counts(struct world *world);
/** Are all running nodes active in one ring? */
int world_is_whole(const struct world *world);
/** Is nothing kept back for nodes that are gone? */
int world_is_thawed(const struct world *world);

/* ---- runs ------------------------------------------------------------------------------------ */

/** storm.c: any faults, then all must be well again. */
void storm_run(struct world *world, apr_uint64_t seed, int steps, int trace);
/** peace.c: nothing happens, or one thing; what is promised of that must hold. */
void peace_run(struct world *world, apr_uint64_t seed, int trace);

extern const struct world_rate {
    apr_uint32_t limit;
    apr_time_t window;
} world_rates[WORLD_RATES];

#endif
