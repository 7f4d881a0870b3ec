/* loops_test.c - several loops receive at once, while the configuration changes and the server stops
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made for the thread sanitizer as much as for its assertions: no message is lost between
 * the answers and the queues. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include <ec/counter.h>

#include "conf/conf.h"
#include "event/runtime.h"
#include "smtp/in/backend.h"
#include "smtp/in/smtp_in.h"
#include "runner.h"

#define LISTEN "127.0.0.1:0"
enum { LOOPS = 3, CLIENTS = 4, CONNECTIONS = 40, MESSAGES = 3 };

static atomic_int accepts, confirmed, clients_over, stopped;
static int port;

static int is_ready(void *baton)
{
    return 1;
}

static void on_done(void *baton)
{
    spool_request_t *request = baton;

    request->done(request->baton, APR_SUCCESS);
}

static void store(void *baton, spool_request_t *request)
{
    ec_loop_post(request->loop, &request->post, on_done, request);
}

static void accept_batch(void *baton, ec_batch_t *batch)
{
    accepts++;
}

static conf_t *load(int i)
{
    const char *text = apr_psprintf(test_pool,
                                    "hostname = \"mx%d.example\"\nESMTP_Listener { listener_sessions = 100\n"
                                    "Peer \"127.0.0.0/8\" { listener_sessions = 90 }\n Listen \"%s\" {} }\n",
                                    i, LISTEN);
    apr_array_header_t *problems;
    const char *why = "";
    conf_t *conf = NULL;

    ck_assert_int_eq(conf_load_text(&conf, &problems, "t.conf", text, strlen(text), test_pool), APR_SUCCESS);
    ck_assert_msg(smtp_in_apply(conf, &why) == APR_SUCCESS, "%s", why);
    conf_install(conf);
    return conf;
}

/* ---- clients: blocking, on threads of their own ------------------------------------------------- */

/* Reads one reply; its first digit, or 0 at the end. */
static int reply(FILE *from)
{
    char line[600];

    do {
        if (fgets(line, sizeof line, from) == NULL) {
            return 0;
        }
    } while (line[3] == '-');
    return line[0] - '0';
}

static int say(FILE *stream, int fd, const char *text, int replies)
{
    int last = 2;

    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
        return 0;
    }
    while (replies-- > 0 && (last == 2 || last == 3)) {
        last = reply(stream);
    }
    return last;
}

/* Once the listener is closed the port may be anybody's: another test's, that says nothing, or (connecting to itself) our own. */
static int open_connection(void)
{
    const struct timeval patience = { 20, 0 };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((apr_uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void one_connection(void)
{
    int fd = open_connection();
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");

    if (stream == NULL) {
        return;
    }
    if (reply(stream) == 2 && say(stream, fd, "EHLO x\r\n", 1) == 2) {
        for (int i = 0; i < MESSAGES; i++) {
            if (say(stream, fd, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3) != 3 ||
                say(stream, fd, "Subject: x\r\n\r\nhello\r\n.\r\n", 1) != 2) {
                break;
            }
            confirmed++;
        }
    }
    fclose(stream);
}

static void *client(void *baton)
{
    for (int i = 0; i < CONNECTIONS && !stopped; i++) {
        one_connection();
    }
    clients_over++;
    return NULL;
}

/* ---- the test ------------------------------------------------------------------------------------ */

static int are_clients_over(void *baton)
{
    return clients_over == CLIENTS;
}

static void on_stopped(void *baton)
{
    stopped = 1;
}

static int is_stopped(void *baton)
{
    return stopped;
}

static void run(int is_stopped_early)
{
    static const in_backend_t backend = { NULL, is_ready, store, accept_batch, NULL, NULL };
    pthread_t threads[CLIENTS];
    int changes = 0;

    ck_assert_int_eq(event_runtime_create(LOOPS, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(in_start(&backend, ec_log_root(), test_pool), APR_SUCCESS);
    ec_log_stderr(0);
    load(0);
    port = smtp_in_port(LISTEN);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_create(&threads[i], NULL, client, NULL);
    }
    while (!event_run_until(ec_loop_at(0), are_clients_over, NULL, 20)) {
        load(++changes % 3);
        if (is_stopped_early && confirmed > CLIENTS * CONNECTIONS / 2) {
            break;
        }
    }
    smtp_in_stop(5 * APR_USEC_PER_SEC, on_stopped, NULL);
    ck_assert(event_run_until(ec_loop_at(0), is_stopped, NULL, 100000));
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    event_runtime_stop();
    ck_assert_int_ge(accepts, confirmed);
    ck_assert_int_gt(confirmed, 0);
    ck_assert_int_eq(ec_counter_value(ec_counter("smtp.in.sessions", "")), 0);
    conf_install(NULL);
    event_runtime_drain();
    event_runtime_destroy();
}

START_TEST(changes_while_receiving)
{
    run(_i);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "loops", 120);

    tcase_add_loop_test(tcase, changes_while_receiving, 0, 2);
}

TEST_MAIN("smtp/loops", add)
