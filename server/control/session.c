/* session.c - one console on the line
 * SPDX-License-Identifier: Apache-2.0
 *
 * The struct outlives its stream while an answer is under way or a post of its own is on
 * the way: `stream` NULL says that the console has gone. */
#include "control/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "control/private.h"
#include "control/run.h"
#include "control/store.h"
#include "io/stream.h"
#include "util/list.h"

enum { SESSION_NAME = 128 };

struct session {
    util_link_t link;
    stream_t *stream; /* NULL: the console has gone */
    apr_pool_t *pool; /* the connection's */
    ec_loop_t *loop;
    apr_interval_time_t timeout;
    int is_answering; /* a command is under way */
    int is_posted;    /* `post` is on the way */
    ec_post_t post;
    char *text; /* the answer that is being sent */
    store_t store;
    char listener[SESSION_NAME], remote[SESSION_NAME], user[SESSION_NAME];
};

static util_list_t sessions = { &sessions, &sessions };
static int n_sessions;

/* ---- the end -------------------------------------------------------------------------------- */

static void free_if_unused(struct session *session)
{
    if (session->stream == NULL && !session->is_answering && !session->is_posted) {
        store_clear(&session->store);
        free(session->text);
        free(session);
    }
}

static void forget(struct session *session)
{
    util_list_remove(&session->link);
    n_sessions--;
    session->stream = NULL;
    free_if_unused(session);
}

static void on_closed(void *baton, apr_status_t rv)
{
    struct session *session = baton;

    if (rv != APR_EOF) {
        ec_log_rv(control_log, EC_LOG_INFO, rv, "console closed");
    }
    stream_destroy(session->stream);
    apr_pool_destroy(session->pool);
    forget(session);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* A console that has begun something may take its time: closing it would undo its work unseen. */
static void next_request(struct session *session)
{
    free(session->text);
    session->text = NULL;
    stream_deadline(session->stream, store_is_empty(&session->store) ? session->timeout : 0);
    stream_resume(session->stream);
}

static void on_drained(void *baton)
{
    struct session *session = baton;

    if (session->text != NULL && !session->is_posted) {
        next_request(session);
    }
}

/* A turn after the write: short answers are with the kernel by now, for others on_drained comes. */
static void on_after_write(void *baton)
{
    struct session *session = baton;

    session->is_posted = 0;
    if (session->stream == NULL) {
        free_if_unused(session);
    } else if (stream_pending(session->stream) == 0) {
        next_request(session);
    }
}

static void on_answer(void *baton, int status, char *text, size_t length)
{
    struct session *session = baton;
    unsigned char header[WIRE_HEADER];

    session->is_answering = 0;
    session->text = text;
    if (session->stream == NULL) {
        free_if_unused(session);
        return;
    }
    wire_header_put(header, status, (uint32_t)length);
    stream_write(session->stream, header, sizeof header);
    stream_write_static(session->stream, text, length);
    stream_deadline(session->stream, session->timeout);
    session->is_posted = 1;
    ec_loop_post(session->loop, &session->post, on_after_write, session);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Says why, and hangs up. */
static void refuse(struct session *session, const char *why)
{
    unsigned char header[WIRE_HEADER];

    wire_header_put(header, WIRE_ERROR, (uint32_t)strlen(why));
    stream_write(session->stream, header, sizeof header);
    stream_write(session->stream, why, strlen(why));
    stream_finish(session->stream, session->timeout);
    forget(session);
}

static void run(struct session *session, const wire_header_t *header, const char *bytes)
{
    const char *words[WIRE_WORDS_MAX];
    int n = wire_words_get(words, WIRE_WORDS_MAX, bytes, header->length);

    if (n < 0) {
        refuse(session, "this is no request of the console's protocol\n");
        return;
    }
    session->is_answering = 1;
    stream_pause(session->stream);
    stream_deadline(session->stream, 0);
    run_words(words, n, (wire_form_t)header->kind,
              &(run_peer_t){ session->listener, session->remote, session->user }, &session->store, on_answer, session);
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t length)
{
    struct session *session = baton;
    wire_header_t header;
    int rv = wire_header_get(&header, (const unsigned char *)data, length, WIRE_FORMS, WIRE_REQUEST_MAX);

    if (rv < 0) {
        refuse(session,
               "this is the control socket of ecelerity: talk to it with ec_console of the same version\n");
        return length;
    }
    if (rv == 0 || length - WIRE_HEADER < header.length) {
        return 0;
    }
    run(session, &header, data + WIRE_HEADER);
    return WIRE_HEADER + header.length;
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* Names of others are not looked up: that can block. */
static void name_user(struct session *session, uid_t uid)
{
    if (uid == 0) {
        apr_cpystrn(session->user, "root", sizeof session->user);
    } else {
        apr_snprintf(session->user, sizeof session->user, "#%ld", (long)uid);
    }
}

static void name_peer(struct session *session, apr_socket_t *socket, const char *listener,
                      const net_endpoint_t *peer)
{
    struct ucred user;
    socklen_t length = sizeof user;
    apr_os_sock_t fd;

    apr_cpystrn(session->listener, listener, sizeof session->listener);
    if (peer->port != 0) {
        apr_snprintf(session->remote, sizeof session->remote, "%s:%d", peer->text, peer->port);
        ec_log(control_log, EC_LOG_DEBUG, "console connected peer=%s", session->remote);
    } else if (apr_os_sock_get(&fd, socket) == APR_SUCCESS &&
               getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &length) == 0) {
        name_user(session, user.uid);
        ec_log(control_log, EC_LOG_DEBUG, "console connected uid=%ld gid=%ld pid=%ld", (long)user.uid,
               (long)user.gid, (long)user.pid);
    }
}

void session_open(ec_loop_t *loop, apr_socket_t *socket, const char *listener, const net_endpoint_t *peer,
                  apr_interval_time_t timeout, apr_pool_t *pool)
{
    static const stream_calls_t calls = { on_input, on_drained, on_closed };
    struct session *session = calloc(1, sizeof *session);
    apr_status_t rv;

    EC_ASSERT(session != NULL);
    name_peer(session, socket, listener, peer);
    if ((rv = stream_create(&session->stream, loop, socket, &calls, session, pool)) != APR_SUCCESS) {
        ec_log_rv(control_log, EC_LOG_WARNING, rv, "console not served");
        free(session);
        apr_pool_destroy(pool);
        return;
    }
    session->pool = pool;
    session->loop = loop;
    session->timeout = timeout;
    util_list_add_last(&sessions, &session->link);
    if (++n_sessions > SESSIONS_MAX) {
        refuse(session, "there are too many consoles: close some\n");
        return;
    }
    stream_set_input_limit(session->stream, WIRE_HEADER + WIRE_REQUEST_MAX);
    stream_deadline(session->stream, timeout);
}

int session_count(void)
{
    return n_sessions;
}

void session_close_all(void)
{
    util_link_t *link;

    while ((link = util_list_take_first(&sessions)) != NULL) {
        struct session *session = UTIL_OWNER(link, struct session, link);

        stream_destroy(session->stream);
        apr_pool_destroy(session->pool);
        forget(session);
    }
}
