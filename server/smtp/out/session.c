/* session.c - life of a session: states, what is due, the end
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection counts at the receiver until the receiver has seen its end, so a session holds its slots until the peer has closed,
 * too: after QUIT, and after a connection that is given up (end of our side, nothing more is sent).  A peer that accepts or reads
 * late sees the end of one connection before it can see another.  The bounds of that:
 *   - a peer that does not close within LEAVE_SECONDS is reset, and a lease that is over resets at once; both count for HEARD_MS
 *     more, since the reset has to get there and nobody answers it;
 *   - a connection that is not made yet is cancelled: the peer's answer, if it comes, is met by a reset, and what is half open was
 *     never shown to its program.  One that is made between our last look and the cancelling ends at once; that counts for
 *     HEARD_MS, too, and a peer that accepts later than that sees a connection that has ended already.
 * A session that has ended so is no session of the queue's any more (QUIT); one that tries another host waits (LEAVE).
 *
 * session_enter() is the only place that changes the state.  Calls from outside (the queue's wake) and steps
 * that must not run inside a callback are flags in `todo`, worked off by one post. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "smtp/out/session.h"

#define SESSION_ROW(name, stage, option, handler, meaning) \
    { #name, EC_STAGE_##stage, CONF_O_##option, handler##_reply, handler##_lost, meaning },

static const struct {
    const char *name;
    ec_stage_t stage;
    conf_opt_t timeout;
    session_reply_fn *on_reply;
    session_lost_fn *on_lost;
    const char *meaning;
} states[] = { SESSION_STATES(SESSION_ROW) };

enum { LEAVE_SECONDS = 5, HEARD_MS = 250 };

void session_enter(session_t *session, session_state_t state)
{
    conf_opt_t timeout = states[state].timeout;

    session->state = state;
    session->state_since = ec_loop_now(session->loop);
    if (session->stream != NULL) {
        stream_deadline(session->stream, timeout == CONF_O_COUNT ? 0 : session_interval(session, timeout));
    }
}

ec_stage_t session_stage(const session_t *session)
{
    return states[session->state].stage;
}

const char *session_meaning(session_state_t state)
{
    return states[state].meaning;
}

const char *session_state_name(session_state_t state)
{
    return states[state].name;
}

void session_reply(session_t *session)
{
    policy_reply(session);
    states[session->state].on_reply(session);
    smtp_reply_reset(&session->reply);
}

void session_lost(session_t *session, const char *why)
{
    states[session->state].on_lost(session, why);
}

/* ---- options: of the generation in force, so a reload changes running sessions ----------- */

apr_int64_t session_int(session_t *session, conf_opt_t opt)
{
    return conf_int(queue_view(session->queue), opt);
}

apr_interval_time_t session_interval(session_t *session, conf_opt_t opt)
{
    return conf_interval(queue_view(session->queue), opt);
}

/* The domain of the sender of the message that the connection is for; NULL: it has none. */
static const char *sender_domain(const session_t *session)
{
    const char *sender = queue_next_sender(session->queue);
    const char *at = sender != NULL ? strrchr(sender, '@') : NULL;

    return at != NULL ? at + 1 : NULL;
}

