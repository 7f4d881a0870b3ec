/* options_test.c - from a value to a field, by type; and values as text
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "module/options.h"
#include "runner.h"

static const char *const words[] = { "a", "b c", NULL };

static ec_option_t row(ec_type_t type, const char *unit)
{
    return (ec_option_t){ .name = "x", .type = type, .unit = unit, .offset = 8 };
}

/* Every type writes its field and nothing else. */
static const struct {
    ec_type_t type;
    const char *unit;
    ec_value_t value;
    size_t size; /* of the field */
    apr_int64_t want;
} numbers[] = {
    { EC_TYPE_INT, NULL, { .i = -5 }, 8, -5 },
    { EC_TYPE_SIZE, NULL, { .i = APR_INT64_C(5000000000) }, 8, APR_INT64_C(5000000000) },
    { EC_TYPE_ENUM_INT, NULL, { .i = -2 }, 8, -2 },
    { EC_TYPE_BOOL, NULL, { .i = 1 }, 4, 1 },
    { EC_TYPE_PERMS, NULL, { .i = 0640 }, 4, 0640 },
    { EC_TYPE_ENUM, NULL, { .i = 3 }, 4, 3 },
    { EC_TYPE_INTERVAL, NULL, { .i = 3 }, 8, 3000000 },
    { EC_TYPE_INTERVAL, "seconds", { .i = 3 }, 8, 3000000 },
    { EC_TYPE_INTERVAL, "milliseconds", { .i = 3 }, 8, 3000 },
    { EC_TYPE_INTERVAL, "microseconds", { .i = 3 }, 8, 3 },
};

START_TEST(numbers_by_type)
{
    const ec_option_t option = row(numbers[_i].type, numbers[_i].unit);
    unsigned char fields[24], want[24];

    memset(fields, 0xAA, sizeof fields);
    memset(want, 0xAA, sizeof want);
    memcpy(want + 8, &numbers[_i].want, numbers[_i].size); /* little endian or not: 4 bytes hold small ones */
    if (numbers[_i].size == 4) {
        int small = (int)numbers[_i].want;

        memcpy(want + 8, &small, 4);
    }
    module_option_set(fields, &option, NULL, test_pool);
    for (size_t i = 0; i < sizeof fields; i++) {
        ck_assert_int_eq(fields[i], 0xAA);
    }
    module_option_set(fields, &option, &numbers[_i].value, test_pool);
    ck_assert_int_eq(memcmp(fields, want, sizeof fields), 0);
}
END_TEST

START_TEST(texts_and_lists_are_copied)
{
    char text[] = "word";
    const char *list[] = { text, NULL };
    const ec_value_t value = { .s = text, .list = list, .dict = words, .f = 2.5 };
    struct {
        void *before;
        const char *s;
    } strings;
    struct {
        void *before;
        const char *const *list;
    } lists;
    struct {
        void *before;
        double f;
    } floats;
    const ec_option_t s = row(EC_TYPE_STRING, NULL), l = row(EC_TYPE_LIST, NULL), d = row(EC_TYPE_DICT, NULL),
                      f = row(EC_TYPE_FLOAT, NULL);

    module_option_set(&strings, &s, &value, test_pool);
    module_option_set(&lists, &l, &value, test_pool);
    module_option_set(&floats, &f, &value, test_pool);
    text[0] = 'X';
    ck_assert_str_eq(strings.s, "word");
    ck_assert_str_eq(lists.list[0], "word");
    ck_assert_ptr_null(lists.list[1]);
    ck_assert(floats.f > 2.4 && floats.f < 2.6);
    module_option_set(&lists, &d, &value, test_pool);
    ck_assert_str_eq(lists.list[1], "b c");
}
END_TEST

START_TEST(texts_differ_when_values_do)
{
    const char *const one[] = { "a,b", NULL }, *const two[] = { "a", "b", NULL };
    const ec_option_t list = row(EC_TYPE_LIST, NULL), text = row(EC_TYPE_STRING, NULL),
                      number = row(EC_TYPE_INT, NULL);
    const ec_value_t with_one = { .list = one }, with_two = { .list = two }, empty = { .s = "" },
                     five = { .i = 5 };

    ck_assert_str_ne(module_option_text(&list, &with_one, test_pool),
                     module_option_text(&list, &with_two, test_pool));
    ck_assert_str_ne(module_option_text(&text, &empty, test_pool),
                     module_option_text(&text, NULL, test_pool));
    ck_assert_str_eq(module_option_text(&number, &five, test_pool), "5");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "options", 10);

    tcase_add_loop_test(tcase, numbers_by_type, 0, TEST_COUNT(numbers));
    tcase_add_test(tcase, texts_and_lists_are_copied);
    tcase_add_test(tcase, texts_differ_when_values_do);
}

TEST_MAIN("module/options", add)
