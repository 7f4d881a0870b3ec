/* conn.c - a connection's bytes in and out, its pauses and its end
 * SPDX-License-Identifier: Apache-2.0
 *
 * All connections read into one buffer; a connection keeps only what it could not use (`held`), so that ten
 * thousand idle ones cost little.  What it holds is bounded by that buffer, what it owes the client by
 * OUT_HIGH. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "conn.h"

#include "../common/cli.h"
#include "counters.h"
#include "session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_ROOM = 256 * 1024, OUT_HIGH = 16 * 1024, ACCEPT_BATCH = 256 };

static char input[INPUT_ROOM];

static void make_dirty(struct conn *conn)
{
    if (conn->is_dirty)
        return;
    conn->is_dirty = true;
    conn->dirty_next = conn->sink->dirty;
    conn->sink->dirty = conn;
}

static void watch(struct conn *conn)
{
    uint32_t events = conn->out.length > 0 ? EPOLLOUT : 0;

    if (!conn->is_closing && conn->out.length <= OUT_HIGH)
        events |= conn->is_hung || conn->is_paused ? EPOLLRDHUP : EPOLLRDHUP | EPOLLIN;
    if (events != conn->watched)
        loop_change(&conn->sink->loop, conn->fd, events, &conn->source);
    conn->watched = events;
}

static void listeners_watch(struct sink *sink, bool is_on)
{
    for (unsigned i = 0; i < sink->listener_count; i++)
        loop_change(&sink->loop, sink->listeners[i].fd, is_on ? EPOLLIN : 0, &sink->listeners[i].source);
    sink->is_full = !is_on;
}

/* ---- pauses: a list ordered by due time, filled from its end because most delays of a run are alike ---- */

static void pause_insert(struct conn *conn)
{
    struct sink *sink = conn->sink;
    struct conn *before = sink->paused_last;

    while (before != NULL && before->due > conn->due)
        before = before->paused_before;
    conn->paused_before = before;
    conn->paused_next = before ? before->paused_next : sink->paused;
    *(before ? &before->paused_next : &sink->paused) = conn;
    *(conn->paused_next ? &conn->paused_next->paused_before : &sink->paused_last) = conn;
}

static void pause_remove(struct conn *conn)
{
    struct sink *sink = conn->sink;

    if (!conn->is_paused)
        return;
    conn->is_paused = false;
    *(conn->paused_before ? &conn->paused_before->paused_next : &sink->paused) = conn->paused_next;
    *(conn->paused_next ? &conn->paused_next->paused_before : &sink->paused_last) = conn->paused_before;
}

void conn_pause(struct conn *conn, int64_t delay_us)
{
    conn->due = now_us() + delay_us;
    conn->is_paused = true;
    pause_insert(conn);
    make_dirty(conn);
}

/* ---- end ---- */

static void conn_close(struct conn *conn)
{
    struct sink *sink = conn->sink;

    if (conn->fd < 0)
        return;
    close(conn->fd);
    conn->fd = -1;
    pause_remove(conn);
    counters_close(sink, conn);
    if (sink->is_full)
        listeners_watch(sink, true);
    make_dirty(conn);
}

static void conn_free(struct conn *conn)
{
    *conn->all_link = conn->all_next;
    if (conn->all_next != NULL)
        conn->all_next->all_link = conn->all_link;
    bytes_free(&conn->held);
    bytes_free(&conn->out);
    session_end(conn);
    free(conn);
}

void conn_end_all(struct sink *sink)
{
    for (struct conn *conn = sink->all; conn != NULL; conn = conn->all_next)
        conn_close(conn);
    conn_send_all(sink);
}

void conn_drop(struct conn *conn, bool reset)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    if (reset)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    conn->sink->counters.dropped++;
    conn_close(conn);
}

void conn_finish(struct conn *conn)
{
    conn->is_closing = true;
    make_dirty(conn);
}

void conn_hang(struct conn *conn)
{
    conn->is_hung = true;
    make_dirty(conn);
}

bool conn_is_blocked(const struct conn *conn)
{
    return conn->fd < 0 || conn->is_closing || conn->is_hung || conn->is_paused ||
           conn->out.length > OUT_HIGH;
}

/* ---- out ---- */

void conn_reply(struct conn *conn, const char *line)
{
    if (line[0] == '4' || line[0] == '5')
        conn->sink->counters.refused++;
    bytes_add(&conn->out, line, strlen(line));
    bytes_add(&conn->out, "\r\n", 2);
    make_dirty(conn);
}

static void use_held(struct conn *conn);

static void conn_send(struct conn *conn)
{
    if (conn->out.length > 0) {
        ssize_t count = send(conn->fd, conn->out.data, conn->out.length, MSG_NOSIGNAL);

        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            conn_close(conn);
            return;
        }
        if (count > 0)
            bytes_skip(&conn->out, (size_t)count);
    }
    if (conn->is_closing && conn->out.length == 0) {
        conn_close(conn);
        return;
    }
    if (conn->held.length > 0 && conn->out.length == 0)
        use_held(conn);
    if (conn->fd >= 0)
        watch(conn);
}

