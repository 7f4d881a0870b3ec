/* resolver_test.c - the whole resolver against a name server in this process
 * SPDX-License-Identifier: Apache-2.0
 *
 * The server answers on the same loop, over UDP on a port of 127.0.0.1: to MX with one host, to A with one
 * address, by the first label of the name: "null" a null MX, "fail" SERVFAIL, "none" NXDOMAIN, "empty" no
 * data, "mute" nothing. */
#include <string.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "dns/dns.h"
#include "dns/packet.h"
#include "event/runtime.h"
#include "runner.h"

static struct {
    apr_socket_t *socket;
    ec_watch_t watch;
    int port, n_questions;
} server;

struct result {
    int count;
    apr_status_t rv;
    char host[100], address[64], why[200];
};

/* ---- the name server ---------------------------------------------------------------- */

static apr_size_t add_record(unsigned char *to, int type, const void *data, int size)
{
    unsigned char head[12] = { 0xc0, 12, 0, (unsigned char)type, 0, 1, 0, 0, 0, 60, 0, (unsigned char)size };

    memcpy(to, head, sizeof(head));
    memcpy(to + sizeof(head), data, (size_t)size);
    return sizeof(head) + (apr_size_t)size;
}

static apr_size_t question_end(const unsigned char *packet, apr_size_t length)
{
    apr_size_t at = 12;

    while (at < length && packet[at] != 0) {
        at += packet[at] + 1u;
    }
    return at + 5;
}

/* The answer over the question; 0: none. */
static apr_size_t answer(unsigned char *packet, apr_size_t length)
{
    static const unsigned char mx[] = { 0, 10, 2, 'm', 'x', 0xc0, 12 }, root[] = { 0, 0, 0 },
                               address[] = { 127, 0, 0, 2 };
    const char *label = (const char *)packet + 13;
    apr_size_t end = question_end(packet, length);
    int type = packet[end - 3];

    if (strncmp(label, "mute", 4) == 0) {
        return 0;
    }
    packet[2] = 0x81;
    packet[3] = strncmp(label, "fail", 4) == 0 ? 0x82 : strncmp(label, "none", 4) == 0 ? 0x83 : 0x80;
    memset(packet + 6, 0, 6);
    if (packet[3] != 0x80 || (type != DNS_TYPE_MX && type != DNS_TYPE_A) || strncmp(label, "empty", 5) == 0) {
        return end;
    }
    packet[7] = 1;
    if (type == DNS_TYPE_A) {
        return end + add_record(packet + end, type, address, sizeof(address));
    }
    if (strncmp(label, "null", 4) == 0) {
        return end + add_record(packet + end, type, root, sizeof(root));
    }
    return end + add_record(packet + end, type, mx, sizeof(mx));
}

static void on_question(void *baton, int ready)
{
    unsigned char packet[2048] = { 0 };
    apr_size_t length = 512;
    apr_sockaddr_t from = { .pool = test_pool };

    if (apr_socket_recvfrom(&from, server.socket, 0, (char *)packet, &length) == APR_SUCCESS && length > 17) {
        server.n_questions++;
        length = answer(packet, length);
        if (length > 0) {
            apr_socket_sendto(server.socket, &from, 0, (const char *)packet, &length);
        }
    }
}

static void start_server(void)
{
    apr_sockaddr_t *here;

    ck_assert_int_eq(apr_sockaddr_info_get(&here, "127.0.0.1", APR_INET, 0, 0, test_pool), APR_SUCCESS);
    ck_assert_int_eq(apr_socket_create(&server.socket, APR_INET, SOCK_DGRAM, 0, test_pool), APR_SUCCESS);
    ck_assert_int_eq(apr_socket_bind(server.socket, here), APR_SUCCESS);
    apr_socket_opt_set(server.socket, APR_SO_NONBLOCK, 1);
    apr_socket_addr_get(&here, APR_LOCAL, server.socket);
    server.port = here->port;
    server.n_questions = 0;
    memset(&server.watch, 0, sizeof(server.watch));
    ck_assert_int_eq(ec_watch_start(&server.watch, ec_loop_at(0), server.socket, EC_READ, on_question, NULL),
                     APR_SUCCESS);
}

