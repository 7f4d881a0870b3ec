/* parts.h - what the files of the simulated bus share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_BUS_SIM_PARTS_H
#define CLUSTER_BUS_SIM_PARTS_H

#include "cluster/bus_sim/bus_sim.h"

enum { SIM_HOSTS_MAX = 16, SIM_OUT_MAX = 64 };

enum sim_kind { SIM_MESSAGE, SIM_JOIN, SIM_LEFT, SIM_VIEW, SIM_LOST };

/* Something on its way: in a host's queue, in a ring's log, or in a process' inbox. */
struct sim_item {
    struct sim_item *next;
    enum sim_kind kind;
    bus_node_t sender;
    apr_uint32_t has;  /* in a log: hosts that have received it */
    apr_uint64_t ring; /* of a view */
    bus_node_t members[SIM_HOSTS_MAX];
    int member_count, is_quorate;
    apr_size_t length;
    unsigned char data[];
};

struct sim_ring {
    struct sim_ring *next;
    apr_uint64_t id;
    apr_uint32_t hosts; /* that were in it when it formed */
    struct sim_item **log;
    apr_size_t count, size;
    bus_node_t holder;
    int is_hopping, is_token_lost;
};

struct sim_host {
    bus_t bus; /* first: a bus_t * is a host */
    bus_sim_t *sim;
    bus_node_t node;
    apr_time_t clock_base;
    int drift;
    int is_up, is_daemon_stopped, is_process_stopped, vanishes;
    const struct bus_sim_process *process;
    void *baton;
    int is_joined; /* the process is in the group, as this host sees it */
    int lost;      /* daemons whose end the process has still to find out: what it sends goes nowhere */
    struct sim_item *inbox, *inbox_last;
    int is_scheduled;
    apr_uint64_t wake_number;
    struct sim_item *out, *out_last;
    int out_count;
    struct sim_ring *ring;
    apr_size_t next;    /* of the ring's log: to be delivered */
    apr_uint32_t group; /* hosts whose process is in the group, up to there */
};

typedef void sim_fn(bus_sim_t *sim, void *baton, apr_uint64_t argument);

struct sim_timer {
    apr_time_t when;
    apr_uint64_t number; /* equal times run in order */
    sim_fn *run;
    void *baton;
    apr_uint64_t argument;
};

struct bus_sim {
    struct bus_sim_config config;
    apr_uint64_t random;
    apr_time_t now;
    struct sim_timer *timers;
    apr_size_t timer_count, timer_size;
    apr_uint64_t timer_number;
    struct sim_host hosts[SIM_HOSTS_MAX];
    int links[SIM_HOSTS_MAX][SIM_HOSTS_MAX];
    struct sim_ring *rings;
    apr_uint64_t ring_number;
};

#define SIM_BIT(node) ((apr_uint32_t)1 << ((node)-1))

/* bus_sim.c */
apr_time_t sim_between(bus_sim_t *sim, apr_time_t low, apr_time_t high);
void sim_after(bus_sim_t *sim, apr_time_t delay, sim_fn *run, void *baton, apr_uint64_t argument);
void sim_to_process(bus_sim_t *sim, struct sim_host *host, struct sim_item *item);

/* rings.c */
struct sim_item *sim_item(enum sim_kind kind, bus_node_t sender, const void *data, apr_size_t length);
void sim_item_free(struct sim_item *item);
void sim_queue(bus_sim_t *sim, struct sim_host *host, enum sim_kind kind, const void *data,
               apr_size_t length);
void sim_clear_out(struct sim_host *host);
void sim_found_ring(bus_sim_t *sim, struct sim_host *host);
void sim_reform_all(bus_sim_t *sim);
void sim_daemon_wakes(bus_sim_t *sim, struct sim_host *host);
void sim_free_rings(bus_sim_t *sim);

#endif
