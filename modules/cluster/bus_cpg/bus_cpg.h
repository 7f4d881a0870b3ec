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
 * Thread: the owner's loop. */
#ifndef CLUSTER_BUS_CPG_BUS_CPG_H
#define CLUSTER_BUS_CPG_BUS_CPG_H

#include <apr_time.h>

#include "cluster/bus/bus.h"

typedef struct bus_cpg bus_cpg_t;

/** Connect to the corosync of this host and join `group`.  Keeps `events` and `baton`.  On failure `*why` is
 * a text for the operator: what failed and what to do. */
apr_status_t bus_cpg_open(bus_cpg_t **bus, const char *group, const struct bus_events *events, void *baton,
                          const char **why);
/** Leaves the group, if it can. */
void bus_cpg_close(bus_cpg_t *bus);

bus_t *bus_cpg_bus(bus_cpg_t *bus);
/** The id that corosync has given to this host. */
bus_node_t bus_cpg_self(const bus_cpg_t *bus);
/** To be polled for reading. */
void bus_cpg_descriptors(const bus_cpg_t *bus, int descriptors[2]);
/** Deliver what is there, at most `limit` events; callbacks run inside.  Call when a descriptor is readable,
 * and at least every second.  EC_E_CLOSED: corosync is gone.  EC_E_BUSY: there is more. */
apr_status_t bus_cpg_dispatch(bus_cpg_t *bus, int limit, apr_time_t now);

#endif
