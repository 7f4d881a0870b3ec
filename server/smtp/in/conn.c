/* conn.c - the life of an inbound session, its input and its answers
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_portable.h>

#include "smtp/in/session.h"

/* ---- references --------------------------------------------------------------------- */

ec_conn_t *in_ref(ec_conn_t *conn)
{
    conn->refs++;
    return conn;
}

void in_unref(ec_conn_t *conn)
{
    if (--conn->refs > 0) {
        return;
    }
    in_txn_end(conn);
    in_listener_unref(conn->listener);
    if (conn->conf != NULL) {
        conf_unref(conn->conf);
    }
    util_slots_end(&conn->slots);
    context_free(&conn->context);
    free(conn->policy.text);
    free(conn->helo);
    free(conn);
}

void in_txn_end(ec_conn_t *conn)
{
    in_txn_t *txn = conn->txn;

    if (txn == NULL) {
        return;
    }
    conn->txn = NULL;
    ec_batch_unref(txn->batch);
    free(txn);
}

int in_is_open(const ec_conn_t *conn)
{
    return conn->stream != NULL;
}

void in_enter(ec_conn_t *conn, in_state_t state)
{
    if (conn->state != IN_CLOSED) {
        conn->state = state;
    }
}

/* The session is over; who still holds it finds it closed. */
static void leave(ec_conn_t *conn)
{
    HOOK_CALL(smtp_disconnect, conn);
    conn->state = IN_CLOSED;
    conn->stream = NULL;
    in_count(IN_C_sessions, -1);
    in_share_give(conn);
    /* A suspended hook may look at the message, and the disk may write it. */
    if (!conn->is_waiting) {
        in_txn_end(conn);
    }
    in_session_gone(conn);
    in_unref(conn);
}

void in_hang_up(ec_conn_t *conn)
{
    if (conn->stream != NULL) {
        stream_finish(conn->stream, IN_FINISH_GRACE);
        leave(conn);
    }
}

void in_close(ec_conn_t *conn, int code, const char *text)
{
    in_reply(conn, code, text);
    in_hang_up(conn);
}

void in_drop(ec_conn_t *conn)
{
    if (conn->stream == NULL) {
        return;
    }
    stream_destroy(conn->stream);
    apr_pool_destroy(conn->pool);
    leave(conn);
}

/* ---- waiting ------------------------------------------------------------------------ */

void in_wait(ec_conn_t *conn)
{
    conn->is_waiting = 1;
    if (conn->stream != NULL) {
        stream_pause(conn->stream);
        stream_deadline(conn->stream, 0);
    }
}

void in_go_on(ec_conn_t *conn)
{
    conn->is_waiting = 0;
    if (conn->stream != NULL) {
        stream_deadline(conn->stream, in_idle_time(conn));
        stream_resume(conn->stream);
    }
}

/* ---- answers ------------------------------------------------------------------------ */

void in_reply(ec_conn_t *conn, int code, const char *text)
{
    if (conn->stream != NULL) {
        stream_printf(conn->stream, "%d %s\r\n", code, text);
    }
}

/* ---- command lines ------------------------------------------------------------------ */

/* What follows a lone CR or LF may have been meant for somebody else: the session ends. */
static void bare_line_end(ec_conn_t *conn)
{
    static const char text[] = "5.5.2 Lines end in CR LF";

    in_log_rejection(conn, -1, 500, text);
    in_count(IN_C_errors, 1);
    in_reply(conn, 500, text);
    in_close(conn, 421, "4.7.0 Closing after a line that ends in a lone CR or LF");
}

static int has_control(const char *line, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];

        if ((c < ' ' && c != '\t') || c == 127) {
            return 1;
        }
    }
    return 0;
}

/* A whole line of `len` bytes before its LF, with more input behind it or not. */
static void take_line(ec_conn_t *conn, const char *data, apr_size_t len, int has_more)
{
    char line[IN_LINE_MAX];

    if (len == 0 || data[len - 1] != '\r' || memchr(data, '\r', len - 1) != NULL) {
        bare_line_end(conn);
        return;
    }
    in_count(IN_C_commands, 1);
    if (conn->is_draining || len + 1 > IN_LINE_MAX) {
        conn->is_draining = 0;
        in_error(conn, 500, "5.5.2 Line too long");
        return;
    }
    if (has_more && !conn->is_esmtp) {
        in_count(IN_C_errors, 1);
        in_log_rejection(conn, -1, 554, "5.5.0 Pipelining before it was offered");
        in_close(conn, 554, "5.5.0 Pipelining before it was offered");
        return;
    }
    if (has_control(data, len - 1)) {
        in_error(conn, 500, "5.5.2 Control characters in command");
        return;
    }
    memcpy(line, data, len - 1);
    line[len - 1] = '\0';
    in_command(conn, line);
}

