/* limits.h - the gates that stand over a queue and its connections; for this room only
 * SPDX-License-Identifier: Apache-2.0
 *
 * A *limit* is a queue's use of one gate (shape/shape.h).  A *set* holds those that stand over the queue, or
 * over one MX host as the queue sees it.  Sets are made when they are first needed, anew with each generation
 * of the configuration, and what stays the same place stays the same limit.
 *
 * Slots are held by sessions, from before they open until their connection is closed as the receiver sees it.
 * Rates are taken before each connection and each message, and rest from when the receiver has answered.
 * Thread: the queue's loop. */
#ifndef QUEUE_LIMITS_H
#define QUEUE_LIMITS_H

#include "conf/conf.h"
#include "queue/queue.h"
#include "shape/shape.h"

enum { LIMITS_MAX = 24, LIMIT_RATES_MAX = 6 };

typedef enum { LIMIT_SLOTS, LIMIT_CONNECTIONS, LIMIT_MESSAGES } limit_kind_t;

/** A limit as the configuration has it. */
typedef struct {
    shape_place_t place; /* its key is in the pool that was given */
    limit_kind_t kind;
    conf_opt_t opt;
    const char *where; /* "domain example.com in binding b"; in the pool */
} limit_place_t;

/** What stands over the queue, or, with `host`, over this MX host of it.  Returns how many, in the order of
 * their keys. */
int places_find(limit_place_t places[LIMITS_MAX], queue_t *queue, const char *host, apr_pool_t *pool);

/* How a connection that holds slots ends. */
typedef enum { HOLD_STAYS, HOLD_ENDING, HOLD_CUT, HOLD_PHASES } hold_phase_t;

typedef struct {
    shape_user_t user; /* first: what is told finds the rest */
    queue_t *queue;
    limit_kind_t kind;
    conf_opt_t opt;
    int refs;                 /* sets and sessions */
    int n_phase[HOLD_PHASES]; /* connections that hold a slot */
    int is_cluster;
    int n_idle;     /* of those that hold a slot */
    int is_waiting; /* nothing was there; it will tell */
    apr_int64_t most;
    apr_interval_time_t window;
    char *where;
    char key[];
} limit_t;

typedef struct limit_set limit_set_t;
struct limit_set {
    util_link_t link; /* of a host, in the queue's list */
    int refs;
    int n;
    limit_t *at[LIMITS_MAX];
    char host[]; /* "" : the queue's own */
};

/** What a queue knows of its limits; part of queue_t. */
typedef struct {
    limit_set_t *own; /* NULL: not needed yet */
    util_list_t hosts;
    apr_time_t hosts_full_until; /* all hosts were saturated: nothing is opened before, or before something is
                                    told */
} limits_t;

/** A permission that a session has taken of a rate. */
typedef struct {
    limit_t *limit;
    apr_time_t when;
    int n;
} limit_taken_t;

/** What a session has; all 0: nothing. */
typedef struct {
    limit_t *slot[LIMITS_MAX];
    int n_own, n; /* slots: first those of the queue, then those of the host */
    hold_phase_t phase;
    limit_set_t *own, *host;
    limit_taken_t connection[LIMIT_RATES_MAX], message[LIMIT_RATES_MAX];
    int n_connection, n_message;
    unsigned char is_idle;
    unsigned char is_throttled;  /* the last message got no permission */
    unsigned char is_connecting; /* what was taken for the connection is used, and may be seen from now on */
    unsigned char is_sending;    /* the same for messages */
} limit_hold_t;

/* ---- limits.c: limits and sets ------------------------------------------------------------------- */

/** A slot, or a permission of a rate.  0: there is none, and the limit tells when it may be different. */
int limit_take(limit_t *limit);
void limit_unref(limit_t *limit);
void limit_set_unref(limit_set_t *set);
/** Is it known that no message can be sent now? */
int limit_set_forbids(const limit_set_t *set);
/** The sets in force; made when they are first needed. */
limit_set_t *limits_own(queue_t *queue);
limit_set_t *limits_host(queue_t *queue, const char *host);

void limits_init(queue_t *queue);
/** A new generation is in force: the sets are made anew; then each session's hold is to be adopted. */
void limits_renew(queue_t *queue);
/** The session holds what is in force now.  0: there is no slot for it, it is to end after its message. */
int limits_adopt(queue_t *queue, limit_hold_t *hold);
/** No session holds anything: forget all of them. */
void limits_end(queue_t *queue);

/** So many more sessions could be opened now, and so many messages begun. */
void limits_want(queue_t *queue, int sessions, apr_size_t messages);
/** Is it known that nothing can be opened now? */
int limits_forbid(const queue_t *queue);
/** Is it known that no message can be sent now? */
int limits_forbid_messages(const queue_t *queue);
/** The limit that holds the queue back, or NULL; one of a host, when all hosts were saturated. */
const limit_t *limits_lacking(const queue_t *queue);
const limit_t *limits_lacking_host(const queue_t *queue);
/** Is there a connection that shall end after its message (HOLD_ENDING), or at once (HOLD_CUT), and does not
 * yet? */
int limits_are_due(const queue_t *queue, hold_phase_t phase);

/* ---- hold.c: what a session has --------------------------------------------------------------------- */

/** Take for a new session; 0: something lacks, `hold` is empty. */
int limits_open(queue_t *queue, limit_hold_t *hold);
/** Everything goes back; what was taken and not used unrested. */
void hold_release(limit_hold_t *hold);
/** Its connection has no work, or has again. */
void hold_set_idle(limit_hold_t *hold, int is_idle);
void hold_set_phase(limit_hold_t *hold, hold_phase_t phase);
/** limits_are_due(), of what this one holds. */
int hold_is_due(const limit_hold_t *hold, hold_phase_t phase);
/** Is it to be closed when a lease ends? */
int hold_is_guarded(const limit_hold_t *hold);
int hold_may_send(const limit_hold_t *hold);

/** Is it known that the host may get no message now? */
int hold_forbids_messages(const limit_hold_t *hold);

/** queue_connect() and what follows it. */
queue_go_t hold_connect(queue_t *queue, limit_hold_t *hold, const char *host);
void hold_connect_seen(limit_hold_t *hold);
void hold_leave_host(limit_hold_t *hold);
/** Permission for up to `wanted` recipients; returns for how many. */
int hold_take_messages(limit_hold_t *hold, int wanted);
void hold_messages_seen(limit_hold_t *hold);
void hold_messages_unsent(limit_hold_t *hold);

#endif
