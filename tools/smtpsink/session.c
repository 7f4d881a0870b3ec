/* session.c - the SMTP dialogue
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every step that --at can change is a stage: enter() draws what happens, act() does it, at once or after the
 * pause. A command's address waits in conn->argument meanwhile. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strcasestr */
#endif
#include "session.h"

#include "actions.h"
#include "conn.h"
#include "domains.h"
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MAX_BYTES = 2048, RECIPIENTS_MAX = 10000 };

static void enter(struct conn *conn, enum stage stage);

/* ---- stages ---- */

static void accept_connect(struct conn *conn, const char *text)
{
    if (text != NULL)
        conn_reply(conn, text);
    else
        enter(conn, STAGE_BANNER);
}

static void accept_banner(struct conn *conn, const char *text)
{
    conn_reply(conn, text ? text : "220 smtpsink ESMTP ready");
}

static void accept_ehlo(struct conn *conn, const char *text)
{
    char size[48];

    message_reset(conn);
    conn->has_hello = true;
    if (text != NULL || !conn->is_ehlo) {
        conn_reply(conn, text ? text : "250 smtpsink");
        return;
    }
    conn_reply(conn, "250-smtpsink");
    if (!conn->sink->no_pipelining)
        conn_reply(conn, "250-PIPELINING");
    snprintf(size, sizeof(size), "250-SIZE %llu", (unsigned long long)conn->sink->max_size);
    conn_reply(conn, size);
    conn_reply(conn, "250-8BITMIME");
    conn_reply(conn, "250 ENHANCEDSTATUSCODES");
}

static void accept_mail(struct conn *conn, const char *text)
{
    message_sender(conn, conn->argument.data);
    conn_reply(conn, text ? text : "250 2.1.0 sender ok");
}

static void accept_rcpt(struct conn *conn, const char *text)
{
    message_recipient(conn, conn->argument.data);
    domains_recipient(conn, conn->argument.data);
    conn_reply(conn, text ? text : "250 2.1.5 recipient ok");
}

static void accept_data(struct conn *conn, const char *text)
{
    message_start(conn);
    conn->mode = INPUT_BODY;
    conn_reply(conn, text ? text : "354 end with a dot on a line of its own");
}

static void accept_body(struct conn *conn, const char *text)
{
    const char *objection = message_objection(conn);

    if (objection == NULL)
        message_accept(conn);
    conn_reply(conn, objection ? objection : text ? text : "250 2.0.0 accepted");
    message_reset(conn);
}

static void accept_quit(struct conn *conn, const char *text)
{
    conn_reply(conn, text ? text : "221 2.0.0 bye");
    conn_finish(conn);
}

static void refuse_banner(struct conn *conn)
{
    conn->is_refused = true;
}

static const struct {
    void (*accept)(struct conn *conn, const char *text); /* text: the reply asked for, NULL: the usual one */
    void (*refuse)(struct conn *conn);                   /* after the refusal; NULL: nothing more */
} stages[STAGE_COUNT] = {
    [STAGE_CONNECT] = { accept_connect, conn_finish },
    [STAGE_BANNER] = { accept_banner, refuse_banner },
    [STAGE_EHLO] = { accept_ehlo, NULL },
    [STAGE_MAIL] = { accept_mail, NULL },
    [STAGE_RCPT] = { accept_rcpt, NULL },
    [STAGE_DATA] = { accept_data, NULL },
    [STAGE_BODY] = { accept_body, message_reset },
    [STAGE_QUIT] = { accept_quit, conn_finish },
};

static bool lets_go_on(enum stage stage, int code)
{
    return stage == STAGE_DATA ? code == 354 : code / 100 == 2;
}

static void act_reply(struct conn *conn, enum stage stage, const struct rule *rule)
{
    if (lets_go_on(stage, rule->code)) {
        stages[stage].accept(conn, rule->text);
        return;
    }
    conn_reply(conn, rule->text);
    if (stages[stage].refuse != NULL)
        stages[stage].refuse(conn);
    if (rule->code == 421)
        conn_finish(conn);
}

