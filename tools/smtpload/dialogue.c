/* dialogue.c - the SMTP dialogue from the client's side
 * SPDX-License-Identifier: Apache-2.0
 *
 *   BANNER -> EHLO (-> HELO) -> ready -> MAIL -> RCPT ... -> DATA -> BODY -> ready ... -> QUIT
 *
 * A state is the reply that is waited for.  With --pipeline MAIL, RCPT and DATA are sent together and the
 * states are gone through as their replies come; without it each state sends what the next one waits for. */
#include "dialogue.h"

#include "../common/cli.h"
#include "conn.h"
#include "message.h"
#include "report.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define STATES(X)          \
    X(BANNER, "greeting")  \
    X(EHLO, "EHLO")        \
    X(HELO, "HELO")        \
    X(READY, "no command") \
    X(MAIL, "MAIL")        \
    X(RCPT, "RCPT")        \
    X(DATA, "DATA")        \
    X(BODY, "final dot")   \
    X(RSET, "RSET")        \
    X(QUIT, "QUIT")

#define STATE_ENUM(name, text) STATE_##name,
enum state { STATES(STATE_ENUM) STATE_COUNT };
#undef STATE_ENUM

#define STATE_TEXT(name, text) text,
static const char *const state_names[] = { STATES(STATE_TEXT) };
#undef STATE_TEXT

static bool is_good(int code)
{
    return code / 100 == 2;
}

static void command(struct conn *conn, enum state state, const char *text)
{
    conn->state = state;
    conn->command.length = 0;
    bytes_add(&conn->command, text, strlen(text));
    conn_send_command(conn);
}

/* ---- a message ---- */

static bool is_pipelining(const struct conn *conn)
{
    return conn->can_pipeline && conn->load->options.pipeline;
}

static void add_rcpt(struct conn *conn)
{
    char mailbox[MAILBOX_MAX];

    message_recipient(conn->load, conn->message.number, conn->asked++, mailbox);
    bytes_print(&conn->command, "RCPT TO:<%s>\r\n", mailbox);
}

static void message_begin(struct conn *conn)
{
    struct load *load = conn->load;

    message_make(load, &conn->message, ++load->counts.tried);
    conn->has_message = true;
    conn->refusal = 0;
    conn->asked = conn->accepted = 0;
    conn->done_here++;
    conn->state = STATE_MAIL;
    conn->command.length = 0;
    bytes_print(&conn->command, "MAIL FROM:<%s>\r\n", load->options.from);
    if (is_pipelining(conn)) {
        while (conn->asked < load->options.recipients)
            add_rcpt(conn);
        bytes_add(&conn->command, "DATA\r\n", 6);
        conn->asked = 0;
    }
    conn->started = now_us();
    conn_send_command(conn);
}

static void wait_for_rate(struct conn *conn)
{
    struct load *load = conn->load;

    conn->is_idle = true;
    conn->idle_next = NULL;
    *load->idle_end = conn;
    load->idle_end = &conn->idle_next;
}

/* A connection that ends while it waits must not stay in the list under its next life. */
static void stop_waiting(struct conn *conn)
{
    struct load *load = conn->load;
    struct conn **link = &load->idle;

    while (*link != conn)
        link = &(*link)->idle_next;
    *link = conn->idle_next;
    if (conn->idle_next == NULL)
        load->idle_end = link;
    conn->is_idle = false;
}

static void go_on(struct conn *conn)
{
    struct load *load = conn->load;
    int64_t due;

    conn->state = STATE_READY;
    if (!load_has_more(load) ||
        (load->options.per_connection > 0 && conn->done_here >= load->options.per_connection)) {
        command(conn, STATE_QUIT, "QUIT\r\n");
        return;
    }
    due = load_due(load);
    if (due > 0 && due > now_us())
        wait_for_rate(conn);
    else
        message_begin(conn);
}

void dialogue_wake(struct conn *conn)
{
    stop_waiting(conn);
    go_on(conn);
}

static void record(struct conn *conn)
{
    struct load *load = conn->load;
    struct bytes *line = &conn->command; /* free: nothing is being sent when the final reply is read */

    line->length = 0;
    bytes_print(line, "%s-%llu\t%s\t%u\n", load->options.id_prefix, (unsigned long long)conn->message.number,
                conn->message.digest, conn->accepted);
    bytes_write(line, load->record_fd, load->options.record);
}

static void count_sent(struct conn *conn)
{
    struct counts *counts = &conn->load->counts;

    conn->has_message = false;
    counts->sent++;
    counts->recipients += conn->accepted;
    counts->bytes += conn->message.size;
    report_latency(conn->load->latency, now_us() - conn->started);
    if (conn->load->record_fd >= 0)
        record(conn);
}

static void count_refused(struct conn *conn)
{
    struct counts *counts = &conn->load->counts;

    conn->has_message = false;
    counts->refused++;
    counts->refused_by_code[conn->refusal]++;
}

void dialogue_abandon(struct conn *conn)
{
    struct counts *counts = &conn->load->counts;

    if (conn->is_idle)
        stop_waiting(conn);
    if (!conn->has_message)
        return;
    conn->has_message = false;
    if (conn->refusal != 0) {
        count_refused(conn);
    } else if (conn->state == STATE_BODY && conn_is_flushed(conn)) {
        counts->in_doubt++;
    } else {
        counts->unfinished++;
    }
}

/* ---- replies ---- */

static void refuse(struct conn *conn, int code)
{
    if (conn->refusal == 0)
        conn->refusal = code;
}

static void give_up_message(struct conn *conn)
{
    count_refused(conn);
    command(conn, STATE_RSET, "RSET\r\n");
}

