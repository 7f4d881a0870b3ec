/* slots_model.h - several servers in one process: gates, connections and rates as a model, the cluster on the
 * simulated bus SPDX-License-Identifier: Apache-2.0
 *
 * Has the functions of ec/gate.h and of cluster/node/node.h that slots use, for whichever server is running
 * just then. A server opens connections and sends messages as its gates allow; all is counted as receivers
 * see it.  After every event nothing may be above its limit.  One thread, simulated time. */
#ifndef TESTS_SLOTS_MODEL_H
#define TESTS_SLOTS_MODEL_H

#include <ec/gate.h>

#include "cluster/bus_sim/bus_sim.h"
#include "cluster/slots/slots.h"

enum { MODEL_SERVERS = 4, MODEL_GATES = 200, MODEL_RATE_MAX = 64, MODEL_LINKS = 80 };

/** What receivers allow, and see. */
struct model_place {
    char key[32];
    apr_int64_t limit;   /* as configured now */
    apr_int64_t allowed; /* as promised now */
    apr_interval_time_t window;
    apr_time_t sends[MODEL_RATE_MAX]; /* of a rate, by all: the last ones */
    apr_uint64_t send_count;
    double used; /* slots times microseconds */
    double used_by[MODEL_SERVERS + 1];
};

/** One connection, or one use of a rate that rests. */
struct model_link {
    apr_time_t ends; /* by the server's clock: its work is done, or it has rested */
    enum { LINK_OPEN, LINK_CLOSING, LINK_RESTING } kind;
    int is_lost;
    int is_shut; /* by the guard: the receiver has seen its end */
};

struct ec_gate {
    struct server *server;
    struct model_place *place;
    struct model_link links[MODEL_LINKS];
    int link_count;
    apr_int64_t demand;
    apr_int64_t units, shed;
    void *note;
    int is_leased, is_changed, is_unused, is_known, is_available;
};

struct node {
    int unused;
};

struct server {
    struct model *model;
    bus_node_t id;
    int is_running;
    struct node node;
    bus_t *bus;
    replica_t *replica;
    slots_t *slots;
    ec_gate_t gates[MODEL_GATES];
    const ec_gate_provider_t *provider;
    void *provider_baton;
    apr_time_t lease, told_lease;
    apr_time_t lingers; /* ended, but until then receivers see its connections */
};

struct model {
    bus_sim_t *sim;
    apr_uint64_t seed, instances;
    int places, is_available;
    struct model_place place[MODEL_GATES];
    struct server servers[MODEL_SERVERS + 1]; /* by id; 0 is none */
    apr_time_t measured_from, measured_at;
    apr_uint64_t sends; /* of all rates */
    char failure[256];
};

struct model_config {
    apr_uint64_t seed;
    int slots, rates; /* places of each kind */
    int is_available;
};

void model_start(struct model *model, const struct model_config *config);
void model_stop(struct model *model);
/** Returns whether nothing was above its limit. */
int model_run(struct model *model, apr_time_t duration);

void model_boot(struct model *model, bus_node_t id);
void model_kill(struct model *model, bus_node_t id);
/** In order, as the node's thread does it; connections that are open are so for `linger` more. */
void model_leave(struct model *model, bus_node_t id, apr_interval_time_t linger);
/** What one server could use of a place; or (0) each. */
void model_demand(struct model *model, int place, bus_node_t id, apr_int64_t demand);
/** On one server after the other. */
void model_limit(struct model *model, int place, apr_int64_t limit);
void model_measure(struct model *model);
/** 0 to 1, of the limit. */
double model_utilisation(const struct model *model, int place);
/** Slots in use now that could send, by one server or (0) all. */
apr_int64_t model_used(const struct model *model, int place, bus_node_t id);
int model_is_whole(const struct model *model);

#endif
