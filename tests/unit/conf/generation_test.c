/* generation_test.c - generations: counted, put in force, taken up by loops between events
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>

#include <ec/loop.h>

#include "runner.h"
#include "conf/loading.h"
#include "event/runtime.h"

static conf_t *load(int n)
{
    return load_right(apr_psprintf(test_pool, "retry_interval = %d", n), NULL, test_pool);
}

static int value_of(conf_t *conf)
{
    return (int)conf_int(conf_global(conf), CONF_O_RETRY_INTERVAL);
}

START_TEST(numbers)
{
    conf_t *first = load(1), *refused = load(2), *second = load(3);
    apr_uint64_t number;

    ck_assert_uint_eq(conf_generation(first), 0);
    conf_install(conf_ref(first));
    number = conf_generation(first);
    ck_assert_uint_gt(number, 0);
    conf_unref(refused);                        /* what never came into force takes no number */
    conf_install(conf_ref(second));
    ck_assert_uint_eq(conf_generation(second), number + 1);
    ck_assert_ptr_eq(conf_latest(), second);
    conf_install(NULL);
    conf_unref(first);
    conf_unref(second);
}
END_TEST

START_TEST(without_loops)
{
    conf_t *held;

    ck_assert_ptr_null(conf_current());
    ck_assert_ptr_null(conf_current_ref());
    conf_install(load(1));
    ck_assert_int_eq(value_of(conf_current()), 1);
    held = conf_current_ref();
    conf_install(load(2));
    ck_assert_int_eq(value_of(conf_current()), 2);
    ck_assert_int_eq(value_of(held), 1);        /* whoever holds a reference may go on reading */
    conf_unref(held);
    conf_install(NULL);
    ck_assert_ptr_null(conf_current());
}
END_TEST

static _Atomic int taken_up[2];
static _Atomic int last_value[2];

static void on_change(void *baton, conf_t *conf)
{
    int index = ec_loop_index(ec_loop_self());

    ck_assert_ptr_eq(conf_current(), conf);
    last_value[index] = value_of(conf);
    taken_up[index]++;
}

static int both_have(void *baton)
{
    int want = *(int *)baton;

    return last_value[0] == want && last_value[1] == want;
}

static void during_an_event(void *baton)
{
    conf_t *before = conf_current();

    conf_install(load(8));
    ck_assert_ptr_eq(conf_current(), before);   /* borrowed: stays until the callback ends */
    ck_assert_int_eq(value_of(before), 7);
    *(int *)baton = 1;
}

START_TEST(loops)
{
    int want = 5, done = 0;
    ec_post_t post;

    ck_assert_int_eq(event_runtime_create(2, NULL, test_pool), APR_SUCCESS);
    conf_on_change(on_change, NULL);
    conf_install(load(4));
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    want = 4;
    ck_assert(event_run_until(ec_loop_at(0), both_have, &want, 1000));
    for (want = 5; want < 8; want++) {
        conf_install(load(want));
        ck_assert(event_run_until(ec_loop_at(0), both_have, &want, 1000));
    }
    ec_loop_post(ec_loop_at(0), &post, during_an_event, &done);
    want = 8;
    ck_assert(event_run_until(ec_loop_at(0), both_have, &want, 1000));
    ck_assert_int_eq(done, 1);
    for (int i = 0; i < 200; i++)               /* faster than the loops look: they end at the last one */
        conf_install(load(100 + i));
    want = 299;
    ck_assert(event_run_until(ec_loop_at(0), both_have, &want, 1000));
    event_runtime_destroy();
    conf_install(NULL);
}
END_TEST

/* Views are made from several threads at a time while generations change. */
static void *reader(void *baton)
{
    for (int i = 0; i < 2000; i++) {
        conf_t *conf = conf_current_ref();
        char name[32];

        apr_snprintf(name, sizeof(name), "%d.com", i % 50);
        ck_assert_int_eq(conf_int(conf_outbound(conf, NULL, "b", name), CONF_O_IDLE_TIMEOUT), i % 50 == 7 ? 7 : 3);
        conf_unref(conf);
    }
    return NULL;
}

START_TEST(threads)
{
    static const char text[] = "domain 7.com { idle_timeout = 7 } domain \"/com$/\" { idle_timeout = 3 } "
                               "match_cache_size = 8";
    pthread_t ids[3];

    conf_install(load_right(text, NULL, test_pool));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&ids[i], NULL, reader, NULL), 0);
    for (int i = 0; i < 50; i++)
        conf_install(load_right(text, NULL, test_pool));
    for (int i = 0; i < 3; i++)
        pthread_join(ids[i], NULL);
    conf_install(NULL);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "generation", 120);

    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, without_loops);
    tcase_add_test(tcase, loops);
    tcase_add_test(tcase, threads);
}
TEST_MAIN("conf/generation", add)
