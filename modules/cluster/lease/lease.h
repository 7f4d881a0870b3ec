/* lease.h - replicated: which nodes may hold something, and what is kept back for whom
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every node has one lease for all that it holds.  modules/cluster/README.md tells the
 * protocol and why it is safe.  This is its pure part: who is active, who has departed
 * and may still be using what it held, and whether free capacity is frozen because a
 * departed node may have been granted some of it unseen.
 *
 * Pure: no clock.  That enough time has passed enters as EVICT and RELEASE messages;
 * clock.h says when a node may send them.  Machines hear of changes by `tell`. */
#ifndef CLUSTER_LEASE_LEASE_H
#define CLUSTER_LEASE_LEASE_H

#include "cluster/bus/bus.h"
#include "cluster/wire/wire.h"

enum { LEASE_DEPARTURES_MAX = 256 };

#define LEASE_CHANGES(X)                                                           \
    X(REVOKED, "grants that their holders have not confirmed are void")            \
    X(JOINED, "a node is active; what it reclaims comes next")                     \
    X(SETTLED, "all that it reclaims is taken; the rest of its departure is free") \
    X(DEPARTED, "a node is gone and may use what it held until it is released")    \
    X(DROPPED, "a node surely holds nothing any more")                             \
    X(RELEASED, "the leases of a departure have run out")                          \
    X(STEADY, "who stays is known: what is free may be granted")                   \
    X(FROZEN, "all that is free now must not be granted")                          \
    X(THAWED, "what was frozen is free")

#define LEASE_CHANGE_ENUM(name, text) LEASE_##name,
enum lease_change_kind { LEASE_CHANGES(LEASE_CHANGE_ENUM) };
#undef LEASE_CHANGE_ENUM

struct lease_change {
    enum lease_change_kind kind;
    bus_node_t node;        /* JOINED, SETTLED, DEPARTED, DROPPED */
    apr_uint64_t departure; /* JOINED, SETTLED: where it may reclaim from, 0: only from what is frozen;
                               DEPARTED, RELEASED: its number */
    int is_tainted;         /* FROZEN: it may have been used, not only granted */
    int is_half;            /* FROZEN: only half of everything is there to be granted */
    apr_uint64_t position;  /* of the event that made it; the replica sets this */
};

typedef void lease_tell_fn(void *baton, const struct lease_change *change);

struct lease_node {
    bus_node_t id;
    apr_uint64_t instance; /* of the process */
    apr_uint64_t stay;     /* number of this stay: messages of an earlier one are void */
    apr_uint64_t heard;    /* messages applied in this stay */
    int version;           /* of the messages that it knows */
};

struct lease_departure {
    apr_uint64_t number;
    bus_node_t node;
    apr_uint64_t instance;
};

typedef struct {
    apr_uint64_t next;                      /* number for the next stay or departure */
    struct lease_node nodes[BUS_NODES_MAX]; /* active ones, by id */
    int node_count;
    struct lease_departure departures[LEASE_DEPARTURES_MAX];
    int departure_count;
    apr_uint64_t frozen_until; /* released with this departure; 0: not frozen */
    apr_int64_t window;        /* the longest of those who have come in */
    int is_half;               /* one host alone of two: the other half belongs to the other one */
    lease_tell_fn *tell;
    void *baton;
} lease_t;

/** Nobody is active, all (or half of it) is frozen until a departure that is nobody's is released.
 * Keeps `baton`. */
void lease_start(lease_t *lease, int is_half, int is_tainted, lease_tell_fn *tell, void *baton);

const struct lease_node *lease_find(const lease_t *lease, bus_node_t id);
/** The active node whose message this is, or NULL when the message is void. */
struct lease_node *lease_sender(lease_t *lease, bus_node_t id, apr_uint64_t stay);

/** A new ring was settled: active nodes that are not among `stays` depart. */
void lease_settle(lease_t *lease, const bus_node_t *stays, int stay_count);
/** A process ended or left, its host is still in the ring. */
void lease_left(lease_t *lease, bus_node_t id);
/** Returns whether the node is active now (it was not before, and there is room).  The caller lets
 * machines reclaim and then calls lease_joined(). */
int lease_join(lease_t *lease, bus_node_t id, apr_uint64_t instance, int version);
void lease_joined(lease_t *lease, bus_node_t id);
void lease_leave(lease_t *lease, bus_node_t id);
/** Void unless the node's stay and count of messages are still these. */
void lease_evict(lease_t *lease, bus_node_t id, apr_uint64_t stay, apr_uint64_t heard);
void lease_release(lease_t *lease, apr_uint64_t departure);

/** The version that all active nodes know. */
int lease_version(const lease_t *lease);

void lease_write(const lease_t *lease, wire_writer_t *writer);
/** Returns whether it was understood; `tell` and `baton` stay. */
int lease_read(lease_t *lease, wire_reader_t *reader);

#endif
