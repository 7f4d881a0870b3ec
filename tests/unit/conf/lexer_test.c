/* lexer_test.c - configuration text to tokens
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "conf/lexer.h"
#include "runner.h"

/* Tokens as text: words bare, strings in <>, signs as they are, errors as !text. */
static const char *tokens_of(lexer_t *lexer, apr_pool_t *pool)
{
    apr_array_header_t *texts = apr_array_make(pool, 16, sizeof(const char *));

    while (lexer_next(lexer) != TOKEN_END) {
        const char *form = lexer->token == TOKEN_STRING ? "<%s> " : lexer->token == TOKEN_ERROR ? "!%s " : "%s ";

        if (lexer->token == TOKEN_PAREN_OPEN || lexer->token == TOKEN_BRACKET_OPEN)
            lexer->commas_separate = 1;
        if (lexer->token == TOKEN_PAREN_CLOSE || lexer->token == TOKEN_BRACKET_CLOSE)
            lexer->commas_separate = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        APR_ARRAY_PUSH(texts, const char *) = apr_psprintf(pool, form, lexer->text);
#pragma GCC diagnostic pop
    }
    return apr_array_pstrcat(pool, texts, 0);
}

static const struct {
    const char *text, *want;
} cases[] = {
    { "", "" },
    { " \t\r\n\f", "" },
    { "a = b", "a = b " },
    { "a=b{}", "a = b { } " },
    { "# all comment", "" },
    { "a # = b\nc", "a c " },
    { "a /* b\n c */ d", "a d " },
    { "a /* /* */ d", "a d " },                              /* does not nest */
    { "a /* no end", "a !the end of this comment is missing " },
    { "path /tmp/2025", "path /tmp/2025 " },
    { "10.0.0.0/8 ::1 digest:///path *.x a-b a+b u@x.com _x", "10.0.0.0/8 ::1 digest:///path *.x a-b a+b u@x.com _x " },
    { "a/*x*/b", "a b " },
    { "a,b", "a,b " },
    { "(a,b , c)", "( a b c ) " },
    { "[ k=v,k2 = v2 ]", "[ k = v k2 = v2 ] " },
    { "Listen [::]:25 {", "Listen [::]:25 { " },
    { "Listen [*]:25 {", "Listen [*]:25 { " },
    { "domain [IPv6:2001:db8::1] {", "domain [IPv6:2001:db8::1] { " },
    { "[0.0.0.1 = x]", "[ 0.0.0.1 = x ] " },
    { "[a=b]", "[ a = b ] " },
    { "\"a b\"", "<a b> " },
    { "\"\"", "<> " },
    { "\"# /* { } ( ) [ ] = ' ,\"", "<# /* { } ( ) [ ] = ' ,> " },
    { "\"\\r\\n \\w \\. \\\\\"", "<\\r\\n \\w \\. \\\\> " },   /* backslashes stay */
    { "\"a \\\"b\\\" c\"", "<a \"b\" c> " },                  /* but \" is a quote */
    { "\"two\nlines\"", "<two\nlines> " },
    { "\"two\r\nlines\"\r\nx\r\n", "<two\nlines> x " },
    { "\"no end", "!the quote that ends this string is missing " },
    { "\"no end \\\"", "!the quote that ends this string is missing " },
    { "a 'b' c", "a !single quotes are not used here: write double quotes b !single quotes are not used here: write "
                 "double quotes c " },
    { "\xef\xbb\xbf" "a", "a " },
    { "a \x01 b", "a !control character 0x01: this is not a text file " },
    { "a \xff\xfe b", "a !text is not valid UTF-8 b " },
    { "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7\"", "<\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7> " },
    { "\"\xc0\xaf\"", "!text is not valid UTF-8 " },
    { "\"\xed\xa0\x80\"", "!text is not valid UTF-8 " },
};

START_TEST(tokens)
{
    lexer_t lexer;

    lexer_open_text(&lexer, cases[_i].text, strlen(cases[_i].text));
    ck_assert_str_eq(tokens_of(&lexer, test_pool), cases[_i].want);
    ck_assert_int_eq(lexer_next(&lexer), TOKEN_END);
    lexer_close(&lexer);
}
END_TEST

