/* hash_test.c - SipHash-1-3 vectors (key 0), folding of letters
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "runner.h"
#include "util/hash.h"

static const struct {
    const char *text;
    apr_uint64_t hash;
} vectors[] = {
    { "a", 0x407448D2B89B1813u },
    { "0123456789abcdef", 0x1D42B30F7E060C24u },
    { "Example.COM-and-more!", 0xDC16438F60E304EBu },
};

START_TEST(known)
{
    ck_assert_uint_eq(util_hash(0, vectors[_i].text, strlen(vectors[_i].text)), vectors[_i].hash);
}
END_TEST

START_TEST(nocase_is_hash_of_lower_case)
{
    unsigned char all[256], lower[256];

    for (int i = 0; i < 256; i++) {
        all[i] = (unsigned char)i;
        lower[i] = (unsigned char)(i < 128 ? tolower(i) : i);
    }
    for (apr_size_t start = 0; start < 16; start++) {
        for (apr_size_t length = 0; start + length <= sizeof all; length++) {
            ck_assert_uint_eq(util_hash_nocase(7, all + start, length), util_hash(7, lower + start, length));
        }
    }
}
END_TEST

START_TEST(seed_matters)
{
    ck_assert_uint_ne(util_hash(1, "example.com", 11), util_hash(2, "example.com", 11));
    ck_assert_uint_eq(util_hash_seed(), util_hash_seed());
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "hash", 10);

    tcase_add_loop_test(tcase, known, 0, TEST_COUNT(vectors));
    tcase_add_test(tcase, nocase_is_hash_of_lower_case);
    tcase_add_test(tcase, seed_matters);
}

TEST_MAIN("util/hash", add)
