/* shape.h - limits inside of this node: how many at a time, how many in a while, shared between loops
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything that several queues share a limit on is a gate (ec/gate.h): the server's connections, those of a
 * binding, of a domain over all bindings, of an MX host; a throttle wherever it is set.  A gate of the node
 * has all its units from the start; one of the cluster gets them from the provider.
 *
 * A queue (or whoever takes units) is a *user* of each of its gates.  All of a user is its loop's; what it is
 * told comes as a post to that loop.  Nobody waits in vain and nobody keeps all: waiting users are told in
 * the order in which they began to wait, and while somebody waits, those who use more than their equal part
 * have a surplus. */
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
    apr_uint64_t generation;    /* of the configuration that says so; 0: newer than any */
} shape_place_t;

/** A reference to the gate of this place, made when it is new.  When it exists with another limit or window
 * the word of the newest generation counts.  Any thread. */
ec_gate_t *shape_gate(const shape_place_t *place);
/** A gate of the node that nobody holds is gone, with what its rate remembers after one window. */
void shape_gate_unref(ec_gate_t *gate);

typedef struct shape_user shape_user_t;
/** Units may be there that were not, or some shall be given up (shape_surplus(), shape_lost()).  On the
 * user's loop. */
typedef void shape_told_fn(void *baton);

/** The fields are the room's; `gate`, `wanted` and `used` may be read on the user's loop. */
struct shape_user {
    ec_gate_t *gate; /* NULL: at no gate */
    ec_loop_t *loop;
    shape_told_fn *told;
    void *baton;
    struct shape_bell *bell; /* tells it; may outlive it */
    ec_timer_t timer;
    util_link_t link, owed_link, ending_link, idle_link; /* in the gate's lists */
    apr_size_t hungry_slot, rich_slot;                   /* in the gate's heaps */
    apr_uint64_t turn;                                   /* its place among those who wait */
    apr_time_t since, waits_since;                       /* has what it has; waits */
    apr_time_t promised_at, taken_at;
    apr_int64_t wanted, used;
    int idle;             /* of those in use */
    apr_int64_t demand;   /* as counted by the gate */
    apr_int64_t promised; /* units kept for it until it has been told and has taken them */
    apr_int64_t owed;     /* units that others are to give up for it */
    _Atomic int surplus, lost;
    _Atomic int is_losing; /* lost units, and has not been told */
    int is_waiting, has_news;
};

/** Keeps a reference of its own to the gate.  `user` stays in place until shape_leave(). */
void shape_join(shape_user_t *user, ec_gate_t *gate, ec_loop_t *loop, shape_told_fn *told, void *baton);
/** Wants nothing and uses nothing (of a rate: what it used rests on in the gate).  `told` runs no more. */
void shape_leave(shape_user_t *user);
/** How many units it could use now, those in use included; of a rate: how many more. */
void shape_want(shape_user_t *user, apr_int64_t wanted);
/** So many of its slots in use are of no use at present: who waits is given those at once, without waiting
 * for a turn. */
void shape_idle(shape_user_t *user, int n);
/** Take one.  0: there is none, or the lease is over; it waits now, and `told` runs when that may be
 * different.  What it is told of is kept for it for some milliseconds: take it in `told`. */
int shape_take(shape_user_t *user);
/** Give one of slots back: its connection is closed as the receiver sees it. */
void shape_put(shape_user_t *user);
/** A unit of a rate that was taken at `when` (user->taken_at of then) and not used after all comes back unrested. */
void shape_return(shape_user_t *user, apr_time_t when);
/** A unit of a rate that was taken at `when` rests from `to` (between `when` and now).  0: it has rested
 * already. */
int shape_move(shape_user_t *user, apr_time_t when, apr_time_t to);
/** When a unit of this rate will have rested, if that is known; else 0.  By ec_gate_clock(). */
apr_time_t shape_next(shape_user_t *user);
/** How many of its connections shall end after their message; how many at once.  Both count down with
 * shape_put(), and the surplus may go away when others need it no more; those that are closing already are
 * the user's to subtract. */
int shape_surplus(const shape_user_t *user);
int shape_lost(const shape_user_t *user);
/** May what was taken here be used at this moment?  A comparison or two; ask before each thing that is sent.
 */
int shape_may_use(const shape_user_t *user);
/** Is what was taken here to be closed when the lease ends, whatever this process does then (shape/guard.h)?
 */
int shape_is_guarded(const shape_user_t *user);

/** For tests: another ec_gate_clock(); NULL: the real one. */
void shape_set_clock(apr_time_t (*clock)(void));

#endif