START_TEST(nul_byte)
{
    static const char *const where[] = { "a = \0b", "a = b\0", "# comment \0 x", "\"a\0b\"" };
    static const int lengths[] = { 6, 6, 13, 5 };
    lexer_t lexer;

    lexer_open_text(&lexer, where[_i], (apr_size_t)lengths[_i]);
    ck_assert_ptr_nonnull(strstr(tokens_of(&lexer, test_pool), "!NUL byte: this is not a text file"));
    lexer_close(&lexer);
}
END_TEST

START_TEST(lines)
{
    static const char text[] = "a\n  b c\n/* 3\n4 */ d\r\n\"5\n6\" e";
    static const struct {
        int line, is_first;
    } want[] = { { 1, 1 }, { 2, 1 }, { 2, 0 }, { 4, 1 }, { 5, 1 }, { 6, 1 } };
    lexer_t lexer;

    lexer_open_text(&lexer, text, strlen(text));
    for (int i = 0; i < TEST_COUNT(want); i++) {
        lexer_next(&lexer);
        ck_assert_int_eq(lexer.line, want[i].line);
        if (i < 5)
            ck_assert_int_eq(lexer.is_first, want[i].is_first);
    }
    lexer_close(&lexer);
}
END_TEST

START_TEST(too_long)
{
    apr_size_t length = LEXER_TOKEN_MAX + 10;
    char *text = malloc(length + 1);
    lexer_t lexer;

    memset(text, 'a', length);
    text[length] = '\0';
    lexer_open_text(&lexer, text, length);
    ck_assert_int_eq(lexer_next(&lexer), TOKEN_ERROR);
    ck_assert_str_eq(lexer.text, "word is longer than 1 MiB");
    ck_assert_int_eq(lexer_next(&lexer), TOKEN_END);
    lexer_close(&lexer);
    text[0] = '"';
    lexer_open_text(&lexer, text, length);
    ck_assert_int_eq(lexer_next(&lexer), TOKEN_ERROR);
    lexer_close(&lexer);
    free(text);
}
END_TEST

/* Several blocks of a file give the same tokens as memory. */
START_TEST(from_descriptor)
{
    enum { COPIES = 4000 };
    apr_size_t length = 0;
    const char *want, *got;
    char *text = apr_palloc(test_pool, COPIES * 64), path[] = "/tmp/lexer_test.XXXXXX";
    int fd = mkstemp(path);
    lexer_t lexer;

    for (int i = 0; i < COPIES; i++)
        length += (apr_size_t)snprintf(text + length, 64, "name_%d = ( a, \"b \\\" c\" ) /* x */ # y\r\n", i);
    ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
    unlink(path);
    lseek(fd, 0, SEEK_SET);
    lexer_open_text(&lexer, text, length);
    want = tokens_of(&lexer, test_pool);
    lexer_close(&lexer);
    lexer_open_fd(&lexer, fd);
    got = tokens_of(&lexer, test_pool);
    lexer_close(&lexer);
    ck_assert_str_eq(got, want);
}
END_TEST

START_TEST(quotes_needed)
{
    static const struct {
        const char *text;
        int want;
    } values[] = { { "abc", 0 }, { "", 1 }, { "a b", 1 }, { "10.0.0.0/8", 1 }, { "x#", 1 }, { "::1", 0 }, { "a,b", 1 } };

    for (int i = 0; i < TEST_COUNT(values); i++)
        ck_assert_int_eq(lexer_needs_quotes(values[i].text), values[i].want);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "lexer", 60);

    tcase_add_loop_test(tcase, tokens, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, nul_byte, 0, 4);
    tcase_add_test(tcase, lines);
    tcase_add_test(tcase, too_long);
    tcase_add_test(tcase, from_descriptor);
    tcase_add_test(tcase, quotes_needed);
}
TEST_MAIN("conf/lexer", add)
