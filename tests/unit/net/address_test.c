/* address_test.c - socket addresses from texts
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "runner.h"

static const struct {
    const char *text;
    const char *want; /* "family text port", NULL: refused */
} cases[] = {
    { "127.0.0.1:2525", "4 127.0.0.1 2525" },
    { "0.0.0.0:65535", "4 0.0.0.0 65535" },
    { "127.0.0.1:0", "4 127.0.0.1 0" },
    { "[::1]:25", "6 ::1 25" },
    { "[2001:DB8:0::1]:25", "6 2001:db8::1 25" },
    { "*:25", "4 0.0.0.0 25" },
    { ":25", "4 0.0.0.0 25" },
    { "[*]:25", "6 :: 25" },
    { "[::]:25", "6 :: 25" },
    { "[::ffff:127.0.0.1]:25", "6 127.0.0.1 25" },
    { "/tmp/x", "u unix 0" },
    { "127.0.0.1", NULL },
    { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL },
    { "127.0.0.1:999999999999", NULL },
    { "127.0.0.1:-1", NULL },
    { "127.0.0.1:2x", NULL },
    { "127.0.0.1: 25", NULL },
    { "127.0.0.256:25", NULL },
    { "::1:25", NULL },
    { "[::1:25", NULL },
    { "[::1]25", NULL },
    { "[]:25", NULL },
    { "localhost:25", NULL },
    { "", NULL },
    { "[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333:4444:5555]:25", NULL },
};

START_TEST(listen_text)
{
    const char *why = NULL;
    net_sockaddr_t address;
    net_endpoint_t endpoint;
    char got[100];
    apr_status_t rv = net_sockaddr_parse(&address, cases[_i].text, &why);

    if (cases[_i].want == NULL) {
        ck_assert_msg(rv != APR_SUCCESS, "accepted: %s", cases[_i].text);
        ck_assert_ptr_nonnull(why);
        return;
    }
    ck_assert_msg(rv == APR_SUCCESS, "refused: %s: %s", cases[_i].text, why);
    net_endpoint_set(&endpoint, &address);
    snprintf(got, sizeof got, "%c %s %d",
             address.u.any.sa_family == AF_INET    ? '4'
             : address.u.any.sa_family == AF_INET6 ? '6'
                                                   : 'u',
             endpoint.text, endpoint.port);
    ck_assert_str_eq(got, cases[_i].want);
}
END_TEST

START_TEST(path_too_long)
{
    const char *why;
    net_sockaddr_t address;
    char path[200];

    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    ck_assert_int_eq(net_sockaddr_parse(&address, path, &why), EC_E_TOO_LONG);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "address", 30);

    tcase_add_loop_test(tcase, listen_text, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, path_too_long);
}

TEST_MAIN("net/address", add)
