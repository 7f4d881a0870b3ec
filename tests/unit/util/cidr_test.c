/* cidr_test.c - networks of IP addresses and sets of them
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "util/cidr.h"

static const struct {
    const char *text, *want;            /* NULL: refused */
} spellings[] = {
    { "10.0.0.0/8", "10.0.0.0/8" },       { "10.1.2.3/8", "10.0.0.0/8" },   { "10.0.0.1", "10.0.0.1" },
    { "10.0.0.1/32", "10.0.0.1" },        { "0.0.0.0/0", "0.0.0.0/0" },     { "::1", "::1" },
    { "2001:DB8:0:0::1/128", "2001:db8::1" }, { "2001:db8:ffff::/32", "2001:db8::/32" }, { "::/0", "::/0" },
    { "::ffff:1.2.3.4", "1.2.3.4" },      { "::ffff:1.2.0.0/112", "1.2.0.0/16" }, { "::ffff:0:0/95", "::fffe:0:0/95" },
    { "", NULL },                         { "10.0.0", NULL },               { "10.0.0.0/33", NULL },
    { "10.0.0.0/", NULL },                { "10.0.0.0/-1", NULL },          { "10.0.0.0/8x", NULL },
    { "::1/129", NULL },                  { "[::1]", NULL },                { "10.0.0.256", NULL },
    { " 10.0.0.1", NULL },                { "fe80::1%eth0", NULL },         { "1:2:3:4:5:6:7:8:9", NULL },
    { "10.0.0.0/8/8", NULL },             { "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL },
};

START_TEST(parse)
{
    char text[CIDR_TEXT_MAX];
    cidr_t cidr;

    ck_assert_int_eq(cidr_parse(&cidr, spellings[_i].text), spellings[_i].want != NULL);
    if (spellings[_i].want != NULL)
        ck_assert_str_eq(cidr_format(&cidr, text), spellings[_i].want);
}
END_TEST

static const struct {
    const char *outer, *inner;
    int want;
} pairs[] = {
    { "10.0.0.0/8", "10.255.0.1", 1 }, { "10.0.0.0/8", "11.0.0.0", 0 },   { "10.0.0.0/8", "10.0.0.0/8", 1 },
    { "10.0.0.0/8", "10.0.0.0/7", 0 }, { "10.0.0.0/8", "10.1.0.0/16", 1 }, { "::/0", "1.2.3.4", 0 },
    { "0.0.0.0/0", "::1", 0 },         { "0.0.0.0/0", "::ffff:1.2.3.4", 1 }, { "2001:db8::/33", "2001:db8:7fff::", 1 },
    { "2001:db8::/33", "2001:db8:8000::", 0 },
};

START_TEST(contains)
{
    cidr_t outer, inner;

    ck_assert(cidr_parse(&outer, pairs[_i].outer) && cidr_parse(&inner, pairs[_i].inner));
    ck_assert_int_eq(cidr_contains(&outer, &inner), pairs[_i].want);
}
END_TEST

START_TEST(sets)
{
    static const char *const list[] = { "10.0.0.0/8", "10.1.0.0/16", "192.168.1.1", "192.168.1.2", "2001:db8::/32",
                                        "127.0.0.0/8", NULL };
    static const char *const inside[] = { "10.0.0.0", "10.255.255.255", "10.1.2.3", "192.168.1.1", "192.168.1.2",
                                          "::ffff:127.0.0.1", "2001:db8:ffff::1" };
    static const char *const outside[] = { "9.255.255.255", "11.0.0.0", "192.168.1.0", "192.168.1.3", "2001:db9::",
                                           "::1", "x", "", "10.0.0.0/8" };
    static const char *const wrong[] = { "10.0.0.1", "nonsense", NULL }, *const none[] = { NULL };
    ec_cidr_set_t *set;
    const char *bad;

    ck_assert_int_eq(cidr_set_create(&set, list, &bad, test_pool), APR_SUCCESS);
    for (int i = 0; i < TEST_COUNT(inside); i++)
        ck_assert_msg(ec_cidr_set_has(set, inside[i]), "%s", inside[i]);
    for (int i = 0; i < TEST_COUNT(outside); i++)
        ck_assert_msg(!ec_cidr_set_has(set, outside[i]), "%s", outside[i]);
    ck_assert_int_eq(cidr_set_create(&set, none, &bad, test_pool), APR_SUCCESS);
    ck_assert(!ec_cidr_set_has(set, "10.0.0.1"));
    ck_assert(!ec_cidr_set_has(NULL, "10.0.0.1"));
    ck_assert_int_eq(cidr_set_create(&set, wrong, &bad, test_pool), EC_E_SYNTAX);
    ck_assert_str_eq(bad, "nonsense");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "cidr", 10);

    tcase_add_loop_test(tcase, parse, 0, TEST_COUNT(spellings));
    tcase_add_loop_test(tcase, contains, 0, TEST_COUNT(pairs));
    tcase_add_test(tcase, sets);
}
TEST_MAIN("util/cidr", add)
