/* peer.c - a scripted SMTP server on the test's own loop
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "event/runtime.h"
#include "io/stream.h"
#include "net/listener.h"
#include "peer.h"

#include <check.h>

enum { VERBS_MAX = 16 };

static struct {
    const peer_script_t *script;
    apr_pool_t *pool;
    net_listener_t *listener;
    char *transcript;
    char *message;
    apr_size_t length, room;
    int connections, is_silent, burst;
    struct {
        const char *name;
        int count;
    } verbs[VERBS_MAX];
} peer;

struct conn {
    apr_pool_t *pool;
    stream_t *stream;
    int in_message, is_mute, is_gone;
};

static int count_verb(const char *verb)
{
    for (int i = 0; i < VERBS_MAX; i++) {
        if (peer.verbs[i].name == NULL) {
            peer.verbs[i].name = apr_pstrdup(peer.pool, verb);
        }
        if (strcmp(peer.verbs[i].name, verb) == 0) {
            return ++peer.verbs[i].count;
        }
    }
    abort();
}

static const char *find_act(const char *verb)
{
    int nth = count_verb(verb);

    for (int i = 0; i < PEER_RULES_MAX && peer.script->rules[i].verb != NULL; i++) {
        const peer_rule_t *rule = &peer.script->rules[i];

        if (strcmp(rule->verb, verb) == 0 && (rule->nth == 0 || rule->nth == nth)) {
            return rule->act;
        }
    }
    return NULL;
}

static void send_lines(struct conn *conn, const char *lines)
{
    while (*lines != '\0') {
        apr_size_t n = strcspn(lines, "|");

        stream_write(conn->stream, lines, n);
        stream_write(conn->stream, "\r\n", 2);
        lines += n + (lines[n] == '|');
    }
}

static void hang_up(struct conn *conn)
{
    conn->is_gone = 1;
    stream_finish(conn->stream, apr_time_from_sec(1));
}

/* The rule's act, or the friendly answer.  Returns what was said. */
static const char *answer(struct conn *conn, const char *verb, const char *friendly)
{
    const char *act = find_act(verb), *space;

    if (act == NULL) {
        send_lines(conn, friendly);
        return friendly;
    }
    if (*act != '!') {
        send_lines(conn, act);
        return act;
    }
    if ((space = strchr(act, ' ')) != NULL) {
        send_lines(conn, space + 1);
    }
    if (strncmp(act, "!drop", 5) == 0) {
        hang_up(conn);
    } else if (!conn->is_mute) {
        conn->is_mute = 1;
        if (strncmp(act, "!stall", 6) == 0) {
            stream_pause(conn->stream);
        }
        peer.is_silent = 1;
        event_clock_release(event_runtime_clock());
    }
    return "";
}

static void answer_ehlo(struct conn *conn, const char *verb)
{
    char *lines = apr_pstrdup(peer.pool, "250-peer.test");
    const char *offers = peer.script->offers;

    while (offers != NULL && *offers != '\0') {
        apr_size_t n = strcspn(offers, "|");

        lines = apr_psprintf(peer.pool, "%s|250%c%.*s", lines, offers[n] == '|' ? '-' : ' ', (int)n, offers);
        offers += n + (offers[n] == '|');
    }
    answer(conn, verb, peer.script->offers == NULL ? "250 peer.test" : lines);
}

static void note(const char *text)
{
    peer.transcript = apr_pstrcat(peer.pool, peer.transcript, text, "|", NULL);
}

static void command(struct conn *conn, const char *line)
{
    static const struct {
        const char *verb, *friendly;
    } commands[] = {
        { "HELO", "250 peer.test" }, { "MAIL", "250 2.1.0 ok" }, { "RCPT", "250 2.1.5 ok" },
        { "DATA", "354 go on" },     { "RSET", "250 2.0.0 ok" }, { "QUIT", "221 2.0.0 bye" },
    };

    note(line);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strncasecmp(line, commands[i].verb, 4) == 0) {
            conn->in_message = strncmp(answer(conn, commands[i].verb, commands[i].friendly), "354", 3) == 0;
            peer.length = conn->in_message ? 0 : peer.length;
            return;
        }
    }
    answer_ehlo(conn, strncasecmp(line, "LHLO", 4) == 0 ? "LHLO" : "EHLO");
}