void session_resume(struct conn *conn)
{
    const struct rule *rule = conn->outcome.rule;

    if (rule == NULL)
        stages[conn->stage].accept(conn, NULL);
    else if (rule->kind == ACTION_REPLY)
        act_reply(conn, conn->stage, rule);
    else if (rule->kind == ACTION_HANG)
        conn_hang(conn);
    else
        conn_drop(conn, rule->kind == ACTION_RESET);
}

static void enter(struct conn *conn, enum stage stage)
{
    conn->stage = stage;
    conn->outcome = actions_draw(conn->sink->actions, stage, &conn->random);
    if (conn->outcome.delay_us > 0)
        conn_pause(conn, conn->outcome.delay_us);
    else
        session_resume(conn);
}

void session_start(struct conn *conn)
{
    const struct sink *sink = conn->sink;

    if (sink->max_connections > 0 && sink->counters.current > sink->max_connections) {
        conn_reply(conn, "421 4.3.2 too many connections");
        conn_finish(conn);
        return;
    }
    enter(conn, STAGE_CONNECT);
}

void session_end(struct conn *conn)
{
    message_free(conn);
    bytes_free(&conn->argument);
}

/* ---- commands ---- */

/* Find the '>' of a path; one inside a quoted local part does not end it. */
static const char *path_end(const char *at)
{
    bool is_quoted = false;

    for (; *at; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            is_quoted = !is_quoted;
        else if (*at == '>' && !is_quoted)
            return at;
    }
    return NULL;
}

/* Read "FROM:<address> parameters" into conn->argument; returns the parameters, NULL when it has not that
 * form. */
static const char *read_path(struct conn *conn, const char *text, const char *keyword)
{
    const char *end;

    if (strncasecmp(text, keyword, strlen(keyword)) != 0)
        return NULL;
    text += strlen(keyword);
    text += strspn(text, " ");
    if (*text != '<' || (end = path_end(text + 1)) == NULL)
        return NULL;
    conn->argument.length = 0;
    bytes_add(&conn->argument, text + 1, (size_t)(end - text - 1));
    bytes_add(&conn->argument, "", 1);
    return end + 1;
}

static bool announces_too_much(const struct conn *conn, const char *parameters)
{
    const char *size = strcasestr(parameters, " SIZE=");

    return size != NULL && strtoull(size + 6, NULL, 10) > conn->sink->max_size;
}

static void do_ehlo(struct conn *conn, const char *text)
{
    if (conn->sink->no_esmtp) {
        conn_reply(conn, "502 5.5.1 EHLO not implemented");
        return;
    }
    conn->is_ehlo = true;
    enter(conn, STAGE_EHLO);
}

static void do_helo(struct conn *conn, const char *text)
{
    conn->is_ehlo = false;
    enter(conn, STAGE_EHLO);
}

static void do_mail(struct conn *conn, const char *text)
{
    const char *parameters;

    if (!conn->has_hello)
        conn_reply(conn, "503 5.5.1 say EHLO or HELO first");
    else if (conn->has_sender)
        conn_reply(conn, "503 5.5.1 sender already given");
    else if ((parameters = read_path(conn, text, "FROM:")) == NULL)
        conn_reply(conn, "501 5.5.4 the form is MAIL FROM:<address>");
    else if (announces_too_much(conn, parameters))
        conn_reply(conn, "552 5.3.4 message is larger than the announced SIZE");
    else
        enter(conn, STAGE_MAIL);
}

static void do_rcpt(struct conn *conn, const char *text)
{
    if (!conn->has_sender)
        conn_reply(conn, "503 5.5.1 MAIL first");
    else if (read_path(conn, text, "TO:") == NULL || conn->argument.length < 2)
        conn_reply(conn, "501 5.5.4 the form is RCPT TO:<address>");
    else if (conn->transaction.recipients >= RECIPIENTS_MAX)
        conn_reply(conn, "452 4.5.3 too many recipients");
    else
        enter(conn, STAGE_RCPT);
}

