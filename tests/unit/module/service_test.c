/* service_test.c - who offers what: in force with the instance, by version, replaced without a gap
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_pools.h>

#include "module/service.h"
#include "runner.h"

static const int functions[3];

static ec_instance_t *instance_new(void)
{
    apr_pool_t *pool;
    ec_instance_t *instance;

    ck_assert_int_eq(apr_pool_create(&pool, NULL), APR_SUCCESS);
    instance = apr_pcalloc(pool, sizeof(*instance));
    instance->pool = pool;
    return instance;
}

static const void *get(const char *name, int version)
{
    void *self;
    const void *found = ec_service_get(ec_service(name), version, &self);

    ck_assert(found == NULL || self == found);
    return found;
}

static void offer(ec_instance_t *instance, const char *name, int version, const int *what)
{
    ec_service_offer(instance, name, version, what, (void *)what);
}

START_TEST(versions)
{
    ec_instance_t *one = instance_new();

    ck_assert_ptr_eq(ec_service("a"), ec_service("a"));
    ck_assert_ptr_null(get("a", 1));
    offer(one, "a", 2, &functions[0]);
    ck_assert_ptr_null(get("a", 1)); /* not in force yet */
    service_begin(one);
    ck_assert_ptr_eq(get("a", 1), &functions[0]);
    ck_assert_ptr_eq(get("a", 2), &functions[0]);
    ck_assert_ptr_null(get("a", 3));
    ck_assert_ptr_null(get("b", 1));
    service_end(one);
    ck_assert_ptr_null(get("a", 1));
    apr_pool_destroy(one->pool);
}
END_TEST

START_TEST(replaced)
{
    ec_instance_t *old = instance_new(), *new = instance_new();

    offer(old, "a", 1, &functions[0]);
    service_begin(old);
    offer(new, "a", 1, &functions[1]);
    ck_assert_ptr_eq(get("a", 1), &functions[0]); /* while the new one is prepared */
    service_starting(1);
    ck_assert_ptr_eq(get("a", 1), &functions[1]); /* for those that start with it */
    service_starting(0);
    service_begin(new);
    ck_assert_ptr_eq(get("a", 1), &functions[1]);
    service_end(old);
    ck_assert_ptr_eq(get("a", 1), &functions[1]);
    apr_pool_destroy(old->pool);
    ck_assert_ptr_eq(get("a", 1), &functions[1]);
    apr_pool_destroy(new->pool);
    ck_assert_ptr_null(get("a", 1));
}
END_TEST

START_TEST(rolled_back)
{
    ec_instance_t *old = instance_new(), *new = instance_new();

    offer(old, "a", 1, &functions[0]);
    service_begin(old);
    offer(new, "a", 1, &functions[1]);
    apr_pool_destroy(new->pool); /* it did not start */
    ck_assert_ptr_eq(get("a", 1), &functions[0]);
    service_starting(1);
    ck_assert_ptr_eq(get("a", 1), &functions[0]);
    service_starting(0);
    apr_pool_destroy(old->pool);
}
END_TEST

START_TEST(two_that_offer_the_same)
{
    ec_instance_t *one = instance_new(), *two = instance_new();

    offer(one, "a", 1, &functions[0]);
    offer(two, "a", 1, &functions[1]);
    service_begin(one);
    service_begin(two);
    ck_assert_ptr_eq(get("a", 1), &functions[1]);
    service_end(two);
    ck_assert_ptr_eq(get("a", 1), &functions[0]);
    apr_pool_destroy(two->pool);
    apr_pool_destroy(one->pool);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "service", 20);

    tcase_add_test(tcase, versions);
    tcase_add_test(tcase, replaced);
    tcase_add_test(tcase, rolled_back);
    tcase_add_test(tcase, two_that_offer_the_same);
}

TEST_MAIN("module/service", add)
