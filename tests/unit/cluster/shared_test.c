/* shared_test.c - objects by name in one machine, connections of the process, series
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/gauge/gauge.h"
#include "cluster/metrics/metrics.h"
#include "cluster/shared/bundle.h"
#include "cluster/shared/tally.h"
#include "runner.h"

/* ---- bundles ----------------------------------------------------------------------------------- */

static void *make(void)
{
    return calloc(1, sizeof(gauge_t));
}

static void destroy(void *state)
{
    gauge_free(state);
    free(state);
}

static void newcomer(void *local)
{
    gauge_tell_again(local, 1);
}

static const struct bundle_kind plain = { &gauge_machine, &gauge_local, make, destroy, NULL };
static const struct bundle_kind retelling = { &gauge_machine, &gauge_local, make, destroy, newcomer };
static const struct machine_type type = BUNDLE_TYPE("test", MESSAGE_GAUGE);

/* What `from` has to say, until it is silent, goes to `to`.  Returns how many messages that were. */
static int pass(bundle_t *from, bundle_t *to, bus_node_t node, apr_time_t now)
{
    struct machine_event event = { node, 1 };
    int count = 0;

    for (;; count++) {
        wire_writer_t writer = { 0 };
        int has_some = bundle_local.flush(from, &writer, now);
        wire_reader_t reader = wire_reader(writer.data, writer.length);

        ck_assert_uint_le(writer.length, BUS_MESSAGE_MAX);
        if (has_some)
            type.apply(to, &event, &reader);
        else
            ck_assert_uint_eq(writer.length, 0);
        wire_free(&writer);
        if (!has_some)
            return count;
    }
}

static apr_uint64_t sum(const bundle_t *bundle, const char *name, const char *key)
{
    const struct bundle_object *object = bundle_find(bundle, name);

    return object == NULL ? 0 : gauge_sum(object->state, key, strlen(key));
}

static apr_size_t written(const bundle_t *bundle, unsigned char *bytes, apr_size_t size)
{
    wire_writer_t writer = { 0 };
    apr_size_t length;

    type.write(bundle, &writer);
    length = writer.length;
    ck_assert_uint_le(length, size);
    if (length > 0)
        memcpy(bytes, writer.data, length);
    wire_free(&writer);
    return length;
}

START_TEST(objects_by_name)
{
    bundle_t one = { .kind = &plain }, two = { .kind = &plain };
    gauge_local_t a = { .max_pending = 1 }, b = { .max_pending = 1 };
    unsigned char bytes[2][1000];
    apr_size_t length;
    wire_reader_t reader;

    bundle_object(&one, "b", 1)->local = &b;
    bundle_object(&one, "a", 1)->local = &a;
    ck_assert_ptr_eq(bundle_object(&one, "a", 1), one.objects[0]);
    gauge_set(&a, "k", 1, 3, 1);
    gauge_set(&b, "k", 1, 5, 1);
    ck_assert_int_eq(pass(&one, &two, 7, 2), 2);
    ck_assert_uint_eq(sum(&two, "a", "k"), 3); /* though nobody has configured it there */
    ck_assert_uint_eq(sum(&two, "b", "k"), 5);
    length = written(&two, bytes[0], sizeof(bytes[0]));
    type.clear(&two);
    ck_assert_uint_eq(written(&two, bytes[1], sizeof(bytes[1])), 0); /* empty objects leave no trace */
    reader = wire_reader(bytes[0], length);
    ck_assert(type.read(&one, &reader));
    ck_assert_uint_eq(written(&one, bytes[1], sizeof(bytes[1])), length);
    ck_assert_mem_eq(bytes[0], bytes[1], length);
    for (apr_size_t cut = 1; cut < length; cut++) { /* never more than an error */
        type.clear(&two);
        reader = wire_reader(bytes[0], cut);
        (void)type.read(&two, &reader);
    }
    gauge_local_free(&a);
    gauge_local_free(&b);
    bundle_free(&one);
    bundle_free(&two);
}
END_TEST

START_TEST(too_many_objects)
{
    bundle_t bundle = { .kind = &plain };
    char name[80];

    memset(name, 'x', sizeof(name));
    ck_assert_ptr_null(bundle_object(&bundle, name, BUNDLE_NAME_MAX + 1));
    ck_assert_ptr_null(bundle_object(&bundle, "", 0));
    ck_assert_ptr_null(bundle_object(&bundle, "a\0b", 3));
    for (int i = 0; i < BUNDLE_OBJECTS_MAX; i++)
        ck_assert_ptr_nonnull(bundle_object(&bundle, name, (apr_size_t)i + 1));
    ck_assert_ptr_null(bundle_object(&bundle, "y", 1));
    ck_assert_ptr_nonnull(bundle_object(&bundle, "x", 1));
    bundle_free(&bundle);
}
END_TEST

