/* series_test.c - audit series: windows that pass, networks, room, what others have counted
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ec/series.h>

#include "runner.h"

static const apr_time_t start = apr_time_from_sec(1000000020); /* a minute begins here */

static ec_series_t *open_series(const char *name, ec_series_type_t type, int interval, int windows, apr_size_t max)
{
    ec_series_id_t id = { name, type, interval, windows };
    ec_series_t *series;

    ck_assert_int_eq(ec_series_open(&series, &id, max), APR_SUCCESS);
    return series;
}

static apr_time_t at(int seconds)
{
    return start + apr_time_from_sec(seconds);
}

static apr_uint64_t all(ec_series_t *series, const char *key, apr_time_t now)
{
    return ec_series_count(series, key, strlen(key), 0, EC_SERIES_WINDOWS_MAX, now);
}

static apr_uint64_t one(ec_series_t *series, const char *key, int window, apr_time_t now)
{
    return ec_series_count(series, key, strlen(key), window, window, now);
}

START_TEST(windows_pass)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 3, 10);

    ec_series_add(series, "k", 1, 1, at(0));
    ec_series_add(series, "k", 1, 2, at(59));
    ck_assert_uint_eq(one(series, "k", 0, at(59)), 3);
    ck_assert_uint_eq(one(series, "k", 0, at(60)), 0); /* the minute is over */
    ck_assert_uint_eq(one(series, "k", 1, at(60)), 3);
    ec_series_add(series, "k", 1, 10, at(60));
    ec_series_add(series, "k", 1, 100, at(120));
    ck_assert_uint_eq(all(series, "k", at(120)), 113);
    ck_assert_uint_eq(ec_series_count(series, "k", 1, 1, 2, at(120)), 13);
    ck_assert_uint_eq(ec_series_count(series, "k", 1, 2, 1, at(120)), 0);
    ck_assert_uint_eq(ec_series_count(series, "k", 1, 3, 9, at(120)), 0);
    ck_assert_uint_eq(all(series, "k", at(180)), 110); /* the first one has fallen out */
    ec_series_add(series, "k", 1, 1, at(180));         /* ... and its place is used anew */
    ck_assert_uint_eq(all(series, "k", at(180)), 111);
    ck_assert_uint_eq(one(series, "k", 0, at(180)), 1);
    ck_assert_uint_eq(all(series, "k", at(360)), 0);
    ec_series_add(series, "k", 1, 5, at(6000)); /* after a long pause nothing of before comes back */
    ck_assert_uint_eq(all(series, "k", at(6000)), 5);
    ec_series_add(series, "k", 1, 7, at(5940)); /* another loop's clock is behind */
    ck_assert_uint_eq(one(series, "k", 1, at(6000)), 7);
    ec_series_add(series, "k", 1, 7, at(0));
    ck_assert_uint_eq(all(series, "k", at(6000)), 12);
    ck_assert_uint_eq(one(series, "k", 0, at(5940)), 12); /* what is in the future is of the present */
    ec_series_close(series);
}
END_TEST

START_TEST(subtract_not_below_0)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 3, 10);

    ec_series_add(series, "k", 1, 5, at(0));
    ec_series_add(series, "k", 1, 3, at(60));
    ck_assert_uint_eq(ec_series_subtract(series, "k", 1, 4, at(60)), 4); /* newest first */
    ck_assert_uint_eq(one(series, "k", 0, at(60)), 0);
    ck_assert_uint_eq(one(series, "k", 1, at(60)), 4);
    ck_assert_uint_eq(ec_series_subtract(series, "k", 1, 100, at(60)), 4);
    ck_assert_uint_eq(all(series, "k", at(60)), 0);
    ck_assert_uint_eq(ec_series_subtract(series, "nobody", 6, 1, at(60)), 0);
    ec_series_add(series, "k", 1, 5, at(60));
    ck_assert_uint_eq(ec_series_subtract(series, "k", 1, 1, at(600)), 0); /* it is over */
    ec_series_add(series, "k", 1, APR_UINT32_MAX, at(600));
    ec_series_add(series, "k", 1, 9, at(600)); /* full is full */
    ck_assert_uint_eq(all(series, "k", at(600)), APR_UINT32_MAX);
    ck_assert(ec_series_remove(series, "k", 1));
    ck_assert(!ec_series_remove(series, "k", 1));
    ck_assert_uint_eq(all(series, "k", at(600)), 0);
    ec_series_close(series);
}
END_TEST

