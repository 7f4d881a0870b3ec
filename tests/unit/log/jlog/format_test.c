/* format_test.c - records, checkpoints and settings: what is written is read, and nothing else
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "log/jlog/format.h"
#include "runner.h"

enum { NONCE = 0x1234567 };

START_TEST(a_record_is_read_back)
{
    unsigned char bytes[JLOG_HEAD + 8];
    ec_jlog_record_t record;

    jlog_record_write(bytes, "a line", 6, 1234567890123456, NONCE);
    ck_assert_int_eq(jlog_record_read(&record, bytes, JLOG_HEAD + 6, NONCE), JLOG_WHOLE);
    ck_assert_uint_eq(record.length, 6);
    ck_assert_mem_eq(record.data, "a line", 6);
    ck_assert_int_eq(record.when, 1234567890123456);
    for (apr_size_t room = 0; room < JLOG_HEAD + 6; room++) {
        ck_assert_int_eq(jlog_record_read(&record, bytes, room, NONCE), JLOG_SHORT);
    }
    ck_assert_int_eq(jlog_record_read(&record, bytes, JLOG_HEAD + 6, NONCE + 1), JLOG_BAD);
}
END_TEST

START_TEST(any_wrong_bit_is_seen)
{
    unsigned char bytes[JLOG_HEAD + 6];
    ec_jlog_record_t record;

    jlog_record_write(bytes, "a line", 6, 1234567890123456, NONCE);
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert_int_ne(jlog_record_read(&record, bytes, sizeof bytes, NONCE), JLOG_WHOLE);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(texts_are_read_back)
{
    struct jlog_settings settings = { 0 };
    ec_jlog_position_t position = { 0 };
    char text[JLOG_TEXT];
    int length = jlog_settings_write(text, &(struct jlog_settings){ 4096, 0xfedcba9876543210 });

    ck_assert(jlog_settings_read(&settings, text, (apr_size_t)length));
    ck_assert_uint_eq(settings.segment_size, 4096);
    ck_assert_uint_eq(settings.nonce, 0xfedcba9876543210);
    length = jlog_checkpoint_write(text, (ec_jlog_position_t){ 0xffffffff, 0x1000 });
    ck_assert_int_eq(strncmp(text, "ffffffff:00001000 ", 18), 0);
    ck_assert(jlog_checkpoint_read(&position, text, (apr_size_t)length));
    ck_assert_uint_eq(position.segment, 0xffffffff);
    ck_assert_uint_eq(position.marker, 0x1000);
}
END_TEST

/* Any byte that is another, missing or more. */
static void assert_strict(int (*is_read)(const char *text, apr_size_t length), const char *text, int length)
{
    char changed[JLOG_TEXT];

    for (int i = 0; i < length; i++) {
        memcpy(changed, text, JLOG_TEXT);
        changed[i] ^= 1;
        ck_assert(!is_read(changed, (apr_size_t)length));
        ck_assert(!is_read(text, (apr_size_t)i));
    }
    memcpy(changed, text, JLOG_TEXT);
    changed[length] = '\n';
    ck_assert(!is_read(changed, (apr_size_t)length + 1));
    ck_assert(!is_read(changed, JLOG_TEXT));
}

static int is_settings(const char *text, apr_size_t length)
{
    struct jlog_settings settings;

    return jlog_settings_read(&settings, text, length);
}

static int is_checkpoint(const char *text, apr_size_t length)
{
    ec_jlog_position_t position;

    return jlog_checkpoint_read(&position, text, length);
}

START_TEST(texts_are_taken_as_they_are_written_only)
{
    char text[JLOG_TEXT] = "";
    int length = jlog_settings_write(text, &(struct jlog_settings){ 4096, 7 });

    assert_strict(is_settings, text, length);
    length = jlog_settings_write(text, &(struct jlog_settings){ JLOG_SEGMENT_MIN - 1, 7 });
    ck_assert(!is_settings(text, (apr_size_t)length));
    length = jlog_settings_write(text, &(struct jlog_settings){ JLOG_SEGMENT_MAX + 1u, 7 });
    ck_assert(!is_settings(text, (apr_size_t)length));
    memset(text, 0, sizeof text);
    length = jlog_checkpoint_write(text, (ec_jlog_position_t){ 42, 4096 });
    assert_strict(is_checkpoint, text, length);
}
END_TEST

static const struct {
    const char *name;
    int want;
} names[] = {
    { "master", 1 },
    { "n1.example.org", 1 },
    { "a-b_c@d:e", 1 },
    { "", 0 },
    { ".hidden", 0 },
    { "../up", 0 },
    { "a b", 0 },
    { "a\n", 0 },
    { "\xc3\xa4", 0 },
    { "0123456789012345678901234567890123456789012345678901234567890123", 1 },
    { "01234567890123456789012345678901234567890123456789012345678901234", 0 },
};

START_TEST(names_of_subscribers)
{
    ck_assert_int_eq(jlog_is_name(names[_i].name), names[_i].want);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "format", 20);

    tcase_add_test(tcase, a_record_is_read_back);
    tcase_add_test(tcase, any_wrong_bit_is_seen);
    tcase_add_test(tcase, texts_are_read_back);
    tcase_add_test(tcase, texts_are_taken_as_they_are_written_only);
    tcase_add_loop_test(tcase, names_of_subscribers, 0, TEST_COUNT(names));
}

TEST_MAIN("log/jlog/format", add)