const char *session_hostname(session_t *session)
{
    static __thread char system_name[256];
    const char *name = conf_str(queue_view(session->queue), CONF_O_EHLO_HOSTNAME);

    if (name != NULL && strcmp(name, "__message__") == 0) {
        name = sender_domain(session);
    }
    if (name != NULL && name[0] != '\0' && strcmp(name, "__hostname__") != 0) {
        return name;
    }
    name = conf_str(conf_global(conf_current()), CONF_O_HOSTNAME);
    if (name != NULL && name[0] != '\0') {
        return name;
    }
    if (system_name[0] == '\0' && gethostname(system_name, sizeof(system_name) - 1) != 0) {
        return "localhost";
    }
    return system_name;
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Nothing of it is left. */
static void over(session_t *session)
{
    session_enter(session, SESSION_CLOSED);
    transport_remove(session);
    session->is_ended = 1;
    queue_session_closed(session->handle);
    session_poke(session, TODO_FREE);
}

/* The peer has no connection of this session. */
static void on_peer_knows(session_t *session)
{
    session->is_leaving = 0;
    if (session->state == SESSION_LEAVE) {
        connect_left(session);
    } else if (session->state == SESSION_QUIT) {
        over(session);
    }
}

static void on_heard(void *baton)
{
    on_peer_knows(baton);
}

/* A reset is on its way. */
static void await_reset(session_t *session)
{
    session->is_leaving = 1;
    ec_timer_start(&session->heard, session->loop, apr_time_from_msec(HEARD_MS), on_heard, session);
}

static void on_left(void *baton, apr_status_t rv)
{
    session_t *session = baton;

    session->left = NULL;
    if (rv == APR_EOF) {
        on_peer_knows(session);
    } else {
        await_reset(session);
    }
}

typedef void finish_fn(stream_t *stream, apr_interval_time_t grace, stream_done_fn *done, void *baton);

/* The stream takes the connection's pool, and the mark with it. */
static void leave(session_t *session, finish_fn *finish)
{
    session->is_leaving = 1;
    session->left = session->stream;
    session->stream = NULL;
    session->conn_pool = NULL;
    session->marked = NULL;
    finish(session->left, apr_time_from_sec(LEAVE_SECONDS), on_left, session);
}

static void part(session_t *session)
{
    if (!session->is_peer_gone && !session->is_cut) {
        leave(session, stream_abandon_then);
        return;
    }
    connect_unmark(session);
    if (session->is_peer_gone) {
        stream_destroy(session->stream);
    } else {
        stream_reset(session->stream);
        await_reset(session);
    }
    session->stream = NULL;
}

void session_drop(session_t *session)
{
    if (session->stream != NULL) {
        policy_disconnect(session);
        session->tx.bytes = body_sent(session);
        part(session);
    } else if (session->connect != NULL) {
        connect_stop(session);
        if (session->stream != NULL) {
            part(session);
        } else {
            await_reset(session);
        }
    }
    if (session->conn_pool != NULL) {
        apr_pool_destroy(session->conn_pool);
        session->conn_pool = NULL;
    }
}

static void quit(session_t *session)
{
    static const char command[] = "QUIT\r\n";

    policy_disconnect(session);
    stream_write_static(session->stream, command, sizeof(command) - 1);
    leave(session, stream_finish_then);
}

void session_end(session_t *session)
{
    EC_ASSERT(!tx_is_open(session) && !session->is_ended && session->state != SESSION_QUIT);
    ec_timer_cancel(&session->idle);
    if (session->stream != NULL && !session->is_cut &&
        (session->state == SESSION_IDLE || session->state == SESSION_SETTLE)) {
        quit(session);
    } else {
        session_drop(session);
    }
    if (session->is_routing && session->route_wait != NULL) {
        queue_route_cancel(session->route_wait);
        session->route_wait = NULL;
        session->is_routing = 0;
    }
    hosts_end(&session->hosts);
    if (session->is_leaving) {
        session_enter(session, SESSION_QUIT);
        queue_session_closing(session->handle);
    } else {
        over(session);
    }
}

queue_outcome_t session_lost_outcome(const session_t *session)
{
    return session->is_cut ? QUEUE_RELEASE : QUEUE_TRANSIENT;
}

/* What permits the connection is gone. */
static void cut(session_t *session)
{
    if (session->left != NULL) {
        stream_reset(session->left);
        session->left = NULL;
        await_reset(session);
    }
    if (session->state == SESSION_QUIT) {
        return;
    }
    if (session->stream != NULL) {
        session_lost(session, "the lease of a limit is over");
    } else if (!tx_is_open(session)) {
        session_end(session);
    }
}

/* ---- what is due ---------------------------------------------------------------------------- */

static void on_idle(void *baton)
{
    session_end(baton);
}

static void go_idle(session_t *session)
{
    apr_interval_time_t idle = session_interval(session, CONF_O_IDLE_TIMEOUT);

    if (idle <= 0 || session->is_closing) {
        session_end(session);
        return;
    }
    session_enter(session, SESSION_IDLE);
    if (!ec_timer_is_running(&session->idle)) {
        ec_timer_start(&session->idle, session->loop, idle, on_idle, session);
    }
}

static int is_used_up(session_t *session)
{
    apr_int64_t deliveries = session_int(session, CONF_O_MAX_DELIVERIES_PER_CONNECTION);
    apr_int64_t recipients = session_int(session, CONF_O_MAX_RECIPIENTS_PER_CONNECTION);

    return (deliveries > 0 && session->deliveries >= deliveries) ||
           (recipients > 0 && session->recipients >= recipients);
}

void session_continue(session_t *session)
{
    queue_attempt_t *attempt;

    if (session->is_ended || session->state == SESSION_QUIT || tx_is_open(session)) {
        return;
    }
    if (session->stream == NULL) {
        session_end(session);
        return;
    }
    if (session->state == SESSION_RSET) {
        return;
    }
    if (session->is_closing || is_used_up(session) || source_has_changed(session)) {
        session_end(session);
        return;
    }
    attempt = queue_take_most(session->handle, tx_room(session, QUEUE_BATCH_MAX));
    if (attempt == NULL && session->attempts > 0 && queue_is_throttled(session->handle)) {
        session_end(session);
        return;
    }
    if (attempt == NULL) {
        go_idle(session);
        return;
    }
    ec_timer_cancel(&session->idle);
    tx_start(session, attempt);
}

/* The queue has work, or wants the session to end. */
static void wake(session_t *session)
{
    if (session->state == SESSION_QUIT) {
        return;
    }
    if (session->state == SESSION_IDLE) {
        session_continue(session);
    } else if (session->is_closing && !tx_is_open(session) && session->state != SESSION_RSET) {
        session_end(session);
    }
}

static void session_free(session_t *session)
{
    if (!session->is_routing) {
        free(session->verdict);
        apr_pool_destroy(session->pool);
    }
}

static void on_poke(void *baton)
{
    session_t *session = baton;
    int todo = session->todo;

    session->todo = 0;
    session->is_posted = 0;
    if (session->is_ended) {
        session_free(session);
        return;
    }
    if ((todo & TODO_CUT) != 0) {
        cut(session);
    } else if ((todo & TODO_START) != 0) {
        connect_start(session);
    } else if ((todo & TODO_WAKE) != 0) {
        wake(session);
    }
    if ((todo & TODO_PUMP) != 0 && !session->is_ended && session->state == SESSION_BODY) {
        body_pump(session);
    }
}

void session_poke(session_t *session, int todo)
{
    session->todo |= todo;
    if (!session->is_posted) {
        session->is_posted = 1;
        ec_loop_post(session->loop, &session->post, on_poke, session);
    }
}

session_t *session_create(queue_t *queue, queue_session_t *handle)
{
    static const char lmtp[] = "LMTP";
    ec_loop_t *loop = queue_loop(queue);
    apr_pool_t *pool = ec_loop_subpool(loop);
    session_t *session = apr_pcalloc(pool, sizeof(*session));
    const ec_value_t *method = conf_get(queue_view(queue), CONF_O_DELIVERY_METHOD);

    session->pool = pool;
    session->queue = queue;
    session->handle = handle;
    session->loop = loop;
    session->is_lmtp = method != NULL && method->s != NULL && strcasecmp(method->s, lmtp) == 0;
    transport_add(session);
    session_poke(session, TODO_START);
    return session;
}
