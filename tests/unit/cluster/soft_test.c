/* soft_test.c - counts, networks, values, rates: the machines beside the limits
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/cache/cache.h"
#include "cluster/cidr/cidr.h"
#include "cluster/gauge/gauge.h"
#include "cluster/numbers/numbers.h"
#include "cluster/series/series.h"
#include "cluster/throttle/throttle.h"
#include "runner.h"

/* What a local half of `node` has to say goes into the state. */
static int pass(const struct machine_type *type, void *state, const struct machine_local *local_type,
                void *local, bus_node_t node, apr_time_t now)
{
    struct machine_event event = { node, 1 };
    wire_writer_t writer = { 0 };
    int has_some = local_type->flush(local, &writer, now);
    wire_reader_t reader = wire_reader(writer.data, writer.length);

    if (has_some)
        type->apply(state, &event, &reader);
    wire_free(&writer);
    return has_some;
}

START_TEST(gauges)
{
    struct lease_change gone = { .kind = LEASE_DEPARTED, .node = 2 };
    gauge_local_t one = { .max_delay = 1000, .max_pending = 3 },
                  two = { .max_delay = 1000, .max_pending = 3 };
    gauge_t state = { 0 };

    gauge_set(&one, "a", 1, 5, 10);
    gauge_set(&one, "a", 1, 6, 20);
    ck_assert(!pass(&gauge_machine, &state, &gauge_local, &one, 1, 900)); /* not yet */
    ck_assert(pass(&gauge_machine, &state, &gauge_local, &one, 1, 1010)); /* max_delay */
    for (int i = 0; i < 3; i++)
        gauge_set(&two, &"abc"[i], 1, 7, 20);
    ck_assert(pass(&gauge_machine, &state, &gauge_local, &two, 2, 21)); /* max_pending */
    ck_assert(gauge_sum(&state, "a", 1) == 13 && gauge_of(&state, "a", 1, 1) == 6);
    gauge_machine.change(&state, &gone);
    ck_assert(gauge_sum(&state, "a", 1) == 6 && gauge_sum(&state, "b", 1) == 0);
    gauge_set(&one, "a", 1, 0, 30);
    ck_assert(pass(&gauge_machine, &state, &gauge_local, &one, 1, 2000));
    ck_assert_uint_eq(state.keys.count, 0);
    ck_assert_uint_eq(one.keys.count, 0);
    gauge_machine.clear(&state);
    gauge_local_free(&one);
    gauge_local_free(&two);
}
END_TEST

START_TEST(networks)
{
    static const unsigned char a[] = { 10, 1, 2, 3 }, b[] = { 10, 1, 2, 200 }, c[] = { 10, 1, 9, 1 };
    gauge_local_t local = { .max_delay = 0, .max_pending = 1 };
    cidr_index_t index = { 0 };
    gauge_t state = { 0 };

    cidr_index_watch(&index, &state);
    ck_assert(cidr_index_add(&index, 4, 24));
    ck_assert(!cidr_index_add(&index, 4, 33));
    gauge_set(&local, (const char *)a, 4, 1, 1);
    gauge_set(&local, (const char *)b, 4, 2, 1);
    gauge_set(&local, (const char *)c, 4, 4, 1);
    pass(&cidr_machine, &state, &gauge_local, &local, 1, 2);
    ck_assert(cidr_index_add(&index, 4, 13)); /* also of what is there already */
    ck_assert(cidr_index_sum(&index, a, 4, 24) == 3);
    ck_assert(cidr_index_sum(&index, c, 4, 24) == 4);
    ck_assert(cidr_index_sum(&index, c, 4, 13) == 7);
    cidr_machine.clear(&state);
    ck_assert(cidr_index_sum(&index, c, 4, 13) == 0);
    ck_assert_uint_eq(index.sums.count, 0);
    ck_assert_uint_eq(index.addresses.count, 0);
    cidr_index_free(&index);
    gauge_local_free(&local);
}
END_TEST