/* The whole of a large object does not fit into a JOIN: what is missing there follows at once. */
START_TEST(a_large_join)
{
    enum { KEYS = 5000 };
    bundle_t one = { .kind = &plain }, two = { .kind = &plain };
    gauge_local_t local = { .max_pending = 100, .max_delay = apr_time_from_sec(1) };
    struct machine_event event = { 7, 1 };
    wire_writer_t writer = { 0 };
    wire_reader_t reader;
    char key[64];

    bundle_object(&one, "a", 1)->local = &local;
    for (int i = 0; i < KEYS; i++)
        gauge_set(&local, key, (apr_size_t)snprintf(key, sizeof(key), "key-%030d", i), 1, 1);
    bundle_local.join(&one, &writer, 2);
    ck_assert_uint_le(writer.length, 20000);
    reader = wire_reader(writer.data, writer.length);
    type.join(&two, &event, &reader);
    ck_assert_uint_gt(pass(&one, &two, 7, 2), 0);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key-%030d", i);
        ck_assert_uint_eq(sum(&two, "a", key), 1);
    }
    wire_free(&writer);
    gauge_local_free(&local);
    bundle_free(&one);
    bundle_free(&two);
}
END_TEST

/* Who keeps no state tells its own again to everybody who comes. */
START_TEST(deaf)
{
    bundle_t node = { .kind = &retelling, .is_deaf = 1 }, manager = { .kind = &retelling };
    gauge_local_t local = { .max_pending = 1 };
    struct lease_change joined = { .kind = LEASE_JOINED, .node = 9 };

    bundle_object(&node, "a", 1)->local = &local;
    gauge_set(&local, "k", 1, 3, 1);
    pass(&node, &node, 1, 2);
    ck_assert_uint_eq(sum(&node, "a", "k"), 0);
    ck_assert_int_eq(pass(&node, &manager, 1, 3), 0);
    type.change(&node, &joined);
    ck_assert_int_eq(pass(&node, &manager, 1, 4), 1);
    ck_assert_uint_eq(sum(&manager, "a", "k"), 3);
    gauge_local_free(&local);
    bundle_free(&node);
    bundle_free(&manager);
}
END_TEST

/* ---- connections --------------------------------------------------------------------------------- */

struct book {
    int wakes, open, opened, closed;
};

static void on_wake(void *baton)
{
    ((struct book *)baton)->wakes++;
}

static void on_told(void *baton, const struct tally_conn *conn, int by)
{
    struct book *book = baton;

    book->open += by;
    *(by > 0 ? &book->opened : &book->closed) += 1;
}

static ec_id_t id_of(int i)
{
    return (ec_id_t){ .slot = (apr_uint32_t)i, .process = 1, .counter = 2 };
}

static struct tally_conn from(const char *address)
{
    struct tally_conn conn = { .side = TALLY_IN, .domain = "", .binding = "", .group = "" };

    tally_address(&conn, address);
    return conn;
}

START_TEST(connections)
{
    struct book book = { 0 }, other = { 0 };
    struct tally_reader reader = { on_wake, on_told, &book }, later = { on_wake, on_told, &other };
    struct tally_conn conn = from("10.0.0.1");

    tally_hold();
    tally_open(id_of(1), &conn);
    tally_attach(&reader);
    ck_assert_int_eq(book.wakes, 1);
    ck_assert_int_eq(tally_read(&reader), 1);
    ck_assert_int_eq(tally_read(&reader), 0);
    tally_open(id_of(2), &conn);
    tally_open(id_of(2), &conn); /* the same one */
    tally_open(id_of(3), &conn);
    ck_assert_int_eq(book.wakes, 2); /* once, until it was looked at */
    tally_close(TALLY_IN, id_of(3));
    tally_read(&reader);
    ck_assert_int_eq(book.open, 2);
    ck_assert_int_eq(book.opened, 2); /* of the third nothing was to be told */
    tally_close(TALLY_IN, id_of(1));
    tally_close(TALLY_IN, id_of(1));
    tally_close(TALLY_IN, id_of(99)); /* from before we looked */
    tally_attach(&later);
    ck_assert_int_eq(tally_read(&reader), 0); /* it is not the reader any more */
    tally_read(&later);
    ck_assert_int_eq(other.open, 1);
    tally_detach(&reader); /* of the one that is no more: nothing */
    tally_open(id_of(4), &conn);
    tally_read(&later);
    ck_assert_int_eq(other.open, 2);
    tally_detach(&later);
    tally_close(TALLY_IN, id_of(2));
    tally_close(TALLY_IN, id_of(4));
    tally_attach(&reader);
    book.open = 0;
    tally_read(&reader);
    ck_assert_int_eq(book.open, 0);
    tally_detach(&reader);
    tally_release();
}
END_TEST

