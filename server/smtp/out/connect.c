/* connect.c - from the route to a connection
 * SPDX-License-Identifier: Apache-2.0
 *
 * Addresses are tried one after the other.  A host that can not be reached, or that does not want to talk to
 * us, is no verdict about a message: only when no address is left the queue is told, with the last thing that
 * was heard. */
#include <string.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "dns/order.h"
#include "shape/guard.h"
#include "smtp/out/classify.h"
#include "smtp/out/session.h"
#include "util/hash.h"

static __thread apr_uint64_t random_state;

static void give_up(session_t *session, queue_outcome_t outcome, ec_stage_t stage, const char *text,
                    const char *address)
{
    queue_result_t result = { .outcome = outcome, .stage = stage, .text = text, .address = address };

    queue_unreachable(session->handle, &result);
    session_end(session);
}

static void on_connected(void *baton, apr_status_t rv, apr_socket_t *socket, const net_endpoint_t *local);

static int port_of(session_t *session)
{
    return (int)session_int(session, session->is_lmtp ? CONF_O_LMTP_PORT : CONF_O_REMOTE_SMTP_PORT);
}

/* A host where a limit is reached is passed over, for equal, then worse preference; when nothing but that
 * keeps us from connecting, mail waits and nothing has failed (message-flow.md I7).  0: the session has
 * ended. */
static int choose_host(session_t *session)
{
    while (hosts_next(&session->hosts, session->queue, port_of(session))) {
        queue_go_t go = queue_connect(session->handle, session->hosts.name);

        if (go == QUEUE_GO) {
            return 1;
        }
        if (go == QUEUE_WAIT) {
            session_end(session);
            return 0;
        }
        session->n_full++;
        hosts_pass(&session->hosts);
    }
    if (session->n_full > 0) {
        queue_hosts_full(session->handle);
        session_end(session);
    } else {
        give_up(session, QUEUE_TRANSIENT, session->hosts.stage, session->hosts.failure,
                session->hosts.failed);
    }
    return 0;
}

void connect_next(session_t *session)
{
    apr_interval_time_t timeout = session_interval(session, CONF_O_CONNECT_TIMEOUT);
    char text[CLASSIFY_TEXT_MAX];
    const char *refusal;
    apr_status_t rv;

    if (session->is_closing) {
        session_end(session);
        return;
    }
    if (!choose_host(session)) {
        return;
    }
    session_enter(session, SESSION_CONNECT);
    if ((refusal = policy_connect(session)) != NULL) {
        connect_failed(session, refusal);
        return;
    }
    if (!source_choose(session, text, sizeof(text))) {
        connect_failed(session, text);
        return;
    }
    session->conn_pool = ec_loop_subpool(session->loop);
    rv = net_connect_marked(&session->connect, session->loop, session->hosts.text, session->hosts.port,
                            session->source, timeout, queue_is_guarded(session->handle) ? guard_mark : NULL,
                            on_connected, session, session->conn_pool);
    if (rv != APR_SUCCESS) {
        session->connect = NULL;
        if (!source_is_missing(session, rv, text, sizeof(text))) {
            classify_connect(rv, text, sizeof(text));
        }
        connect_failed(session, text);
    }
}

static void give_way(session_t *session)
{
    session_drop(session);
    session_end(session);
}

void connect_failed(session_t *session, const char *text)
{
    ec_stage_t stage = session_stage(session);

    if (session->is_cut) { /* says nothing about the host */
        give_way(session);
        return;
    }
    ec_counter_add(out_counter[OUT_connect_failures], 1);
    ec_log(queue_log(session->queue), EC_LOG_INFO,
           "host is of no use host=%s address=%s port=%d stage=%d text=\"%s\"", session->hosts.name,
           session->hosts.text, session->hosts.port, (int)stage, text);
    hosts_failed(&session->hosts, session->queue, stage, text,
                 session_interval(session, CONF_O_HOST_FAILURE_RETRY));
    session_drop(session);
    if (session->is_leaving) {
        session_enter(session, SESSION_LEAVE);
    } else {
        connect_left(session);
    }
}

void connect_left(session_t *session)
{
    queue_connect_over(session->handle);
    connect_next(session);
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t len);

/* ---- bytes from the peer -------------------------------------------------------------- */

/* One line without its end.  0: the stream is gone. */
static int take_line(session_t *session, const char *line, apr_size_t len)
{
    stream_t *stream = session->stream;

    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    if (smtp_reply_line(&session->reply, line, len) != APR_SUCCESS) {
        session_lost(session, "the peer sent what is no SMTP reply");
        return 0;
    }
    greet_line(session, line, len);
    if (session->reply.is_complete) {
        session_reply(session);
    }
    return session->stream == stream;
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t len)
{
    session_t *session = baton;
    const char *at = data, *end = data + len, *eol;

    while ((eol = memchr(at, '\n', (apr_size_t)(end - at))) != NULL) {
        apr_size_t n = (apr_size_t)(eol - at);

        if (!take_line(session, at, n)) {
            return len;
        }
        at = eol + 1;
    }
    if ((apr_size_t)(end - at) > SMTP_REPLY_LINE_MAX) {
        session_lost(session, "the peer sent a line that is too long");
        return len;
    }
    return (apr_size_t)(at - data);
}