/* Nothing is sent while a node is out of the cluster; what modules say meanwhile does not grow without end. */
START_TEST(a_cache_that_can_not_tell)
{
    static char value[CACHE_VALUE_MAX];
    cache_t state = { .max_size = 2 };
    int taken = 0;

    while (taken < 1000 && cache_set(&state, "key", 3, value, sizeof(value)))
        taken++;
    ck_assert_int_gt(taken, 10);
    ck_assert_int_lt(taken, 100);
    pass(&cache_machine, &state, &cache_local, &state, 1, 1);
    ck_assert(cache_set(&state, "key", 3, value, sizeof(value)));
    cache_free(&state);
}
END_TEST

START_TEST(caches)
{
    cache_t state = { .max_size = 2, .has_snapshot = 1 }, copy = { .max_size = 2, .has_snapshot = 1 };
    wire_writer_t writer = { 0 };
    wire_reader_t reader;
    apr_size_t length;

    cache_set(&state, "a", 1, "1", 1);
    cache_set(&state, "b", 1, "2", 1);
    ck_assert_ptr_null(cache_get(&state, "a", 1, &length)); /* not before it comes back in the order */
    pass(&cache_machine, &state, &cache_local, &state, 1, 1);
    cache_set(&state, "a", 1, "11", 2); /* set again: now b is the oldest */
    cache_set(&state, "c", 1, "3", 1);
    pass(&cache_machine, &state, &cache_local, &state, 1, 1);
    ck_assert_mem_eq(cache_get(&state, "a", 1, &length), "11", 2);
    ck_assert_ptr_null(cache_get(&state, "b", 1, &length));
    cache_machine.write(&state, &writer);
    reader = wire_reader(writer.data, writer.length);
    ck_assert(cache_machine.read(&copy, &reader));
    ck_assert_mem_eq(cache_get(&copy, "c", 1, &length), "3", 1);
    cache_set(&state, "c", 1, NULL, 0);
    pass(&cache_machine, &state, &cache_local, &state, 1, 1);
    ck_assert_ptr_null(cache_get(&state, "c", 1, &length));
    wire_free(&writer);
    ck_assert_uint_eq(copy.keys.count, 2);
    cache_limit(&copy, 1); /* a smaller one is smaller at once */
    ck_assert_uint_eq(copy.keys.count, 1);
    ck_assert_mem_eq(cache_get(&copy, "c", 1, &length), "3", 1);
    cache_free(&state);
    cache_free(&copy);
}
END_TEST

/* Ten in a second: whenever it is asked, never an eleventh in any second, and nearly ten in each. */
/* ---- audit series --------------------------------------------------------------------------------- */

static const ec_series_id_t minutes = { "a", EC_SERIES_STRING, 60, 3 };

static void expect_sum(const series_t *state, const char *key, enum series_whose whose, bus_node_t node, apr_int64_t newest,
                       apr_uint32_t first, apr_uint32_t second, apr_uint32_t third)
{
    apr_uint32_t counts[3];
    apr_int64_t found;

    ck_assert_int_eq(series_sum(state, &minutes, key, strlen(key), whose, node, &found, counts), newest != 0);
    ck_assert_int_eq(found, newest);
    ck_assert(counts[0] == first && counts[1] == second && counts[2] == third);
}

static void count_watch(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    ++*(int *)baton;
}

/* A state, written and read, is the same; cut anywhere it is refused or a part, and never more. */
static void check_snapshot(const struct machine_type *type, const void *state, void *copy)
{
    wire_writer_t writer = { 0 }, again = { 0 };
    wire_reader_t reader;

    type->write(state, &writer);
    reader = wire_reader(writer.data, writer.length);
    type->clear(copy);
    ck_assert(type->read(copy, &reader));
    type->write(copy, &again);
    ck_assert_uint_eq(again.length, writer.length);
    ck_assert_mem_eq(again.data, writer.data, writer.length);
    for (apr_size_t cut = 0; cut < writer.length; cut++) {
        type->clear(copy);
        reader = wire_reader(writer.data, cut);
        (void)type->read(copy, &reader);
    }
    type->clear(copy);
    wire_free(&writer);
    wire_free(&again);
}

