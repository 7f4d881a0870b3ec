/* cluster.h - the cluster, for modules: named groups of nodes, ordered messages, state that all have
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cluster module offers a service (ec/service.h):
 *
 *     const ec_cluster_t *cluster = ec_service_get(ec_service(EC_CLUSTER_SERVICE), 1, &self);
 *
 * These functions may be kept: they stay good as long as the process runs, also while no cluster stanza is in force; then this
 * node is in no group.
 *
 * A *group* is the nodes on which a module has joined it by its name.  What its members send comes to all of
 * them, the sender too, in one order.  A group can have a *state*: each member's copy changes by these messages and by members that
 * go, and by nothing else, so all copies are the same.  Who comes in gets the state of a member at one point of the order,
 * and from there on the messages.  The first to come in brings what it has.
 *
 * Callbacks run on the cluster's own thread (of leave(): on the caller's), one at a time, and must be quick: while one runs nothing of the cluster moves. They may
 * call send() and nothing else of this header; other work is posted to a loop (ec/loop.h).  What other threads read is guarded by
 * the module.
 *
 * A member that loses the cluster (its corosync ends, or it is in the smaller part of a divided network) is out of the group:
 * lost() is called, the others are told that it is gone, and it comes in again by itself as if it were new.  What it has sent
 * at the end may or may not have come to the others: in joined() tell again what matters. */
#ifndef EC_CLUSTER_H
#define EC_CLUSTER_H

#include <ec/service.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EC_CLUSTER_SERVICE "cluster"
#define EC_CLUSTER_VERSION 1

enum {
    EC_CLUSTER_NAME_MAX = 64,              /* bytes in the name of a group */
    EC_CLUSTER_MESSAGE_MAX = 64 * 1024,    /* bytes in a message */
    EC_CLUSTER_STATE_MAX = 16 * 1024 * 1024 /* bytes that a state is written into */
};

/** A node: a number that stays as long as it is a member.  Never 0. */
typedef apr_uint32_t ec_cluster_node_t;
typedef struct ec_cluster_group ec_cluster_group_t;

typedef void ec_cluster_put_fn(void *to, const void *data, apr_size_t length);

/** What a member does.  Each but `message` may be NULL. */
typedef struct {
    /** A message of a member, this node included; borrows. */
    void (*message)(void *baton, ec_cluster_node_t sender, const void *data, apr_size_t length);
    /** A node is (1) or is not any more (0) a member; in order with the messages. */
    void (*member)(void *baton, ec_cluster_node_t node, int is_there);
    /** This node, `self`, is in step: the state is the group's.  member() was called for all who are there.  `is_first`: nobody had
     * a state, and what this node has is the group's from now on. */
    void (*joined)(void *baton, ec_cluster_node_t self, int is_first);
    /** This node is out of the group, until joined(). */
    void (*lost)(void *baton);
    /** Write the state, by any number of calls of put(to, ...). */
    void (*write)(void *baton, ec_cluster_put_fn *put, void *to);
    /** Take this state in place of one's own.  0: it is not understood; this node stays out of the group. */
    int (*read)(void *baton, const void *data, apr_size_t length);
} ec_cluster_calls_t;

/** Version 1. */
typedef struct {
    /** Be a member.  No callback runs before the caller has returned to its loop, so the handle is stored by then.  Copies `name`, keeps
     * `calls` and `baton` until leave().  NULL: the name has not 1 to EC_CLUSTER_NAME_MAX bytes.  Who joins a group that this process is in
     * already waits until the other leaves and takes its place, with its state, by read(), member() and joined(): so an instance of a module
     * follows another when options are changed, and the group does not notice.  (Two modules that both stay are a mistake: "cluster
     * group list" says how many wait.)  Master loop, in init, start or stop of an instance or in a command. */
    ec_cluster_group_t *(*join)(void *self, const char *name, const ec_cluster_calls_t *calls, void *baton);
    /** No callback runs any more, but write() once before it returns, for one that waits.  The others are told.  Ends the group's handle.
     * Master loop, as above. */
    void (*leave)(void *self, ec_cluster_group_t *group);
    /** To all members, in order.  Copies.  Any thread.  EC_E_BUSY: this node is not in step now, and joined() will be called;
     * EC_E_LIMIT: too much is waiting to be sent; EC_E_TOO_LONG: more than EC_CLUSTER_MESSAGE_MAX. */
    apr_status_t (*send)(void *self, ec_cluster_group_t *group, const void *data, apr_size_t length);
    /** Name of a node into `name`.  EC_E_NOT_FOUND: no node of this number is known.  Master loop, in a command. */
    apr_status_t (*node_name)(void *self, ec_cluster_node_t node, char *name, apr_size_t size);

    /** Shared objects (Replicate stanzas): set a key of a cache on all nodes; NULL removes it.  EC_E_NOT_FOUND: there is no cache
     * of this name here; EC_E_TOO_LONG: the key has more than 1024 bytes, or the value more than 64 KiB; EC_E_LIMIT: too much is
     * waiting to be sent, as it does while this node is not in the cluster.  Master loop. */
    apr_status_t (*cache_set)(void *self, const char *cache, const void *key, apr_size_t key_length, const void *value,
                              apr_size_t length);
    /** The value that the cache has, copied into `pool`; NULL: none.  Master loop. */
    const void *(*cache_get)(void *self, const char *cache, const void *key, apr_size_t key_length, apr_size_t *length,
                             apr_pool_t *pool);
    /** What the object counts of this key: of one node, or (0) the sum of all.  0 also when there is no such object.  Keys are
     * domains, "binding::domain", names of series, or addresses (4 or 16 bytes in network order).  Master loop. */
    apr_uint64_t (*count)(void *self, const char *object, const void *key, apr_size_t key_length, ec_cluster_node_t node);
} ec_cluster_t;

#ifdef __cplusplus
}
#endif
#endif