static void add_address(ec_series_t *series, const char *text, apr_uint32_t n)
{
    ec_series_network_t network;

    ck_assert(ec_series_network(&network, text));
    ec_series_add(series, network.address, (apr_size_t)network.bytes, n, at(0));
}

static apr_uint64_t of(ec_series_t *series, const char *text)
{
    ec_series_network_t network;

    ck_assert(ec_series_network(&network, text));
    return ec_series_count_network(series, &network, 0, 9, at(0));
}

START_TEST(networks)
{
    ec_series_t *series = open_series("a", EC_SERIES_CIDR, 60, 3, 10000), *texts;
    ec_series_network_t network;
    char text[40];

    add_address(series, "192.0.2.0", 1);
    add_address(series, "192.0.2.255", 2);
    add_address(series, "192.0.3.0", 4);
    add_address(series, "192.0.1.255", 8);
    add_address(series, "2001:db8::1", 16);
    add_address(series, "2001:db8:0:1::1", 32);
    add_address(series, "::ffff:192.0.2.7", 64); /* is IPv4 */
    ck_assert_uint_eq(of(series, "192.0.2.0/24"), 67);
    ck_assert_uint_eq(of(series, "192.0.2.0/23"), 71);
    ck_assert_uint_eq(of(series, "192.0.2.128/25"), 2);
    ck_assert_uint_eq(of(series, "192.0.2.7"), 64);
    ck_assert_uint_eq(of(series, "0.0.0.0/0"), 79);
    ck_assert_uint_eq(of(series, "2001:db8::/64"), 16);
    ck_assert_uint_eq(of(series, "2001:db8::/63"), 48);
    ck_assert_uint_eq(of(series, "::/0"), 48);
    for (int i = 0; i < 1000; i++) { /* more than one slice */
        snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250);
        add_address(series, text, 1);
    }
    ck_assert_uint_eq(of(series, "10.0.0.0/8"), 1000);
    ck_assert_uint_eq(of(series, "10.1.2.0/24"), 250);
    ec_series_add(series, "abc", 3, 1, at(0)); /* is no address */
    ck_assert_uint_eq(ec_series_info(series).keys, 1007);
    ck_assert(!ec_series_network(&network, "192.0.2.0/33"));
    ck_assert(!ec_series_network(&network, "example"));
    texts = open_series("b", EC_SERIES_STRING, 60, 3, 10);
    ec_series_add(texts, "abcd", 4, 1, at(0));
    ck_assert_uint_eq(of(texts, "0.0.0.0/0"), 0);
    ec_series_close(series);
    ec_series_close(texts);
}
END_TEST

START_TEST(those_counted_longest_ago_go)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 3, 3), *again;

    ec_series_add(series, "a", 1, 1, at(0));
    ec_series_add(series, "b", 1, 1, at(0));
    ec_series_add(series, "c", 1, 1, at(0));
    ec_series_add(series, "a", 1, 1, at(0));
    ec_series_add(series, "d", 1, 1, at(0));
    ck_assert_uint_eq(all(series, "a", at(0)), 2);
    ck_assert_uint_eq(all(series, "b", at(0)), 0);
    ck_assert_uint_eq(all(series, "d", at(0)), 1);
    ck_assert_uint_eq(ec_series_info(series).evicted, 1);
    ck_assert_uint_eq(ec_series_info(series).keys, 3);
    again = open_series("a", EC_SERIES_STRING, 60, 3, 1); /* a reload lowers it */
    ck_assert_ptr_eq(again, series);
    ck_assert_uint_eq(ec_series_info(series).keys, 1);
    ck_assert_uint_eq(ec_series_info(series).evicted, 3);
    ck_assert_uint_eq(all(series, "d", at(0)), 1);
    ec_series_close(series);
    ck_assert_uint_eq(all(again, "d", at(0)), 1); /* counts live as long as somebody has a reference */
    ec_series_close(again);
    ck_assert_ptr_null(ec_series_find("a", 60, 3));
    series = open_series("a", EC_SERIES_STRING, 60, 3, 3);
    ck_assert_uint_eq(all(series, "d", at(0)), 0);
    ec_series_close(series);
}
END_TEST