START_TEST(series)
{
    struct lease_change gone = { .kind = LEASE_DEPARTED, .node = 2 };
    int watched = 0;
    series_t state = { .watch = count_watch, .baton = &watched }, copy = { 0 }, deaf = { .is_deaf = 1 };
    series_local_t one = { 0 }, two = { 0 };

    series_tell(&one, &minutes, "k", 1, 100, (apr_uint32_t[]){ 1, 2, 3 });
    ck_assert(pass(&series_machine, &state, &series_local, &one, 1, 1));
    ck_assert(!pass(&series_machine, &state, &series_local, &one, 1, 1));
    series_tell(&two, &minutes, "k", 1, 102, (apr_uint32_t[]){ 10, 0, 30 });
    series_tell(&two, &minutes, "l", 1, 102, (apr_uint32_t[]){ 5, 0, 0 });
    ck_assert(pass(&series_machine, &state, &series_local, &two, 2, 1));
    ck_assert_int_eq(watched, 3);
    expect_sum(&state, "k", SERIES_OF_ALL, 0, 102, 10, 0, 31); /* aligned by the numbers of windows */
    expect_sum(&state, "k", SERIES_OF_NODE, 1, 100, 1, 2, 3);
    expect_sum(&state, "k", SERIES_OF_OTHERS, 1, 102, 10, 0, 30);
    expect_sum(&state, "l", SERIES_OF_OTHERS, 2, 0, 0, 0, 0);
    check_snapshot(&series_machine, &state, &copy);
    series_tell(&two, &minutes, "k", 1, 102, (apr_uint32_t[]){ 10, 0, 30 }); /* said twice counts once */
    ck_assert(pass(&series_machine, &deaf, &series_local, &two, 2, 1));
    ck_assert_uint_eq(deaf.keys.count, 0);
    series_tell(&two, &minutes, "l", 1, 0, NULL);
    ck_assert(pass(&series_machine, &state, &series_local, &two, 2, 1));
    expect_sum(&state, "l", SERIES_OF_ALL, 0, 0, 0, 0, 0);
    ck_assert_uint_eq(state.keys.count, 1);
    watched = 0;
    series_machine.change(&state, &gone);
    ck_assert_int_eq(watched, 1);
    expect_sum(&state, "k", SERIES_OF_ALL, 0, 100, 1, 2, 3);
    series_machine.clear(&state);
    ck_assert_int_eq(watched, 2);
    ck_assert_uint_eq(state.bytes, 0);
    series_free(&state);
    series_local_free(&one);
    series_local_free(&two);
}
END_TEST

/* What would be more than there is room for is passed over; what goes makes room. */
START_TEST(series_are_bounded)
{
    series_t state = { .bytes = SERIES_BYTES_MAX - 1000 };
    series_local_t one = { 0 };

    series_tell(&one, &minutes, "k", 1, 100, (apr_uint32_t[]){ 1, 2, 3 });
    series_tell(&one, &minutes, "l", 1, 100, (apr_uint32_t[]){ 1, 2, 3 });
    series_tell(&one, &minutes, "m", 1, 100, (apr_uint32_t[]){ 1, 2, 3 });
    pass(&series_machine, &state, &series_local, &one, 1, 1);
    ck_assert_uint_eq(state.keys.count, 2);
    ck_assert_uint_le(state.bytes, SERIES_BYTES_MAX);
    series_tell(&one, &minutes, "k", 1, 100, NULL);
    series_tell(&one, &minutes, "m", 1, 100, (apr_uint32_t[]){ 7, 0, 0 });
    pass(&series_machine, &state, &series_local, &one, 1, 1);
    expect_sum(&state, "m", SERIES_OF_ALL, 0, 100, 7, 0, 0);
    series_free(&state);
    series_local_free(&one);
}
END_TEST

/* ---- gauge caches ----------------------------------------------------------------------------------- */

static void add_number(numbers_t *state, const char *key, apr_int64_t n, int is_cleared, int second, apr_size_t max_keys)
{
    numbers_local_t local = { 0 };
    ec_gauge_change_t change = { "g", max_keys, 60, key, strlen(key), is_cleared, n, apr_time_from_sec(1000 + second) };

    numbers_tell(&local, &change);
    ck_assert(pass(&numbers_machine, state, &numbers_local, &local, 1, 1));
    numbers_local_free(&local);
}

struct finding {
    const char *key;
    apr_int64_t value;
};

