/* nearest_test.c - the known name that is most like a mistyped one
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "util/nearest.h"

static const char *const known[] = { "retry_interval", "max_retry_interval", "routes", "gateway", "user", "group" };

static const struct {
    const char *wanted, *best;
} cases[] = {
    { "retry_intervall", "retry_interval" }, { "RETRY_INTERVAL", "retry_interval" }, { "retyr_interval", "retry_interval" },
    { "route", "routes" },                   { "getway", "gateway" },                { "grup", "group" },
    { "xyzzy", NULL },                       { "", NULL },                           { "suer", "user" },
    { "an_option_name_that_goes_on_and_on_for_more_than_eighty_characters_so_that_no_table_is_large_enough", NULL },
};

START_TEST(best)
{
    struct nearest nearest;

    nearest_start(&nearest, cases[_i].wanted);
    for (int i = 0; i < TEST_COUNT(known); i++)
        nearest_offer(&nearest, known[i]);
    if (cases[_i].best == NULL)
        ck_assert_ptr_null(nearest.best);
    else
        ck_assert_str_eq(nearest.best, cases[_i].best);
}
END_TEST

/* Whatever the order of offering, and each name once. */
START_TEST(equally_near)
{
    static const char *const offered[] = { "mode_d", "mode_b", "far_away", "mode_c", "mode_a", "mode_b", "mode_x" };
    struct nearest nearest;

    nearest_start(&nearest, "mode_y");
    ck_assert_str_eq(nearest_text(&nearest, test_pool), "");
    for (int i = 0; i < TEST_COUNT(offered); i++)
        nearest_offer(&nearest, offered[(i + _i) % TEST_COUNT(offered)]);
    ck_assert_str_eq(nearest_text(&nearest, test_pool), "; did you mean \"mode_a\", \"mode_b\" or \"mode_c\"?");
    nearest_offer(&nearest, "mode_yy");
    nearest_offer(&nearest, "mode_y");
    ck_assert_str_eq(nearest_text(&nearest, test_pool), "; did you mean \"mode_y\"?");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "nearest", 10);

    tcase_add_loop_test(tcase, best, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, equally_near, 0, 7);
}
TEST_MAIN("util/nearest", add)
