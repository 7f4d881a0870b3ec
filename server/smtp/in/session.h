/* session.h - one inbound connection; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0
 *
 *   accept -> CONNECT --banner--> GREET --EHLO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA--> BODY
 *                                                   ^                                            |
 *                                                   +--- 250 or refusal --- COMMIT <--- CR LF . CR LF
 *
 * The struct is malloc'd and counted, because three things outlive the connection: the
 * callback that is being left, a hook that has suspended it, and a message on its way to
 * the disk.  Only the connection's loop counts, so plain integers do.  Everything of one
 * message is in its transaction and goes with it: an idle session is this struct, its
 * stream and its socket. */
#ifndef SMTP_IN_SESSION_H
#define SMTP_IN_SESSION_H

#include <ec/conn.h>
#include <ec/counter.h>
#include <ec/log.h>

#include "conf/conf.h"
#include "hook/hook.h"
#include "io/stream.h"
#include "net/listener.h"
#include "smtp/address.h"
#include "smtp/in/backend.h"
#include "smtp/in/body.h"
#include "util/list.h"

enum {
    IN_LINE_MAX = 2048,         /* bytes of a command with its CR LF */
    IN_ERRORS_MAX = 20,         /* commands that made no sense, then 421 */
    IN_REFUSALS_MAX = 1000,     /* commands that were understood and refused, then 421 */
    IN_RCPTS_MAX = 10000,       /* recipients of a message when the configuration sets no bound */
    IN_PENDING_MAX = 64 * 1024, /* answers that a client has not read, then it is not read either */
    IN_PROGRESS = 1024          /* bytes of a body that must come within idle_time */
};
#define IN_DRAIN_MAX    APR_INT64_C(1073741824) /* bytes of a refused body that are still read */
#define IN_SUSPEND_MAX  (600 * APR_USEC_PER_SEC) /* a hook's suspension; a client waits no longer (RFC 5321 4.5.3.2) */
#define IN_FINISH_GRACE (10 * APR_USEC_PER_SEC)

/* State, its number in the rejectlog (log-formats.md 11), and the name that goes with it there. */
#define IN_STATES(X)                       \
    X(CONNECT, 0, "just connected")        \
    X(GREET, 2, "awaiting ehlo/helo")      \
    X(READY, 4, "awaiting mailfrom")       \
    X(MAIL, 6, "awaiting rcptto")          \
    X(RCPT, 6, "awaiting rcptto")          \
    X(BODY, 9, "reading body")             \
    X(COMMIT, 10, "sending body response") \
    X(CLOSED, 0, "closed")

typedef enum {
#define IN_STATE_ENUM(id, number, text) IN_##id,
    IN_STATES(IN_STATE_ENUM)
#undef IN_STATE_ENUM
    IN_STATES_COUNT
} in_state_t;

/* States of the rejectlog that are no state here. */
enum { IN_LOG_DATA = 8, IN_LOG_RELAYING = 13, IN_LOG_CONCURRENCY = 18 };

#define IN_COUNTERS(X)                                           \
    X(connections, "inbound connections accepted")               \
    X(sessions, "inbound sessions now")                          \
    X(turned_away, "inbound connections over a limit")           \
    X(commands, "commands received")                             \
    X(messages, "messages accepted (transactions)")              \
    X(recipients, "recipients of accepted messages")             \
    X(bytes, "bytes received")                                   \
    X(rejections, "commands and messages refused")               \
    X(errors, "commands that broke the protocol")                \
    X(early_talkers, "clients that spoke before the banner")     \
    X(timeouts, "sessions closed because the client was silent") \
    X(store_failures, "messages that the spool did not take")

typedef enum {
#define IN_COUNTER_ENUM(name, help) IN_C_##name,
    IN_COUNTERS(IN_COUNTER_ENUM)
#undef IN_COUNTER_ENUM
    IN_C_COUNT
} in_counter_t;

typedef struct in_listener in_listener_t;

/** One message, from MAIL to its end. */
typedef struct {
    ec_conn_t *conn;
    ec_batch_t *batch; /* one reference */
    in_body_rules_t rules;
    in_body_t body;
    in_body_watch_t watch; /* for its hooks */
    smtp_address_t rcpt; /* the one that is being decided */
    spool_request_t request;
} in_txn_t;