static int find(void *baton, const ec_gauge_change_t *value)
{
    struct finding *finding = baton;

    ck_assert_str_eq(value->cache, "g");
    if (strlen(finding->key) != value->length || memcmp(finding->key, value->key, value->length) != 0)
        return 1;
    finding->value = value->n;
    return 0;
}

/* -999: it is not there. */
static apr_int64_t number(const numbers_t *state, const char *key)
{
    struct finding finding = { key, -999 };

    numbers_each(state, find, &finding);
    return finding.value;
}

START_TEST(numbers)
{
    struct lease_change gone = { .kind = LEASE_DEPARTED, .node = 1 };
    numbers_t state = { 0 }, copy = { 0 };

    add_number(&state, "a", 5, 0, 0, 3);
    add_number(&state, "a", -7, 0, 10, 3);
    ck_assert_int_eq(number(&state, "a"), -2);
    numbers_machine.change(&state, &gone);
    ck_assert_int_eq(number(&state, "a"), -2); /* it stays */
    add_number(&state, "b", 1, 0, 20, 3);
    ck_assert_int_eq(number(&state, "a"), -2);
    add_number(&state, "a", 4, 0, 70, 3); /* its lifetime was over: it begins anew */
    ck_assert_int_eq(number(&state, "a"), 4);
    add_number(&state, "a", 1, 0, 65, 3); /* a clock that is behind */
    ck_assert_int_eq(number(&state, "a"), 5);
    check_snapshot(&numbers_machine, &state, &copy);
    add_number(&state, "c", 1, 0, 81, 3); /* b was over and is forgotten */
    ck_assert_int_eq(number(&state, "b"), -999);
    add_number(&state, "a", 8, 1, 82, 3);
    ck_assert_int_eq(number(&state, "a"), 8);
    add_number(&state, "c", 0, 1, 82, 3);
    ck_assert_int_eq(number(&state, "c"), -999);
    add_number(&state, "d", 1, 0, 82, 3);
    add_number(&state, "e", 1, 0, 82, 2); /* a most of 2: a goes */
    ck_assert_int_eq(number(&state, "a"), -999);
    ck_assert_uint_eq(state.keys, 2);
    check_snapshot(&numbers_machine, &state, &copy);
    ck_assert_uint_eq(copy.keys, 0);
    add_number(&state, "d", 0, 1, 82, 2);
    add_number(&state, "e", 0, 1, 82, 2);
    ck_assert_uint_eq(state.caches.count, 0);
    numbers_free(&state);
    numbers_free(&copy);
}
END_TEST

START_TEST(rates)
{
    struct lease_clock clock;
    struct lease_change joined = { .kind = LEASE_JOINED, .node = 1 };
    struct throttle_rate rate;
    limit_client_t client;
    limit_t state;
    apr_time_t sent[1000], now = 1000000;
    int count = 0;

    lease_clock_init(&clock, 1, 1);
    clock.until = apr_time_from_sec(1000);
    limit_init(&state, 1);
    limit_client_init(&client, &state, 1, 1, 1000, &clock, &throttle_events, NULL);
    throttle_rate_init(&rate, &client, "r", 1, 10, apr_time_from_sec(1), now);
    throttle_machine.change(&state, &joined);
    limit_client_local.active(&client, 1, now);
    throttle_want(&rate, 100, now);
    ck_assert(pass(&throttle_machine, &state, &limit_client_local, &client, 1, now));
    throttle_machine.heard(&state, 1, 5);
    for (; now < apr_time_from_sec(20); now += 777) {
        throttle_want(&rate, 100, now);
        while (count < 1000 && throttle_take(&rate, now))
            sent[count++] = now;
    }
    for (int i = 10; i < count; i++)
        ck_assert(sent[i] - sent[i - 10] >= apr_time_from_sec(1));
    ck_assert_int_ge(count, 19 * 10 * 95 / 100);
    throttle_machine.clear(&state);
    limit_client_free(&client);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "soft", 20);

    tcase_add_test(tcase, gauges);
    tcase_add_test(tcase, networks);
    tcase_add_test(tcase, caches);
    tcase_add_test(tcase, a_cache_that_can_not_tell);
    tcase_add_test(tcase, series);
    tcase_add_test(tcase, series_are_bounded);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, rates);
}

TEST_MAIN("cluster/soft", add)
