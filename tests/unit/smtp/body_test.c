/* body_test.c - what follows DATA: the one true end, dots, lone CR and LF, headers, bounds
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every case is fed whole, byte by byte, and cut at every place; the result must not
 * depend on it. */
#include <stdio.h>
#include <string.h>

#include "smtp/in/body.h"
#include "runner.h"

static in_body_rules_t rules;

static void setup(void)
{
    rules = (in_body_rules_t){
        .store = { .block_size = 16384, .large_threshold = 1 << 20 },
        .lone_in_header = IN_LONE_REFUSE,
        .lone_in_body = IN_LONE_REFUSE,
        .long_lines = IN_RULE_IGNORE,
        .line_max = 998,
        .hostname = "mx.example",
    };
}

/* ---- feeding -------------------------------------------------------------------------- */

typedef struct {
    int is_end, code;
    apr_size_t used;               /* bytes up to the end */
    char text[300000];              /* stored */
    apr_size_t length;
} result_t;

static result_t result;

/* Shows `wire` as a stream would: `step` bytes more at a time (the first time `first`), always all that was not used. */
static void feed(const char *wire, apr_size_t length, apr_size_t first, apr_size_t step)
{
    ec_batch_t *batch = batch_create(0, "esmtp");
    apr_size_t shown = first < length ? first : length;
    apr_size_t used = 0, at = 0, n;
    in_body_t body;
    const char *data;

    memset(&result, 0, offsetof(result_t, text));
    in_body_begin(&body, &rules, batch);
    for (;;) {
        used += in_body_take(&body, wire + used, shown - used, &result.is_end);
        ck_assert_uint_le(used, shown);
        if (result.is_end || shown == length) {
            break;
        }
        shown = shown + step < length ? shown + step : length;
    }
    result.used = used;
    result.code = body.code;
    while (ec_batch_peek(batch, at, &data, &n) == APR_SUCCESS && n > 0) {
        ck_assert_uint_lt(at + n, sizeof result.text);
        memcpy(result.text + at, data, n);
        at += n;
    }
    result.text[at] = '\0';
    result.length = at;
    ec_batch_unref(batch);
}

static void expect(const char *wire, apr_size_t length, int code, const char *stored, apr_size_t rest)
{
    ck_assert_msg(result.is_end, "no end seen in: %s", wire);
    ck_assert_uint_eq(result.used, length - rest);
    ck_assert_msg(result.code == code, "code %d, not %d: %s", result.code, code, wire);
    if (code == 0) {
        ck_assert_str_eq(result.text, stored);
    }
}

