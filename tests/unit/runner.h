/* runner.h - the main of a unit test, and a pool for every test
 * SPDX-License-Identifier: Apache-2.0
 *
 * A test file declares its cases and ends in TEST_MAIN("room/file", cases...), each of
 * which gets a Suite to add to.  Run with CK_FORK=no to debug. */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <stdlib.h>

#include <check.h>
#include <apr_general.h>
#include <apr_pools.h>

#define TEST_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/** Fresh for every test. */
static apr_pool_t *test_pool;

static void test_setup(void)
{
    ck_assert_int_eq(apr_pool_create(&test_pool, NULL), APR_SUCCESS);
}

static void test_teardown(void)
{
    apr_pool_destroy(test_pool);
}

/** Add a case whose tests find `test_pool` ready; `seconds` is its time limit. */
static inline TCase *test_case(Suite *suite, const char *name, double seconds)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, test_setup, test_teardown);
    tcase_set_timeout(tcase, seconds);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static inline int test_run(const char *name, void (*add)(Suite *))
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    apr_initialize();
    add(suite);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    apr_terminate();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/** `add` puts the cases of this file into the suite. */
#define TEST_MAIN(name, add)        \
    int main(void)                  \
    {                               \
        return test_run(name, add); \
    }

#endif
