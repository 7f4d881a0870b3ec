/* session.h - one outbound connection after another for one queue; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0
 *
 *   ROUTE -> CONNECT -> BANNER -> EHLO [-> HELO] -> IDLE
 *               ^           |        |         |      |
 *               '-- LEAVE <-'--------'---------'      |
 *              next host                              v
 *   IDLE -> MAIL -> RCPT (n times) -> DATA -> BODY -> CONFIRM -> SETTLE -> IDLE
 *             `--------`----------------`--- no recipient left --> RSET ->'
 *
 * With PIPELINING the commands MAIL to DATA are written at once, and the same states follow the replies.
 * Whatever ends a session early: every recipient of its attempt gets a result first.
 * Ownership: the session owns its pool and all in it; the attempt is the queue's; the batch is borrowed until
 * the last result.  A session frees itself by a post, never inside one of its own functions. */
#ifndef SMTP_OUT_SESSION_H
#define SMTP_OUT_SESSION_H

#include <ec/counter.h>
#include <ec/job.h>
#include <ec/out.h>

#include "io/stream.h"
#include "net/listener.h"
#include "queue/queue.h"
#include "smtp/out/hosts.h"
#include "smtp/reply.h"
#include "util/list.h"

typedef struct ec_out session_t;

/* X(NAME, stage code, option that bounds the wait for a reply (COUNT: none), handlers' name, meaning) */
#define SESSION_STATES(X)                                                                 \
    X(ROUTE, NOT_CONNECTED, COUNT, early, "looking up the route")                         \
    X(CONNECT, NOT_CONNECTED, COUNT, early, "connecting")                                 \
    X(BANNER, BANNER, EHLO_TIMEOUT, banner, "waiting for the banner")                     \
    X(EHLO, EHLO, EHLO_TIMEOUT, ehlo, "waiting for the answer to EHLO")                   \
    X(HELO, EHLO, EHLO_TIMEOUT, helo, "waiting for the answer to HELO")                   \
    X(IDLE, IDLE, COUNT, idle, "connected, without work")                                 \
    X(MAIL, MAIL, MAILFROM_TIMEOUT, mail, "waiting for the answer to MAIL FROM")          \
    X(RCPT, RCPT, RCPTTO_TIMEOUT, rcpt, "waiting for the answer to RCPT TO")              \
    X(DATA, DATA, BODY_TIMEOUT, data, "waiting for the answer to DATA")                   \
    X(BODY, BODY, BODY_TIMEOUT, body, "sending the message")                              \
    X(CONFIRM, CONFIRM, BODY_TIMEOUT, confirm, "waiting for the answer to the final dot") \
    X(RSET, RSET, RSET_TIMEOUT, rset, "waiting for the answer to RSET")                   \
    X(SETTLE, IDLE, COUNT, idle, "waiting until results are on record")                   \
    X(LEAVE, NOT_CONNECTED, COUNT, idle, "waiting for a host that is of no use to close") \
    X(QUIT, IDLE, COUNT, idle, "has ended, waiting for the peer to close")                \
    X(CLOSED, NOT_CONNECTED, COUNT, idle, "closed")

#define SESSION_ENUM(name, stage, option, handler, meaning) SESSION_##name,
typedef enum { SESSION_STATES(SESSION_ENUM) SESSION_STATE_COUNT } session_state_t;
#undef SESSION_ENUM

/* Replies, and the end of a connection while they are awaited.  `why` is a few words. */
typedef void session_reply_fn(session_t *session);
typedef void session_lost_fn(session_t *session, const char *why);

/* ---- what the peer offers --------------------------------------------------------------- */

typedef struct {
    int has_pipelining, has_size, has_8bitmime, has_enhanced_codes;
    apr_size_t size_max; /* 0: no bound told */
} peer_t;

/* ---- one transaction -------------------------------------------------------------------- */

enum rcpt_state { RCPT_OPEN, RCPT_ACCEPTED, RCPT_DONE };

typedef struct {
    enum rcpt_state state;
    queue_outcome_t outcome;
    ec_stage_t stage;
    const char *text; /* in the transaction's pool */
} rcpt_t;