/** How policy hooks are asked, one after the other. */
typedef void in_decided_fn(ec_conn_t *conn, int is_refused);
typedef struct {
    ec_hook_id_t hook;
    int next;           /* index of the provider to ask next */
    void *suspender;    /* instance that has suspended the session */
    hook_owner_t *held; /* and may not end before it is resumed */
    const char *module; /* last one that ran, for the rejectlog */
    in_decided_fn *then;
    int code;             /* reply set by ec_conn_reply(), 0: none */
    char *text;           /* malloc'd */
    ec_verdict_t verdict; /* of ec_conn_resume() */
    ec_post_t resume;
} in_policy_t;

struct ec_conn {
    int refs;
    in_state_t state;
    ec_loop_t *loop;
    apr_pool_t *pool;        /* of socket and stream */
    stream_t *stream;        /* NULL when closed */
    in_listener_t *listener; /* a reference */
    util_link_t link;        /* in its loop's sessions */
    util_link_t suspended;   /* in its loop's suspended ones */
    conf_t *conf;            /* a reference: the generation whose view this is */
    const conf_view_t *view;
    void *share; /* what of listener_sessions it takes, see listener.c */
    ec_id_t id;
    net_endpoint_t peer, local;
    char *helo;    /* malloc'd; NULL before EHLO */
    in_txn_t *txn; /* NULL outside a transaction */
    in_policy_t policy;
    context_t context;
    util_slots_t slots;
    apr_time_t since; /* loop time of the accept */
    apr_uint64_t bytes;
    apr_size_t left;     /* input that was seen and not used yet */
    apr_size_t progress; /* body bytes since the deadline was set */
    int errors, refusals, receptions, recipients;
    unsigned is_esmtp : 1; /* greeted by EHLO: may pipeline */
    unsigned can_relay : 1;
    unsigned is_waiting : 1;  /* for a hook or the disk: no input is taken */
    unsigned is_stuffed : 1;  /* has too many answers unread */
    unsigned is_suspended : 1; /* by a hook */
    unsigned is_draining : 1; /* inside a command line that is too long */
};

/* ---- server.c: the process's one ---------------------------------------------------- */

const in_backend_t *in_backend(void);
ec_log_t *in_log(void);
void in_count(in_counter_t counter, apr_int64_t n);
/** Sessions of a loop; 1 when the server is stopping. */
util_list_t *in_sessions(ec_loop_t *loop);
int in_is_stopping(ec_loop_t *loop);
/** Into the sessions of its loop, and out of them. */
void in_session_came(ec_conn_t *conn);
void in_session_gone(ec_conn_t *conn);
/** A message more (1) or less (-1) of this loop is on its way to the disk. */
void in_message_waits(ec_loop_t *loop, int n);

/** A hook has suspended it; until conn->suspended is taken off its list. */
void in_suspended(ec_conn_t *conn);

/* ---- listener.c --------------------------------------------------------------------- */

in_listener_t *in_listener_ref(in_listener_t *listener);
void in_listener_unref(in_listener_t *listener);
/** The Listen stanza in `conf`, NULL when it is gone. */
const conf_stanza_t *in_listener_stanza(const in_listener_t *listener, const conf_t *conf);
/** `conf` has come into force: new listeners begin to accept, the others get its settings.  Master loop. */
void in_listeners_in_force(conf_t *conf);
/** One more or one less session under listener_sessions and service_sessions.  0: over the limit. */
int in_share_take(ec_conn_t *conn);
void in_share_give(ec_conn_t *conn);
void in_listeners_close(void);
/** The one with this address text, or NULL.  Master loop. */
in_listener_t *in_listener_at(const char *address);

/* ---- conn.c: life, input, replies --------------------------------------------------- */

