/* retry_test.c - the arithmetic of retries
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/retry.h"

#include "runner.h"

static const struct {
    int interval, longest, n;
    int want;
} delays[] = {
    { 1200, 43200, 1, 1200 },
    { 1200, 43200, 2, 2400 },
    { 1200, 43200, 6, 38400 },
    { 1200, 43200, 7, 43200 },
    { 1200, 43200, 60000, 43200 },
    { 60, 60, 5, 60 },
    { 0, 0, 1, 1 },
    { 0, 10, 9, 10 },
    { 500, 100, 1, 100 },
};

START_TEST(delay)
{
    retry_rules_t rules = { .interval = apr_time_from_sec(delays[_i].interval),
                            .longest = apr_time_from_sec(delays[_i].longest) };

    ck_assert_int_eq(retry_delay(&rules, delays[_i].n), apr_time_from_sec(delays[_i].want));
}
END_TEST

static const struct {
    int interval, longest, expiration, want;
} fits[] = {
    { 1200, 43200, 86400, 6 }, /* at 1200, 3600, 8400, 18000, 37200, 75600; the next one comes after 86400 */
    { 1200, 43200, 604800, 18 }, /* six, then every 43200 seconds */
    { 1200, 43200, 1199, 0 },    { 1200, 43200, 1200, 1 }, { 10, 10, 100, 10 }, { 0, 0, 5, 5 },
    { 100, 50, 100, 2 },
};

START_TEST(fitting)
{
    retry_rules_t rules = { .interval = apr_time_from_sec(fits[_i].interval),
                            .longest = apr_time_from_sec(fits[_i].longest),
                            .expiration = apr_time_from_sec(fits[_i].expiration) };

    ck_assert_int_eq(retry_count_fitting(&rules), fits[_i].want);
}
END_TEST

static const struct {
    int limit, never, n, age;
    retry_verdict_t want;
} verdicts[] = {
    { 2, 0, 1, 1, RETRY_AGAIN },     { 2, 0, 2, 1, RETRY_AGAIN },      { 2, 0, 3, 1, RETRY_TOO_OFTEN },
    { 0, 0, 1, 1, RETRY_TOO_OFTEN }, { -1, 0, 9999, 99, RETRY_AGAIN }, { -1, 0, 1, 100, RETRY_TOO_OLD },
    { 9, 1, 1, 1, RETRY_TOO_OFTEN },
};

START_TEST(verdict)
{
    retry_rules_t rules = { .expiration = apr_time_from_sec(100),
                            .limit = verdicts[_i].limit,
                            .never = verdicts[_i].never };

    ck_assert_int_eq(retry_verdict(&rules, verdicts[_i].n, apr_time_from_sec(verdicts[_i].age)),
                     verdicts[_i].want);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "retry", 10);

    tcase_add_loop_test(tcase, delay, 0, TEST_COUNT(delays));
    tcase_add_loop_test(tcase, fitting, 0, TEST_COUNT(fits));
    tcase_add_loop_test(tcase, verdict, 0, TEST_COUNT(verdicts));
}

TEST_MAIN("queue/retry", add)
