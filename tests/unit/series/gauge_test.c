/* gauge_test.c - gauge caches: up, down, lifetimes, room, changes of other nodes
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <ec/gauge.h>

#include "runner.h"

static const apr_time_t start = apr_time_from_sec(1000000000);

static apr_time_t at(int seconds)
{
    return start + apr_time_from_sec(seconds);
}

static ec_gauge_t *open_gauge(const char *name, apr_size_t max, int ttl)
{
    ec_gauge_t *gauge;

    ck_assert_int_eq(ec_gauge_open(&gauge, name, max, ttl, 1), APR_SUCCESS);
    return gauge;
}

static apr_int64_t get(ec_gauge_t *gauge, const char *key, apr_time_t now)
{
    return ec_gauge_get(gauge, key, strlen(key), now);
}

START_TEST(up_and_down)
{
    ec_gauge_t *gauge = open_gauge("g", 10, 60), *again;

    ck_assert_int_eq(ec_gauge_add(gauge, "k", 1, 5, at(0)), 5);
    ck_assert_int_eq(ec_gauge_add(gauge, "k", 1, -7, at(30)), -2);
    ck_assert_int_eq(get(gauge, "k", at(89)), -2);
    ck_assert_int_eq(get(gauge, "k", at(90)), 0); /* 60 seconds after the last change */
    ck_assert_int_eq(ec_gauge_add(gauge, "k", 1, 1, at(90)), 1);
    ck_assert(ec_gauge_remove(gauge, "k", 1, at(91)));
    ck_assert(!ec_gauge_remove(gauge, "k", 1, at(91)));
    ck_assert_int_eq(get(gauge, "k", at(91)), 0);
    ck_assert_int_eq(ec_gauge_add(gauge, "", 0, 1, at(90)), 0);
    ck_assert_uint_eq(ec_gauge_info(gauge).keys, 0);
    ec_gauge_add(gauge, "k", 1, 3, at(91));
    again = ec_gauge_find("g");
    ec_gauge_close(gauge);
    ck_assert_int_eq(get(again, "k", at(91)), 3);
    ec_gauge_close(again);
    ck_assert_ptr_null(ec_gauge_find("g"));
    ck_assert_int_eq(ec_gauge_open(&gauge, "a b", 1, 1, 0), EC_E_CONFIG);
    ck_assert_int_eq(ec_gauge_open(&gauge, "a", 0, 1, 0), EC_E_CONFIG);
    ck_assert_int_eq(ec_gauge_open(&gauge, "a", 1, 0, 0), EC_E_CONFIG);
}
END_TEST

START_TEST(those_changed_longest_ago_go)
{
    ec_gauge_t *gauge = open_gauge("g", 2, 60);

    ec_gauge_add(gauge, "a", 1, 1, at(0));
    ec_gauge_add(gauge, "b", 1, 1, at(0));
    ec_gauge_add(gauge, "a", 1, 1, at(0));
    ec_gauge_add(gauge, "c", 1, 1, at(0));
    ck_assert_int_eq(get(gauge, "a", at(0)), 2);
    ck_assert_int_eq(get(gauge, "b", at(0)), 0);
    ck_assert_uint_eq(ec_gauge_info(gauge).evicted, 1);
    ec_gauge_close(gauge);
}
END_TEST

static void tell(void *baton, const ec_gauge_change_t *change)
{
    char *text = baton;

    sprintf(text + strlen(text), "%s:%.*s%s%+ld@%ld ", change->cache, (int)change->length, (const char *)change->key,
            change->is_cleared ? "=0" : "", (long)change->n, (long)apr_time_sec(change->time - start));
}

static void expect_told(const char *want)
{
    char text[300] = "";

    while (ec_gauge_tell(1, tell, text) > 0)
        ;
    ck_assert_str_eq(text, want);
    ck_assert_uint_eq(ec_gauge_changes(), 0);
}

static void apply(const char *key, apr_int64_t n, int is_cleared, apr_time_t time)
{
    ec_gauge_change_t change = { "g", 10, 60, key, strlen(key), is_cleared, n, time };

    ec_gauge_apply(&change);
}

