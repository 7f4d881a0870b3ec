/* reply_test.c - replies, line by line, also from servers that wish us ill
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "smtp/reply.h"
#include "runner.h"

static const struct {
    const char *lines; /* separated by | */
    apr_status_t want; /* of the last line */
    int code, is_complete;
    const char *text;
} cases[] = {
    { "250 ok", APR_SUCCESS, 250, 1, "250 ok" },
    { "250", APR_SUCCESS, 250, 1, "250" },
    { "250 ", APR_SUCCESS, 250, 1, "250 " },
    { "250-", APR_SUCCESS, 250, 0, "250-" },
    { "550-first|550 second", APR_SUCCESS, 550, 1, "550-first 550 second" },
    { "250-a|250-b|250-c|250 d", APR_SUCCESS, 250, 1, "250-a 250-b 250-c 250 d" },
    { "250-a|250", APR_SUCCESS, 250, 1, "250-a 250" },
    { "250-a|251 b", EC_E_SYNTAX, 250, 0, "250-a" },
    { "250 a|250 b", EC_E_SYNTAX, 250, 1, "250 a" },
    { "", EC_E_SYNTAX, 0, 0, "" },
    { "25", EC_E_SYNTAX, 0, 0, "" },
    { "25x ok", EC_E_SYNTAX, 0, 0, "" },
    { "2500 ok", EC_E_SYNTAX, 0, 0, "" },
    { "250_ok", EC_E_SYNTAX, 0, 0, "" },
    { " 250 ok", EC_E_SYNTAX, 0, 0, "" },
    { "199 low", EC_E_SYNTAX, 0, 0, "" },
    { "600 high", EC_E_SYNTAX, 0, 0, "" },
    { "000 zero", EC_E_SYNTAX, 0, 0, "" },
    { "-25 minus", EC_E_SYNTAX, 0, 0, "" },
    { "HTTP/1.1 200 OK", EC_E_SYNTAX, 0, 0, "" },
    { "250 a\tb\033[2Jc\177", APR_SUCCESS, 250, 1, "250 a?b?[2Jc?" },
    { "550 caf\303\251", APR_SUCCESS, 550, 1, "550 caf\303\251" },
};

START_TEST(lines)
{
    const char *p = cases[_i].lines;
    smtp_reply_t reply;
    apr_status_t rv;

    smtp_reply_reset(&reply);
    do {
        apr_size_t length = strcspn(p, "|");

        rv = smtp_reply_line(&reply, p, length);
        p += length;
    } while (*p++ == '|');
    ck_assert_int_eq(rv, cases[_i].want);
    ck_assert_int_eq(reply.code, cases[_i].code);
    ck_assert_int_eq(reply.is_complete, cases[_i].is_complete);
    ck_assert_str_eq(reply.text, cases[_i].text);
    ck_assert_uint_eq(reply.length, strlen(reply.text));
}
END_TEST

START_TEST(bounds)
{
    static char line[SMTP_REPLY_LINE_MAX + 1];
    smtp_reply_t reply;

    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    smtp_reply_reset(&reply);
    ck_assert_int_eq(smtp_reply_line(&reply, line, sizeof line), EC_E_TOO_LONG);
    for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++) {
        ck_assert_int_eq(smtp_reply_line(&reply, line, sizeof line - 1), APR_SUCCESS);
    }
    ck_assert_int_eq(smtp_reply_line(&reply, "250 end", 7), EC_E_TOO_LONG);
    ck_assert_uint_eq(reply.length, SMTP_REPLY_TEXT_MAX - 1);
    ck_assert_uint_eq(strlen(reply.text), reply.length);
    smtp_reply_reset(&reply);
    ck_assert_int_eq(smtp_reply_line(&reply, "250 end", 7), APR_SUCCESS);
    ck_assert_str_eq(reply.text, "250 end");
}
END_TEST

START_TEST(nul_bytes)
{
    smtp_reply_t reply;

    smtp_reply_reset(&reply);
    ck_assert_int_eq(smtp_reply_line(&reply, "250 a\0b", 7), APR_SUCCESS);
    ck_assert_str_eq(reply.text, "250 a?b");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "reply", 30);

    tcase_add_loop_test(tcase, lines, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, nul_bytes);
}

TEST_MAIN("smtp/reply", add)
