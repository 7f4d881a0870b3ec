/* inside.h - what a gate is
 * SPDX-License-Identifier: Apache-2.0
 *
 * Locks, in this order: the registry's, a gate's, that of the queue of changed gates.  None is held while
 * anything is called outside of this room but the provider's wake().
 *
 * Who gets a unit.  A user whose shape_take() failed *waits*; a unit that is free is *promised* to the one
 * that has least, among equals to the one that has waited longest, and rings its bell (a post to its loop).
 * So nobody who comes by chance takes what others wait for.  A promise that is not taken soon goes to the
 * next.
 *
 * While somebody waits who has less than another, that other has a *surplus* of one, and the waiting one is
 * *owed* one: each decision is counted on both sides.  Where the limit does not divide, whoever has had the
 * odd unit for a turn gives it to the next. */
#ifndef SHAPE_INSIDE_H
#define SHAPE_INSIDE_H

#include <pthread.h>

#include <ec/window.h>

#include "shape/shape.h"
#include "util/heap.h"

enum {
    GATE_TURN = 1000 * 1000, /* microseconds that an odd unit is kept when others wait */
    GATE_PROMISE = 20 * 1000 /* that a promised unit is kept after the user has been told */
};

struct ec_gate {
    ec_gate_t *next; /* in the registry's bucket */
    apr_uint64_t hash;
    int refs;                /* the registry's lock */
    apr_uint64_t generation; /* whose word its limit is; the registry's lock */
    util_link_t idle;        /* in the registry's list of those that nobody holds */
    util_link_t changed;     /* in the provider's queue */
    _Atomic(void *) note;

    pthread_mutex_t lock; /* for the rest */
    apr_int64_t limit;
    apr_interval_time_t window;
    int is_cluster, is_leased;
    _Atomic int is_available;
    int is_provided;      /* the provider has it */
    _Atomic int is_bound; /* to the lease: provided, leased and limited */
    apr_int64_t units, shed;
    apr_int64_t used;                            /* all of it; of a rate: those that rest */
    apr_int64_t lost;                            /* of these: gone, but not closed yet */
    apr_int64_t promised, wanted, surplus, owed; /* sums over the users */
    ec_window_t *rate;                           /* NULL: slots */
    int users, waiting;
    apr_uint64_t turns;
    util_heap_t hungry;            /* users that wait for more than they are promised and owed: least first */
    util_heap_t rich;              /* users with slots: most first */
    util_list_t owed_list, ending; /* users that are owed; users with a surplus */
    util_list_t idlers;            /* users that could give up more than they are to */
    util_list_t members;
    shape_user_t *alarm; /* of the hungry: who looks after time; NULL: nobody has to */
    char key[];
};

/* ---- gate.c --------------------------------------------------------------------------------- */

/** Has a test set another clock?  Then there is no guard, whose clock is the real one. */
int gate_clock_is_test(void);
/** Its lease, limit or provider has changed. */
void gate_bind(ec_gate_t *gate);
/** Is the lease good, or not needed? */
int gate_is_open(const ec_gate_t *gate);
/** Units that could be taken now. */
apr_int64_t gate_free(const ec_gate_t *gate);
/** Units in use that should not be any more. */
apr_int64_t gate_excess(const ec_gate_t *gate);
/** A rate's uses end. */
void gate_age(ec_gate_t *gate, apr_time_t now);
void gate_ref(ec_gate_t *gate);

/* ---- provider.c ------------------------------------------------------------------------------ */

/** The provider is to look at the gate.  With its lock held. */
void provider_tell(ec_gate_t *gate);
/** A new gate: if there is a provider, it has it from now on.  With the registry's lock held. */
void provider_adopt(ec_gate_t *gate);
/** Nobody holds it.  Returns whether the provider will say when it is to go.  With the registry's lock held.
 */
int provider_keeps(ec_gate_t *gate);
extern _Atomic apr_time_t provider_lease;

/* ---- registry.c ------------------------------------------------------------------------------ */

void registry_lock(void);
void registry_unlock(void);
/** With the lock held; `fn` may not add or remove. */
void registry_each(void (*fn)(void *baton, ec_gate_t *gate), void *baton);
/** Takes it out and frees it.  With the lock held. */
void registry_remove(ec_gate_t *gate);
/** Nobody holds it, and no provider has it: it goes when it has rested.  With the lock held. */
void registry_retire(ec_gate_t *gate);

/* ---- fair.c: with the gate's lock held ---------------------------------------------------------- */

/** Whatever has changed: promises what is free, and balances surplus and what is owed. */
void fair_settle(ec_gate_t *gate, apr_time_t now);
/** The user waits, or what it lacks has changed. */
void fair_queue(ec_gate_t *gate, shape_user_t *user);
/** It waits no more, and lets go what was promised and owed. */
void fair_dequeue(ec_gate_t *gate, shape_user_t *user);
/** How many slots it has, or which of them are to end, has changed. */
void fair_holds(ec_gate_t *gate, shape_user_t *user);
/** It lacks only `lacks` more: it is owed no more than that. */
void fair_trim(ec_gate_t *gate, shape_user_t *user, apr_int64_t lacks);
/** One of its surplus has ended. */
void fair_unmark(ec_gate_t *gate, shape_user_t *user);
/** `n` units are gone: marks that many as lost. */
void fair_lose(ec_gate_t *gate, apr_int64_t n);
/** When time alone may change something for those who wait; 0: never. */
apr_time_t fair_next(const ec_gate_t *gate, apr_time_t now);

/* ---- user.c ---------------------------------------------------------------------------------- */

/** Make its loop look at the user; with news, tell it.  With the gate's lock held. */
void user_ring(shape_user_t *user, int has_news);
/** How many more it could use than it has and is promised. */
apr_int64_t user_lacks(const shape_user_t *user);

#endif
