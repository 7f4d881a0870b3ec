/* dialogue.h - a receiving server on loopback with a spool made of memory, and a client to talk to it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Server and client are in one thread: the client sends, the loop runs until the answer is
 * there.  Time stands still unless a test moves it. */
#ifndef TESTS_SMTP_DIALOGUE_H
#define TESTS_SMTP_DIALOGUE_H

#include <errno.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "conf/conf.h"
#include "event/runtime.h"
#include "hook/hook.h"
#include "smtp/in/backend.h"
#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"
#include "runner.h"

#define LISTEN "127.0.0.1:0"

static ec_loop_t *loop;
static event_clock_t *clock_;

/* ---- the spool ------------------------------------------------------------------------ */

static struct {
    int is_ready;
    apr_status_t rv;               /* what a store comes to */
    int is_held;                   /* stores do not end by themselves */
    spool_request_t *waiting;
    int stores, accepts;
    char envelope[4000];           /* "sender>rcpt,rcpt," of all that was accepted, a line each */
    char text[200000];             /* the last message that was accepted */
    apr_size_t length;
} store;

static void on_done(void *baton)
{
    spool_request_t *request = baton;

    request->done(request->baton, store.rv);
}

static void store_end(spool_request_t *request)
{
    store.waiting = NULL;
    ec_loop_post(request->loop, &request->post, on_done, request);
}

static int fake_is_ready(void *baton)
{
    return store.is_ready;
}

static void fake_store(void *baton, spool_request_t *request)
{
    ck_assert_int_eq(request->verb, SPOOL_STORE);
    store.stores++;
    store.waiting = request;
    if (!store.is_held) {
        store_end(request);
    }
}

static void note_envelope(const ec_batch_t *batch)
{
    if (strlen(store.envelope) > sizeof store.envelope / 2) {
        return;                    /* a test with that many looks at the counts only */
    }
    strcat(strcat(store.envelope, ec_batch_sender(batch)), ">");
    for (int i = 0; i < ec_batch_recipients(batch); i++) {
        strcat(strcat(store.envelope, ec_batch_recipient(batch, i)), ",");
    }
    strcat(store.envelope, "\n");
}

static void fake_accept(void *baton, ec_batch_t *batch)
{
    const char *data;
    apr_size_t n;

    store.accepts++;
    note_envelope(batch);
    store.length = 0;
    while (ec_batch_peek(batch, store.length, &data, &n) == APR_SUCCESS && n > 0) {
        ck_assert_uint_lt(store.length + n, sizeof store.text);
        memcpy(store.text + store.length, data, n);
        store.length += n;
    }
    store.text[store.length] = '\0';
}

static void store_reset(void)
{
    memset(&store, 0, sizeof store);
    store.is_ready = 1;
}

/* ---- the server -------------------------------------------------------------------------- */

/** Put the configuration `text` in force; it is put in front of the listener's stanza. */
static inline void configure(const char *global, const char *listener)
{
    const char *why = "";
    const char *text = apr_psprintf(test_pool, "hostname = \"mx.example\"\n%s\nESMTP_Listener { %s\n Listen \"%s\" {} }\n",
                                    global, listener, LISTEN);
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    apr_status_t rv = conf_load_text(&conf, &problems, "t.conf", text, strlen(text), test_pool);

    ck_assert_msg(rv == APR_SUCCESS, "%s: %s", text,
                  problems->nelts > 0 ? APR_ARRAY_IDX(problems, 0, conf_problem_t).text : "");
    ck_assert_msg(smtp_in_apply(conf, &why) == APR_SUCCESS, "%s", why);
    conf_install(conf);
    (void)event_run_until(loop, NULL, NULL, 1);
}

