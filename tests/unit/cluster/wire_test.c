/* wire_test.c - bytes of cluster messages: what is written is read, what is damaged is refused
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/wire/message.h"
#include "runner.h"

static const apr_uint64_t numbers[] = {
    0, 1, 127, 128, 16383, 16384, 0xffffffff, 0x8000000000000000ULL, ~0ULL
};

START_TEST(numbers_back)
{
    wire_writer_t writer = { 0 };
    wire_reader_t reader;

    wire_write(&writer, numbers[_i]);
    wire_write_fixed(&writer, numbers[_i]);
    reader = wire_reader(writer.data, writer.length);
    ck_assert(wire_read(&reader) == numbers[_i]);
    ck_assert(wire_read_fixed(&reader) == numbers[_i]);
    ck_assert(!reader.is_bad && !wire_has_more(&reader));
    wire_free(&writer);
}
END_TEST

static const struct {
    const char *bytes;
    apr_size_t length;
} bad_numbers[] = {
    { "", 0 },
    { "\x80", 1 },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
    { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
};

START_TEST(numbers_refused)
{
    wire_reader_t reader = wire_reader(bad_numbers[_i].bytes, bad_numbers[_i].length);

    ck_assert(wire_read(&reader) == 0);
    ck_assert(reader.is_bad);
}
END_TEST

START_TEST(bounds)
{
    wire_reader_t reader = wire_reader("\x05"
                                       "abc",
                                       4);
    apr_size_t length = 7;

    wire_read_bytes(&reader, &length, 100); /* longer than what is there */
    ck_assert(reader.is_bad && length == 0);
    reader = wire_reader("\x03"
                         "abc",
                         4);
    wire_read_bytes(&reader, &length, 2); /* longer than allowed */
    ck_assert(reader.is_bad && length == 0);
    reader = wire_reader("\x05", 1);
    ck_assert(wire_read_max(&reader, 4) == 0 && reader.is_bad);
}
END_TEST

/* What a newer version adds at the end of a block is passed over. */
START_TEST(grown_block)
{
    wire_writer_t writer = { 0 };
    wire_reader_t reader, block;
    apr_size_t began = wire_block_begin(&writer);

    wire_write(&writer, 1);
    wire_write(&writer, 999);
    wire_block_end(&writer, began);
    wire_write(&writer, 2);
    reader = wire_reader(writer.data, writer.length);
    block = wire_read_block(&reader);
    ck_assert(wire_read(&block) == 1);
    ck_assert(wire_read(&reader) == 2 && !reader.is_bad);
    wire_free(&writer);
}
END_TEST

START_TEST(frame)
{
    wire_writer_t writer = { 0 };
    struct message message;
    apr_size_t began = message_begin(&writer, MESSAGE_BEAT, 12, 345);

    wire_write(&writer, 77);
    message_end(&writer, began);
    ck_assert_ptr_null(message_read(&message, writer.data, writer.length));
    ck_assert_int_eq(message.type, MESSAGE_BEAT);
    ck_assert(message.stay == 12 && message.position == 345 && wire_read(&message.body) == 77);
    for (apr_size_t length = 0; length < writer.length; length++)
        ck_assert_ptr_nonnull(message_read(&message, writer.data, length)); /* cut anywhere: refused */
    writer.data[2]++;                                                       /* a newer version */
    ck_assert_ptr_null(message_read(&message, writer.data, writer.length));
    writer.data[0]++;
    ck_assert_ptr_nonnull(message_read(&message, writer.data, writer.length));
    wire_free(&writer);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "wire", 10);

    tcase_add_loop_test(tcase, numbers_back, 0, TEST_COUNT(numbers));
    tcase_add_loop_test(tcase, numbers_refused, 0, TEST_COUNT(bad_numbers));
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, grown_block);
    tcase_add_test(tcase, frame);
}

TEST_MAIN("cluster/wire", add)
