/* bus_cpg.h - the bus over corosync: CPG for order and views, the quorum service for quorum
 * SPDX-License-Identifier: Apache-2.0
 *
 * One process group.  The owner polls two descriptors and calls bus_cpg_dispatch().
 *
 * A new ring's view is reported when the quorum service has spoken about the same ring
 * (they come by different connections); what CPG has behind it waits until then.  Any
 * error of corosync ends the bus: it says so once, sends nothing more, and the owner closes
 * it, tells the replica (replica_bus_lost()), and opens a new one after a while.
 *
 * Only opening and closing wait for an answer of corosync, and so for ever when its process is stopped: they are for a
 * thread that has nothing else to do.  Sending never waits: what a stopped corosync does not take is bounded.
 *
 * Thread: the owner's, one at a time. */
#ifndef CLUSTER_BUS_CPG_BUS_CPG_H
#define CLUSTER_BUS_CPG_BUS_CPG_H

#include <apr_time.h>

#include "cluster/bus/bus.h"

typedef struct bus_cpg bus_cpg_t;

/** A process of the group; several of one host are several members. */
struct bus_cpg_member {
    bus_node_t node;
    apr_uint32_t pid;
};

enum { BUS_CPG_MEMBERS_MAX = 2 * BUS_NODES_MAX };

/** Why a process that is not the first of its host does not come into the group of a replica. */
#define BUS_CPG_DENIED                                                                                      \
    "another process of this host is in it, and a host is one member: stop that, or give this one another " \
    "cluster_group"

/** Connect to the corosync of this host and join `group`.  Keeps `events` and `baton`.  On failure `*why` is
 * a text for the operator: what failed and what to do.
 *
 * With `events->quorum` the group is for a replica, which knows its members by host: one process a host (who finds another
 * there does not join: those in the group would see a process of that host leave it again), and views wait for the quorum
 * service.  Without, it is a group of plain messages: any processes, and `is_quorate` says nothing. */
apr_status_t bus_cpg_open(bus_cpg_t **bus, const char *group, const struct bus_events *events, void *baton,
                          const char **why);
/** Leaves the group, if it can. */
void bus_cpg_close(bus_cpg_t *bus);

bus_t *bus_cpg_bus(bus_cpg_t *bus);
/** The id that corosync has given to this host. */
bus_node_t bus_cpg_self(const bus_cpg_t *bus);
/** The processes of the group now; returns how many.  Borrowed until the next dispatch. */
int bus_cpg_members(const bus_cpg_t *bus, const struct bus_cpg_member **members);
/** Inside of events->message(): the process that sent it. */
apr_uint32_t bus_cpg_sender_pid(const bus_cpg_t *bus);
/** ... and: is that a process of our host, but not this one? */
int bus_cpg_is_sender_other(const bus_cpg_t *bus);
/** Messages of ours that have not come back. */
int bus_cpg_in_flight(const bus_cpg_t *bus);
/** Fewer hosts than this are never quorate, whatever the quorum service says: with two hosts corosync's two_node lets
 * each of them be quorate alone.  1: the host is the only one; where another is in its ring, or comes into it, that is not true,
 * and two are needed until this is called again.  At any time, outside of callbacks. */
void bus_cpg_need_hosts(bus_cpg_t *bus, int hosts);
/** How many are needed now. */
int bus_cpg_needs_hosts(const bus_cpg_t *bus);
/** To be polled for reading; the second may be -1. */
void bus_cpg_descriptors(const bus_cpg_t *bus, int descriptors[2]);
/** Deliver what is there, at most `limit` events; callbacks run inside.  Call when a descriptor is readable,
 * and at least every second.  EC_E_CLOSED: corosync is gone.  EC_E_DENIED: another process of this host was in the
 * replica's group before.  EC_E_BUSY: there is more. */
apr_status_t bus_cpg_dispatch(bus_cpg_t *bus, int limit, apr_time_t now);

#endif
