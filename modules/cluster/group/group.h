/* group.h - replicated: groups that modules have made, who is in them, and who has their state
 * SPDX-License-Identifier: Apache-2.0
 *
 * Modules join and leave groups while the cluster runs, and not on all nodes.  So who is a member, and whether its copy of the
 * group's state is in step, is itself replicated (the directory), and the state goes from member to member within the order:
 *
 *   OPEN   the sender is a member.  Nobody in step: it is, with what it has.  Else the first in step serves it: it writes the
 *          state as of this event, and sends it in parts
 *   STATE  a part; with the last one the member is in step.  What came since the OPEN it has kept, and applies now
 *   DATA   a message to all members
 *   CLOSE  the sender is none any more
 *
 * When the one that serves goes, the next in step serves as of that event; when nobody is left, the first that waits is in step
 * with what it has.  All of that follows from the order, so nobody has to ask.
 *
 * Pure, but for the callbacks.  Thread: the node's, or under its lock; what says "any thread" has a lock of its own. */
#ifndef CLUSTER_GROUP_GROUP_H
#define CLUSTER_GROUP_GROUP_H

#include <pthread.h>

#include <ec/cluster.h>

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

enum { GROUPS_MAX = 256 };

struct group_member {
    bus_node_t node;
    int is_in_step;
    bus_node_t server;    /* of one that waits */
    apr_uint64_t request; /* number of this: an earlier state is not for it */
};

struct group {
    struct table_item item; /* name */
    struct group_member members[BUS_NODES_MAX]; /* in the order in which they came */
    int count;
};

/* A state on its way. */
struct group_serving {
    struct group_serving *next;
    struct group_local *local;
    bus_node_t target;
    apr_uint64_t request;
    wire_writer_t state;
    apr_size_t sent;
    int is_too_large; /* EC_CLUSTER_STATE_MAX */
};

enum group_status {
    GROUP_OUT,     /* not a member; OPEN goes out when this node is active */
    GROUP_WAITING, /* OPEN is applied, the state is under way */
    GROUP_IN_STEP
};

/* This process as a member, or one that waits for the place. */
struct group_local {
    struct group_local *next;
    struct groups *groups;
    char name[EC_CLUSTER_NAME_MAX + 1];
    const ec_cluster_calls_t *calls;
    void *baton;
    enum group_status status;
    int is_open;         /* callbacks may run */
    int is_broken;       /* it did not understand the state */
    wire_writer_t state; /* what has come of it */
    wire_writer_t kept;  /* what has happened since the request: blocks of what, node and bytes */
};

typedef struct groups {
    table_t directory;
    apr_uint64_t requests; /* how many there were; replicated like the directory */
    bus_node_t self;
    struct group_local *locals;
    struct group_local *successors; /* have joined, oldest first; not open, or another of this process has the name */
    struct group_serving *servings;
    int is_active;
    pthread_mutex_t lock; /* of unsent, and of every `status` for who is not on the thread */
    wire_writer_t unsent; /* blocks */
    void (*wake)(void *baton);
    void *wake_baton;
    void (*log)(void *baton, const char *group, const char *text);
} groups_t;

extern const struct machine_type group_machine; /* state: groups_t */
extern const struct machine_local group_machine_local; /* local: groups_t */

void groups_init(groups_t *groups);
void groups_free(groups_t *groups);

/** As ec_cluster_t says; nothing happens before group_open(), so that who joins has the handle when the first callback runs.  NULL:
 * the name is too short or too long. */
struct group_local *group_join(groups_t *groups, const char *name, const ec_cluster_calls_t *calls, void *baton);
/** It becomes a member, now or when the one of this process that is in the group leaves it. */
void group_open(groups_t *groups, struct group_local *local);
/** The oldest open one that waits for the place takes it over as it is: for the group nothing has happened. */
void group_leave(groups_t *groups, struct group_local *local);
/** Any thread. */
apr_status_t group_send(groups_t *groups, struct group_local *local, const void *data, apr_size_t length);

/** For the console. */
int group_waiting(const groups_t *groups, const char *name);
const struct group *group_find(const groups_t *groups, const char *name);

#endif
