/* session_body_test.c - sessions against a scripted peer: the message as the peer gets it: stuffing, large ones, 8 bits, LMTP
 * SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

/* ---- the message as the peer gets it ------------------------------------------------------------ */

/* Undo the dot-stuffing and compare; an assertion a byte would take ages. */
static void check_message(const char *text, apr_size_t length, int must_end_line)
{
    apr_size_t n, at = 0, single = 0;
    const char *got = peer_message(&n);
    char *plain = apr_palloc(test_pool, n + 1);

    for (apr_size_t i = 0; i < n; i++) {
        if (got[i] == '.' && (i == 0 || got[i - 1] == '\n')) {
            single += i + 1 == n || got[i + 1] != '.';
            i++;
        }
        plain[at++] = got[i];
    }
    ck_assert_int_eq(single, 0);
    if (must_end_line) {
        ck_assert_mem_eq(plain + at - 2, "\r\n", 2);
        at -= 2;
    }
    ck_assert_int_eq(at, length);
    ck_assert_mem_eq(plain, text, length);
}

static const struct {
    const char *text;
    int must_end_line; /* CR LF is added before the dot */
} bodies[] = {
    { "a\r\n", 0 },
    { ".\r\n", 0 },
    { ".a\r\n..\r\n...b\r\n", 0 },
    { "a\r\n.\r\n.\r\n", 0 },
    { "a.b\r\n.\r\n\r\n", 0 },
    { "a", 1 },
    { "a\r\n.", 1 },
    { "a\n.b\r\n", 0 },
    { "\r\n", 0 },
};

START_TEST(exact_body)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    add_message(bodies[_i].text, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert_int_eq(fake_queue_result(0)->size, strlen(bodies[_i].text));
    check_message(bodies[_i].text, strlen(bodies[_i].text), bodies[_i].must_end_line);
}
END_TEST

/* Lines of all lengths, many of which begin with dots, so that every boundary of blocks and pieces is met. */
static char *make_text(apr_size_t length)
{
    char *text = apr_palloc(test_pool, length);

    for (apr_size_t i = 0, line = 0, column = 0; i < length; i++) {
        if (column == line % 200 && i + 1 < length) {
            text[i++] = '\r';
            text[i] = '\n';
            line++;
            column = 0;
        } else {
            text[i] = column < line % 4 ? '.' : 'x';
            column++;
        }
    }
    text[length - 2] = '\r';
    text[length - 1] = '\n';
    return text;
}

static ec_batch_t *make_large(const char *text, apr_size_t length)
{
    const body_limits_t limits = { 16384, 65536, "/tmp" };
    ec_batch_t *batch = make_batch("", 0, 2);

    ck_assert_int_eq(batch_body_append(batch, &limits, text, length), APR_SUCCESS);
    ck_assert(ec_batch_is_large(batch));
    return batch;
}

enum { LONG = 3 * 1024 * 1024 + 17 };

static const struct {
    const char *name;
    int size; /* times LONG bytes, negative: in memory */
    peer_rule_t rules[1];
    const char *story;
} long_ones[] = {
    { "memory", -1, { { 0 } }, "D9 D9 / " },
    { "file", 1, { { 0 } }, "D9 D9 / " },
    { "file, closes in the middle", 1, { { "mid", 3, "!drop" } }, "T8 T8 / " },
    { "file, refuses in the middle", 1, { { "mid", 3, "552 5.3.4 too big" } }, "P8 P8 / " },
    { "file, 421 in the middle", 1, { { "mid", 3, "421 bye" } }, "T8 T8 / " },
    { "file, 250 in the middle", 1, { { "mid", 3, "250 ok" } }, "T8 T8 / " },
    { "file, no answer", 1, { { "mid", 3, "!silent" } }, "?9 ?9 / " },
    { "file, stops reading", 8, { { "mid", 3, "!stall" } }, "T8 T8 / " },
    { "memory, stops reading", -8, { { "mid", 3, "!stall" } }, "T8 T8 / " },
};