static void check(const char *wire, int code, const char *stored, apr_size_t rest)
{
    apr_size_t length = strlen(wire);

    feed(wire, length, length, 1);
    expect(wire, length, code, stored, rest);
    feed(wire, length, 1, 1);
    expect(wire, length, code, stored, rest);
    for (apr_size_t cut = 1; cut < length; cut++) {
        feed(wire, length, cut, length);
        expect(wire, length, code, stored, rest);
    }
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Everything between a header and the true end that some host takes for an end, too. */
static const struct {
    const char *name, *bytes;
    const char *kept;              /* with rule `ignore` */
    const char *fixed;             /* with rule `fix` */
} fakes[] = {
    { "LF.LF", "a\n.\nb", "a\n.\nb", "a\r\n.\r\nb" },
    { "LF.CRLF", "a\n.\r\nb", "a\n.\r\nb", "a\r\n.\r\nb" },
    { "CRLF.LF", "a\r\n.\nb", "a\r\n\nb", "a\r\n\r\nb" },
    { "CR.CR", "a\r.\rb", "a\r.\rb", "a\r\n.\r\nb" },
    { "CR.CRLF", "a\r.\r\nb", "a\r.\r\nb", "a\r\n.\r\nb" },
    { "CR.LF", "a\r.\nb", "a\r.\nb", "a\r\n.\r\nb" },
    { "LF.CR", "a\n.\rb", "a\n.\rb", "a\r\n.\r\nb" },
    { "CRLF.CR", "a\r\n.\rb", "a\r\n\rb", "a\r\n\r\nb" },
    { "CRLF.CRCRLF", "a\r\n.\r\r\nb", "a\r\n\r\r\nb", "a\r\n\r\n\r\nb" },
    { "CRCRLF.CRCRLF", "a\r\r\n.\r\r\nb", "a\r\r\n\r\r\nb", "a\r\n\r\n\r\n\r\nb" },
    { "CRCRLF", "a\r\r\nb", "a\r\r\nb", "a\r\n\r\nb" },
    { "LFCR", "a\n\rb", "a\n\rb", "a\r\n\r\nb" },
    { "LFCRLF", "a\n\r\nb", "a\n\r\nb", "a\r\n\r\nb" },
    { "LF..LF", "a\n..\nb", "a\n..\nb", "a\r\n..\r\nb" },
    { "LF alone", "a\nb", "a\nb", "a\r\nb" },
    { "CR alone", "a\rb", "a\rb", "a\r\nb" },
    { "LF at the begin", "\nb", "\nb", "\r\nb" },
    { "LF.LF and a dialogue", "a\n.\nMAIL FROM:<x@y>\nb", "a\n.\nMAIL FROM:<x@y>\nb",
      "a\r\n.\r\nMAIL FROM:<x@y>\r\nb" },
};

static const char *wire_of(const char *bytes)
{
    static char wire[400];

    snprintf(wire, sizeof wire, "Subject: s\r\n\r\n%s\r\n.\r\nQUIT\r\n", bytes);
    return wire;
}

static const char *stored_of(const char *bytes)
{
    static char stored[400];

    snprintf(stored, sizeof stored, "Subject: s\r\n\r\n%s\r\n", bytes);
    return stored;
}

START_TEST(fake_end_is_refused)
{
    check(wire_of(fakes[_i].bytes), 550, NULL, strlen("QUIT\r\n"));
}
END_TEST

START_TEST(fake_end_is_kept)
{
    rules.lone_in_body = IN_LONE_KEEP;
    check(wire_of(fakes[_i].bytes), 0, stored_of(fakes[_i].kept), strlen("QUIT\r\n"));
}
END_TEST

START_TEST(fake_end_is_fixed)
{
    rules.lone_in_body = IN_LONE_FIX;
    check(wire_of(fakes[_i].bytes), 0, stored_of(fakes[_i].fixed), strlen("QUIT\r\n"));
}
END_TEST

/* The same in the header: refused, whatever the rule for the body. */
START_TEST(lone_in_header)
{
    rules.lone_in_body = IN_LONE_KEEP;
    check("Subject: s\nX: y\r\n\r\nb\r\n.\r\n", 550, NULL, 0);
    check("Subject: s\rX: y\r\n\r\nb\r\n.\r\n", 550, NULL, 0);
    check("Subject: s\n\nb\n.\r\n\r\n.\r\n", 550, NULL, 0);
    rules.lone_in_header = IN_LONE_FIX;
    check("Subject: s\nX: y\r\n\r\nb\r\n.\r\n", 0, "Subject: s\r\nX: y\r\n\r\nb\r\n", 0);
    check("Subject: s\rX: y\r\n\r\nb\r\n.\r\n", 0, "Subject: s\r\nX: y\r\n\r\nb\r\n", 0);
    check("Subject: s\n\nb\r\n.\r\n", 0, "Subject: s\r\n\r\nb\r\n", 0);
}
END_TEST

/* ---- dots, headers ------------------------------------------------------------------------ */

static const struct {
    const char *wire, *stored;
    apr_size_t rest;
} plain[] = {
    { ".\r\n", "", 0 },
    { ".\r\nQUIT\r\n", "", 6 },
    { "A: b\r\n.\r\n", "A: b\r\n", 0 },
    { "A: b\r\n\r\n.\r\n", "A: b\r\n\r\n", 0 },
    { "A: b\r\n\r\nc\r\n.\r\n", "A: b\r\n\r\nc\r\n", 0 },
    { "A: b\r\n\r\n..\r\n.\r\n", "A: b\r\n\r\n.\r\n", 0 },
    { "A: b\r\n\r\n...\r\n.\r\n", "A: b\r\n\r\n..\r\n", 0 },
    { "A: b\r\n\r\n..c\r\n.d\r\n.\r\n", "A: b\r\n\r\n.c\r\nd\r\n", 0 },
    { "A: b\r\n\r\n. \r\n.\r\n", "A: b\r\n\r\n \r\n", 0 },
    { "A: b\r\n\r\nc.\r\n.\r\n.\r\n", "A: b\r\n\r\nc.\r\n", 3 },
    { "A: b\r\n\r\n\r\n\r\n.\r\n", "A: b\r\n\r\n\r\n\r\n", 0 },
    { "A: b\r\n c\r\n\td\r\n\r\ne\r\n.\r\n", "A: b\r\n c\r\n\td\r\n\r\ne\r\n", 0 },
    { "hello\r\n.\r\n", "\r\nhello\r\n", 0 },
    { "hello: world\r\nno field\r\n.\r\n", "hello: world\r\n\r\nno field\r\n", 0 },
    { " begins with space\r\n.\r\n", "\r\n begins with space\r\n", 0 },
    { "From me Mon Jan 1\r\nA: b\r\n.\r\n", "\r\nFrom me Mon Jan 1\r\nA: b\r\n", 0 },
    { "A : b\r\n\r\nc\r\n.\r\n", "A : b\r\n\r\nc\r\n", 0 },
    { ": b\r\n\r\nc\r\n.\r\n", "\r\n: b\r\n\r\nc\r\n", 0 },
    { "..A: b\r\n\r\n.\r\n", ".A: b\r\n\r\n", 0 },
    { "A: b\r\n\r\ncaf\303\251 \001\r\n.\r\n", "A: b\r\n\r\ncaf\303\251 \001\r\n", 0 },
};

START_TEST(content)
{
    check(plain[_i].wire, 0, plain[_i].stored, plain[_i].rest);
}
END_TEST

START_TEST(missing_headers)
{
    rules.date = IN_RULE_MEND;
    rules.message_id = IN_RULE_MEND;
    feed("A: b\r\n\r\nc\r\n.\r\n", 16, 16, 1);
    ck_assert_ptr_eq(strstr(result.text, "A: b\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: <"),
                     result.text);
    ck_assert_ptr_nonnull(strstr(result.text, "@mx.example>\r\n\r\nc\r\n"));
    check("dAtE: x\r\nmessage-id: y\r\n\r\nc\r\n.\r\n", 0, "dAtE: x\r\nmessage-id: y\r\n\r\nc\r\n", 0);
    rules.date = IN_RULE_REFUSE;
    check("A: b\r\n\r\nDate: c\r\n.\r\n", 550, NULL, 0);
    rules.date = IN_RULE_IGNORE;
    rules.needs_header = 1;
    check("hello\r\n.\r\n", 550, NULL, 0);
    check(".\r\n", 550, NULL, 0);
    check("Date: x\r\nMessage-ID: y\r\n.\r\n", 0, "Date: x\r\nMessage-ID: y\r\n", 0);
}
END_TEST

START_TEST(mail_loop)
{
    static char wire[5000];
    apr_size_t at = 0;

    for (int i = 0; i < IN_BODY_RECEIVED_MAX; i++) {
        at += (apr_size_t)snprintf(wire + at, sizeof wire - at, "received: x%d\r\n", i);
    }
    strcpy(wire + at, "\r\n.\r\n");
    feed(wire, strlen(wire), strlen(wire), 1);
    ck_assert_int_eq(result.code, 0);
    strcpy(wire + at, "Received: y\r\n\r\n.\r\n");
    feed(wire, strlen(wire), strlen(wire), 1);
    ck_assert_int_eq(result.code, 554);
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

START_TEST(size)
{
    rules.max_size = 11;
    check("A: b\r\n\r\nc\r\n.\r\n", 0, "A: b\r\n\r\nc\r\n", 0);
    rules.max_size = 10;
    check("A: b\r\n\r\nc\r\n.\r\nQUIT\r\n", 552, NULL, 6);
}
END_TEST

static char big[60000];

static void fill(apr_size_t length, const char *end)
{
    memset(big, 'x', sizeof big);
    memcpy(big, "A: b\r\n\r\n", 8);
    strcpy(big + length, end);
}

START_TEST(long_line)
{
    static const apr_size_t steps[] = { 1, 1000, 8191, 8192, 8193, 16384, 50000 };
    apr_size_t length = 50000;

    fill(length, "\r\n.\r\nQUIT\r\n");
    feed(big, strlen(big), steps[_i], steps[_i]);
    ck_assert(result.is_end);
    ck_assert_int_eq(result.code, 0);
    ck_assert_uint_eq(result.length, length + 2);
    ck_assert_mem_eq(result.text, big, length + 2);
    rules.long_lines = IN_RULE_REFUSE;
    feed(big, strlen(big), steps[_i], steps[_i]);
    ck_assert_int_eq(result.code, 550);
    rules.long_lines = IN_RULE_MEND;
    feed(big, strlen(big), steps[_i], steps[_i]);
    ck_assert_int_eq(result.code, 0);
    for (const char *line = result.text, *next; *line != '\0'; line = next + 2) {
        next = strstr(line, "\r\n");
        ck_assert_ptr_nonnull(next);
        ck_assert_uint_le(next - line, 998);
    }
}
END_TEST

/* A CR as the last byte of a piece is half of an end, or a lone one. */
START_TEST(cr_at_the_edge)
{
    fill(20000, "\r\n.\r\n");
    for (apr_size_t first = 19990; first < 20005; first++) {
        feed(big, strlen(big), first, 1);
        ck_assert_int_eq(result.code, 0);
        ck_assert_uint_eq(result.length, 20002);
    }
    fill(20000, "\r.\r\n.\r\n");
    for (apr_size_t first = 19990; first < 20007; first++) {
        feed(big, strlen(big), first, 1);
        ck_assert_int_eq(result.code, 550);
        ck_assert(result.is_end);
        ck_assert_uint_eq(result.used, strlen(big));
    }
}
END_TEST

START_TEST(header_bounds)
{
    static char wire[600000];
    apr_size_t at = 0;

    for (int i = 0; i <= IN_BODY_HEADER_LINES; i++) {
        at += (apr_size_t)snprintf(wire + at, sizeof wire - at, "A: b\r\n");
    }
    strcpy(wire + at, "\r\n.\r\n");
    feed(wire, strlen(wire), strlen(wire), 1);
    ck_assert_int_eq(result.code, 552);
    memset(wire, 'x', sizeof wire);
    memcpy(wire, "A: ", 3);
    strcpy(wire + IN_BODY_HEADER_BYTES + 1, "\r\n\r\n.\r\n");
    feed(wire, strlen(wire), 16384, 16384);
    ck_assert_int_eq(result.code, 552);
    ck_assert(result.is_end);
}
END_TEST

/* No sequence of CR, LF, dot and a letter ends anywhere but at the first CR LF . CR LF. */
START_TEST(all_sequences)
{
    static const char alphabet[] = "\r\n.x";
    enum { LENGTH = 8 };
    char wire[LENGTH + 16];
    const char *end;

    rules.lone_in_body = IN_LONE_KEEP;
    for (int n = 0; n < 1 << (2 * LENGTH); n++) {
        for (int i = 0; i < LENGTH; i++) {
            wire[6 + i] = alphabet[(n >> (2 * i)) & 3];
        }
        memcpy(wire, "A:\r\n\r\n", 6);
        strcpy(wire + 6 + LENGTH, "\r\n.\r\n");
        end = strstr(wire + 4, "\r\n.\r\n");
        feed(wire, strlen(wire), strlen(wire), 1);
        ck_assert(result.is_end);
        ck_assert_uint_eq(result.used, end + 5 - wire);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "body", 120);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, fake_end_is_refused, 0, TEST_COUNT(fakes));
    tcase_add_loop_test(tcase, fake_end_is_kept, 0, TEST_COUNT(fakes));
    tcase_add_loop_test(tcase, fake_end_is_fixed, 0, TEST_COUNT(fakes));
    tcase_add_test(tcase, lone_in_header);
    tcase_add_loop_test(tcase, content, 0, TEST_COUNT(plain));
    tcase_add_test(tcase, missing_headers);
    tcase_add_test(tcase, mail_loop);
    tcase_add_test(tcase, size);
    tcase_add_loop_test(tcase, long_line, 0, 7);
    tcase_add_test(tcase, cr_at_the_edge);
    tcase_add_test(tcase, header_bounds);
    tcase_add_test(tcase, all_sequences);
}

TEST_MAIN("smtp/body", add)
