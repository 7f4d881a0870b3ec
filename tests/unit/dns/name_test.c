/* name_test.c - which names and addresses are let through
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dns/name.h"
#include "runner.h"

#define L10 "0123456789"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"

static const struct {
    const char *text, *clean; /* clean NULL: refused */
} names[] = {
    { "Example.TEST", "example.test" },
    { "example.test.", "example.test" },
    { "a", "a" },
    { "_dmarc.a-b.test", "_dmarc.a-b.test" },
    { L63 ".test", L63 ".test" },
    { L63 "d.test", NULL },
    { L63 "." L63 "." L63 "." L60 "a", L63 "." L63 "." L63 "." L60 "a" },
    { L63 "." L63 "." L63 "." L60 "ab", NULL },
    { "", NULL },
    { ".", NULL },
    { "a..b", NULL },
    { ".a", NULL },
    { "a..", NULL },
    { "a b", NULL },
    { "a\nb", NULL },
    { "a/b", NULL },
    { "\xc3\xa4.test", NULL },
    { "[127.0.0.1]", NULL },
};

START_TEST(clean_name)
{
    char name[DNS_NAME_ROOM] = "x";
    int is_good = dns_name_clean(name, names[_i].text, strlen(names[_i].text));

    ck_assert_msg(is_good == (names[_i].clean != NULL), "%s", names[_i].text);
    ck_assert_str_eq(name, names[_i].clean != NULL ? names[_i].clean : "");
}
END_TEST

static const struct {
    const char *text, *clean;
    int version;
} literals[] = {
    { "[127.0.0.1]", "127.0.0.1", 4 },
    { "[IPv6:2001:DB8::1]", "2001:db8::1", 6 },
    { "[ipv6:::1]", "::1", 6 },
    { "[::1]", "", 0 },
    { "[IPv6:127.0.0.1]", "", 0 },
    { "[127.0.0.1", "", 0 },
    { "[]", "", 0 },
    { "[127.0.0.256]", "", 0 },
    { "127.0.0.1", "", 0 },
    { "[IPv6:]", "", 0 },
};

START_TEST(clean_literal)
{
    char address[DNS_ADDRESS_ROOM] = "x";

    ck_assert_int_eq(dns_literal_clean(address, literals[_i].text, strlen(literals[_i].text)),
                     literals[_i].version);
    ck_assert_str_eq(address, literals[_i].version != 0 ? literals[_i].clean : "");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "name", 10);

    tcase_add_loop_test(tcase, clean_name, 0, TEST_COUNT(names));
    tcase_add_loop_test(tcase, clean_literal, 0, TEST_COUNT(literals));
}

TEST_MAIN("dns/name", add)
