/* replica_private.h - what the files of the replica share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_MACHINE_REPLICA_PRIVATE_H
#define CLUSTER_MACHINE_REPLICA_PRIVATE_H

#include "cluster/machine/mutant.h"
#include "cluster/machine/replica.h"
#include "cluster/view/settle.h"
#include "cluster/wire/refusals.h"

/* A message, or (sender 0) the ids of processes that left. */
struct replica_event {
    struct replica_event *next;
    bus_node_t sender;
    apr_size_t length;
    unsigned char data[];
};

struct replica_events {
    struct replica_event *first, *last;
    apr_size_t bytes;
};

/* Since when, by our clock, a node has not been heard, or a departure is known. */
struct replica_seen {
    apr_uint64_t what; /* a node's stay, or a departure's number */
    apr_uint64_t heard;
    apr_time_t since;
    apr_time_t asked; /* EVICT or RELEASE was sent; 0: not */
};

struct replica {
    struct replica_config config;
    bus_t *bus;
    struct machine machines[REPLICA_MACHINES_MAX];
    int machine_count;

    enum replica_phase phase;
    apr_time_t phase_since;
    int tries; /* of the one thing that this phase waits for */
    apr_uint64_t ring, round;
    int is_quorate;
    int is_late; /* came into a ring that others had begun */
    bus_node_t members[BUS_NODES_MAX];
    int member_count;

    struct settle settle;
    apr_uint64_t request; /* number of our last STATE */
    struct replica_events pending;
    wire_writer_t snapshot; /* what has come of it */
    apr_uint64_t snapshot_next;
    bus_node_t snapshot_from;

    int is_in_step, is_active, was_active, is_leaving;
    apr_time_t join_sent;
    apr_uint64_t lineage, epoch, position, digest;
    lease_t lease;
    struct lease_clock clock;
    int has_lease; /* as last seen by poll */
    struct replica_seen nodes[BUS_NODES_MAX];
    struct replica_seen departures[LEASE_DEPARTURES_MAX];
    int departure_count;

    struct replica_events unsent;
    apr_uint64_t refused;
    refusals_t refusals;
    apr_time_t now; /* of the call that we are in */
};

/* replica.c */
void replica_enter(replica_t *replica, enum replica_phase phase);
void replica_send(replica_t *replica, wire_writer_t *writer);
void replica_apply(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length);
void replica_tell(void *baton, const struct lease_change *change);
void replica_forget(replica_t *replica);
void replica_log(replica_t *replica, const char *format, ...) __attribute__((format(printf, 2, 3)));
void replica_check_active(replica_t *replica);

/* events.c */
void replica_events_add(struct replica_events *events, bus_node_t sender, const void *data,
                        apr_size_t length);
struct replica_event *replica_events_take(struct replica_events *events);
void replica_events_clear(struct replica_events *events);

/* ring.c: new rings, settling */
void ring_send_state(replica_t *replica, int is_late);
void ring_start_settle(replica_t *replica, apr_uint64_t round);
/** Returns whether it was for settling or asking, and so is no event. */
int ring_state(replica_t *replica, bus_node_t sender, wire_reader_t body);
void ring_decide_message(replica_t *replica, struct message *message);
void ring_resettle_message(replica_t *replica, struct message *message);
void ring_send_resettle(replica_t *replica);
void ring_poll(replica_t *replica);
int replica_is_member(const replica_t *replica, bus_node_t node);

/* snapshot.c */
/** To the process that sent this request.  `is_empty`: only so that it asks again. */
void snapshot_send(replica_t *replica, bus_node_t target, apr_uint64_t instance, apr_uint64_t request,
                   int is_empty);
void snapshot_message(replica_t *replica, bus_node_t sender, struct message *message);
void snapshot_drop(replica_t *replica);

#endif