/** For net_listen(); `baton` is the in_listener_t. */
net_accept_fn in_conn_accept;
ec_conn_t *in_ref(ec_conn_t *conn);
void in_unref(ec_conn_t *conn);
/** The only place that changes the state. */
void in_enter(ec_conn_t *conn, in_state_t state);
/** Close when what was said is sent. */
void in_hang_up(ec_conn_t *conn);
/** Say "CODE text" and hang up. */
void in_close(ec_conn_t *conn, int code, const char *text);
/** Close without a word.  The struct stays while it is referred to. */
void in_drop(ec_conn_t *conn);
int in_is_open(const ec_conn_t *conn);
/** Take no input until in_go_on(). */
void in_wait(ec_conn_t *conn);
void in_go_on(ec_conn_t *conn);
/** Forget the transaction. */
void in_txn_end(ec_conn_t *conn);
/** A good answer. */
void in_reply(ec_conn_t *conn, int code, const char *text);
const char *in_peer_for_matching(const ec_conn_t *conn);

/* ---- reject.c ----------------------------------------------------------------------- */

/** Refuse: reply, rejectlog, count.  421 closes. */
void in_refuse(ec_conn_t *conn, int code, const char *text);
/** The same, attributed to another state of the rejectlog. */
void in_refuse_as(ec_conn_t *conn, int log_state, int code, const char *text);
/** A command that makes no sense; too many close. */
void in_error(ec_conn_t *conn, int code, const char *text);
/** Rejectlog and count only. */
void in_log_rejection(ec_conn_t *conn, int log_state, int code, const char *text);

/* ---- verbs.c ------------------------------------------------------------------------ */

/** One command line, NUL-terminated, without its end; may be changed. */
void in_command(ec_conn_t *conn, char *line);
/** Start of `text` without regard to case; returns what follows, or NULL. */
char *in_after(char *text, const char *prefix);

/* greet.c mail.c rcpt.c data.c misc.c: `args` is what follows the verb and its spaces */
typedef void in_verb_fn(ec_conn_t *conn, char *args);
in_verb_fn in_do_ehlo, in_do_helo, in_do_mail, in_do_rcpt, in_do_data;
/** misc.c: 421, since the settings have changed. */
void in_reconfigured(ec_conn_t *conn);
in_verb_fn in_do_rset, in_do_noop, in_do_vrfy, in_do_help, in_do_quit;

/** greet.c: the banner is due. */
void in_greet(ec_conn_t *conn);
/** data.c: bytes while in BODY; returns how many were used. */
apr_size_t in_data_input(ec_conn_t *conn, const char *data, apr_size_t len);

/* ---- policy.c ----------------------------------------------------------------------- */

/** Ask the providers of a policy hook; `then` runs when all have spoken: inside this call, or, when one
 * suspends, later.  When it is refused the answer has been given already. */
void in_policy(ec_conn_t *conn, ec_hook_id_t hook, in_decided_fn *then);
/** What ec_conn_reply() was told is over. */
void in_forget_reply(in_policy_t *policy);

/* ---- bodyhook.c --------------------------------------------------------------------- */

/** Let the hooks of header and body see what arrives, if there are any. */
void in_watch_body(in_txn_t *txn);

/* ---- relay.c ------------------------------------------------------------------------ */

/** May this client send to anybody (C1, by address)? */
int in_relay_client(const conf_view_t *view, const char *peer);
/** May it send to `domain` from `sender` (C1 to C7)? */
int in_relay_recipient(const ec_conn_t *conn, const char *sender_domain, const char *domain);
/** Left globs of C6. */
int in_relay_match(const char *pattern, const char *domain);

/* ---- settings.c --------------------------------------------------------------------- */

const char *in_hostname(const conf_view_t *view);
/** Take up the newest generation.  0: settings that concern this session have changed. */
int in_settings_renew(ec_conn_t *conn);
void in_settings_rules(in_body_rules_t *rules, const conf_view_t *view);
apr_interval_time_t in_idle_time(const ec_conn_t *conn);

/* ---- trace.c ------------------------------------------------------------------------ */

enum { IN_TRACE_MAX = 1024 };
/** The Received field of RFC 5321 4.4; returns its length. */
apr_size_t in_trace_header(const ec_conn_t *conn, const ec_batch_t *batch, char text[IN_TRACE_MAX]);

#endif
