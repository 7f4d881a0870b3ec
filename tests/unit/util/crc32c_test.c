/* crc32c_test.c - known vectors, and both ways to count agree
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runner.h"
#include "util/crc32c.h"

/* RFC 3720 B.4 and the check value of the catalogue of CRC parameters. */
static const struct {
    const char *hex; /* repeated byte, or NULL */
    const char *bytes;
    apr_size_t length;
    apr_uint32_t crc;
} vectors[] = {
    { NULL, "", 0, 0x00000000 },
    { NULL, "123456789", 9, 0xE3069283 },
    { "00", NULL, 32, 0x8A9136AA },
    { "FF", NULL, 32, 0x62A8AB43 },
};

START_TEST(known)
{
    char buffer[32];
    const char *bytes = vectors[_i].bytes;

    if (bytes == NULL) {
        memset(buffer, (int)strtol(vectors[_i].hex, NULL, 16), sizeof buffer);
        bytes = buffer;
    }
    ck_assert_uint_eq(util_crc32c(0, bytes, vectors[_i].length), vectors[_i].crc);
    ck_assert_uint_eq(util_crc32c_portable(0, bytes, vectors[_i].length), vectors[_i].crc);
}
END_TEST

START_TEST(ascending)
{
    unsigned char bytes[32];

    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    ck_assert_uint_eq(util_crc32c(0, bytes, sizeof bytes), 0x46DD794E);
}
END_TEST

START_TEST(both_agree_in_parts)
{
    unsigned char bytes[300];

    for (unsigned i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37 + 11);
    }
    for (apr_size_t start = 0; start < 9; start++) {
        for (apr_size_t length = 0; start + length <= sizeof bytes; length++) {
            apr_uint32_t whole = util_crc32c(0, bytes + start, length);
            apr_uint32_t half = util_crc32c(0, bytes + start, length / 2);

            ck_assert_uint_eq(whole, util_crc32c_portable(0, bytes + start, length));
            ck_assert_uint_eq(whole, util_crc32c(half, bytes + start + length / 2, length - length / 2));
        }
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "crc32c", 10);

    tcase_add_loop_test(tcase, known, 0, TEST_COUNT(vectors));
    tcase_add_test(tcase, ascending);
    tcase_add_test(tcase, both_agree_in_parts);
}

TEST_MAIN("util/crc32c", add)
