/* bus.h - totally ordered messages among the nodes of a cluster
 * SPDX-License-Identifier: Apache-2.0
 *
 * What everything above relies on, and no more (corosync CPG gives it, bus_cpg; the
 * simulator gives exactly it, bus_sim):
 *  - A ring is a set of hosts that a token visits in turn.  Members of one ring get
 *    the same messages and views in the same order; messages of one sender come in
 *    the order in which they were sent, each once.
 *  - Members that go together from one ring to the next have delivered the same in
 *    the old one.  Others may have seen more, less, or, at the very end of a ring,
 *    messages after a gap.
 *  - To see one's own message proves nothing about others (no "safe" delivery).  But a
 *    message that was sent after another one was delivered leaves with a later visit
 *    of the token: between the two, the token was at every member of the ring.
 *  - What was queued in an old ring is sent in the next one.
 *
 * Callbacks run on the thread that drives the bus, never inside send(). */
#ifndef CLUSTER_BUS_H
#define CLUSTER_BUS_H

#include <apr.h>
#include <apr_errno.h>

typedef apr_uint32_t bus_node_t; /* 0 is no node */

enum { BUS_NODES_MAX = 64, BUS_MESSAGE_MAX = 256 * 1024 };

/** Why a member is no longer there. */
enum bus_left {
    BUS_LEFT_GROUP, /* it left the group, or its process ended while its host stays in the ring */
    BUS_LEFT_RING   /* its host is gone: what it saw last is not known */
};

struct bus_view {
    apr_uint64_t ring; /* number of the ring; two rings of one host never have the same */
    const bus_node_t *members;
    int member_count;
    int is_quorate; /* bus_quorum() changes it later, if ever */
};

/** What the bus calls; the baton is that of the one who opened it. */
struct bus_events {
    /** Members changed.  Same `ring` as before: processes came or went; else all starts with it. */
    void (*view)(void *baton, const struct bus_view *view);
    /** The ring became quorate, or is not any more, without another ring. */
    void (*quorum)(void *baton, apr_uint64_t ring, int is_quorate);
    /** Borrows `data`. */
    void (*message)(void *baton, bus_node_t sender, const void *data, apr_size_t length);
};

typedef struct bus bus_t;
struct bus_ops {
    apr_status_t (*send)(bus_t *bus, const void *data, apr_size_t length);
};
struct bus {
    const struct bus_ops *ops;
};

/** Queue a message to all members, the sender included.  Borrows `data`.  EC_E_BUSY: the bus is full or
 * not there now; nothing was sent. */
static inline apr_status_t bus_send(bus_t *bus, const void *data, apr_size_t length)
{
    return bus->ops->send(bus, data, length);
}

#endif