static void start(void)
{
    char path[] = "/tmp/resolver_test.XXXXXX";
    const char *why = "";
    apr_file_t *file;

    test_setup();
    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    start_server();
    ck_assert_int_eq(apr_file_mktemp(&file, path, APR_CREATE | APR_WRITE, test_pool), APR_SUCCESS);
    apr_file_printf(file, "nameserver 127.0.0.1@%d\n", server.port);
    apr_file_close(file);
    ck_assert_msg(dns_start(path, &why) == APR_SUCCESS, "%s", why);
    unlink(path);
}

static void stop(void)
{
    event_runtime_stop();
    ec_watch_stop(&server.watch);
    test_teardown();
}

static void on_route(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    struct result *result = baton;

    result->count++;
    result->rv = rv;
    apr_cpystrn(result->why, why, sizeof(result->why));
    if (route != NULL) {
        apr_cpystrn(result->host, route->host[0].name, sizeof(result->host));
        apr_cpystrn(result->address, route->host[0].address[0], sizeof(result->address));
        dns_route_unref(route);
    }
}

static int is_answered(void *baton)
{
    return ((struct result *)baton)->count > 0;
}

static dns_query_t *ask(struct result *result, const char *domain)
{
    dns_question_t question = { .domain = domain, .max_ttl = 0xffffffffu };

    memset(result, 0, sizeof(*result));
    return dns_route_find(ec_loop_at(0), &question, on_route, result);
}

static const struct {
    const char *domain;
    apr_status_t rv;
    const char *host;
} cases[] = {
    { "good.test", APR_SUCCESS, "mx.good.test" }, { "Good.example.com", APR_SUCCESS, "mx.good.example.com" },
    { "null.test", EC_E_DNS_NULL_MX, "" },        { "none.test", EC_E_DNS_NXDOMAIN, "" },
    { "fail.test", EC_E_DNS_TRANSIENT, "" },      { "empty.test", EC_E_DNS_NODATA, "" },
};

START_TEST(look_up)
{
    struct result result;

    ask(&result, cases[_i].domain);
    ck_assert_int_eq(result.count, 0);
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &result, 100000));
    ck_assert_msg(result.rv == cases[_i].rv, "%s: %d %s", cases[_i].domain, result.rv, result.why);
    ck_assert_str_eq(result.host, cases[_i].host);
    ck_assert_str_eq(result.address, result.rv == APR_SUCCESS ? "127.0.0.2" : "");
}
END_TEST

START_TEST(second_answer_is_cached)
{
    struct result result;
    int before;

    ask(&result, "good.test");
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &result, 100000));
    before = server.n_questions;
    ask(&result, "good.test");
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &result, 100000));
    ck_assert_str_eq(result.host, "mx.good.test");
    ck_assert_int_eq(server.n_questions, before);
}
END_TEST

START_TEST(cancelled_is_not_answered)
{
    struct result first, second;

    dns_query_cancel(ask(&first, "good.test"));
    ask(&second, "good.test");
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &second, 100000));
    ck_assert_int_eq(first.count, 0);
}
END_TEST

/* Who waits when the resolver ends is told. */
START_TEST(stop_answers)
{
    struct result result, other;

    ask(&result, "mute.test");
    ask(&other, "good.test");
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &other, 100000));
    ck_assert_int_eq(result.count, 0);
    dns_stop();
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &result, 100000));
    ck_assert_int_eq(result.rv, EC_E_DNS_TRANSIENT);
    ask(&result, "good.test");
    ck_assert(event_run_until(ec_loop_at(0), is_answered, &result, 100000));
    ck_assert_int_eq(result.rv, EC_E_DNS_TRANSIENT);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("resolver");

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, look_up, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, second_answer_is_cached);
    tcase_add_test(tcase, cancelled_is_not_answered);
    tcase_add_test(tcase, stop_answers);
}

TEST_MAIN("dns/resolver", add)