enum mark_state { MARK_NONE, MARK_PENDING, MARK_DONE, MARK_FAILED };

enum { BODY_PIECE = 256 * 1024, BODY_BUFFERS = 2, BODY_NONE = -1 };

/* Sending of the message; body.c */
typedef struct {
    apr_size_t offset; /* message bytes read from the batch */
    apr_size_t queued; /* ... and given to the stream */
    char last[2];      /* the last two of them */
    int is_complete;   /* all bytes are queued */
    /* large bodies: one buffer is sent while the next is read */
    ec_job_t job;
    int is_reading;
    int sending, ready, filling; /* index of a buffer, or BODY_NONE */
    char *buffer[BODY_BUFFERS];
    apr_size_t length[BODY_BUFFERS];
    apr_status_t rv; /* of the last read */
} body_sender_t;

typedef struct {
    apr_pool_t *pool; /* NULL: no attempt is under way */
    queue_attempt_t *attempt;
    int n; /* recipients sent in this transaction; those behind are released */
    rcpt_t *rcpts;
    int answered; /* replies seen: 0 none, 1 MAIL, ... */
    int sent;     /* commands written */
    int accepted, done;
    int is_mail_accepted;
    int needs_rset;
    int is_lone_dot;  /* DATA was answered 354 though nobody is there to get it */
    int is_reported;  /* all results have been given; waiting to be settled */
    int next_confirm; /* LMTP: recipient whose reply comes next */
    apr_size_t bytes; /* message bytes sent when the connection ended */
    enum mark_state mark;
    body_sender_t body;
} transaction_t;

/* ---- the session ------------------------------------------------------------------------- */

enum session_todo { TODO_START = 1, TODO_WAKE = 2, TODO_PUMP = 4, TODO_FREE = 8, TODO_CUT = 16 };

struct ec_out {
    util_link_t link; /* in the list of its loop */
    apr_pool_t *pool;
    queue_t *queue;
    queue_session_t *handle;
    ec_loop_t *loop;
    session_state_t state;
    apr_time_t state_since;
    int is_lmtp, is_closing, is_ended;
    int *marked;      /* of the connection's pool: its descriptor, which the guard knows; or NULL */
    int is_cut;       /* what permits the connection is gone: nothing more is sent */
    int is_peer_gone; /* it has closed, or the connection is broken */
    int n_full;       /* hosts passed over because a limit is reached there */

    ec_post_t post;
    int is_posted, todo;
    ec_timer_t idle;

    queue_route_wait_t *route_wait;
    int is_routing;
    hosts_t hosts;

    char source[64];       /* our own address; "": the kernel's choice */
    apr_pool_t *conn_pool; /* of the connection; given to the stream */
    net_connect_t *connect;
    stream_t *stream; /* NULL: not connected */
    int is_leaving;   /* a connection was ended by us, and the peer may not know yet: the slots are held */
    stream_t *left;   /* that connection; NULL: it was reset, and `heard` runs */
    ec_timer_t heard;
    ec_id_t connection;
    peer_t peer;
    smtp_reply_t reply;
    int attempts;               /* transactions begun on this connection */
    int deliveries, recipients; /* on this connection, for its limits */

    transaction_t tx;
    char *verdict; /* malloc'd: what ec_out_set_reply() was told, NULL: nothing */
};

/* session.c */
session_t *session_create(queue_t *queue, queue_session_t *handle);
void session_poke(session_t *session, int todo);
void session_enter(session_t *session, session_state_t state);
/** Take the next attempt, or go idle, or quit; whatever is due now that nothing is under way. */
void session_continue(session_t *session);
/** End the connection, without QUIT: nothing more is sent.  The peer is given time to see it (is_leaving). */
void session_drop(session_t *session);
/** Nothing more will come: QUIT when connected, tell the queue, free.  No attempt may be open. */
void session_end(session_t *session);
/** A whole reply is in session->reply: the handler of the state takes it. */
void session_reply(session_t *session);
/** The connection can not be used any more: the handler of the state decides. */
void session_lost(session_t *session, const char *why);
/** What a message that is under way becomes when its connection is lost. */
queue_outcome_t session_lost_outcome(const session_t *session);
ec_stage_t session_stage(const session_t *session);
const char *session_meaning(session_state_t state);
const char *session_state_name(session_state_t state);
apr_int64_t session_int(session_t *session, conf_opt_t opt);
apr_interval_time_t session_interval(session_t *session, conf_opt_t opt);
const char *session_hostname(session_t *session);

