/* replica.h - one node's copy of all machines, kept in step with the others
 * SPDX-License-Identifier: Apache-2.0
 *
 * After every new ring the members *settle*: each says what it knows (STATE); from the same
 * messages all come to the same decision: is there a quorum, whose state goes on, who needs a
 * snapshot.  Messages that come meanwhile wait.  README.md has the states and messages, and
 * why this is safe.
 *
 *   ALONE     no ring yet
 *   SETTLING  a new ring (or RESETTLE): waiting for everybody's STATE, or a DECIDE
 *   MINORITY  decided: no quorum.  Nothing is replicated; leases run out (one host alone of two: see
 * README.md) WAITING   decided: others have the state; buffering until the snapshot is here MEMBER    in
 * step.  Active from the moment its JOIN is applied
 *
 * Thread: one, that of the bus's callbacks and of replica_poll(). */
#ifndef CLUSTER_MACHINE_REPLICA_H
#define CLUSTER_MACHINE_REPLICA_H

#include "cluster/lease/clock.h"
#include "cluster/machine/machine.h"

#define REPLICA_PHASES(X)        X(ALONE) X(SETTLING) X(MINORITY) X(WAITING) X(MEMBER)
#define REPLICA_PHASE_ENUM(name) REPLICA_##name,
enum replica_phase { REPLICA_PHASES(REPLICA_PHASE_ENUM) };
#undef REPLICA_PHASE_ENUM

struct replica_config {
    bus_node_t self;
    apr_uint64_t instance;     /* random, of this process: tells it from an earlier one of the same node */
    apr_time_t window, margin; /* of leases */
    apr_time_t patience;       /* how long to wait for the STATE of others, for a snapshot, for a JOIN */
    int version;               /* 0: MESSAGE_VERSION */
    int hosts;                 /* of the cluster, as configured; with 2, one alone has half.  0: not known */
    /** One line for the operator; may be NULL. */
    void (*log)(void *baton, const char *text);
    void *baton;
};

enum { REPLICA_MACHINES_MAX = 16 };

typedef struct replica replica_t;

/** Keeps `bus`; copies `config` and the machines, whose states and locals it keeps.  The bus may call before
 * this returns. */
replica_t *replica_create(const struct replica_config *config, bus_t *bus);
/** Before the first event. */
void replica_add(replica_t *replica, const struct machine *machine);
/** Which node this is, when the bus was not there at create: before the first view of a bus. */
void replica_set_self(replica_t *replica, bus_node_t self);
/** Machines' states and locals stay the caller's. */
void replica_destroy(replica_t *replica);

/** What the bus reports. */
void replica_view(replica_t *replica, const struct bus_view *view, apr_time_t now);
void replica_quorum(replica_t *replica, apr_uint64_t ring, int is_quorate, apr_time_t now);
void replica_message(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length,
                     apr_time_t now);
/** The same, when another process has sent it although the sender's host is ours: an event like any other, but no
 * message of ours that has come back. */
void replica_message_of_other(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length,
                              apr_time_t now);
/** Another number of hosts in the configuration. */
void replica_set_hosts(replica_t *replica, int hosts, apr_time_t now);
/** The bus is gone; a new one starts from nothing.  Keeps `bus`. */
void replica_bus_lost(replica_t *replica, bus_t *bus, apr_time_t now);

/** Send what is to be sent, and see to what is due.  Call after events, after the locals were told something,
 * and at replica_next(). */
void replica_poll(replica_t *replica, apr_time_t now);
apr_time_t replica_next(const replica_t *replica);
/** Say that nothing is held and nothing will be: before the bus is left. */
void replica_leave(replica_t *replica, apr_time_t now);

struct lease_clock *replica_clock(replica_t *replica);

/** For the console, logs, and tests. */
struct replica_info {
    enum replica_phase phase;
    int is_active;
    int is_half; /* a member that is alone of two hosts: half of each limit */
    apr_uint64_t ring, epoch, position, digest;
    apr_uint64_t lineage; /* which founding the state comes from */
    apr_uint64_t refused; /* messages that could not be understood */
    const lease_t *lease;
};
void replica_info(const replica_t *replica, struct replica_info *info);
const char *replica_phase_name(enum replica_phase phase);
/** All of the state as bytes, the same on all members at the same position. */
void replica_write(const replica_t *replica, wire_writer_t *writer);

#endif