static void on_drained(void *baton)
{
    session_t *session = baton;

    if (session->state == SESSION_BODY) {
        body_pump(session);
    }
}

static void on_closed(void *baton, apr_status_t rv)
{
    session_t *session = baton;
    char text[120];

    session->is_peer_gone = rv != APR_TIMEUP && rv != APR_EACCES;
    session->is_cut |= rv == APR_EACCES;
    session_lost(session, rv == APR_EOF      ? "the peer closed the connection"
                          : rv == APR_TIMEUP ? "no answer in time"
                                             : ec_strerror(rv, text, sizeof(text)));
}

static const stream_calls_t stream_calls = { on_input, on_drained, on_closed };

/* The mark belongs to the descriptor's number, so it goes before that is closed: runs before what was put
 * into the pool earlier. */
static apr_status_t unmark(void *data)
{
    guard_mark(*(int *)data, 0);
    return APR_SUCCESS;
}

static void unmark_at_end(session_t *session, apr_socket_t *socket)
{
    apr_os_sock_t fd;

    session->marked = NULL;
    if (queue_is_guarded(session->handle) && apr_os_sock_get(&fd, socket) == APR_SUCCESS) {
        session->marked = apr_pmemdup(session->conn_pool, &fd, sizeof fd);
        apr_pool_cleanup_register(session->conn_pool, session->marked, unmark, apr_pool_cleanup_null);
    }
}

void connect_unmark(session_t *session)
{
    if (session->marked != NULL) {
        apr_pool_cleanup_run(session->conn_pool, session->marked, unmark);
        session->marked = NULL;
    }
}

static int may_send(void *baton)
{
    return queue_may_send(((session_t *)baton)->handle);
}

/* On failure session->stream is NULL. */
static apr_status_t make_stream(session_t *session, apr_socket_t *socket)
{
    apr_status_t rv;

    unmark_at_end(session, socket);
    rv = stream_create(&session->stream, session->loop, socket, &stream_calls, session, session->conn_pool);
    if (rv != APR_SUCCESS) {
        session->stream = NULL;
        return rv;
    }
    stream_set_permit(session->stream, may_send, session);
    session->is_peer_gone = 0;
    return APR_SUCCESS;
}

void connect_stop(session_t *session)
{
    apr_socket_t *socket = net_connect_take(session->connect);

    session->connect = NULL;
    if (socket != NULL) {
        (void)make_stream(session, socket); /* else it is closed with its pool */
    }
}

static void on_connected(void *baton, apr_status_t rv, apr_socket_t *socket, const net_endpoint_t *local)
{
    session_t *session = baton;
    char text[CLASSIFY_TEXT_MAX];

    session->connect = NULL;
    if (rv == APR_SUCCESS) {
        rv = make_stream(session, socket);
    }
    if (rv != APR_SUCCESS) {
        connect_failed(session, classify_connect(rv, text, sizeof(text)));
        return;
    }
    session->connection = ec_id_new();
    session->attempts = session->deliveries = session->recipients = 0;
    memset(&session->peer, 0, sizeof(session->peer));
    smtp_reply_reset(&session->reply);
    ec_counter_add(out_counter[OUT_connections], 1);
    policy_connected(session);
    session_enter(session, SESSION_BANNER);
}

/* ---- the route -------------------------------------------------------------------------- */

static void on_route(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    session_t *session = baton;
    char text[CLASSIFY_TEXT_MAX];
    queue_outcome_t outcome;

    session->route_wait = NULL;
    session->is_routing = 0;
    if (session->is_ended) {
        if (route != NULL) {
            dns_route_unref(route);
        }
        session_poke(session, TODO_FREE);
        return;
    }
    if (rv != APR_SUCCESS) {
        outcome = classify_route(rv, why, text, sizeof(text));
        give_up(session, outcome, EC_STAGE_NOT_CONNECTED, text, "");
        return;
    }
    if (random_state == 0) {
        random_state = util_hash_seed() + (apr_uint64_t)ec_loop_index(session->loop);
    }
    hosts_begin(&session->hosts, route, &random_state);
    connect_next(session);
}

void connect_start(session_t *session)
{
    if (session->is_closing) {
        session_end(session);
        return;
    }
    session_enter(session, SESSION_ROUTE);
    session->is_routing = 1;
    session->route_wait = queue_route(session->queue, on_route, session);
}

/* Before there is a stream nothing can be lost or answered. */
void early_lost(session_t *session, const char *why)
{
    connect_failed(session, why);
}

void early_reply(session_t *session)
{
}