START_TEST(age)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 3, 10000);
    char key[20];

    for (int i = 0; i < 600; i++)
        ec_series_add(series, key, (apr_size_t)snprintf(key, sizeof(key), "%d", i), 1, at(i < 590 ? 0 : 120));
    ec_series_age(series, at(179));
    ck_assert_uint_eq(ec_series_info(series).keys, 600);
    ec_series_age(series, at(180));
    ck_assert_uint_eq(ec_series_info(series).keys, 10);
    ck_assert_uint_eq(ec_series_info(series).evicted, 0);
    ec_series_close(series);
}
END_TEST

START_TEST(names)
{
    static const ec_series_id_t wrong[] = {
        { "", EC_SERIES_CIDR, 60, 1 },   { "a b", EC_SERIES_CIDR, 60, 1 }, { "a/b", EC_SERIES_CIDR, 60, 1 },
        { "a", EC_SERIES_CIDR, 0, 1 },   { "a", EC_SERIES_CIDR, 60, 0 },   { "a", EC_SERIES_CIDR, 60, 1001 },
        { "a", (ec_series_type_t)7, 60, 1 },
    };
    ec_series_id_t id = { "a", EC_SERIES_STRING, 60, 3 };
    ec_series_t *series, *other, *many[EC_SERIES_MAX];
    char name[20];

    for (int i = 0; i < TEST_COUNT(wrong); i++)
        ck_assert_int_eq(ec_series_open(&series, &wrong[i], 1), EC_E_CONFIG);
    ck_assert_int_eq(ec_series_open(&series, &id, 0), EC_E_CONFIG);
    ck_assert_int_eq(ec_series_open(&series, &id, 1), APR_SUCCESS);
    id.type = EC_SERIES_CIDR;
    ck_assert_int_eq(ec_series_open(&other, &id, 1), EC_E_CONFIG);
    id.windows = 4;
    ck_assert_int_eq(ec_series_open(&other, &id, 1), APR_SUCCESS);
    ck_assert_ptr_ne(series, other);
    ec_series_close(series);
    ec_series_close(other);
    for (int i = 0; i < EC_SERIES_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        many[i] = open_series(name, EC_SERIES_CIDR, 1, 1, 1);
    }
    ck_assert_int_eq(ec_series_open(&series, &id, 1), EC_E_LIMIT);
    for (int i = 0; i < EC_SERIES_MAX; i++)
        ec_series_close(many[i]);
}
END_TEST

/* ---- sharing -------------------------------------------------------------------------------------- */

static int wants_a(void *baton, const ec_series_id_t *id)
{
    return id->name[0] == 'a';
}

struct told {
    int count;
    char text[200];
};

static void tell(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                 const apr_uint32_t *counts)
{
    struct told *told = baton;
    apr_size_t used = strlen(told->text);

    told->count++;
    if (counts == NULL)
        snprintf(told->text + used, sizeof(told->text) - used, "%s-%.*s ", id->name, (int)length, (const char *)key);
    else
        snprintf(told->text + used, sizeof(told->text) - used, "%s+%.*s=%u,%u ", id->name, (int)length,
                 (const char *)key, counts[0], counts[1]);
}

static void expect_told(const char *text)
{
    struct told told = { 0, "" };

    while (ec_series_tell(1, tell, &told) > 0)
        ;
    ck_assert_str_eq(told.text, text);
    ck_assert_uint_eq(ec_series_changes(), 0);
}

