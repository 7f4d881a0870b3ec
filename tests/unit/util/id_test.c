/* id_test.c - ids: text form, order, uniqueness over threads
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <apr_time.h>
#include <ec/id.h>

#include "runner.h"

static const struct {
    ec_id_t id;
    const char *text;
} texts[] = {
    { { .slot = 0x4AC1DD6C, .process = 1, .counter = 1 }, "10/00-00001-C6DD1CA4" },
    { { .slot = 0x4AC1DD6C, .process = 12345, .counter = 0x12AB }, "BA/21-12345-C6DD1CA4" },
    { { .slot = 0, .process = 0, .counter = 0 }, "00/00-00000-00000000" },
    { { .slot = 0xFFFFFFFF, .process = 0xFFFFFFFF, .counter = 0xFFFF }, "FF/FF-4294967295-FFFFFFFF" },
    { { .slot = 0x01020304, .process = 1234567, .counter = 0x0102 }, "20/10-1234567-40302010" },
};

START_TEST(text_form)
{
    char text[EC_ID_TEXT];
    ec_id_t id;

    ck_assert_str_eq(ec_id_text(texts[_i].id, text), texts[_i].text);
    ck_assert(ec_id_parse(&id, texts[_i].text));
    ck_assert(ec_id_equal(id, texts[_i].id));
}
END_TEST

static const char *const not_ids[] = {
    "",
    "1",
    "10",
    "10/",
    "10/00",
    "10/00-",
    "10/00-00001",
    "10/00-00001-",
    "10/00-00001-C6DD1CA",
    "10/00-00001-C6DD1CA4 ",
    "10/00-00001-C6DD1CA44",
    "10/00-00001-c6dd1ca4",
    "10/00-0001-C6DD1CA4",
    "10/00-000001-C6DD1CA4",
    "10/00-4294967296-C6DD1CA4",
    "10/00-99999999999999999999999-C6DD1CA4",
    "10-00-00001-C6DD1CA4",
    "1G/00-00001-C6DD1CA4",
    "../..-00001-C6DD1CA4",
};

START_TEST(text_refused)
{
    ec_id_t id;

    ck_assert_msg(!ec_id_parse(&id, not_ids[_i]), "taken for an id: %s", not_ids[_i]);
}
END_TEST

START_TEST(null_id)
{
    ck_assert(ec_id_is_null((ec_id_t){ 0 }));
    ck_assert(!ec_id_is_null(ec_id_new()));
}
END_TEST

static int is_after(ec_id_t a, ec_id_t b)
{
    return a.slot > b.slot || (a.slot == b.slot && a.counter > b.counter);
}

/* More than a slot holds, so that the carry into the next slot is seen. */
START_TEST(grows)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    ec_id_t last = ec_id_new();

    ck_assert_uint_ge(last.slot, now);
    ck_assert_uint_eq(last.process, (apr_uint32_t)getpid());
    for (int i = 0; i < 200000; i++) {
        ec_id_t id = ec_id_new();

        ck_assert(is_after(id, last));
        last = id;
    }
    ck_assert_uint_ge(last.slot, now + 2);
}
END_TEST

START_TEST(raise_slot)
{
    apr_uint32_t slot = (apr_uint32_t)apr_time_sec(apr_time_now()) + 1000;
    ec_id_t id;

    ec_id_raise(slot);
    ec_id_raise(slot - 500);
    id = ec_id_new();
    ck_assert_uint_eq(id.slot, slot + 1);
    ck_assert_uint_eq(id.counter, 0);
}
END_TEST

enum { THREADS = 4, EACH = 40000 };

static apr_uint64_t issued[THREADS][EACH];

static void *issue(void *baton)
{
    apr_uint64_t *to = baton;

    for (int i = 0; i < EACH; i++) {
        ec_id_t id = ec_id_new();

        to[i] = (apr_uint64_t)id.slot << 16 | id.counter;
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    apr_uint64_t x = *(const apr_uint64_t *)a, y = *(const apr_uint64_t *)b;

    return x < y ? -1 : x > y;
}

START_TEST(unique_over_threads)
{
    apr_uint64_t *all = issued[0];
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, issue, issued[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    qsort(all, THREADS * EACH, sizeof *all, compare);
    for (int i = 1; i < THREADS * EACH; i++) {
        ck_assert_uint_ne(all[i - 1], all[i]);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "id", 30);

    tcase_add_loop_test(tcase, text_form, 0, TEST_COUNT(texts));
    tcase_add_loop_test(tcase, text_refused, 0, TEST_COUNT(not_ids));
    tcase_add_test(tcase, null_id);
    tcase_add_test(tcase, grows);
    tcase_add_test(tcase, raise_slot);
    tcase_add_test(tcase, unique_over_threads);
}

TEST_MAIN("util/id", add)