static void fill(const char *key, apr_int64_t n, apr_time_t time)
{
    ec_gauge_change_t value = { "g", 10, 60, key, strlen(key), 0, n, time };

    ec_gauge_fill(&value);
}

START_TEST(changes_are_told)
{
    ec_gauge_t *gauge = open_gauge("g", 10, 60), *own;

    ec_gauge_add(gauge, "a", 1, 3, at(0));
    expect_told("");
    ec_gauge_share(1);
    expect_told("g:a+3@0 "); /* what was there before */
    ec_gauge_add(gauge, "a", 1, 2, at(1));
    ec_gauge_add(gauge, "a", 1, -1, at(2));
    expect_told("g:a+1@2 ");
    ec_gauge_remove(gauge, "a", 1, at(3));
    ck_assert_int_eq(get(gauge, "a", at(3)), 0);
    expect_told("g:a=0+0@3 ");
    ck_assert_uint_eq(ec_gauge_info(gauge).keys, 0);
    ec_gauge_add(gauge, "a", 1, 2, at(4));
    ec_gauge_remove(gauge, "a", 1, at(5));
    ec_gauge_add(gauge, "a", 1, 7, at(6));
    expect_told("g:a=0+7@6 ");
    ck_assert_int_eq(ec_gauge_open(&own, "own", 10, 60, 0), APR_SUCCESS);
    ec_gauge_add(own, "a", 1, 1, at(6));
    expect_told("");
    ec_gauge_close(own);
    ec_gauge_share(0);
    ec_gauge_close(gauge);
}
END_TEST

START_TEST(changes_of_others)
{
    ec_gauge_t *gauge;

    ec_gauge_share(1);
    gauge = open_gauge("g", 10, 60);
    apply("a", 5, 0, at(0)); /* it waits: the state that it is filled with has this */
    ck_assert_int_eq(get(gauge, "a", at(0)), 0);
    ec_gauge_add(gauge, "a", 1, 1, at(0));
    ck_assert(ec_gauge_waits());
    fill("a", 5, at(0));
    ec_gauge_filled();
    ck_assert(!ec_gauge_waits());
    ck_assert_int_eq(get(gauge, "a", at(0)), 6);
    expect_told("g:a+1@0 ");
    apply("a", -4, 0, at(30));
    ck_assert_int_eq(get(gauge, "a", at(89)), 2);
    ck_assert_int_eq(get(gauge, "a", at(90)), 0);
    apply("a", 3, 0, at(90)); /* after its end it begins anew, as it does elsewhere */
    ck_assert_int_eq(get(gauge, "a", at(90)), 3);
    ec_gauge_add(gauge, "a", 1, 10, at(91));
    apply("a", 0, 1, at(91)); /* another node has removed it; what was added here comes after that */
    ck_assert_int_eq(get(gauge, "a", at(91)), 10);
    expect_told("g:a+10@91 ");
    apply("a", 0, 1, at(92));
    ck_assert_uint_eq(ec_gauge_info(gauge).keys, 0);

    ec_gauge_add(gauge, "b", 1, 4, at(92));
    expect_told("g:b+4@92 ");
    ec_gauge_add(gauge, "b", 1, 2, at(92));
    ec_gauge_reset(); /* another state is in force: ours is in it, but for what was not told */
    ck_assert_int_eq(get(gauge, "b", at(92)), 2);
    ck_assert(ec_gauge_waits());
    fill("b", 4, at(92));
    fill("c", 9, at(92));
    ec_gauge_filled();
    ck_assert_int_eq(get(gauge, "b", at(92)), 6);
    ck_assert_int_eq(get(gauge, "c", at(92)), 9);
    ec_gauge_share(0);
    ec_gauge_close(gauge);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "gauge", 20);

    tcase_add_test(tcase, up_and_down);
    tcase_add_test(tcase, those_changed_longest_ago_go);
    tcase_add_test(tcase, changes_are_told);
    tcase_add_test(tcase, changes_of_others);
}

TEST_MAIN("series/gauge", add)
