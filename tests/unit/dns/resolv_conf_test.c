/* resolv_conf_test.c - which name servers are asked
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dns/resolv_conf.h"
#include "runner.h"

static const struct {
    const char *text;
    apr_status_t rv;
    int n;
    const char *first, *why;
} cases[] = {
    { "nameserver 127.0.0.1\n", APR_SUCCESS, 1, "127.0.0.1", NULL },
    { "nameserver 127.0.0.1@5300", APR_SUCCESS, 1, "127.0.0.1@5300", NULL },
    { "# x\nsearch a.test\noptions edns0 trust-ad\n\tnameserver\t::1@53 # local\nnameserver 192.0.2.1\r\n",
      APR_SUCCESS, 2, "::1@53", NULL },
    { "", APR_SUCCESS, 1, "127.0.0.1", NULL },
    { "nameservers 1.2.3.4\n", APR_SUCCESS, 1, "127.0.0.1", NULL },
    { "search a\nnameserver dns.test\n", EC_E_SYNTAX, 0, NULL, "line 2" },
    { "nameserver 127.0.0.1@0\n", EC_E_SYNTAX, 0, NULL, "127.0.0.1@0" },
    { "nameserver 127.0.0.1@99999999999999\n", EC_E_SYNTAX, 0, NULL, "line 1" },
    { "nameserver \n", EC_E_SYNTAX, 0, NULL, "line 1" },
};

START_TEST(parse)
{
    resolv_conf_t conf;
    const char *why = NULL;

    ck_assert_int_eq(resolv_conf_parse(&conf, cases[_i].text, strlen(cases[_i].text), &why, test_pool),
                     cases[_i].rv);
    if (cases[_i].rv == APR_SUCCESS) {
        ck_assert_int_eq(conf.n, cases[_i].n);
        ck_assert_str_eq(conf.server[0], cases[_i].first);
    } else {
        ck_assert_ptr_nonnull(strstr(why, cases[_i].why));
    }
}
END_TEST

START_TEST(missing_file)
{
    resolv_conf_t conf;
    const char *why = NULL;

    ck_assert_int_ne(resolv_conf_read(&conf, "/nonexistent/resolv.conf", &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, "/nonexistent/resolv.conf"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "resolv_conf", 10);

    tcase_add_loop_test(tcase, parse, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, missing_file);
}

TEST_MAIN("dns/resolv_conf", add)