static void on_banner(struct conn *conn, int code)
{
    if (!is_good(code)) {
        conn_refused(conn, "the server's greeting is a refusal");
        return;
    }
    conn->load->counts.connections++;
    conn->down_since = 0;
    conn->can_pipeline = false;
    command(conn, STATE_EHLO, "EHLO smtpload.test\r\n");
}

static void on_ehlo(struct conn *conn, int code)
{
    if (is_good(code))
        go_on(conn);
    else
        command(conn, STATE_HELO, "HELO smtpload.test\r\n");
}

static void on_helo(struct conn *conn, int code)
{
    if (is_good(code))
        go_on(conn);
    else
        conn_fail(conn, "HELO was refused");
}

static void on_mail(struct conn *conn, int code)
{
    if (!is_good(code))
        refuse(conn, code);
    conn->state = STATE_RCPT;
    if (is_pipelining(conn))
        return;
    if (conn->refusal != 0) {
        give_up_message(conn);
        return;
    }
    conn->command.length = 0;
    add_rcpt(conn);
    conn_send_command(conn);
}

static void count_rcpt(struct conn *conn, int code)
{
    struct counts *counts = &conn->load->counts;

    if (is_good(code)) {
        conn->accepted++;
        return;
    }
    if (conn->refusal != 0)
        return; /* MAIL was refused: this one only follows from it */
    counts->recipients_refused++;
    counts->recipients_refused_by_code[code]++;
    load_trouble(conn->load, "connection %u: a recipient was refused with %d", conn->index, code);
}

static void on_rcpt(struct conn *conn, int code)
{
    bool pipelining = is_pipelining(conn), is_last;

    count_rcpt(conn, code);
    conn->asked += pipelining;
    is_last = conn->asked == conn->load->options.recipients;
    if (is_last && conn->accepted == 0)
        refuse(conn, code);
    if (is_last)
        conn->state = STATE_DATA;
    if (pipelining)
        return;
    if (is_last && conn->accepted == 0) {
        give_up_message(conn);
        return;
    }
    conn->command.length = 0;
    if (is_last)
        bytes_add(&conn->command, "DATA\r\n", 6);
    else
        add_rcpt(conn);
    conn_send_command(conn);
}

static void on_data(struct conn *conn, int code)
{
    if (code != 354) {
        refuse(conn, code);
        give_up_message(conn);
    } else if (conn->refusal != 0) {
        command(conn, STATE_BODY,
                ".\r\n"); /* DATA was pipelined and let in though nobody is to get the message */
    } else {
        conn->state = STATE_BODY;
        conn_send_message(conn);
    }
}

static void on_body(struct conn *conn, int code)
{
    if (!is_good(code))
        refuse(conn, code);
    if (conn->refusal == 0) {
        count_sent(conn);
        go_on(conn);
    } else {
        give_up_message(conn);
    }
}

static void on_rset(struct conn *conn, int code)
{
    if (is_good(code))
        go_on(conn);
    else
        conn_fail(conn, "RSET was refused");
}

static void on_quit(struct conn *conn, int code)
{
    conn_end(conn);
}

static void on_nothing(struct conn *conn, int code)
{
    conn_fail(conn, "a reply without a command");
}

static void (*const on_reply[STATE_COUNT])(struct conn *conn, int code) = {
    [STATE_BANNER] = on_banner, [STATE_EHLO] = on_ehlo, [STATE_HELO] = on_helo, [STATE_READY] = on_nothing,
    [STATE_MAIL] = on_mail,     [STATE_RCPT] = on_rcpt, [STATE_DATA] = on_data, [STATE_BODY] = on_body,
    [STATE_RSET] = on_rset,     [STATE_QUIT] = on_quit,
};

void dialogue_start(struct conn *conn)
{
    conn->state = STATE_BANNER;
}

void dialogue_more(struct conn *conn, const char *text, size_t length)
{
    if (conn->state == STATE_EHLO && length >= 10 && strncasecmp(text, "PIPELINING", 10) == 0)
        conn->can_pipeline = true;
}

/* 421 says that the server closes; whatever was asked for is refused. */
static void on_closing(struct conn *conn, const char *line, size_t length)
{
    if (conn->has_message)
        refuse(conn, 421);
    load_trouble(conn->load, "connection %u: the server closes: %.*s", conn->index, (int)length, line);
    conn_fail(conn, "closed by the server with 421");
}

/* A refusal in the middle of the text: the rest of it would be taken for commands, so the connection is of no
 * use. */
static void on_early(struct conn *conn, int code)
{
    if (conn->has_message && code >= 400)
        refuse(conn, code);
    conn_fail(conn, "the server answered before everything was sent");
}

static bool is_refusal(const struct conn *conn, int code)
{
    return code >= 400 && conn->state >= STATE_MAIL && conn->state <= STATE_BODY && conn->refusal == 0;
}

void dialogue_reply(struct conn *conn, int code, const char *line, size_t length)
{
    if (conn->state == STATE_EHLO && is_good(code))
        dialogue_more(conn, line + 4, length > 4 ? length - 4 : 0);
    if (is_refusal(conn, code))
        load_trouble(conn->load, "connection %u: %s answered with \"%.*s\"", conn->index,
                     state_names[conn->state], (int)length, line);
    if (code == 421 && conn->state != STATE_BANNER && conn->state != STATE_QUIT)
        on_closing(conn, line, length);
    else if (!conn_is_flushed(conn))
        on_early(conn, code);
    else
        on_reply[conn->state](conn, code);
}

bool dialogue_is_connecting(const struct conn *conn)
{
    return conn->state == STATE_BANNER;
}

bool dialogue_is_quitting(const struct conn *conn)
{
    return conn->state == STATE_QUIT;
}