static void do_data(struct conn *conn, const char *text)
{
    if (!conn->has_sender)
        conn_reply(conn, "503 5.5.1 MAIL first");
    else if (conn->transaction.recipients == 0)
        conn_reply(conn, "554 5.5.1 no valid recipients");
    else
        enter(conn, STAGE_DATA);
}

static void do_rset(struct conn *conn, const char *text)
{
    message_reset(conn);
    conn_reply(conn, "250 2.0.0 ok");
}

static void do_noop(struct conn *conn, const char *text)
{
    conn_reply(conn, "250 2.0.0 ok");
}

static void do_vrfy(struct conn *conn, const char *text)
{
    conn_reply(conn, "252 2.5.2 send mail and see");
}

static void do_quit(struct conn *conn, const char *text)
{
    enter(conn, STAGE_QUIT);
}

static const struct {
    const char *name;
    void (*run)(struct conn *conn, const char *text);
} verbs[] = {
    { "MAIL", do_mail }, { "RCPT", do_rcpt }, { "DATA", do_data }, { "EHLO", do_ehlo }, { "HELO", do_helo },
    { "RSET", do_rset }, { "NOOP", do_noop }, { "VRFY", do_vrfy }, { "QUIT", do_quit },
};

static void command(struct conn *conn, const char *line, size_t length)
{
    char text[LINE_MAX_BYTES];

    while (length > 0 && strchr("\r \t", line[length - 1]) != NULL && line[length - 1] != '\0')
        length--;
    memcpy(text, line, length);
    text[length] = '\0';
    conn->sink->counters.commands++;
    for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strncasecmp(text, verbs[i].name, 4) != 0 || (text[4] != ' ' && text[4] != '\0'))
            continue;
        if (conn->is_refused && verbs[i].run != do_quit)
            break;
        verbs[i].run(conn, text + 4 + (text[4] == ' '));
        return;
    }
    conn_reply(conn,
               conn->is_refused ? "503 5.5.1 no service here, QUIT please" : "500 5.5.2 unknown command");
}

/* ---- input ---- */

static size_t use_body(struct conn *conn, const char *data, size_t length)
{
    bool is_complete;
    size_t used = message_input(conn, data, length, &is_complete);

    if (is_complete) {
        conn->mode = INPUT_COMMANDS;
        enter(conn, STAGE_BODY);
    }
    return used;
}

/* Commands end at LF; a CR before it is taken off.  Returns 0 when the line is not whole yet. */
static size_t use_line(struct conn *conn, const char *data, size_t length)
{
    const char *end = memchr(data, '\n', length < LINE_MAX_BYTES ? length : LINE_MAX_BYTES);

    if (end == NULL && length < LINE_MAX_BYTES)
        return 0;
    if (end == NULL) {
        conn_reply(conn, "500 5.5.2 line too long");
        conn->mode = INPUT_LONG_LINE;
        return LINE_MAX_BYTES;
    }
    command(conn, data, (size_t)(end - data));
    return (size_t)(end - data) + 1;
}

static size_t skip_line(struct conn *conn, const char *data, size_t length)
{
    const char *end = memchr(data, '\n', length);

    if (end == NULL)
        return length;
    conn->mode = INPUT_COMMANDS;
    return (size_t)(end - data) + 1;
}

size_t session_input(struct conn *conn, const char *data, size_t length)
{
    static size_t (*const use[])(struct conn *, const char *, size_t) = {
        [INPUT_COMMANDS] = use_line,
        [INPUT_LONG_LINE] = skip_line,
        [INPUT_BODY] = use_body,
    };
    size_t used = 0;

    while (used < length && !conn_is_blocked(conn)) {
        size_t step = use[conn->mode](conn, data + used, length - used);

        if (step == 0)
            break;
        used += step;
    }
    return used;
}
