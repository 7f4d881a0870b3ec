/* bus_sim.h - a bus in one process, in simulated time, with every fault by a seed
 * SPDX-License-Identifier: Apache-2.0
 *
 * Models what corosync does: hosts with a daemon each, rings whose token visits one
 * host after the other, messages that some hosts have and others ask for again, rings
 * that break and form anew.  Members that go together to a new ring share what they
 * have of the old one and deliver it, at last also after gaps.  A host that holds the
 * token while the others are gone still sends and sees its own messages, once.
 *
 * The same seed gives the same run.  One thread. */
#ifndef CLUSTER_BUS_SIM_BUS_SIM_H
#define CLUSTER_BUS_SIM_BUS_SIM_H

#include <apr_time.h>

#include "cluster/bus/bus.h"

typedef struct bus_sim bus_sim_t;

struct bus_sim_config {
    apr_uint64_t seed;
    int hosts;                   /* their nodes are 1..hosts */
    apr_time_t hop_min, hop_max; /* of the token */
    apr_time_t lag_max;          /* between daemon and process */
    apr_time_t token_timeout;    /* a new ring forms within half of it and one and a half */
    int loss;                    /* in 1000: a message does not reach a member at first */
    int drift;                   /* in 100,000: clocks are faster or slower by so much at most */
};

/** What the simulated process of a host does.  Never called while it is stopped. */
struct bus_sim_process {
    struct bus_events events;
    /** The daemon is gone (the bus with it), or a new one is there. */
    void (*lost)(void *baton);
    void (*wake)(void *baton); /* at the time that it asked for, or after it was stopped */
};

bus_sim_t *bus_sim_create(const struct bus_sim_config *config);
void bus_sim_destroy(bus_sim_t *sim);

/** Real time, in microseconds; and as the clock of a host shows it. */
apr_time_t bus_sim_now(const bus_sim_t *sim);
apr_time_t bus_sim_clock(const bus_sim_t *sim, bus_node_t node);
/** A number below `bound`, from the seed. */
apr_uint32_t bus_sim_random(bus_sim_t *sim, apr_uint32_t bound);

/** Runs one event; returns 0 when the next is later than `until`, which is then the time. */
int bus_sim_step(bus_sim_t *sim, apr_time_t until);
/** Something of the user's at a time. */
void bus_sim_at(bus_sim_t *sim, apr_time_t when, void (*run)(void *baton), void *baton);
/** Wake the process when its own clock shows `when`. */
void bus_sim_wake_at(bus_sim_t *sim, bus_node_t node, apr_time_t when);

/** Processes.  Keeps all.  `start` joins the group as soon as there is a daemon. */
void bus_sim_start(bus_sim_t *sim, bus_node_t node, const struct bus_sim_process *process, void *baton);
/** kill -9: the daemon tells the others. */
void bus_sim_kill(bus_sim_t *sim, bus_node_t node);
/** Leave the group in order. */
bus_t *bus_sim_bus(bus_sim_t *sim, bus_node_t node);

/** Faults. */
void bus_sim_stop(bus_sim_t *sim, bus_node_t node, int is_process, int is_daemon); /* SIGSTOP */
void bus_sim_continue(bus_sim_t *sim, bus_node_t node);
int bus_sim_is_stopped(const bus_sim_t *sim, bus_node_t node); /* its process */
void bus_sim_daemon_down(bus_sim_t *sim, bus_node_t node);
void bus_sim_daemon_up(bus_sim_t *sim, bus_node_t node);
/** Messages and the token from one host to another; both ways are open at first. */
void bus_sim_link(bus_sim_t *sim, bus_node_t from, bus_node_t to, int is_open);
/** Nobody gets what the host sends from now on, although the token still goes round; with the second message
 * it is cut off.  So it has seen its own message confirmed, and the others have a gap in the order. */
void bus_sim_vanish(bus_sim_t *sim, bus_node_t node);
void bus_sim_heal(bus_sim_t *sim);

#endif
