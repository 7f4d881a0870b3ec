/* bounce_test.c - status notices: their parts, and what hostile texts can not do to them
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "bounce/bounce.h"
#include "runner.h"

static const struct {
    const char *text;
    int is_permanent;
    const char *want;
} codes[] = {
    { "550 5.1.1 no such user", 1, "5.1.1" },
    { "550-5.7.26 long story", 1, "5.7.26" },
    { "554 5.4.7 [internal] exceeded max retries", 1, "5.4.7" },
    { "550 no such user", 1, "5.1.0" },
    { "552 too big", 1, "5.2.2" },
    { "599 what", 1, "5.0.0" },
    { "450 4.2.1 later", 1, "5.2.1" }, /* given up: the class says permanent */
    { "450 4.2.1 later", 0, "4.2.1" },
    { "550 5.1.1.1 odd", 1, "5.1.0" },
    { "550 5.1 odd", 1, "5.1.0" },
    { "550 5.1234.1 odd", 1, "5.1.0" },
    { "5.1.1 without a code", 1, "5.1.1" },
    { "lost", 1, "5.0.0" },
    { "", 1, "5.0.0" },
    { "55", 1, "5.0.0" },
    { "550", 1, "5.1.0" },
};

START_TEST(status_code)
{
    char code[16];

    bounce_status_code(codes[_i].text, codes[_i].is_permanent, code);
    ck_assert_str_eq(code, codes[_i].want);
}
END_TEST

/* ---- notices ----------------------------------------------------------------------------- */

static const body_limits_t limits = { .block_size = 16384, .large_threshold = 1 << 20 };
static char text[256 * 1024];

static ec_batch_t *failed(const char *sender, const char *message)
{
    ec_batch_t *batch = batch_create(apr_time_from_sec(1700000000), "esmtp");

    batch_set_sender(batch, sender);
    batch_add_rcpt(batch, "b@there.test");
    ck_assert_int_eq(batch_body_append(batch, &limits, message, strlen(message)), APR_SUCCESS);
    return batch;
}

static bounce_facts_t facts_of(const ec_batch_t *batch)
{
    return (bounce_facts_t){ .batch = batch,
                             .recipient = "b@there.test",
                             .text = "550 5.1.1 no such user",
                             .remote = "192.0.2.1",
                             .hostname = "mx.here.test",
                             .from = "mailer-daemon@mx.here.test",
                             .inline_original = 1,
                             .attempts = 1,
                             .now = apr_time_from_sec(1700000100) };
}

/* The notice as text; NULL when none is made. */
static const char *notice(const bounce_facts_t *facts)
{
    ec_batch_t *bounce = bounce_make(facts);
    apr_size_t length = 0, n;

    if (bounce == NULL) {
        return NULL;
    }
    ck_assert_str_eq(bounce->sender, "");
    ck_assert_int_eq(bounce->n_rcpts, 1);
    ck_assert_str_eq(bounce->rcpts[0].address, facts->batch->sender);
    ck_assert_str_eq(bounce->protocol, "internal");
    do {
        n = sizeof text - 1 - length;
        ck_assert_int_eq(ec_batch_read(bounce, length, text + length, &n), APR_SUCCESS);
        length += n;
    } while (n > 0);
    text[length] = '\0';
    ec_batch_unref(bounce);
    return text;
}

static void has(const char *what)
{
    ck_assert_msg(strstr(text, what) != NULL, "\"%s\" is not in:\n%s", what, text);
}

static void has_not(const char *what)
{
    ck_assert_msg(strstr(text, what) == NULL, "\"%s\" is in:\n%s", what, text);
}

static void check_lines(void)
{
    apr_size_t column = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            ck_assert_int_eq(c[-1], '\r');
            column = 0;
            continue;
        }
        ck_assert_msg(*c != '\r' || c[1] == '\n', "lone CR");
        ck_assert_uint_le(++column, 999);
    }
    ck_assert_uint_eq(column, 0);
}

START_TEST(three_parts)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\nX: y\r\n\r\nsecret body\r\n");
    bounce_facts_t facts = facts_of(batch);

    ck_assert_ptr_nonnull(notice(&facts));
    check_lines();
    has("From: Mail Delivery System <mailer-daemon@mx.here.test>\r\n");
    has("To: <a@here.test>\r\n");
    has("Auto-Submitted: auto-replied\r\n");
    has("Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=");
    has("Content-Type: message/delivery-status\r\n");
    has("Reporting-MTA: dns; mx.here.test\r\n");
    has("Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    has("Final-Recipient: rfc822; b@there.test\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; "
        "[192.0.2.1]\r\n");
    has("Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n");
    has("Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\nX: y\r\n\r\n--");
    has_not("secret body");
    ec_batch_unref(batch);
}
END_TEST