void conn_send_all(struct sink *sink)
{
    struct conn *conn;

    while ((conn = sink->dirty) != NULL) {
        sink->dirty = NULL;
        if (sink->record.length > 0)
            bytes_write(&sink->record, sink->record_fd, sink->record_path);
        while (conn != NULL) {
            struct conn *next = conn->dirty_next;

            conn->is_dirty = false;
            if (conn->fd >= 0)
                conn_send(conn);
            if (conn->fd < 0 && !conn->is_dirty)
                conn_free(conn);
            conn = next;
        }
    }
    if (sink->trace.length > 0)
        bytes_write(&sink->trace, sink->trace_fd, sink->trace_path);
}

/* ---- in ---- */

/* Use `length` bytes of `input` and hold what is left. */
static void use_input(struct conn *conn, size_t length)
{
    size_t used = session_input(conn, input, length);

    if (conn->fd < 0)
        return;
    conn->held.length = 0;
    bytes_add(&conn->held, input + used, length - used);
    if (conn->held.length == 0 && conn->held.room > 4096)
        bytes_free(&conn->held);
}

static void use_held(struct conn *conn)
{
    size_t length = conn->held.length;

    if (conn_is_blocked(conn))
        return;
    memcpy(input, conn->held.data, length);
    use_input(conn, length);
}

/* Returns false when there is nothing more to read now, or no wish to. */
static bool conn_read(struct conn *conn)
{
    size_t held = conn->held.length;
    ssize_t count;

    if (conn_is_blocked(conn))
        return false;
    if (held > 0)
        memcpy(input, conn->held.data, held);
    count = recv(conn->fd, input + held, sizeof(input) - held, 0);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_close(conn);
        return false;
    }
    if (count == 0) {
        conn_finish(conn);
        return false;
    }
    use_input(conn, held + (size_t)count);
    return true;
}

static void conn_ready(struct loop_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)source;

    if (events & (EPOLLERR | EPOLLHUP)) {
        conn_close(conn);
        return;
    }
    if ((events & EPOLLRDHUP) && (conn->is_hung || conn->is_paused)) {
        conn_close(
            conn); /* a client that goes while it is kept waiting is gone: nobody would read the answer */
        return;
    }
    if (events & EPOLLIN) {
        bool more = conn_read(conn);

        while (more && (events & EPOLLRDHUP))
            more = conn_read(conn);
    }
    if (conn->fd >= 0 && (events & EPOLLOUT))
        make_dirty(conn);
}

int conn_resume_due(struct sink *sink)
{
    int64_t now = sink->paused ? now_us() : 0;
    struct conn *conn;

    while ((conn = sink->paused) != NULL && conn->due <= now) {
        pause_remove(conn);
        session_resume(conn);
        make_dirty(conn);
    }
    return sink->paused ? (int)((sink->paused->due - now + 999) / 1000) : -1;
}

/* ---- accept ---- */

static struct conn *conn_create(struct listener *listener, int fd, const struct address *remote)
{
    struct sink *sink = listener->sink;
    struct conn *conn = cli_alloc(sizeof(*conn));
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    conn->source.ready = conn_ready;
    conn->sink = sink;
    conn->listener = listener;
    conn->fd = fd;
    conn->number = sink->counters.connections + 1;
    conn->random = sink->seed ^ (conn->number * UINT64_C(0x9e3779b97f4a7c15));
    conn->all_next = sink->all;
    conn->all_link = &sink->all;
    if (conn->all_next != NULL)
        conn->all_next->all_link = &conn->all_next;
    sink->all = conn;
    address_format(remote, conn->remote);
    counters_open(sink, conn);
    conn->watched = EPOLLIN | EPOLLRDHUP;
    loop_add(&sink->loop, fd, conn->watched, &conn->source);
    return conn;
}

struct accepted {
    struct listener *listener;
    int fd;
    struct address remote;
};

static unsigned accept_some(struct listener *listener, struct accepted *accepted, unsigned room)
{
    unsigned count = 0;

    while (count < room) {
        struct accepted *one = &accepted[count];

        one->listener = listener;
        one->remote.length = sizeof(one->remote.sa);
        one->fd = accept4(listener->fd, (struct sockaddr *)&one->remote.sa, &one->remote.length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (one->fd < 0 && (errno == EMFILE || errno == ENFILE))
            listeners_watch(listener->sink, false);
        if (one->fd < 0)
            break;
        count++;
    }
    return count;
}

/* A client that closes one connection and then opens another never has both, and the counters must not say
 * so.  The close can reach us between the wait and the accept; so everything that is accepted is set aside,
 * the closes that came before are taken in with a second look, and only then is the new connection counted.
 */
void conn_accept_all(struct sink *sink)
{
    struct accepted accepted[ACCEPT_BATCH];
    unsigned count = 0;

    for (unsigned i = 0; i < sink->listener_count; i++) {
        if (sink->listeners[i].is_ready)
            count += accept_some(&sink->listeners[i], accepted + count, ACCEPT_BATCH - count);
        sink->listeners[i].is_ready = false;
    }
    if (count == 0)
        return;
    loop_turn(&sink->loop, 0);
    conn_send_all(sink);
    for (unsigned i = 0; i < count; i++)
        session_start(conn_create(accepted[i].listener, accepted[i].fd, &accepted[i].remote));
    conn_send_all(sink);
}
