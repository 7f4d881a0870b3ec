/* conn.c - a connection to the server: opening, bytes, ending
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is sent is never copied: `out` points at the command buffer or at the message's pieces, both of which
 * stay as they are until the reply has come. */
#include "conn.h"

#include "../common/cli.h"
#include "dialogue.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_ROOM = 64 * 1024, REPLY_LINE_MAX = 4096, REPLY_LINES_MAX = 1000, RETRY_US = 50000 };

static char input[INPUT_ROOM];

static void conn_ready(struct loop_source *source, uint32_t events);

static void watch(struct conn *conn, uint32_t events)
{
    if (events != conn->watched)
        loop_change(&conn->load->loop, conn->fd, events, &conn->source);
    conn->watched = events;
}

/* ---- beginning and end ---- */

void conn_open(struct conn *conn)
{
    struct load *load = conn->load;

    conn->fd = address_connect(&load->target);
    if (conn->fd < 0) {
        conn_refused(conn, strerror(errno));
        return;
    }
    conn->opened++;
    conn->source.ready = conn_ready;
    conn->watched = EPOLLOUT;
    loop_add(&load->loop, conn->fd, conn->watched, &conn->source);
    conn->deadline = now_us() + (int64_t)load->options.timeout * 1000000;
    dialogue_start(conn);
}

/* Close the socket and count the message that was under way. */
static void abandon(struct conn *conn)
{
    dialogue_abandon(conn);
    if (conn->fd >= 0)
        close(conn->fd);
    conn->fd = -1;
    conn->out_at = conn->out_count = 0;
    conn->held.length = 0;
    conn->reply_lines = 0;
    conn->done_here = 0;
}

void conn_close(struct conn *conn)
{
    abandon(conn);
    if (conn->is_retrying)
        conn->load->retrying--;
    conn->is_retrying = false;
    if (!conn->is_over)
        conn->load->live--;
    conn->is_over = true;
}

void conn_end(struct conn *conn)
{
    abandon(conn);
    if (load_has_more(conn->load))
        conn_open(conn);
    else
        conn_close(conn);
}

static void retry_later(struct conn *conn)
{
    int64_t now = now_us();

    if (conn->down_since == 0)
        conn->down_since = now;
    if (!load_has_more(conn->load)) {
        conn_close(conn);
    } else if (now - conn->down_since > (int64_t)(conn->load->options.retry_connect * 1e6)) {
        conn->load->has_failed = true;
        conn_close(conn);
    } else {
        conn->is_retrying = true;
        conn->load->retrying++;
        conn->retry_at = now + RETRY_US;
    }
}

void conn_refused(struct conn *conn, const char *why)
{
    conn->load->counts.connect_failures++;
    load_trouble(conn->load, "connection %u: cannot connect: %s", conn->index, why);
    abandon(conn);
    retry_later(conn);
}

void conn_fail(struct conn *conn, const char *why)
{
    if (dialogue_is_connecting(conn)) {
        conn_refused(conn, why);
        return;
    }
    conn->load->counts.broken++;
    load_trouble(conn->load, "connection %u: %s", conn->index, why);
    abandon(conn);
    retry_later(conn);
}

void conn_tick(struct load *load, int64_t now)
{
    for (unsigned i = 0; i < load->conn_count; i++) {
        struct conn *conn = &load->conns[i];

        if (conn->is_retrying && !load_has_more(load)) {
            conn_close(conn);
        } else if (conn->is_retrying && now >= conn->retry_at) {
            conn->is_retrying = false;
            load->retrying--;
            conn_open(conn);
        } else if (conn->fd >= 0 && !conn->is_idle && now > conn->deadline) {
            conn_fail(conn, "no reply in time");
        }
    }
}

/* ---- out ---- */

bool conn_is_flushed(const struct conn *conn)
{
    return conn->out_at == conn->out_count;
}