static void keep(const char *data, apr_size_t len)
{
    if (len == 0) {
        return;
    }
    while (peer.length + len > peer.room) {
        peer.room = peer.room == 0 ? 65536 : peer.room * 2;
        peer.message = realloc(peer.message, peer.room);
    }
    memcpy(peer.message + peer.length, data, len);
    peer.length += len;
}

/* Bytes of a message; looks for the lone dot.  Returns what was taken. */
static apr_size_t take_message(struct conn *conn, const char *data, apr_size_t len)
{
    const char *end;
    apr_size_t n;

    if (len == 0) {
        return 0;
    }
    if (peer.length == 0 && len >= 3 && memcmp(data, ".\r\n", 3) == 0) {
        n = 3;
    } else if ((end = memmem(data, len, "\r\n.\r\n", 5)) != NULL) {
        n = (apr_size_t)(end - data) + 5;
        keep(data, n - 3);
    } else {
        n = len > 4 ? len - 4 : 0;
        keep(data, n);
        if (n > 0) {
            answer(conn, "mid", "");
        }
        return n;
    }
    conn->in_message = 0;
    note(apr_psprintf(peer.pool, "<%" APR_SIZE_T_FMT " bytes>", peer.length));
    answer(conn, ".", "250 2.0.0 taken");
    return n;
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t len)
{
    struct conn *conn = baton;
    const char *at = data, *end = data + len, *eol;
    int burst = 0;

    while (!conn->is_gone && !conn->is_mute) {
        if (conn->in_message) {
            apr_size_t n = take_message(conn, at, (apr_size_t)(end - at));

            at += n;
            if (conn->in_message) {
                break;
            }
            continue;
        }
        if ((eol = memmem(at, (apr_size_t)(end - at), "\r\n", 2)) == NULL) {
            break;
        }
        command(conn, apr_pstrmemdup(peer.pool, at, (apr_size_t)(eol - at)));
        at = eol + 2;
        burst++;
    }
    peer.burst = burst > peer.burst ? burst : peer.burst;
    return conn->is_gone || conn->is_mute ? len : (apr_size_t)(at - data);
}

static void on_closed(void *baton, apr_status_t rv)
{
    struct conn *conn = baton;

    stream_destroy(conn->stream);
}

static void on_accept(void *baton, ec_loop_t *loop, apr_socket_t *socket, const net_endpoint_t *from,
                      const net_endpoint_t *local, apr_pool_t *pool)
{
    static const stream_calls_t calls = { on_input, NULL, on_closed };
    struct conn *conn = apr_pcalloc(peer.pool, sizeof(*conn));

    conn->pool = pool;
    peer.connections++;
    ck_assert_int_eq(stream_create(&conn->stream, loop, socket, &calls, conn, pool), APR_SUCCESS);
    answer(conn, "", "220 peer.test ESMTP");
}

void peer_start(const peer_script_t *script, apr_pool_t *pool)
{
    net_listen_options_t options = { .address = "127.0.0.1:0", .backlog = 10 };
    const char *why = "";

    memset(&peer, 0, sizeof(peer));
    peer.script = script;
    peer.pool = pool;
    peer.transcript = apr_pstrdup(pool, "");
    ck_assert_msg(net_listen(&peer.listener, &options, on_accept, NULL, &why, pool) == APR_SUCCESS, "%s",
                  why);
}

int peer_port(void)
{
    return net_listener_port(peer.listener);
}

const char *peer_transcript(void)
{
    return peer.transcript;
}

const char *peer_message(apr_size_t *length)
{
    *length = peer.length;
    return peer.message;
}

int peer_connections(void)
{
    return peer.connections;
}

int peer_is_silent(void)
{
    return peer.is_silent;
}

int peer_burst(void)
{
    return peer.burst;
}
