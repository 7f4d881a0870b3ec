/* line_test.c - whatever the bytes are, a line is one line, within its buffer
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include <ec/logline.h>

#include "runner.h"

static char buffer[256];
static ec_line_t line;

static void setup(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    ec_line_begin(&line, buffer, sizeof buffer);
}

static const char *end(void)
{
    ck_assert_uint_eq(ec_line_end(&line), strlen(buffer));
    return buffer;
}

/* text, characters that are special, what it becomes */
static const struct {
    const char *text, *special, *want;
} escapes[] = {
    { "", "", "" },
    { "plain", "@\\", "plain" },
    { "a@b\\c", "@\\", "a\\@b\\\\c" },
    { "a@b\\c", "", "a@b\\c" },
    { "a@b", "@", "a\\@b" },
    { "a b\"c", "\" x", "a\\ b\\\"c" },
    { "\n\r\t\x01\x7f", "", "\\n\\r\\t\\x01\\x7F" },
    { "\xc3\xa4\xff", "@", "\xc3\xa4\xff" },
};

START_TEST(escaped)
{
    ec_line_escaped(&line, escapes[_i].text, strlen(escapes[_i].text), escapes[_i].special);
    ck_assert_str_eq(end(), escapes[_i].want);
}
END_TEST

START_TEST(a_nul_is_escaped)
{
    ec_line_escaped(&line, "a\0b", 3, "@\\");
    ck_assert_str_eq(end(), "a\\x00b");
}
END_TEST

static const struct {
    const char *text, *want;
} json[] = {
    { "", "" },
    { "a/\"b\\", "a/\\\"b\\\\" },
    { "\n\r\t\b\f\x01\x7f", "\\n\\r\\t\\b\\f\\u0001\\u007F" },
    { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
    { "\xff\x80", "\\uFFFD\\uFFFD" },
    { "\xc3", "\\uFFFD" },                         /* cut short */
    { "\xc0\x80", "\\uFFFD\\uFFFD" },              /* longer than need be */
    { "\xed\xa0\x80", "\\uFFFD\\uFFFD\\uFFFD" },   /* a surrogate */
    { "\xf4\x90\x80\x80", "\\uFFFD\\uFFFD\\uFFFD\\uFFFD" },
    { "\xf8\x88\x80\x80\x80", "\\uFFFD\\uFFFD\\uFFFD\\uFFFD\\uFFFD" },
};

START_TEST(json_strings)
{
    ec_line_json(&line, json[_i].text, strlen(json[_i].text));
    ck_assert_str_eq(end(), json[_i].want);
}
END_TEST

START_TEST(numbers)
{
    const ec_id_t id = { .slot = 0x4AC1DD6C, .process = 29081, .counter = 1 };

    ec_line_int(&line, 0);
    ec_line_char(&line, ' ');
    ec_line_int(&line, APR_INT64_MIN);
    ec_line_char(&line, ' ');
    ec_line_int(&line, APR_INT64_MAX);
    ec_line_char(&line, ' ');
    ec_line_id(&line, id);
    ck_assert_str_eq(end(), "0 -9223372036854775808 9223372036854775807 10/00-29081-C6DD1CA4");
}
END_TEST

static const struct {
    apr_interval_time_t span;
    int decimals;
    const char *want;
} spans[] = {
    { 0, 0, "0" },       { 1999999, 0, "1" },          { 1999999, 2, "1.99" }, { 1000042, 6, "1.000042" },
    { -5, 2, "0.00" },   { 3600 * 1000000LL, 1, "3600.0" }, { 1000042, 9, "1.000042" },
};

START_TEST(seconds)
{
    ec_line_seconds(&line, spans[_i].span, spans[_i].decimals);
    ck_assert_str_eq(end(), spans[_i].want);
}
END_TEST

#define WHEN APR_INT64_C(1254227113000056)

static const struct {
    const char *format;
    int is_hires;
    const char *want;
} dates[] = {
    { "%Y-%m-%d %H:%M:%S", 0, "2009-09-29 12:25:13" },
    { "%Y-%m-%d %H:%M:%S!", 1, "2009-09-29 12:25:13.000056!" },
    { "%T %%S", 1, "12:25:13.000056 %S" },
    { "%", 0, "%" },
    { "%E", 0, "%E" },
    { "x%OSx", 0, "x13x" },
    { "", 1, "" },
};

START_TEST(times)
{
    ec_line_date(&line, dates[_i].format, WHEN, dates[_i].is_hires);
    ck_assert_str_eq(end(), dates[_i].want);
    ec_line_begin(&line, buffer, sizeof buffer);
    ec_line_time(&line, WHEN, 0);
    ec_line_char(&line, ' ');
    ec_line_time(&line, WHEN, 1);
    ck_assert_str_eq(end(), "1254227113 1254227113000056");
}
END_TEST

/* In a buffer of every small size. */
START_TEST(nothing_is_written_beyond_the_end)
{
    char small[64];

    memset(small, '#', sizeof small);
    ec_line_begin(&line, small, (apr_size_t)_i);
    ec_line_escaped(&line, "a\nb@", 4, "@");
    ec_line_json(&line, "\xe2\x82\xac\n", 4);
    ec_line_int(&line, 12345);
    ec_line_date(&line, "%Y", WHEN, 0);
    ec_line_text(&line, "0123456789012345678901234567890123456789");
    ck_assert_uint_eq(ec_line_end(&line), (apr_size_t)_i - 1);
    ck_assert_int_eq(small[_i - 1], '\0');
    ck_assert_int_eq(small[_i], '#');
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "line", 10);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, escaped, 0, TEST_COUNT(escapes));
    tcase_add_test(tcase, a_nul_is_escaped);
    tcase_add_loop_test(tcase, json_strings, 0, TEST_COUNT(json));
    tcase_add_test(tcase, numbers);
    tcase_add_loop_test(tcase, seconds, 0, TEST_COUNT(spans));
    tcase_add_loop_test(tcase, times, 0, TEST_COUNT(dates));
    tcase_add_loop_test(tcase, nothing_is_written_beyond_the_end, 1, 50);
}

TEST_MAIN("log/line", add)