START_TEST(long_body)
{
    peer_script_t script = { OFFERS_ALL, { long_ones[_i].rules[0] } };
    apr_size_t length = (apr_size_t)LONG * (apr_size_t)abs(long_ones[_i].size);
    char *text = make_text(length);
    ec_batch_t *batch = long_ones[_i].size > 0 ? make_large(text, length) : make_batch(text, length, 2);

    if (batch->body.path != NULL) {
        unlink(batch->body.path);
    }
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_msg(strcmp(fake_queue_story(), long_ones[_i].story) == 0, "%s: %s %s", long_ones[_i].name,
                  fake_queue_story(), fake_queue_result(0)->text);
    if (long_ones[_i].story[0] == 'D') {
        check_message(text, length, 0);
    }
    if (strchr("D?", long_ones[_i].story[0]) != NULL) {
        ck_assert_int_eq(fake_queue_result(0)->size, length);
    } else {
        ck_assert_int_lt(fake_queue_result(0)->size, length);
    }
}
END_TEST

/* The file is shorter than it should be: no dot may make the peer believe that this is the message. */
START_TEST(cut_file_sends_no_dot)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    char *text = make_text(LONG);
    ec_batch_t *batch = make_large(text, LONG);

    ck_assert_int_eq(ftruncate(batch->body.fd, LONG / 2), 0);
    unlink(batch->body.path);
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "T7 T7 / ");
    ck_assert_ptr_null(strstr(peer_transcript(), "bytes>"));
}
END_TEST

/* ---- 8 bits, LMTP ------------------------------------------------------------ */

static const struct {
    const char *offers, *conf;
    int flags;
    const char *mail;
} eights[] = {
    { "8BITMIME", "", EC_BATCH_8BIT, "MAIL FROM:<s@from.test> BODY=8BITMIME|" },
    { "8BITMIME", "", 0, "MAIL FROM:<s@from.test>|" },
    { "8BITMIME", "send_8bitmime = \"ifavailable\"\n", 0, "MAIL FROM:<s@from.test> BODY=8BITMIME|" },
    { "SIZE", "", EC_BATCH_8BIT, "MAIL FROM:<s@from.test> SIZE=7|" },
};

START_TEST(eight_bits)
{
    static const char text[] = "\r\n\xc3\xa4x\r\n";
    peer_script_t script = { eights[_i].offers, { { 0 } } };
    ec_batch_t *batch = make_batch(text, 7, 1);

    batch->flags |= eights[_i].flags;
    peer_start(&script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, eights[_i].conf, NULL), here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert_msg(strstr(peer_transcript(), eights[_i].mail) != NULL, "%s", peer_transcript());
    check_message(text, 7, 0);
}
END_TEST

static const struct {
    peer_rule_t rules[2];
    const char *story;
} lmtp_cases[] = {
    { { { ".", 0, "250 a|250 b" } }, "D9 D9 / " },
    { { { ".", 0, "250 a|550 b" } }, "D9 P9 / " },
    { { { "RCPT", 1, "550 who" }, { ".", 0, "250 b" } }, "P4 D9 / " },
    { { { ".", 0, "!drop 250 a" } }, "D9 ?9 / " },
    { { { ".", 0, "!silent 451 a" } }, "T9 ?9 / " },
};

START_TEST(lmtp)
{
    peer_script_t script = { OFFERS_ALL, { { 0 } } };

    memcpy(script.rules, lmtp_cases[_i].rules, sizeof(lmtp_cases[_i].rules));
    run(&script, "Delivery_Method = \"LMTP\"\n", 2);
    ck_assert_str_eq(fake_queue_story(), lmtp_cases[_i].story);
    ck_assert_int_eq(strncmp(peer_transcript(), "LHLO me.test|", 13), 0);
}
END_TEST

/* What could end a command early is not spoken. */
START_TEST(unspeakable_address)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    ec_batch_t *batch = make_batch(MESSAGE, strlen(MESSAGE), 0);

    batch_add_rcpt(batch, "a>\r\nRSET@domain.test");
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "P4 / ");
    ck_assert_ptr_null(strstr(peer_transcript(), "RSET"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *body = add_case(suite, "body");
    TCase *rest = add_case(suite, "rest");

    tcase_add_loop_test(body, exact_body, 0, TEST_COUNT(bodies));
    tcase_add_loop_test(body, long_body, 0, TEST_COUNT(long_ones));
    tcase_add_test(body, cut_file_sends_no_dot);
    tcase_add_loop_test(body, eight_bits, 0, TEST_COUNT(eights));
    tcase_add_loop_test(rest, lmtp, 0, TEST_COUNT(lmtp_cases));
    tcase_add_test(rest, unspeakable_address);
}

TEST_MAIN("smtp/out/session_body", add)
