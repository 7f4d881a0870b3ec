/* queue.h - one queue per (binding, domain): when which message is tried
 * SPDX-License-Identifier: Apache-2.0
 *
 * A queue lives on the loop that its (binding, domain) hashes to and is touched by no other.  It holds
 * small entries: active ones in order, delayed ones in a heap by time.  Message bodies are in memory while
 * max_resident_active_queue and max_resident_messages allow it, otherwise read back from the spool when due.
 * Retries: message-flow.md G1 to G6.  Reasons: every queue and entry can say why it does not move. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <ec/command.h>
#include <ec/event.h>
#include <ec/loop.h>
#include "conf/conf.h"
#include "dns/dns.h"
#include "message/message.h"
#include "queue/account.h"
#include "spool/spool.h"

typedef struct queue queue_t;

/** Make the queue sets of all loops.  After the event runtime exists, before mail flows. */
apr_status_t queue_start(spool_t *spool, ec_log_t *log, apr_pool_t *pool);
/** Begin to stop: no new attempts.  `done` runs on the master loop when no session is
 * left or `grace` is over. */
void queue_stop(apr_interval_time_t grace, ec_post_fn *done, void *baton);

/** Choose the bindings of a sealed batch, before it is stored (bind.c).  0: a recipient got the default one,
 * and default_binding says that no mail may come in so; what is made here goes all the same.  On a loop. */
int queue_bind(ec_batch_t *batch);
/** Take over a stored batch: one entry per open recipient, posted to the loops they belong to.  Borrows the
 * batch (takes references of its own).  Any loop.  Counts nothing: the caller
 * counts received or generated. */
void queue_accept(ec_batch_t *batch);
/** For spool_recover(): the same for one recipient found on disk.  Recovery thread. */
void queue_recover(void *baton, const spool_found_t *found);
/** The scan is over: what was gathered last enters the queues.  Master loop; `report` is copied. */
void queue_recovered(apr_status_t rv, const spool_report_t *report);
/** 1 when queue_recovered() was called: its status and report. */
int queue_recovery(apr_status_t *rv, spool_report_t *report);

/** Store a batch made here (bounce), log its reception, count it as generated and accept it.  Takes the
 * reference. `settles`/`rcpt`: the recipient whose end this bounce reports, dropped in the same write; or
 * NULL. */
void queue_inject(ec_loop_t *loop, ec_batch_t *batch, spool_ref_t *settles, int rcpt, spool_done_fn *done,
                  void *baton);

/* ---- delivery: what smtp/out sees ---------------------------------------------------- */

/** A session is one outbound connection of a queue, owned by the transport. */
typedef struct queue_session queue_session_t;

/** Messages of one batch to be sent in one transaction. */
enum { QUEUE_BATCH_MAX = 1000 };
typedef struct queue_attempt queue_attempt_t;
struct queue_attempt {
    queue_t *queue;
    ec_batch_t *batch;  /* resident, borrowed until the last result has been given */
    int n;              /* recipients of this attempt */
    int *rcpt;          /* their indexes in the batch */
    ec_id_t connection; /* set by the transport: outbound connection id */
};

/** How one recipient of an attempt ended. */
typedef enum {
    QUEUE_DELIVERED,
    QUEUE_TRANSIENT, /* 4xx or internal: retry later */
    QUEUE_PERMANENT, /* 5xx or internal: bounce */
    QUEUE_IN_DOUBT,  /* the final dot was sent and no reply came: retry, counted */
    QUEUE_RELEASE    /* not tried: back to the front of the active queue, no count, no log */
} queue_outcome_t;

typedef struct {
    queue_outcome_t outcome;
    ec_stage_t stage;
    const char *text;    /* the reply or internal text; borrowed */
    const char *address; /* of the server, "" when none */
    apr_size_t size;     /* message bytes sent */
} queue_result_t;

/** The transport: how a queue opens sessions.  Constant, registered once. */
typedef struct {
    /** Begin a session for `queue`.  The session then asks for work with queue_take().  Never calls back
     * inside. */
    apr_status_t (*open)(queue_t *queue, queue_session_t *session, void **transport_session);
    /** Work has come for an idle session, or (is_closing) it shall end as soon as it can. */
    void (*wake)(void *transport_session, int is_closing);
    /** What permits the connection is gone: it is closed at once, and nothing more is sent on it; also for
     * one that closes already.  Its attempt is released, or in doubt if the dot was sent.  NULL: not known to
     * the transport. */
    void (*cut)(void *transport_session);
} queue_transport_t;
void queue_set_transport(const queue_transport_t *transport);

/** Next attempt for a session, or NULL: none is ready now (wake comes when there is; end the session when
 * idle_timeout passes).  At most max_recipients_per_batch recipients, all of one batch. */
queue_attempt_t *queue_take(queue_session_t *session);
/** The same for at most `most` recipients. */
queue_attempt_t *queue_take_most(queue_session_t *session, int most);
/** The last queue_take() found that a throttle has no permission: on a connection that has sent mail already
 * the session ends (message-flow.md I8), another one stays and is woken. */
