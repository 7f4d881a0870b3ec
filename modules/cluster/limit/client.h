/* client.h - what this node uses and wants of what is limited for the whole cluster
 * SPDX-License-Identifier: Apache-2.0
 *
 * The local half of limit.h.  The user says how many slots of a key it could use
 * (want), takes one before it connects and puts it back after the connection is closed
 * - really closed, as the receiver sees it.  A slot that was put back stays here as long as it
 * is wanted and nobody else waits, so going on with the next connection costs nothing.
 *
 * Before each thing that is sent to a receiver the user asks limit_client_may_use(): a process
 * that was stopped and goes on must find out first that its lease is over.
 *
 * Without a lease nothing is held in strict mode; in available mode as much as this
 * node's equal part of the limit, so that in the worst case the sum is at most
 * limit + (nodes without a lease) * ceil(limit / nodes).  The same goes for one host alone of two,
 * which has a lease for half of the limit.
 *
 * Thread: the one that drives the replica. */
#ifndef CLUSTER_LIMIT_CLIENT_H
#define CLUSTER_LIMIT_CLIENT_H

#include "cluster/lease/clock.h"
#include "cluster/limit/limit.h"

enum limit_mode { LIMIT_STRICT, LIMIT_AVAILABLE };

struct limit_client_key {
    struct table_item item;
    apr_uint32_t limit;
    enum limit_mode mode;
    apr_uint32_t want; /* including `used` */
    apr_uint32_t used;
    apr_uint32_t firm, fresh; /* as the state has it, or had it when it was lost */
    apr_uint32_t giving;      /* of firm: given back in messages that are under way */
    apr_uint32_t tainted;     /* as the state has it: of all granted so far */
    apr_uint32_t told_want, told_limit;
    apr_uint32_t yield;   /* to give back because others wait */
    apr_time_t turn_ends; /* then one more; 0: nobody waits for it */
    int is_dirty;
    int is_orphan; /* nobody's: what it has goes back */
    struct limit_client_key *dirty_next;
    struct limit_client_key *turn_next; /* itself when last; NULL: in no turn */
    void *user;                         /* whose it is; NULL at first */
};

struct limit_client_events {
    /** A slot may be there that was not before, or others wait, or do not any more, for what is ours. */
    void (*gained)(void *baton, struct limit_client_key *key);
    /** Others wait: end `count` of the used ones when their work is done, soon.  Said again, with what is
     * still owed, as long as it is. */
    void (*shed)(void *baton, struct limit_client_key *key, apr_uint32_t count);
    /** `count` of the used ones are not ours any more: close them now and put them back. */
    void (*lost)(void *baton, struct limit_client_key *key, apr_uint32_t count);
    /** Of a rate: `count` units came that somebody else may have used just now.  NULL for slots. */
    void (*tainted)(void *baton, struct limit_client_key *key, apr_uint32_t count);
};

typedef struct {
    limit_t *limit;
    const struct lease_clock *clock;
    table_t keys;
    struct limit_client_key *dirty, *turns;
    apr_time_t turn_check; /* when to look at `turns` */
    apr_uint32_t nodes;    /* configured: for the equal part */
    apr_time_t turn;       /* how long an extra slot is kept when others wait for it */
    int is_active;
    int wants_beat;
    const struct limit_client_events *events;
    void *baton;
} limit_client_t;

extern const struct machine_local limit_client_local; /* local: limit_client_t */

/** Keeps all; watches the state. */
void limit_client_init(limit_client_t *client, limit_t *limit, bus_node_t self, apr_uint32_t nodes,
                       apr_time_t turn, const struct lease_clock *clock,
                       const struct limit_client_events *events, void *baton);
void limit_client_free(limit_client_t *client);

/** The key, made when it is new; `limit` and `mode` as they are configured now. */
struct limit_client_key *limit_client_key(limit_client_t *client, const char *key, apr_size_t length,
                                          apr_uint32_t limit, enum limit_mode mode);
/** How many slots could be used at once now. */
void limit_client_want(limit_client_t *client, struct limit_client_key *key, apr_uint32_t want);
/** Returns whether a slot was there. */
int limit_client_take(limit_client_t *client, struct limit_client_key *key, apr_time_t now);
void limit_client_put(limit_client_t *client, struct limit_client_key *key);
/** How many of the used ones others wait for now. */
apr_uint32_t limit_client_owed(const struct limit_client_key *key, apr_time_t now);
/** Forgets a key of which nothing is wanted or held.  Returns 0, and changes nothing, when that is not so
 * yet. */
int limit_client_forget(limit_client_t *client, struct limit_client_key *key);
/** What this node may use of a key without a lease: its equal part in available mode, else 0. */
apr_uint32_t limit_client_unleased(const limit_client_t *client, const struct limit_client_key *key);
/** May what is used go on to be used at this moment?  A comparison or two. */
int limit_client_may_use(const limit_client_t *client, const struct limit_client_key *key, apr_time_t now);

#endif