static void skip_sent(struct conn *conn, size_t sent)
{
    while (conn->out_at < conn->out_count && sent >= conn->out[conn->out_at].iov_len)
        sent -= conn->out[conn->out_at++].iov_len;
    if (conn->out_at < conn->out_count) {
        struct iovec *piece = &conn->out[conn->out_at];

        piece->iov_base = (char *)piece->iov_base + sent;
        piece->iov_len -= sent;
    }
}

static void conn_write(struct conn *conn)
{
    struct msghdr message = { .msg_iov = conn->out + conn->out_at,
                              .msg_iovlen = conn->out_count - conn->out_at };
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        conn_fail(conn, strerror(errno));
        return;
    }
    if (sent > 0)
        skip_sent(conn, (size_t)sent);
    watch(conn, conn_is_flushed(conn) ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

static void expect_reply(struct conn *conn)
{
    conn->out_at = 0;
    conn->deadline = now_us() + (int64_t)conn->load->options.timeout * 1000000;
    conn_write(conn);
}

void conn_send_command(struct conn *conn)
{
    conn->out[0] = (struct iovec){ .iov_base = conn->command.data, .iov_len = conn->command.length };
    conn->out_count = 1;
    expect_reply(conn);
}

void conn_send_message(struct conn *conn)
{
    memcpy(conn->out, conn->message.pieces, conn->message.piece_count * sizeof(conn->out[0]));
    conn->out_count = conn->message.piece_count;
    expect_reply(conn);
}

/* ---- in ---- */

/* A reply line is three digits and then a space, a dash or nothing; 0 when it is not. */
static int reply_code(const char *line, size_t length)
{
    if (length < 3 || line[0] < '2' || line[0] > '5')
        return 0;
    if (line[1] < '0' || line[1] > '9' || line[2] < '0' || line[2] > '9')
        return 0;
    if (length > 3 && line[3] != ' ' && line[3] != '-')
        return 0;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

static void use_line(struct conn *conn, const char *line, size_t length)
{
    int code;

    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    code = reply_code(line, length);
    if (code == 0 || ++conn->reply_lines > REPLY_LINES_MAX) {
        conn_fail(conn, "the server's answer is not an SMTP reply");
        return;
    }
    if (length > 3 && line[3] == '-') {
        dialogue_more(conn, line + 4, length - 4);
        return;
    }
    conn->reply_lines = 0;
    dialogue_reply(conn, code, line, length);
}

/* A line may end the connection and open the next one; what else was read then belongs to nobody. */
static void use_input(struct conn *conn, size_t length)
{
    const char *at = input, *end = input + length, *next;
    uint64_t opened = conn->opened;

    while ((next = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        next++;
        use_line(conn, at, (size_t)(next - at));
        if (conn->fd < 0 || conn->opened != opened)
            return;
        at = next;
    }
    conn->held.length = 0;
    if (end - at > REPLY_LINE_MAX)
        conn_fail(conn, "a reply line is too long");
    else
        bytes_add(&conn->held, at, (size_t)(end - at));
}

static void conn_read(struct conn *conn)
{
    size_t held = conn->held.length;
    ssize_t count;

    if (held > 0)
        memcpy(input, conn->held.data, held);
    count = recv(conn->fd, input + held, sizeof(input) - held, 0);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_fail(conn, strerror(errno));
        return;
    }
    if (count == 0) {
        if (dialogue_is_quitting(conn))
            conn_end(conn);
        else
            conn_fail(conn, "closed by the server");
        return;
    }
    use_input(conn, held + (size_t)count);
}

static void conn_ready(struct loop_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)source;
    int error = 0;
    socklen_t length = sizeof(error);

    if (conn->fd < 0)
        return;
    if (conn->watched == EPOLLOUT && dialogue_is_connecting(conn)) {
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0)
            conn_refused(conn, strerror(error));
        else
            watch(conn, EPOLLIN);
        return;
    }
    if ((events & EPOLLOUT) && !conn_is_flushed(conn)) {
        conn_write(conn);
        if (conn->fd < 0 || conn_is_flushed(conn))
            return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        conn_read(conn);
}
