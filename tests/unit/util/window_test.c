/* window_test.c - rates against a model that remembers every use: never too many in any window, few wasted
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/window.h>

#include "runner.h"

enum { USES = 4000 };

static apr_uint64_t state;

static apr_uint64_t next_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static const struct {
    apr_interval_time_t window;
    apr_int64_t limit;
    apr_int64_t pause; /* between tries, at most */
} rates[] = {
    { 1000000, 1, 20000 },  { 1000000, 7, 20000 },
    { 1000000, 1000, 900 }, { APR_TIME_C(3600000000), 50, 90000000 },
    { 129, 3, 5 },          { 1, 1, 3 },
    { 100, 10, 2 },         { 60000000, 500, 200000 },
};

/* Each use at `uses[i]` and the one `limit` uses later are more than a window apart. */
static void check_windows(const apr_time_t *uses, int n, apr_int64_t limit, apr_interval_time_t window)
{
    for (int i = 0; i + limit < n; i++) {
        ck_assert_msg(uses[i + limit] - uses[i] > window, "%d: %ld uses in %ld", i, (long)limit + 1,
                      (long)(uses[i + limit] - uses[i]));
    }
}

START_TEST(never_more_in_any_window)
{
    static apr_time_t uses[USES];
    const apr_interval_time_t window = rates[_i].window;
    ec_window_t rate;
    apr_time_t now;
    int n = 0;

    state = 1234567 + (apr_uint64_t)_i;
    now = (apr_time_t)(next_number() % 1000000000);
    ec_window_init(&rate, window, now);
    while (n < USES) {
        now += (apr_time_t)(next_number() % (apr_uint64_t)rates[_i].pause);
        ec_window_age(&rate, now);
        for (int k = (int)(next_number() % 8); k > 0 && rate.total < rates[_i].limit && n < USES; k--) {
            ec_window_use(&rate, now, 1);
            uses[n++] = now;
        }
        if (next_number() % 4 == 0 && n > 0 && uses[n - 1] == now) {
            ec_window_unuse(&rate, now, now);
            n--;
        }
    }
    check_windows(uses, n, rates[_i].limit, window);
}
END_TEST

/* Who takes all that there is, as soon as it is there, gets 95% and more. */
START_TEST(little_is_wasted)
{
    const apr_interval_time_t window = rates[_i].window;
    ec_window_t rate;
    apr_time_t now = 77, end = now + 20 * window;
    apr_int64_t n = 0;

    ec_window_init(&rate, window, now);
    while (now < end) {
        ec_window_age(&rate, now);
        n += rates[_i].limit - rate.total;
        ec_window_use(&rate, now, (apr_uint32_t)(rates[_i].limit - rate.total));
        ck_assert_int_gt(ec_window_next(&rate), now + window);
        now = ec_window_next(&rate);
    }
    if (window >= 1000) { /* shorter ones have parts of a microsecond */
        ck_assert_int_ge(n * 100, 20 * rates[_i].limit * 95);
    }
}
END_TEST

/* What is undone later than in its own part of time: another one rests on in its place, and none too short.
 */
START_TEST(undone_late)
{
    enum { WINDOW = 128000 };
    ec_window_t rate;

    ec_window_init(&rate, WINDOW, 0);
    ec_window_use(&rate, 0, 1);
    ec_window_age(&rate, 50000);
    ec_window_use(&rate, 50000, 1);
    ec_window_age(&rate, 60000);
    ec_window_unuse(&rate, 50000, 60000);
    ck_assert_int_eq(rate.total, 1);
    ck_assert_int_gt(ec_window_next(&rate), 50000 + WINDOW);
    ec_window_age(&rate, 60000 + 2 * WINDOW);
    ck_assert_int_eq(ec_window_next(&rate), 0);
    ec_window_unuse(&rate, 50000, 60000 + 2 * WINDOW);
    ck_assert_int_eq(rate.total, 0);
}
END_TEST

/* What happens later than it was permitted rests from then; what has rested already can not be moved. */
START_TEST(moved)
{
    enum { WINDOW = 128000 };
    ec_window_t rate;

    ec_window_init(&rate, WINDOW, 0);
    ec_window_use(&rate, 0, 1);
    ec_window_age(&rate, 50000);
    ck_assert_int_eq(ec_window_move(&rate, 0, 50000), 1);
    ec_window_age(&rate, 50000);
    ck_assert_int_eq(rate.total, 1);
    ck_assert_int_gt(ec_window_next(&rate), 50000 + WINDOW);
    ec_window_age(&rate, 60000 + 2 * WINDOW);
    ck_assert_int_eq(ec_window_move(&rate, 50000, 60000 + 2 * WINDOW), 0);
    ck_assert_int_eq(rate.total, 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "window", 30);

    tcase_add_loop_test(tcase, never_more_in_any_window, 0, TEST_COUNT(rates));
    tcase_add_loop_test(tcase, little_is_wasted, 0, TEST_COUNT(rates));
    tcase_add_test(tcase, undone_late);
    tcase_add_test(tcase, moved);
}

TEST_MAIN("util/window", add)