static apr_size_t command_input(ec_conn_t *conn, const char *data, apr_size_t len)
{
    const char *lf = memchr(data, '\n', len);

    if (lf != NULL) {
        take_line(conn, data, (apr_size_t)(lf - data), lf + 1 < data + len);
        return (apr_size_t)(lf + 1 - data);
    }
    if (len < IN_LINE_MAX && !conn->is_draining) {
        return 0;
    }
    /* Let go of what is too long, but keep a CR: it may be half of the end. */
    conn->is_draining = 1;
    return len - (data[len - 1] == '\r');
}

/* ---- input -------------------------------------------------------------------------- */

static void early_talker(ec_conn_t *conn)
{
    static const char text[] = "5.5.0 You spoke before the banner";

    in_count(IN_C_early_talkers, 1);
    in_log_rejection(conn, -1, 554, text);
    in_close(conn, 554, text);
}

/* The client does not read its answers: first give the stream a turn to write, then wait until it has. */
static int is_stuffed(ec_conn_t *conn)
{
    if (stream_pending(conn->stream) < IN_PENDING_MAX) {
        conn->is_stuffed = 0;
        return 0;
    }
    stream_pause(conn->stream);
    if (!conn->is_stuffed) {
        conn->is_stuffed = 1;
        stream_resume(conn->stream);
    }
    return 1;
}

static int is_listening(ec_conn_t *conn)
{
    return conn->stream != NULL && !conn->is_waiting && !is_stuffed(conn);
}

static apr_size_t take(ec_conn_t *conn, const char *data, apr_size_t len)
{
    if (conn->state == IN_BODY) {
        return in_data_input(conn, data, len);
    }
    return command_input(conn, data, len);
}

/* A command has idle_time from the end of the one before, however slowly it drips; a body has it for every
 * IN_PROGRESS bytes. */
static void renew_deadline(ec_conn_t *conn, apr_size_t came, apr_size_t used)
{
    conn->progress += came;
    if (conn->state == IN_BODY ? conn->progress < IN_PROGRESS : used == 0) {
        return;
    }
    conn->progress = 0;
    stream_deadline(conn->stream, in_idle_time(conn));
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t len)
{
    ec_conn_t *conn = in_ref(baton);
    apr_size_t came = len - conn->left;
    apr_size_t used = 0;
    apr_size_t n;

    conn->bytes += came;
    in_count(IN_C_bytes, (apr_int64_t)came);
    if (conn->state == IN_CONNECT) {
        early_talker(conn);
    }
    while (used < len && is_listening(conn) && (n = take(conn, data + used, len - used)) > 0) {
        used += n;
    }
    conn->left = len - used;
    if (conn->stream != NULL && !conn->is_waiting) {
        renew_deadline(conn, came, used);
    }
    in_unref(conn);
    return used;
}

static void on_drained(void *baton)
{
    ec_conn_t *conn = baton;

    if (conn->is_stuffed && !conn->is_waiting) {
        conn->is_stuffed = 0;
        stream_resume(conn->stream);
    }
}

static void on_closed(void *baton, apr_status_t rv)
{
    ec_conn_t *conn = baton;

    if (rv == APR_TIMEUP && conn->is_suspended && conn->state != IN_CONNECT) {
        ec_log(in_log(), EC_LOG_ERROR, "a module did not resume a session module=%s peer=%s", conn->policy.module,
               conn->peer.text);
        in_close(conn, 421, "4.3.2 Policy takes too long, try again later");
    } else if (rv == APR_TIMEUP) {
        in_count(IN_C_timeouts, 1);
        in_close(conn, 421, "4.4.2 Idle too long");
    } else if (rv == APR_EOF && stream_pending(conn->stream) > 0) {
        in_hang_up(conn); /* it may have ended its side only */
    } else {
        in_drop(conn);
    }
}