START_TEST(changes_are_told)
{
    ec_series_t *a = open_series("a", EC_SERIES_STRING, 60, 2, 2), *b = open_series("b", EC_SERIES_STRING, 60, 2, 2);

    ec_series_add(a, "x", 1, 1, at(0));
    expect_told("");
    ec_series_share(wants_a, NULL);
    expect_told("a+x=1,0 "); /* what was there before */
    ec_series_add(a, "x", 1, 1, at(60));
    ec_series_add(a, "x", 1, 1, at(60));
    ec_series_add(b, "x", 1, 1, at(60));
    ck_assert_uint_eq(ec_series_changes(), 1);
    expect_told("a+x=2,1 ");
    ec_series_add(a, "y", 1, 1, at(60));
    ec_series_add(a, "z", 1, 1, at(60)); /* x goes */
    expect_told("a+y=1,0 a+z=1,0 a-x ");
    ec_series_remove(a, "y", 1);
    ec_series_add(a, "y", 1, 5, at(60)); /* gone and back: only what it is now */
    ec_series_remove(a, "z", 1);
    expect_told("a+y=5,0 a-z ");
    ec_series_share(wants_a, NULL);
    expect_told("a+y=5,0 ");
    ec_series_age(a, at(600));
    expect_told("a-y ");
    ec_series_add(a, "y", 1, 5, at(600));
    ec_series_share(NULL, NULL);
    expect_told("");
    ec_series_share(wants_a, NULL);
    ec_series_close(a); /* with what was not told */
    expect_told("");
    ec_series_share(NULL, NULL);
    ec_series_close(b);
}
END_TEST

START_TEST(others_count)
{
    unsigned made = ec_series_made();
    ec_series_t *a = open_series("a", EC_SERIES_STRING, 60, 2, 2);
    ec_series_id_t id = ec_series_info(a).id;
    apr_int64_t number = apr_time_sec(at(60)) / 60;

    ck_assert_uint_ne(made, ec_series_made());
    ec_series_set_others(&id, "x", 1, number, (apr_uint32_t[]){ 5, 3 });
    ck_assert_uint_eq(all(a, "x", at(60)), 0); /* nothing is shared */
    ec_series_share(wants_a, NULL);
    ec_series_add(a, "x", 1, 1, at(60));
    ec_series_set_others(&id, "x", 1, number, (apr_uint32_t[]){ 5, 3 });
    ck_assert_uint_eq(one(a, "x", 0, at(60)), 6);
    ck_assert_uint_eq(one(a, "x", 1, at(60)), 3);
    ck_assert_uint_eq(all(a, "x", at(120)), 6);
    ec_series_set_others(&id, "x", 1, number, (apr_uint32_t[]){ 2, 0 });
    ck_assert_uint_eq(all(a, "x", at(60)), 3);
    ck_assert_uint_eq(ec_series_subtract(a, "x", 1, 9, at(60)), 1); /* others' counts are theirs */
    ec_series_set_others(&id, "y", 1, number, (apr_uint32_t[]){ 2, 0 });
    ec_series_set_others(&id, "z", 1, number, (apr_uint32_t[]){ 2, 0 }); /* bounded, too */
    ck_assert_uint_eq(ec_series_info(a).others_keys, 2);
    ec_series_set_others(&id, "z", 1, 0, NULL);
    ck_assert_uint_eq(ec_series_info(a).others_keys, 1);
    id.type = EC_SERIES_CIDR; /* another series of that name elsewhere */
    ec_series_set_others(&id, "wxyz", 4, number, (apr_uint32_t[]){ 2, 0 });
    ck_assert_uint_eq(ec_series_info(a).others_keys, 1);
    ec_series_share(NULL, NULL);
    ck_assert_uint_eq(ec_series_info(a).others_keys, 0);
    ec_series_close(a);
}
END_TEST

static int gather(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    char *text = baton;

    sprintf(text + strlen(text), "%.*s@%ld=%u,%u ", (int)length, (const char *)key,
            (long)(newest - apr_time_sec(start) / 60), counts[0], counts[1]);
    return strlen(text) < 30;
}

