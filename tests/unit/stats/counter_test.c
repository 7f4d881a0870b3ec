/* counter_test.c - sums over threads, rows of ended threads, order of names
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "runner.h"
#include "stats/counter.h"

enum { THREADS = 4, EACH = 20000 };

static ec_counter_t *counter;

START_TEST(same_name_same_counter)
{
    char name[] = "test.same";
    ec_counter_t *made = ec_counter(name, "help");

    name[0] = 'X'; /* was copied */
    ck_assert_ptr_eq(ec_counter("test.same", "other help"), made);
    ck_assert_ptr_ne(ec_counter("test.other", "help"), made);
    ec_counter_add(made, 5);
    ec_counter_add(made, -2);
    ck_assert_int_eq(ec_counter_value(made), 3);
    ck_assert_int_eq(ec_counter_value(ec_counter("test.other", "help")), 0);
}
END_TEST

static void *count_in_own_row(void *unused)
{
    counter_thread_begin();
    for (int i = 0; i < EACH; i++) {
        ec_counter_add(counter, 1);
    }
    counter_thread_end();
    ec_counter_add(counter, 1); /* the shared row again */
    return NULL;
}

static void *count_in_shared_row(void *unused)
{
    for (int i = 0; i < EACH; i++) {
        ec_counter_add(counter, 1);
    }
    return NULL;
}

START_TEST(nothing_is_lost_over_threads)
{
    pthread_t threads[THREADS * 2];
    apr_int64_t last = 0;

    counter = ec_counter("test.threads", "help");
    for (int round = 0; round < 3; round++) { /* rows are used again by the next round's threads */
        for (int i = 0; i < THREADS; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, count_in_own_row, NULL), 0);
            ck_assert_int_eq(pthread_create(&threads[THREADS + i], NULL, count_in_shared_row, NULL), 0);
        }
        for (int i = 0; i < 1000; i++) { /* a reader never sees it go down */
            apr_int64_t value = ec_counter_value(counter);

            ck_assert_int_ge(value, last);
            last = value;
        }
        for (int i = 0; i < THREADS * 2; i++) {
            pthread_join(threads[i], NULL);
        }
        ck_assert_int_eq(ec_counter_value(counter), (round + 1) * (2 * THREADS * EACH + THREADS));
    }
}
END_TEST

static void expect(void *baton, const char *name, const char *help, apr_int64_t value)
{
    char *names = baton;

    strcat(names, name);
    strcat(names, " ");
    ck_assert_str_eq(help, "help");
    ck_assert_int_eq(value, name[0] == 'b' ? 2 : 0);
}

START_TEST(each_in_order_of_name)
{
    char names[100] = "";

    ec_counter("c", "help");
    ec_counter("a", "help");
    ec_counter_add(ec_counter("b", "help"), 2);
    ec_counter_each(expect, names);
    ck_assert_str_eq(names, "a b c ");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "counter", 60);

    tcase_add_test(tcase, same_name_same_counter);
    tcase_add_test(tcase, nothing_is_lost_over_threads);
    tcase_add_test(tcase, each_in_order_of_name);
}

TEST_MAIN("stats/counter", add)