/* ---- accept ------------------------------------------------------------------------- */

const char *in_peer_for_matching(const ec_conn_t *conn)
{
    return strcmp(conn->peer.text, "unix") == 0 ? "127.0.0.1" : conn->peer.text;
}

static void on_connect_decided(ec_conn_t *conn, int is_refused)
{
    if (is_refused) {
        in_hang_up(conn);
    } else {
        in_greet(conn);
    }
}

static int has_early_input(apr_socket_t *socket)
{
    apr_os_sock_t fd;
    char byte;

    return apr_os_sock_get(&fd, socket) == APR_SUCCESS && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static ec_conn_t *create(in_listener_t *listener, ec_loop_t *loop, const net_endpoint_t *peer,
                         const net_endpoint_t *local, apr_pool_t *pool)
{
    ec_conn_t *conn = calloc(1, sizeof *conn);

    EC_ASSERT(conn != NULL);
    conn->refs = 1;
    conn->loop = loop;
    conn->pool = pool;
    conn->listener = in_listener_ref(listener);
    conn->id = ec_id_new();
    conn->peer = *peer;
    conn->local = *local;
    conn->since = ec_loop_now(loop);
    return conn;
}

static void begin_variable(ec_conn_t *conn, const char *name, const char *value)
{
    apr_status_t rv = ec_conn_context_set(conn, name, value);

    if (rv != APR_SUCCESS) {
        ec_log_rv(in_log(), EC_LOG_WARNING, rv, "a variable of a new connection can not be set name=%s", name);
    }
}

/* What the configuration says of this client: its pathway, and option context. */
static void begin_context(ec_conn_t *conn)
{
    const ec_value_t *value = conf_get(conn->view, CONF_O_CONTEXT);
    const char *pathway = conf_str(conn->view, CONF_O_PATHWAY);
    const char *group = pathway == NULL ? NULL : conf_pathway_group(conn->conf, pathway);

    if (pathway != NULL) {
        begin_variable(conn, "pathway", pathway);
    }
    if (group != NULL) {
        begin_variable(conn, "pathway_group", group);
    }
    for (int i = 0; value != NULL && value->dict != NULL && value->dict[i] != NULL; i += 2) {
        begin_variable(conn, value->dict[i], value->dict[i + 1]);
    }
}

/* 0: it is not to be served, and has been told. */
static int is_welcome(ec_conn_t *conn)
{
    static const char too_many[] = "4.4.5 Too many connections, try again later";

    if (!in_settings_renew(conn) || in_is_stopping(conn->loop)) {
        in_close(conn, 421, "4.3.2 Service is closing");
        return 0;
    }
    begin_context(conn);
    if (!in_share_take(conn)) {
        in_count(IN_C_turned_away, 1);
        in_log_rejection(conn, IN_LOG_CONCURRENCY, 421, too_many);
        in_close(conn, 421, too_many);
        return 0;
    }
    return 1;
}

void in_conn_accept(void *baton, ec_loop_t *loop, apr_socket_t *socket, const net_endpoint_t *peer,
                    const net_endpoint_t *local, apr_pool_t *pool)
{
    static const stream_calls_t calls = { on_input, on_drained, on_closed };
    ec_conn_t *conn = create(baton, loop, peer, local, pool);
    int is_early = has_early_input(socket);
    apr_status_t rv = stream_create(&conn->stream, loop, socket, &calls, conn, pool);

    if (rv != APR_SUCCESS) {
        ec_log_rv(in_log(), EC_LOG_ERROR, rv, "can not serve a connection peer=%s", peer->text);
        apr_socket_close(socket);
        apr_pool_destroy(pool);
        in_unref(conn);
        return;
    }
    in_session_came(conn);
    in_count(IN_C_connections, 1);
    in_count(IN_C_sessions, 1);
    if (!is_welcome(conn)) {
        return;
    }
    if (is_early) {
        early_talker(conn);
        return;
    }
    conn->can_relay = (unsigned)in_relay_client(conn->view, in_peer_for_matching(conn));
    stream_deadline(conn->stream, in_idle_time(conn));
    in_policy(conn, EC_HOOK_smtp_connect, on_connect_decided);
}
