/* node.h - this process as a member of the cluster: one thread that drives bus and replica, and its parts
 * SPDX-License-Identifier: Apache-2.0
 *
 * The thread waits for the bus, for wake-ups and for time.  Everything that is replicated, and every part, is
 * touched by this thread only, or under node_lock(): console commands and hooks that read or change a part take
 * the lock, do little, and call node_wake().
 *
 * A part is what lives on the node: limits, shared objects, the list of members, the console of all nodes.  It adds its
 * machines before the thread starts, and is asked in every turn.
 *
 * Without corosync the node goes on: it says once that the bus is gone, tries again every second, and says when it is
 * back. */
#ifndef CLUSTER_NODE_NODE_H
#define CLUSTER_NODE_NODE_H

#include <ec/log.h>

#include "cluster/machine/replica.h"

typedef struct node node_t;

struct node_settings {
    const char *name;           /* of this node */
    const char *subcluster;     /* lower case, one word */
    const char *address;        /* "ip:port" of its ECCluster_Listener; "0.0.0.0:0": none */
    const char *cluster_group;  /* the process group of the replica */
    const char *control_group;  /* ... and of console commands; messages in it are ordered but not replicated */
    const char *version;        /* of this program, for others to see */
    int is_manager;
    int nodes;                  /* configured members (msgc_server peers); 0: not known; see node_set_nodes() */
    apr_interval_time_t window, margin; /* of leases */
    ec_log_t *log;              /* kept */
};

struct node_part {
    const char *name;
    /** Before the thread runs: add machines by node_add_machine().  Failing refuses the module; `*why` is constant. */
    apr_status_t (*open)(void *part, node_t *node, const char **why);
    /** After events and wake-ups: look around; the replica is polled right after.  `now` is ec_gate_clock(). */
    void (*turn)(void *part, apr_time_t now);
    /** When turn() should come without other cause; 0: never.  May be NULL. */
    apr_time_t (*next)(void *part);
    /** The lease was renewed until this time, or (0) is over.  Before turn(), and after what the replica has told the
     * locals about it.  May be NULL. */
    void (*lease)(void *part, apr_time_t until);
    /** Is there still something in use that the cluster's state has as this node's?  Then the node goes without LEAVE, and
     * what it has is kept until its lease is over.  On the thread, at its end.  May be NULL. */
    int (*holds)(void *part, apr_time_t now);
    /** The thread has ended: let everything go. */
    void (*close)(void *part);
};

enum { NODE_PARTS_MAX = 16 };

/** Copies settings and their texts.  Parts are added, then opened and the thread started by node_start(). */
node_t *node_create(const struct node_settings *settings);
void node_add_part(node_t *node, const struct node_part *type, void *part);
apr_status_t node_start(node_t *node, const char **why);
/** Says LEAVE if no part holds anything, ends the thread, closes the parts, frees. */
void node_stop(node_t *node);

/** So many members are configured now.  With two of them one host alone is not quorate, whatever corosync says. */
void node_set_nodes(node_t *node, int nodes);
/** Leave the groups and come in again. */
void node_reset(node_t *node);
/** Why there is no bus (of the replica), or nothing comes from it, for the console: constant, or NULL.  Under the lock. */
const char *node_trouble(node_t *node);

/** For parts, in open(). */
void node_add_machine(node_t *node, const struct machine *machine);
const struct node_settings *node_settings(const node_t *node);

void node_lock(node_t *node);
void node_unlock(node_t *node);
/** A turn soon.  Any thread, any lock may be held. */
void node_wake(node_t *node);

/** Under the lock or on the thread. */
replica_t *node_replica(node_t *node);
/** 0 while there is no bus. */
bus_node_t node_self(const node_t *node);
int node_has_bus(const node_t *node);

/* ---- members: who is there, by name ----------------------------------------------------------- */

struct node_member {
    bus_node_t id;
    apr_uint32_t pid;
    char name[64], subcluster[64], address[64], version[32];
    int is_manager;
    int is_active;          /* of the replica */
    int in_cluster, in_control; /* groups */
};
/** All members that have said who they are, by name; borrowed until the lock is given back or the turn ends. */
int node_members(node_t *node, const struct node_member **members);

/* ---- messages to the control group ------------------------------------------------------------------ */

/** In order, to all in the control group, this process included.  EC_E_BUSY: try in the next turn. */
apr_status_t node_send_control(node_t *node, const void *data, apr_size_t length);
/** The first byte of a message is its kind.  Below NODE_CONTROL_PARTS they are the node's own. */
enum { NODE_CONTROL_WHO = 1, NODE_CONTROL_PARTS = 16 };
/** On the thread; borrows.  One listener a kind: set it in open(). */
typedef void node_control_fn(void *baton, bus_node_t sender, apr_uint32_t pid, const void *data, apr_size_t length);
void node_on_control(node_t *node, int kind, node_control_fn *fn, void *baton);

#endif