int queue_is_throttled(const queue_session_t *session);
/** The receiver has answered the envelope of the last attempt: what it counts, it has counted.  Or: it was
 * not sent at all.  When neither is called, it counts as answered at the end of the attempt. */
void queue_envelope_seen(queue_session_t *session);
void queue_envelope_unsent(queue_session_t *session);
/** Put down that the final dot is about to be sent; `done` runs when that is on record (only then send it),
 * or with the error: then give all recipients QUEUE_RELEASE, the queue holds still for a moment.  `done` does
 * not run when every recipient got its result meanwhile. */
void queue_mark(queue_attempt_t *attempt, spool_done_fn *done, void *baton);
/** The end of recipient `i` (0..n-1) of the attempt.  Logs, counts, and makes the result durable.  When all
 * recipients have one, the attempt is over: `done` of queue_settled() runs when everything about it is
 * durable; a session takes its next attempt only then, so at most one message per connection can ever be in
 * doubt. */
void queue_result(queue_attempt_t *attempt, int i, const queue_result_t *result);
/** Must be called once before the last queue_result(). */
void queue_settled(queue_attempt_t *attempt, ec_post_fn *done, void *baton);
/** The session could not reach any host (route, connection, banner, EHLO stages): tells the queue, so that
 * due messages fail with this text instead of opening more connections.  The session then ends by
 * queue_session_closed().
 * result->outcome QUEUE_PERMANENT (no such domain, null MX, prohibited host): every
 * active message fails for good, unless the way was configured (gateway, routes): then a mistake there must
 * not bounce mail, and it counts as transient. Else the first group of messages gets a T record and the queue
 * opens nothing for a while (doom.c). */
void queue_unreachable(queue_session_t *session, const queue_result_t *result);
/** A connection to this host is about to be begun: once before each. */
typedef enum {
    QUEUE_GO,
    QUEUE_HOST_FULL, /* a limit on this host is reached: try another; none is left: queue_hosts_full() */
    QUEUE_WAIT       /* connections may not be begun so fast: the session ends */
} queue_go_t;
queue_go_t queue_connect(queue_session_t *session, const char *host);
/** The receiver knows of the connection (it has spoken). */
void queue_connect_seen(queue_session_t *session);
/** The connection that was begun is closed as the receiver sees it, and another host may follow. */
void queue_connect_over(queue_session_t *session);
/** All hosts that could be tried are full: mail stays active and waits until one may be different.  The
 * session then ends by queue_session_closed(). */
void queue_hosts_full(queue_session_t *session);
/** May something be sent on the connection at this moment?  Ask before every write. */
int queue_may_send(const queue_session_t *session);
/** Does the connection have to end with a lease, whatever this process does (shape/guard.h)? */
int queue_is_guarded(const queue_session_t *session);
/** The session takes no more attempts, its connection is being closed: the queue counts it no more, but what
 * it holds of limits stays held until queue_session_closed(). */
void queue_session_closing(queue_session_t *session);
/** The session is over, its connection closed as the receiver sees it.  All its attempts have ended.  The
 * queue forgets it. */
void queue_session_closed(queue_session_t *session);

/* what a session needs to know of its queue; all loop thread */
ec_loop_t *queue_loop(const queue_t *queue);
const char *queue_domain(const queue_t *queue); /* routing domain, lower case */
const char *queue_binding(const queue_t *queue);
const char *queue_group(const queue_t *queue);
/** Sender of the message that is next to be tried, "" the null sender; NULL when there is none in memory.  Until the queue is
 * asked for something else. */
const char *queue_next_sender(const queue_t *queue);
const conf_view_t *queue_view(queue_t *queue); /* of the current generation */
ec_log_t *queue_log(const queue_t *queue);
queue_t *queue_session_queue(const queue_session_t *session);
/** Where mail goes: resolved when asked, kept until it expires.  `fn` as dns_route_find(); NULL when it is
 * answered inside by calling `fn` later.  Cancel by queue_route_cancel(). */
typedef struct queue_route_wait queue_route_wait_t;
queue_route_wait_t *queue_route(queue_t *queue, dns_route_fn *fn, void *baton);
void queue_route_cancel(queue_route_wait_t *wait);
/** Free for the transport: remembers things per queue (failed hosts).  Kept until the queue dies; freed with
 * `free_fn`. */
void queue_set_note(queue_t *queue, void *note, void (*free_fn)(void *));
void *queue_note(const queue_t *queue);

/* ---- console ------------------------------------------------------------------------- */

typedef struct {
    apr_int64_t queued; /* all the queues answer for, also on the way between loops */
    apr_int64_t active, delayed, attempted;
    apr_int64_t resident; /* with a body in memory */
    apr_int64_t domains, sessions;
} queue_totals_t;
/** Sums over all loops.  Any thread. */
void queue_totals(queue_totals_t *totals);

/** summary, showqueue, domain, active, delayed, message (queue/commands.c); up to a NULL grammar. */
extern const ec_command_t queue_commands[];
#endif