static apr_int64_t two_elsewhere(void *baton, const struct tally_conn *conn, int bits)
{
    return 2;
}

START_TEST(admission)
{
    struct tally_conn near = from("10.1.1.1"), same_net = from("::ffff:10.1.1.200"), far = from("10.1.2.1"),
                      six = from("2001:db8::1"), local = from("unix");
    struct tally_limit net = { .bits = 24, .limit = 4, .others = two_elsewhere }, all = net;

    all.bits = -1;
    all.limit = 7;
    tally_hold();
    ck_assert_int_eq(same_net.bytes, 4);
    ck_assert_int_eq(local.bytes, 0);
    ck_assert(tally_admit(id_of(1), &near, NULL)); /* counts, though it is not limited */
    ck_assert(tally_admit(id_of(2), &same_net, &net));
    ck_assert(!tally_admit(id_of(3), &near, &net));
    ck_assert(tally_admit(id_of(4), &far, &net));
    ck_assert(tally_admit(id_of(5), &six, &all));
    ck_assert(tally_admit(id_of(6), &local, &all));
    ck_assert(!tally_admit(id_of(7), &near, &all));
    tally_close(TALLY_IN, id_of(3)); /* was not let in: nothing */
    ck_assert(!tally_admit(id_of(3), &near, &net));
    tally_close(TALLY_IN, id_of(1));
    ck_assert(tally_admit(id_of(8), &near, &net));
    tally_release();
    tally_hold(); /* all is forgotten */
    ck_assert(tally_admit(id_of(8), &near, &net));
    tally_release();
}
END_TEST

/* ---- series ---------------------------------------------------------------------------------------- */

static apr_uint64_t own(const metrics_t *metrics, const char *key)
{
    return gauge_own_count(&metrics->counts, key, strlen(key));
}

START_TEST(series)
{
    metrics_t metrics = { .series = 1u << METRICS_CONNECT,
                          .max_pending = 10,
                          .max_delay = apr_time_from_sec(2) };
    apr_uint64_t totals[METRICS_COUNT] = { [METRICS_CONNECT] = 100, [METRICS_DELIVERY] = 5 };
    apr_time_t now = apr_time_from_sec(1000);

    metrics_look(&metrics, totals, now);
    ck_assert_uint_eq(own(&metrics, "connect"), 100);
    ck_assert_uint_eq(own(&metrics, "connect/minute"), 0);
    ck_assert_uint_eq(own(&metrics, "delivery"), 0); /* not wanted */
    totals[METRICS_CONNECT] = 105;
    metrics_look(&metrics, totals, now += apr_time_from_sec(1));
    ck_assert_uint_eq(own(&metrics, "connect"), 100); /* neither max_pending nor max_delay */
    totals[METRICS_CONNECT] = 112;
    metrics_look(&metrics, totals, now);
    ck_assert_uint_eq(own(&metrics, "connect"), 112); /* max_pending */
    ck_assert_uint_eq(own(&metrics, "connect/minute"), 12);
    ck_assert_int_le(metrics_next(&metrics, now), now + apr_time_from_msec(500));
    totals[METRICS_CONNECT] = 113;
    metrics_look(&metrics, totals, now += apr_time_from_sec(2));
    ck_assert_uint_eq(own(&metrics, "connect"), 113); /* max_delay */
    metrics_look(&metrics, totals, apr_time_from_sec(1059));
    ck_assert_uint_eq(own(&metrics, "connect/minute"), 13);
    metrics_look(&metrics, totals, apr_time_from_sec(1062));
    ck_assert_uint_eq(own(&metrics, "connect/minute"), 1);
    metrics_look(&metrics, totals, apr_time_from_sec(5000)); /* the thread was stopped for long */
    ck_assert_uint_eq(own(&metrics, "connect/minute"), 0);
    ck_assert_int_eq(metrics_find("TransFail"), METRICS_TRANSFAIL);
    ck_assert_int_eq(metrics_find("speed"), -1);
    metrics_free(&metrics);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "shared", 20);

    tcase_add_test(tcase, objects_by_name);
    tcase_add_test(tcase, too_many_objects);
    tcase_add_test(tcase, a_large_join);
    tcase_add_test(tcase, deaf);
    tcase_add_test(tcase, connections);
    tcase_add_test(tcase, admission);
    tcase_add_test(tcase, series);
}

TEST_MAIN("cluster/shared", add)