/* Words of every length, so that each column is reached: folding loses and adds none. */
START_TEST(folding_keeps_the_words)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\n\r\n");
    bounce_facts_t facts = facts_of(batch);
    char said[400], unfolded[800];
    const char *at;

    for (int first = 1; first < 80; first++) {
        apr_size_t n = 0;

        snprintf(said, sizeof said, "550 %.*s end of it, a word and a word that goes on and on until there is no more",
                 first, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        facts.text = said;
        notice(&facts);
        at = strstr(text, "Diagnostic-Code: smtp; ");
        ck_assert_ptr_nonnull(at);
        for (at += strlen("Diagnostic-Code: smtp; "); strncmp(at, "\r\n", 2) != 0 || at[2] == '\t'; at++) {
            if (*at == '\r') {
                at += 2;
                unfolded[n++] = ' ';
            } else {
                unfolded[n++] = *at;
            }
        }
        unfolded[n] = '\0';
        ck_assert_str_eq(unfolded, said);
    }
    ec_batch_unref(batch);
}
END_TEST

START_TEST(our_own_words_are_no_smtp)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\n\r\n");
    bounce_facts_t facts = facts_of(batch);

    facts.text = "554 5.4.7 [internal] exceeded max retries without delivery; last: 451 4.7.1 later";
    notice(&facts);
    has("Remote-MTA: dns; [192.0.2.1]\r\n");
    has("Diagnostic-Code: x-ecelerity; 554 5.4.7 [internal]");
    ec_batch_unref(batch);
}
END_TEST

START_TEST(inlining)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\n\r\nsecret body\r\n");
    bounce_facts_t facts = facts_of(batch);

    facts.inline_original = 0;
    notice(&facts);
    has_not("hello");
    facts.inline_original = 2;
    notice(&facts);
    has("Content-Type: message/rfc822\r\n\r\nSubject: hello\r\n\r\nsecret body\r\n");
    check_lines();
    ec_batch_unref(batch);
}
END_TEST

START_TEST(long_originals_are_bounded)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\n");
    bounce_facts_t facts = facts_of(batch);
    char line[100];

    memset(line, 'x', sizeof line);
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 2000; i++) {
        batch_body_append(batch, &limits, line, sizeof line);
    }
    for (facts.inline_original = 1; facts.inline_original <= 2; facts.inline_original++) {
        notice(&facts);
        ck_assert_uint_lt(strlen(text), 70 * 1024);
        has("text/rfc822-headers");
        check_lines();
    }
    ec_batch_unref(batch);
}
END_TEST

START_TEST(eight_bit_is_declared)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nx\r\n");
    bounce_facts_t facts = facts_of(batch);
    ec_batch_t *bounce = bounce_make(&facts);

    ck_assert(bounce->flags & EC_BATCH_8BIT);
    ck_assert(bounce->flags & EC_BATCH_INTERNAL);
    ec_batch_unref(bounce);
    notice(&facts);
    has("Content-Transfer-Encoding: 8bit");
    ec_batch_unref(batch);
}
END_TEST

START_TEST(hostile_texts_add_nothing)
{
    static char endless[20000];
    ec_batch_t *batch = failed("a\r\nBcc: x@y.test@here.test", "Subject: hello\r\n\r\n");
    bounce_facts_t facts = facts_of(batch);

    facts.text = "550 5.1.1 no\r\nX-Evil: 1\r\n\r\n--=_1\r\n\x01\xff";
    facts.recipient = "b\r\nX-Evil: 2@there.test";
    facts.remote = "evil\r\nX-Evil: 3";
    notice(&facts);
    check_lines();
    has_not("\nX-Evil");
    has_not("\nBcc");
    has_not("\xff");
    memset(endless, 'y', sizeof endless - 1);
    facts.text = endless;
    notice(&facts);
    check_lines();
    ec_batch_unref(batch);
}
END_TEST

START_TEST(none_for_the_null_sender)
{
    ec_batch_t *batch = failed("", "Subject: hello\r\n\r\n");
    bounce_facts_t facts = facts_of(batch);

    ck_assert_ptr_null(notice(&facts));
    ec_batch_unref(batch);
}
END_TEST

START_TEST(without_a_body)
{
    ec_batch_t *batch = failed("a@here.test", "Subject: hello\r\n\r\n");
    bounce_facts_t facts = facts_of(batch);

    batch_body_forget(batch);
    facts.remote = "";
    facts.is_expired = 1;
    facts.attempts = 7;
    notice(&facts);
    check_lines();
    has("tried 7 times");
    has("Diagnostic-Code: x-ecelerity; ");
    has_not("Remote-MTA");
    has_not("rfc822-headers");
    ec_batch_unref(batch);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "bounce", 10);

    tcase_add_loop_test(tcase, status_code, 0, TEST_COUNT(codes));
    tcase_add_test(tcase, three_parts);
    tcase_add_test(tcase, folding_keeps_the_words);
    tcase_add_test(tcase, our_own_words_are_no_smtp);
    tcase_add_test(tcase, inlining);
    tcase_add_test(tcase, long_originals_are_bounded);
    tcase_add_test(tcase, eight_bit_is_declared);
    tcase_add_test(tcase, hostile_texts_add_nothing);
    tcase_add_test(tcase, none_for_the_null_sender);
    tcase_add_test(tcase, without_a_body);
}

TEST_MAIN("bounce/bounce", add)