static void server_start(const char *global, const char *listener)
{
    static const in_backend_t backend = { NULL, fake_is_ready, fake_store, fake_accept, NULL, NULL };

    clock_ = event_clock_virtual(APR_INT64_C(1700000000000000), test_pool);
    event_clock_hold(clock_);
    ck_assert_int_eq(event_runtime_create(1, clock_, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    ec_log_stderr(0);
    store_reset();
    ck_assert_int_eq(in_start(&backend, ec_log_root(), test_pool), APR_SUCCESS);
    configure(global, listener);
}

static int stopped;

static void on_stopped(void *baton)
{
    stopped++;
}

static int is_stopped(void *baton)
{
    return stopped > 0;
}

/** Everything is given back, so that a leak is one. */
static void server_end(void)
{
    store.is_held = 0;
    if (stopped == 0) {
        smtp_in_stop(1, on_stopped, NULL);
        event_clock_advance(clock_, 2);
    }
    if (store.waiting != NULL) {
        store_end(store.waiting);
    }
    (void)event_run_until(loop, is_stopped, NULL, 100);
    ck_assert_int_eq(stopped, 1);
    conf_install(NULL);
    (void)event_run_until(loop, NULL, NULL, 1);
    event_runtime_destroy();
}

/* ---- the client ---------------------------------------------------------------------------- */

typedef struct {
    int fd;
    char got[100000];              /* all that was heard since the last hear() */
    apr_size_t length;
    int is_ended;
    int lines;                     /* that are waited for */
} client_t;

static inline void client_open(client_t *client)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((apr_uint16_t)smtp_in_port(LISTEN)) };
    int on = 1;

    memset(client, 0, sizeof *client);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(client->fd, 0);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
}

static void client_close(client_t *client)
{
    close(client->fd);
    client->fd = -1;
}

/** Break the connection. */
static inline void reset_peer(client_t *who)
{
    struct linger now = { 1, 0 };

    setsockopt(who->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(who);
}

static inline int count_lines(const client_t *client)
{
    int n = 0;

    for (apr_size_t i = 0; i < client->length; i++) {
        n += client->got[i] == '\n';
    }
    return n;
}

static inline int has_answer(void *baton)
{
    client_t *client = baton;
    ssize_t n;

    while ((n = recv(client->fd, client->got + client->length, sizeof client->got - 1 - client->length,
                     MSG_DONTWAIT)) > 0) {
        client->length += (apr_size_t)n;
    }
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        client->is_ended = 1;
    }
    client->got[client->length] = '\0';
    return client->is_ended || (client->lines >= 0 && count_lines(client) >= client->lines);
}

static inline void client_send(client_t *client, const char *bytes, apr_size_t length)
{
    ck_assert_int_eq(send(client->fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline void say(client_t *client, const char *text)
{
    client_send(client, text, strlen(text));
}

/** `pattern`: '*' stands for the rest of a line.  The texts are equal otherwise. */
static inline int is_like(const char *text, const char *pattern)
{
    while (*pattern != '\0') {
        if (*pattern == '*') {
            text += strcspn(text, "\r");
            pattern++;
        } else if (*text++ != *pattern++) {
            return 0;
        }
    }
    return *text == '\0';
}

static inline int lines_of(const char *pattern)
{
    int n = 0;

    for (; *pattern != '\0'; pattern++) {
        n += *pattern == '\n';
    }
    return n;
}

/** Run until as many lines have come as `pattern` has, and compare. */
static inline void hear(client_t *client, const char *pattern)
{
    client->lines = lines_of(pattern);
    (void)event_run_until(loop, has_answer, client, 300);
    ck_assert_msg(is_like(client->got, pattern), "got:\n%s\nwanted:\n%s", client->got, pattern);
    client->length = 0;
    client->got[0] = '\0';
}

/** The server has closed, after what was heard. */
static inline void hear_end(client_t *client)
{
    client->lines = -1;
    (void)event_run_until(loop, has_answer, client, 300);
    ck_assert_str_eq(client->got, "");
    ck_assert(client->is_ended);
}

/** One turn: what was sent is read. */
static inline void turn(void)
{
    (void)event_run_until(loop, NULL, NULL, 1);
}

#define BANNER "220 mx.example ESMTP\r\n"
#define EHLO_ANSWER                                                                            \
    "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n"

/** Up to the answer of EHLO. */
static inline void client_greet(client_t *client)
{
    client_open(client);
    hear(client, BANNER);
    say(client, "EHLO client.example\r\n");
    hear(client, EHLO_ANSWER);
}

#endif
