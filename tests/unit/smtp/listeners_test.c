/* listeners_test.c - listeners from one generation to the next
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include <ec/counter.h>

#include "conf/conf.h"
#include "event/runtime.h"
#include "runner.h"
#include "smtp/in/backend.h"
#include "smtp/in/smtp_in.h"

static int is_ready(void *baton)
{
    return 1;
}

static conf_t *load(const char *text)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;

    ck_assert_int_eq(conf_load_text(&conf, &problems, "t.conf", text, strlen(text), test_pool), APR_SUCCESS);
    return conf;
}

/* The listeners at these addresses (separated by spaces); NULL, or why not. */
static const char *try_apply(const char *addresses)
{
    const char *text = "ESMTP_Listener {", *why = NULL;
    char *state, *copy = apr_pstrdup(test_pool, addresses);
    conf_t *conf;

    for (char *at = apr_strtok(copy, " ", &state); at != NULL; at = apr_strtok(NULL, " ", &state)) {
        text = apr_psprintf(test_pool, "%s Listen \"%s\" {}", text, at);
    }
    conf = load(apr_pstrcat(test_pool, text, " }", NULL));
    if (smtp_in_apply(conf, &why) != APR_SUCCESS) {
        conf_unref(conf);
        return why;
    }
    conf_install(conf);
    return NULL;
}

static void apply(const char *addresses)
{
    const char *why = try_apply(addresses);

    ck_assert_msg(why == NULL, "%s", why);
}

static void turn(void)
{
    event_run_until(ec_loop_at(0), NULL, NULL, 1);
}

static int stopped;

static void on_stopped(void *baton)
{
    stopped = 1;
}

static int is_stopped(void *baton)
{
    return stopped;
}

static void start(void)
{
    static const in_backend_t backend = { NULL, is_ready, NULL, NULL, NULL, NULL };

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(in_start(&backend, ec_log_root(), test_pool), APR_SUCCESS);
    ec_log_stderr(0);
}

static void stop(void)
{
    smtp_in_stop(APR_USEC_PER_SEC, on_stopped, NULL);
    ck_assert(event_run_until(ec_loop_at(0), is_stopped, NULL, 1000));
    event_runtime_stop();
    conf_install(NULL);
    event_runtime_drain();
    event_runtime_destroy();
}

/* A port that stays ours: it is bound, so that the kernel gives it to nobody, and does not listen, so that we
 * can. */
static int free_port(void)
{
    struct sockaddr_in here = { .sin_family = AF_INET };
    socklen_t length = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&here, &length), 0);
    return ntohs(here.sin_port); /* the socket ends with the test's process */
}

static const char *at(const char *host, int port)
{
    return apr_psprintf(test_pool, "%s:%d", host, port);
}

/* The loop has not come to close the sockets when the address is wanted again. */
START_TEST(back_at_once)
{
    int port;

    start();
    port = free_port();
    for (int i = 0; i < 5; i++) {
        apply(at("127.0.0.1", port));
        apply("127.0.0.2:0");
    }
    apply(at("127.0.0.1", port));
    ck_assert_int_eq(smtp_in_port(at("127.0.0.1", port)), port);
    stop();
}
END_TEST

START_TEST(specific_and_wildcard)
{
    static const char *const hosts[] = { "*", "127.0.0.1", "0.0.0.0", "127.0.0.1", "*" };
    int port;

    start();
    port = free_port();
    for (int i = 0; i < 5; i++) {
        apply(at(hosts[i], port));
        turn();
    }
    stop();
}
END_TEST

/* Each may have what the other does not take: all of IPv4 and all of IPv6, or one address beside another. */
static const struct {
    const char *before, *first, *second;
} pairs[] = {
    { "", "*", "[*]" }, { "[*]", "*", "[*]" }, { "", "127.0.0.1", "127.0.0.2" }, { "*", "127.0.0.1", "127.0.0.2" },
};

START_TEST(side_by_side)
{
    int port;

    start();
    port = free_port();
    if (pairs[_i].before[0] != '\0') {
        apply(at(pairs[_i].before, port));
    }
    apply(apr_pstrcat(test_pool, at(pairs[_i].first, port), " ", at(pairs[_i].second, port), NULL));
    ck_assert_int_eq(smtp_in_port(at(pairs[_i].first, port)), port);
    stop();
}
END_TEST

static int connect_to(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((apr_uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int has_sessions(void *baton)
{
    return ec_counter_value(ec_counter("smtp.in.sessions", "")) == *(int *)baton;
}

/* A listener accepts when its generation is in force, and not before. */
START_TEST(accepts_when_in_force)
{
    const char *why;
    conf_t *conf;
    int fd, one = 1;

    start();
    apply("127.0.0.2:0");
    turn();
    conf = load("ESMTP_Listener { Listen \"127.0.0.1:0\" {} }");
    ck_assert_int_eq(smtp_in_apply(conf, &why), APR_SUCCESS);
    fd = connect_to(smtp_in_port("127.0.0.1:0"));
    for (int i = 0; i < 3; i++) {
        turn();
    }
    ck_assert(!has_sessions(&one));
    conf_install(conf);
    ck_assert(event_run_until(ec_loop_at(0), has_sessions, &one, 1000));
    close(fd);
    stop();
}
END_TEST

static int n_live;

static void count(void *baton, const conf_live_t *live)
{
    n_live++;
}

static int is_one_live(void *baton)
{
    n_live = 0;
    conf_each_live(count, NULL);
    return n_live == 1;
}

/* Idle sessions, more than go into one slice, hold no generation that says nothing else to them. */
START_TEST(idle_sessions_take_it_up)
{
    enum { CLIENTS = 300 };
    int fds[CLIENTS], all = CLIENTS;

    start();
    apply("127.0.0.1:0");
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = connect_to(smtp_in_port("127.0.0.1:0"));
        turn();
    }
    ck_assert(event_run_until(ec_loop_at(0), has_sessions, &all, 1000));
    for (int i = 0; i < 3; i++) {
        apply("127.0.0.1:0");
        turn();
    }
    ck_assert(event_run_until(ec_loop_at(0), is_one_live, NULL, 1000));
    ck_assert(has_sessions(&all));
    for (int i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "listeners", 60);

    tcase_add_test(tcase, back_at_once);
    tcase_add_test(tcase, specific_and_wildcard);
    tcase_add_loop_test(tcase, side_by_side, 0, TEST_COUNT(pairs));
    tcase_add_test(tcase, accepts_when_in_force);
    tcase_add_test(tcase, idle_sessions_take_it_up);
}
TEST_MAIN("smtp/listeners", add)
