/* text_test.c - bounded texts, quoting, letters, dates, status texts
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include <ec/status.h>

#include "runner.h"
#include "util/text.h"

static char buffer[64];
static util_text_t text;

static void add_two(util_text_t *to)
{
    util_text_add(to, "one ");
    util_text_addf(to, "%d%c", 2, '!');
}

START_TEST(builds)
{
    util_text_init(&text, buffer, sizeof buffer);
    add_two(&text);
    ck_assert_str_eq(buffer, "one 2!");
    ck_assert_uint_eq(text.length, 6);
    ck_assert(!text.is_cut);
}
END_TEST

START_TEST(cuts) /* at every size: never past the end, always terminated, always a prefix */
{
    apr_size_t size = (apr_size_t)_i;

    memset(buffer, '#', sizeof buffer);
    util_text_init(&text, buffer, size);
    add_two(&text);
    ck_assert_int_eq(text.is_cut, size < 7);
    ck_assert_uint_eq(strlen(buffer), size < 7 ? size - 1 : 6);
    ck_assert(strncmp(buffer, "one 2!", text.length) == 0);
    ck_assert_int_eq(buffer[size], '#');
}
END_TEST

static const struct {
    const char *value, *quoted;
} quotes[] = {
    { "plain", "plain" },
    { "a.b@c:25/x", "a.b@c:25/x" },
    { "", "\"\"" },
    { "two words", "\"two words\"" },
    { "a=b", "\"a=b\"" },
    { "say \"x\" \\", "\"say \\\"x\\\" \\\\\"" },
    { "line\r\nnext\ttab\x01\x7f", "\"line\\r\\nnext\\ttab\\x01\\x7F\"" },
    { "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
};

START_TEST(quoting)
{
    util_text_init(&text, buffer, sizeof buffer);
    util_text_add_quoted(&text, quotes[_i].value);
    ck_assert_str_eq(buffer, quotes[_i].quoted);
}
END_TEST

START_TEST(pairs)
{
    util_text_init(&text, buffer, sizeof buffer);
    util_text_add_pair(&text, "a", "1");
    util_text_add_pair(&text, "b", "x y");
    ck_assert_str_eq(buffer, "a=1 b=\"x y\"");
}
END_TEST

START_TEST(letters)
{
    char mixed[] = "AZaz@[`{09\xC4";

    util_text_lower(mixed, strlen(mixed));
    ck_assert_str_eq(mixed, "azaz@[`{09\xC4");
    ck_assert(util_text_equal_nocase("ABC", 3, "abc", 3));
    ck_assert(!util_text_equal_nocase("ABC", 3, "abcd", 4));
    ck_assert(!util_text_equal_nocase("[", 1, "{", 1));
}
END_TEST

static const struct {
    apr_time_t when;
    const char *mail, *iso;
} dates[] = {
    { 0, "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000000Z" },
    { 1057056757000123, "Tue, 01 Jul 2003 10:52:37 +0000", "2003-07-01T10:52:37.000123Z" },
    { 1709251199999999, "Thu, 29 Feb 2024 23:59:59 +0000", "2024-02-29T23:59:59.999999Z" },
};

START_TEST(date)
{
    ck_assert_str_eq(util_text_mail_date(buffer, dates[_i].when), dates[_i].mail);
    ck_assert_str_eq(util_text_iso_date(buffer, dates[_i].when), dates[_i].iso);
}
END_TEST

START_TEST(status)
{
    ck_assert_str_eq(ec_strerror(APR_SUCCESS, buffer, sizeof buffer), "success");
    ck_assert_str_eq(ec_strerror(EC_E_SYNTAX, buffer, sizeof buffer), "syntax error");
    ck_assert_str_eq(ec_strerror(EC_E_DENIED, buffer, sizeof buffer), "not permitted");
    ck_assert_str_eq(ec_strerror(ENOENT, buffer, sizeof buffer), "No such file or directory");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "text", 10);

    tcase_add_test(tcase, builds);
    tcase_add_loop_test(tcase, cuts, 1, 12);
    tcase_add_loop_test(tcase, quoting, 0, TEST_COUNT(quotes));
    tcase_add_test(tcase, pairs);
    tcase_add_test(tcase, letters);
    tcase_add_loop_test(tcase, date, 0, TEST_COUNT(dates));
    tcase_add_test(tcase, status);
}

TEST_MAIN("util/text", add)