/* connect.c: from the route to a connection */
void connect_start(session_t *session);
void connect_next(session_t *session);
/** Before the connection is closed: the guard forgets it. */
void connect_unmark(session_t *session);
/** Nothing is left of the connection to a host that was of no use. */
void connect_left(session_t *session);
/** A connection that the kernel has made already although nobody was told yet becomes the session's; else it is cancelled. */
void connect_stop(session_t *session);
/** This host is of no use now (text: reply or internal): remember it and go to the next. */
void connect_failed(session_t *session, const char *text);
session_lost_fn early_lost;
session_reply_fn early_reply;

/* source.c: the address that the connection comes from */
/** Sets session->source for the host that is to be connected; 0: there is none, `why` is the reply's text. */
int source_choose(session_t *session, char *why, apr_size_t room);
/** Did net_connect() return this because of the source?  Then `why` is the reply's text. */
int source_is_missing(session_t *session, apr_status_t rv, char *why, apr_size_t room);
/** The configuration has another one for this host now. */
int source_has_changed(session_t *session);

/* policy.c: hooks; each returns NULL, or the text of a refusal ("451 ..."), valid until the next */
const char *policy_connect(session_t *session);
const char *policy_greeting(session_t *session);
const char *policy_attempt(session_t *session, const queue_attempt_t *attempt, int n);
void policy_reply(session_t *session);
void policy_connected(session_t *session);
void policy_disconnect(session_t *session);

/* greet.c */
void greet_line(session_t *session, const char *line, apr_size_t len);
session_reply_fn banner_reply, ehlo_reply, helo_reply;
session_lost_fn banner_lost, ehlo_lost, helo_lost;

/* transaction.c */
void tx_start(session_t *session, queue_attempt_t *attempt);
/** Give every recipient that has no result yet this one. */
void tx_fail(session_t *session, queue_outcome_t outcome, ec_stage_t stage, const char *text);
void tx_rcpt_done(session_t *session, int i, queue_outcome_t outcome, ec_stage_t stage, const char *text);
/** The dialogue of the transaction is over: RSET if need be, and report. */
void tx_close(session_t *session);
/** Report when all results are there and nothing of the attempt is in use any more. */
void tx_finish(session_t *session);
/** At most so many of `n` recipients may follow on this connection. */
int tx_room(session_t *session, int n);
int tx_is_open(const session_t *session);
session_reply_fn mail_reply, rcpt_reply, data_reply, rset_reply, idle_reply;
session_lost_fn mail_lost, rcpt_lost, data_lost, rset_lost, idle_lost;

/* body.c */
void body_start(session_t *session);
void body_pump(session_t *session);
void body_try_dot(session_t *session);
void body_free(session_t *session);
apr_size_t body_sent(const session_t *session);
int body_is_8bit(const ec_batch_t *batch);
session_reply_fn body_reply, confirm_reply;
session_lost_fn body_lost, confirm_lost;

/* transport.c: counters */
#define OUT_COUNTERS(X)                                                 \
    X(connections, "outbound connections made")                         \
    X(connect_failures, "outbound connections that failed before EHLO") \
    X(sessions, "outbound sessions now (gauge)")                        \
    X(transactions, "outbound transactions begun")                      \
    X(messages, "messages another server took")                         \
    X(transient, "messages refused or failed for now")                  \
    X(permanent, "messages refused for good")                           \
    X(in_doubt, "messages whose final dot was not answered")            \
    X(released, "messages given back untried")                          \
    X(bytes, "message bytes sent")
#define OUT_ENUM(name, help) OUT_##name,
enum { OUT_COUNTERS(OUT_ENUM) OUT_COUNT };
#undef OUT_ENUM
extern ec_counter_t *out_counter[OUT_COUNT];
void transport_add(session_t *session);
void transport_remove(session_t *session);

#endif
