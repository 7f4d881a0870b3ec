/* wire_test.c - frames: every beginning of a good one, and bad ones
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/wire.h"
#include "runner.h"

START_TEST(header_at_every_length)
{
    unsigned char bytes[WIRE_HEADER];
    wire_header_t header;

    wire_header_put(bytes, WIRE_JSON, 0x01020304);
    for (size_t length = 0; length < WIRE_HEADER; length++) {
        ck_assert_int_eq(wire_header_get(&header, bytes, length, WIRE_FORMS, UINT32_MAX), 0);
    }
    ck_assert_int_eq(wire_header_get(&header, bytes, WIRE_HEADER, WIRE_FORMS, UINT32_MAX), 1);
    ck_assert_int_eq(header.kind, WIRE_JSON);
    ck_assert_uint_eq(header.length, 0x01020304);
}
END_TEST

static const struct {
    unsigned char bytes[WIRE_HEADER];
    size_t length;
    int want;
} headers[] = {
    { "G", 1, -1 }, /* GET / ... is refused at its first byte */
    { "EHLO x", 6, -1 },
    { { 'E', 'C', 2 }, 3, -1 },                /* another version */
    { { 'E', 'C', 1, 3 }, 4, -1 },             /* no such form */
    { { 'E', 'C', 1, 2, 0, 1, 0, 0 }, 8, 1 },  /* 64 KiB */
    { { 'E', 'C', 1, 2, 0, 1, 0, 1 }, 8, -1 }, /* one more */
    { { 'E', 'C', 1, 0, 255, 255, 255, 255 }, 8, -1 },
    { { 'E', 'C', 1, 0, 0, 0, 0, 0 }, 8, 1 },
};

START_TEST(header_is_checked)
{
    wire_header_t header;

    ck_assert_int_eq(
        wire_header_get(&header, headers[_i].bytes, headers[_i].length, WIRE_FORMS, WIRE_REQUEST_MAX),
        headers[_i].want);
}
END_TEST

static const struct {
    const char *bytes;
    size_t length;
    int want;
} lists[] = {
    { "", 0, 0 },
    { "a\0", 2, 1 },
    { "a\0b c\0", 6, 2 },
    { "\0\0", 2, 2 },
    { "a", 1, -1 },
    { "a\0b", 3, -1 },
    { "1\0002\0003\0004\0", 8, -1 }, /* more than there is room for */
};

START_TEST(words_are_checked)
{
    const char *words[3];

    ck_assert_int_eq(wire_words_get(words, 3, lists[_i].bytes, lists[_i].length), lists[_i].want);
}
END_TEST

START_TEST(words_there_and_back)
{
    static const char *const words[] = { "config", "eval", "", "a b" };
    const char *back[8];
    char bytes[32];
    size_t length = wire_words_put(bytes, sizeof bytes, words, 4);

    ck_assert_uint_eq(length, 7 + 5 + 1 + 4);
    ck_assert_int_eq(wire_words_get(back, 8, bytes, length), 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_str_eq(back[i], words[i]);
    }
    ck_assert_uint_eq(wire_words_put(bytes, length - 1, words, 4), 0);
}
END_TEST

START_TEST(forms)
{
    ck_assert_int_eq(wire_form_parse("text"), WIRE_TEXT);
    ck_assert_int_eq(wire_form_parse("XML"), WIRE_XML);
    ck_assert_int_eq(wire_form_parse("json"), WIRE_JSON);
    ck_assert_int_eq(wire_form_parse("html"), -1);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "wire", 10);

    tcase_add_test(tcase, header_at_every_length);
    tcase_add_loop_test(tcase, header_is_checked, 0, TEST_COUNT(headers));
    tcase_add_loop_test(tcase, words_are_checked, 0, TEST_COUNT(lists));
    tcase_add_test(tcase, words_there_and_back);
    tcase_add_test(tcase, forms);
}

TEST_MAIN("control/wire", add)
