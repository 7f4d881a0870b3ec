/* mime_test.c - the parts of messages, also of those that are made to be hard
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/mime.h>

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "message/message.h"
#include "runner.h"
#include "util/text.h"

static ec_batch_t *batch;
static const ec_part_t *parts;
static int n;

static void parse(const char *text, apr_size_t length)
{
    body_limits_t limits = { .block_size = 100 };

    batch = batch_create(0, "test");
    ck_assert_int_eq(batch_body_append(batch, &limits, text, length), APR_SUCCESS);
    ck_assert_int_eq(ec_mime_parts(batch, &parts, &n, test_pool), APR_SUCCESS);
    for (int i = 0; i < n; i++) {
        ck_assert(parts[i].parent < i && parts[i].depth <= EC_MIME_DEPTH_MAX);
        ck_assert(parts[i].header <= parts[i].body && parts[i].body + parts[i].length <= length);
    }
}

static int keep(void *baton, const char *data, apr_size_t len)
{
    util_text_add_bytes(baton, data, len);
    return 0;
}

/* "depth type charset file [decoded]" of each part, containers without text. */
static const char *told(void)
{
    static char buffer[8000], content[2000];
    util_text_t to, text;

    util_text_init(&to, buffer, sizeof buffer);
    for (int i = 0; i < n; i++) {
        util_text_init(&text, content, sizeof content);
        ck_assert_int_eq(ec_mime_decode(batch, &parts[i], keep, &text), APR_SUCCESS);
        util_text_addf(&to, "%d %s %s %s", parts[i].depth, parts[i].type, parts[i].charset, parts[i].file);
        if (strncmp(parts[i].type, "multipart/", 10) != 0 && strncmp(parts[i].type, "message/", 8) != 0) {
            util_text_addf(&to, " [%s]", content);
        }
        util_text_add(&to, "\n");
    }
    return buffer;
}

static const struct {
    const char *text, *want;
} cases[] = {
    { "Subject: x\r\n\r\nhello\r\n", "0 text/plain us-ascii  [hello\r\n]\n" },
    { "", "0 text/plain us-ascii  []\n" },
    { "Content-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db=\r\nc =\r\nd=3\r\n",
      "0 text/html utf-8  [a=bc d=3\r\n]\n" },
    { "Content-Type: application/pdf; name=\"a b.pdf\"\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGVs\r\nbG8=\r\n--\r\n",
      "0 application/pdf  a b.pdf [hello]\n" },
    { "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/x\r\n"
      "Content-Disposition: attachment; filename*=utf-8''%c3%a4.txt\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n",
      "0 multipart/mixed  \n1 text/plain us-ascii  [one]\n1 text/x us-ascii \303\244.txt [two\r\n]\n" },
    { "Content-Type: multipart/mixed;\r\n boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\n1\r\n"
      "--i\r\n\r\n2\r\n--o\r\n\r\n3\r\n--o--\r\n",
      "0 multipart/mixed  \n1 multipart/alternative  \n2 text/plain us-ascii  [1]\n2 text/plain us-ascii  [2]\n"
      "1 text/plain us-ascii  [3]\n" },
    { "Content-Type: multipart/report; boundary=r\r\n\r\n--r\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n--r--\r\n",
      "0 multipart/report  \n1 message/rfc822  \n2 text/plain us-ascii  [inner]\n" },
    { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno end", "0 multipart/mixed  \n1 text/plain us-ascii  []\n" },
    { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--\r\n",
      "0 multipart/mixed  \n1 text/plain us-ascii  []\n1 text/plain us-ascii  []\n" },
    { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--bc\r\n--b  \r\n\r\nx\r\n --b\r\n",
      "0 multipart/mixed  \n1 text/plain us-ascii  [x\r\n --b\r\n]\n" },
    { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n--b--\r\n",
      "0 multipart/mixed  \n1 message/rfc822  \n2 text/plain us-ascii  []\n" },
    { "Content-Type: nonsense\r\n\r\nx", "0 text/plain us-ascii  [x]\n" },
    { "Content-Type: multipart/mixed\r\n\r\n--\r\n", "0 multipart/mixed  \n" },
    { "Content-Type: message/rfc822\r\n\r\n", "0 message/rfc822  \n1 text/plain us-ascii  []\n" },
    { "Content-Type: text/plain;;; charset = \"x\\\"y\" ; name==?utf-8?q?=C3=A4?=\r\n\r\n", "0 text/plain x\"y \303\244 []\n" },
};

START_TEST(parts_are_found)
{
    parse(cases[_i].text, strlen(cases[_i].text));
    ck_assert_str_eq(told(), cases[_i].want);
    ec_batch_unref(batch);
}
END_TEST

START_TEST(depth_and_number_are_bounded)
{
    char *text = apr_pstrdup(test_pool, "");

    for (int i = 0; i < 50; i++) {
        text = apr_psprintf(test_pool, "%sContent-Type: multipart/mixed; boundary=b%d.\r\n\r\n--b%d.\r\n", text, i, i);
    }
    parse(text, strlen(text));
    ck_assert_int_eq(n, EC_MIME_DEPTH_MAX + 1);
    ec_batch_unref(batch);
    text = malloc(100000);
    strcpy(text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (int i = 0; i < 5000; i++) {
        strcpy(text + strlen(text) - 0, "--b\r\n\r\nx\r\n");
    }
    parse(text, strlen(text));
    ck_assert_int_eq(n, EC_MIME_PARTS_MAX);
    ec_batch_unref(batch);
    free(text);
}
END_TEST

/* Whatever is cut out of a message or put into it: bounds hold. */
START_TEST(damaged_messages)
{
    const char *from = cases[rand() % TEST_COUNT(cases)].text;
    apr_size_t length = strlen(from);
    char *text;

    srand((unsigned)_i);
    text = malloc(length + 1);
    memcpy(text, from, length + 1);
    for (int i = rand() % 5; i > 0 && length > 0; i--) {
        text[(apr_size_t)rand() % length] = (char)(rand() % 3 == 0 ? rand() : "\r\n-;=\"\0:"[rand() % 8]);
    }
    parse(text, length);
    for (int i = 0; i < n; i++) {
        static char out[8000];
        util_text_t to;

        util_text_init(&to, out, sizeof out);
        ck_assert_int_eq(ec_mime_decode(batch, &parts[i], keep, &to), APR_SUCCESS);
    }
    ec_batch_unref(batch);
    free(text);
}
END_TEST

START_TEST(long_lines)
{
    char *text = malloc(200000);

    memset(text, 'x', 200000);
    memcpy(text, "Content-Type: text/plain\r\n\r\n", 28);
    parse(text, 200000);
    ck_assert_uint_eq(parts[0].length, 200000 - 28);
    ec_batch_unref(batch);
    free(text);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "mime", 60);

    tcase_add_loop_test(tcase, parts_are_found, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, depth_and_number_are_bounded);
    tcase_add_loop_test(tcase, damaged_messages, 0, 500);
    tcase_add_test(tcase, long_lines);
}

TEST_MAIN("message/mime", add)
