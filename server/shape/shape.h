/* shape.h - limits inside of this node: how many at a time, how many in a while, shared between loops
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything that several queues share a limit on is a gate (ec/gate.h): the server's connections, those of a
 * binding, of a domain over all bindings, of an MX host; a throttle wherever it is set.  A gate of the node
 * has all its units from the start; one of the cluster gets them from the provider.
 *
 * A queue (or whoever takes units) is a *user* of each of its gates.  All of a user is its loop's; what it is told
 * comes as a post to that loop.  Nobody waits in vain and nobody keeps all: waiting users are told in the order in which they began
 * to wait, and while somebody waits, those who use more than their equal part have a surplus. */
#ifndef SHAPE_SHAPE_H
#define SHAPE_SHAPE_H

#include <ec/gate.h>
#include <ec/loop.h>

#include "util/list.h"

/** What makes a gate: two with the same key are one. */
typedef struct {
    const char *key;            /* copied */
    apr_int64_t limit;          /* units; of a rate: per window.  Negative: none can ever be lacking */
    apr_interval_time_t window; /* 0: slots */
    int is_cluster;             /* units come from the provider, if there is one */
    int is_available;           /* cluster_limit_mode */
} shape_place_t;

/** A reference to the gate of this place, made when it is new.  When it exists with another limit or window the
 * newest word counts.  Any thread. */
ec_gate_t *shape_gate(const shape_place_t *place);
/** A gate of the node that nobody holds is gone, with what its rate remembers after one window. */
void shape_gate_unref(ec_gate_t *gate);

typedef struct shape_user shape_user_t;
/** Units may be there that were not, or some shall be given up (shape_surplus(), shape_lost()).  On the user's loop. */
typedef void shape_told_fn(void *baton);

struct shape_user {
    ec_gate_t *gate; /* NULL: at no gate */
    ec_loop_t *loop;
    shape_told_fn *told;
    void *baton;
    ec_post_t post;
    util_link_t link, waiting; /* in the gate's lists */
    apr_int64_t wanted, used;
    int surplus, lost;
    int is_posted, is_gone;
};

/** Keeps a reference of its own to the gate.  `user` stays in place until shape_leave(). */
void shape_join(shape_user_t *user, ec_gate_t *gate, ec_loop_t *loop, shape_told_fn *told, void *baton);
/** Wants nothing and uses nothing (of a rate: what it used rests on in the gate).  `told` runs no more. */
void shape_leave(shape_user_t *user);
/** How many units it could use now, those in use included. */
void shape_want(shape_user_t *user, apr_int64_t wanted);
/** Take one.  0: there is none, or the lease is over; `told` runs when that may be different. */
int shape_take(shape_user_t *user);
/** Give one of slots back: its connection is closed as the receiver sees it. */
void shape_put(shape_user_t *user);
/** A unit of a rate that was taken last and not used after all comes back unrested. */
void shape_untake(shape_user_t *user);
/** When a unit of this rate will have rested, if that is known; else 0. */
apr_time_t shape_next(shape_user_t *user);
/** How many of its connections shall end after their message; how many at once.  Counts down with shape_put(). */
int shape_surplus(const shape_user_t *user);
int shape_lost(const shape_user_t *user);
/** May what was taken here be used at this moment?  A comparison or two; ask before each thing that is sent. */
int shape_may_use(const shape_user_t *user);

#endif