START_TEST(keys_out_and_in)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 2, 10);
    apr_int64_t number = apr_time_sec(start) / 60;
    char text[100] = "";

    ec_series_add(series, "bb", 2, 1, at(0));
    ec_series_add(series, "c", 1, 2, at(0));
    ec_series_add(series, "c", 1, 3, at(60));
    ec_series_keys(series, gather, text);
    ck_assert_str_eq(text, "c@1=3,2 bb@0=1,0 ");
    ec_series_put(series, "c", 1, number + 1, (apr_uint32_t[]){ 1, 1 }, at(60));
    ec_series_put(series, "d", 1, number + 2, (apr_uint32_t[]){ 1, 1 }, at(60)); /* of the future */
    ec_series_put(series, "e", 1, number - 1, (apr_uint32_t[]){ 1, 1 }, at(60)); /* over */
    ec_series_put(series, "f", 1, number + 1, (apr_uint32_t[]){ 0, 0 }, at(60));
    ec_series_put(series, "g", 1, number, (apr_uint32_t[]){ 1, 1 }, at(60));
    text[0] = '\0';
    ec_series_keys(series, gather, text);
    ck_assert_str_eq(text, "c@1=1,1 g@0=1,1 bb@0=1,0 ");
    ck_assert_uint_eq(all(series, "g", at(60)), 1);
    ec_series_close(series);
}
END_TEST

/* Against a plain list: keys of any order, removed and added. */
START_TEST(many_keys)
{
    enum { KEYS = 500, STEPS = 20000 };
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 2, KEYS);
    apr_uint32_t model[KEYS] = { 0 };
    apr_uint64_t state = 88172645463325252ull;
    char key[20];

    for (int i = 0; i < STEPS; i++) {
        int k = (int)((state ^= state << 13, state ^= state >> 7, state ^= state << 17) % KEYS);
        apr_size_t length = (apr_size_t)snprintf(key, sizeof(key), "%x", k * 7919);

        if (state >> 60 < 5) {
            ck_assert_int_eq(ec_series_remove(series, key, length), model[k] > 0);
            model[k] = 0;
        } else {
            ec_series_add(series, key, length, 1, at(0));
            model[k]++;
        }
    }
    for (int k = 0; k < KEYS; k++) {
        snprintf(key, sizeof(key), "%x", k * 7919);
        ck_assert_uint_eq(all(series, key, at(0)), model[k]);
    }
    ec_series_close(series);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------------------- */

enum { THREADS = 3, ADDS = 20000, SHARED_KEYS = 300 };

static void *count_much(void *baton)
{
    char key[20];

    for (int i = 0; i < ADDS; i++)
        ec_series_add(baton, key, (apr_size_t)snprintf(key, sizeof(key), "%d", i % SHARED_KEYS), 1, at(0));
    return NULL;
}

static void sum_up(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                   const apr_uint32_t *counts)
{
    apr_uint32_t *last = baton;
    char text[20] = "";

    memcpy(text, key, length);
    last[atoi(text)] = counts[0];
}

START_TEST(threads_count_and_one_tells)
{
    ec_series_t *series = open_series("a", EC_SERIES_STRING, 60, 2, 1000);
    apr_uint32_t last[SHARED_KEYS] = { 0 };
    ec_series_network_t network = { { 0 }, 4, 0 };
    pthread_t threads[THREADS];
    apr_uint64_t sum = 0;

    ec_series_share(wants_a, NULL);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_much, series), 0);
    for (int i = 0; i < 200; i++) {
        ec_series_tell(50, sum_up, last);
        ec_series_age(series, at(0));
        ec_series_count_network(series, &network, 0, 1, at(0));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    while (ec_series_tell(50, sum_up, last) > 0)
        ;
    for (int i = 0; i < SHARED_KEYS; i++)
        sum += last[i];
    ck_assert_uint_eq(sum, THREADS * ADDS); /* what was told last of each key is all that was counted */
    ck_assert_uint_eq(ec_series_changes(), 0);
    ec_series_share(NULL, NULL);
    ec_series_close(series);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "series", 20);

    tcase_add_test(tcase, windows_pass);
    tcase_add_test(tcase, subtract_not_below_0);
    tcase_add_test(tcase, networks);
    tcase_add_test(tcase, those_counted_longest_ago_go);
    tcase_add_test(tcase, age);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, changes_are_told);
    tcase_add_test(tcase, others_count);
    tcase_add_test(tcase, keys_out_and_in);
    tcase_add_test(tcase, many_keys);
    tcase_add_test(tcase, threads_count_and_one_tells);
}

TEST_MAIN("series/series", add)
