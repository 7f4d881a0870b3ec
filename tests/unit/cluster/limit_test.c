/* limit_test.c - slots of a cluster-wide limit: who gets, who gives, what is kept back
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/limit/limit.h"
#include "runner.h"

static limit_t limit;
static lease_t lease;
static apr_uint64_t position;
static int is_unleased; /* whoever comes in has no lease */

static void on_change(void *baton, const struct lease_change *change)
{
    struct lease_change placed = *change;

    placed.position = position;
    limit_machine.change(&limit, &placed);
}

/* Nodes 1, 2, 3 are active; nothing is frozen. */
static void begin(void)
{
    position = 0;
    limit_init(&limit, 0);
    lease_start(&lease, 0, 0, on_change, NULL);
    for (bus_node_t node = 1; node <= 3; node++) {
        ck_assert(lease_join(&lease, node, node * 100, 1));
        lease_joined(&lease, node);
    }
    lease_release(&lease, lease.departures[0].number);
    ck_assert_int_eq(lease.departure_count, 0);
}

static void say_to(void (*to)(void *, const struct machine_event *, wire_reader_t *), bus_node_t node,
                   apr_uint32_t units, apr_uint32_t target, apr_uint32_t give)
{
    struct limit_record record = { "k", 1, units, target, give, is_unleased };
    struct machine_event event = { node, ++position };
    wire_writer_t writer = { 0 };
    wire_reader_t reader;

    limit_record_write(&writer, &record);
    reader = wire_reader(writer.data, writer.length);
    to(&limit, &event, &reader);
    wire_free(&writer);
    ck_assert(limit_is_sound(&limit));
}

static void say(bus_node_t node, apr_uint32_t units, apr_uint32_t target, apr_uint32_t give)
{
    say_to(limit_machine.apply, node, units, target, give);
}

static void confirm(bus_node_t node)
{
    limit_machine.heard(&limit, node, position);
}

static void expect(bus_node_t node, apr_uint32_t firm, apr_uint32_t fresh)
{
    const struct limit_key *key = limit_find(&limit, "k", 1);
    const struct limit_entry *entry = key == NULL ? NULL : limit_entry_of(key, node);

    ck_assert_uint_eq(entry == NULL ? 0 : entry->firm, firm);
    ck_assert_uint_eq(entry == NULL ? 0 : entry->fresh, fresh);
}

START_TEST(grants_and_confirms)
{
    begin();
    say(1, 7, 5, 0);
    expect(1, 0, 5);
    confirm(1);
    expect(1, 5, 0);
    say(2, 7, 5, 0);
    expect(2, 0, 2); /* what is left */
    say(1, 7, 5, 2); /* gives two, still wants five: first the one that has less, then the one that waited */
    expect(1, 3, 1);
    expect(2, 0, 3);
    say(1, 7, 0, 4); /* fresh ones can not be given: they were not confirmed */
    expect(1, 0, 1);
    confirm(1);
    say(1, 7, 0, 1);
    expect(1, 0, 0);
    expect(2, 0, 5);
    confirm(2);
    say(2, 7, 0, 5);
    ck_assert_ptr_null(limit_find(&limit, "k", 1));
    limit_machine.clear(&limit);
}
END_TEST

START_TEST(fair_from_the_start)
{
    begin();
    say(1, 50, 50, 0);
    confirm(1);
    say(2, 50, 50, 0);
    say(3, 50, 50, 0);
    for (int round = 0; round < 4; round++) {
        for (bus_node_t node = 1; node <= 3; node++) {
            apr_uint32_t now, turn;

            limit_yield(limit_find(&limit, "k", 1), node, &now, &turn);
            confirm(node);
            if (now > 0)
                say(node, 50, 50, now);
        }
    }
    for (bus_node_t node = 1; node <= 3; node++) {
        confirm(node);
        ck_assert(limit_entry_of(limit_find(&limit, "k", 1), node)->firm >= 16);
    }
    limit_machine.clear(&limit);
}
END_TEST

/* One slot, three nodes: it goes round. */
START_TEST(one_goes_round)
{
    int had[4] = { 0 };

    begin();
    for (bus_node_t node = 1; node <= 3; node++)
        say(node, 1, 1, 0);
    for (int turns = 0; turns < 30; turns++) {
        for (bus_node_t node = 1; node <= 3; node++) {
            apr_uint32_t now, turn;

            confirm(node);
            limit_yield(limit_find(&limit, "k", 1), node, &now, &turn);
            ck_assert_uint_eq(now, 0);
            if (turn > 0) {
                had[node]++;
                say(node, 1, 1, 1);
            }
        }
    }
    ck_assert_int_ge(had[1], 9);
    ck_assert_int_eq(had[1], had[2]);
    ck_assert_int_eq(had[2], had[3]);
    limit_machine.clear(&limit);
}
END_TEST

START_TEST(lowered)
{
    apr_uint32_t now, turn, sum = 0;

    begin();
    for (bus_node_t node = 1; node <= 3; node++) {
        say(node, 50, 20, 0);
        confirm(node);
    }
    say(2, 7, 20, 0); /* one node knows the new limit: it counts */
    ck_assert_uint_eq(limit_find(&limit, "k", 1)->limit, 7);
    for (bus_node_t node = 1; node <= 3; node++) {
        limit_yield(limit_find(&limit, "k", 1), node, &now, &turn);
        sum += now;
    }
    ck_assert_uint_eq(sum, 50 - 7);
    limit_machine.clear(&limit);
}
END_TEST

/* A new ring without node 3: what it held, what was not confirmed, and what was free are not granted. */
START_TEST(departure)
{
    static const bus_node_t stay[] = { 1, 2 };
    apr_uint64_t number;

    begin();
    say(1, 10, 2, 0);
    confirm(1);
    say(3, 10, 3, 0);
    confirm(3);
    say(2, 10, 1, 0); /* fresh */
    position++;
    lease_settle(&lease, stay, 2);
    expect(2, 0, 0); /* void, and frozen */
    say(1, 10, 10, 0);
    expect(1, 2, 0); /* five free, all frozen */
    say(1, 10, 1, 1);
    expect(2, 0, 1); /* what a member gives back is nobody else's */
    say(1, 10, 10, 0);
    number = lease.departures[0].number;
    position++;
    lease_release(&lease, number);
    expect(1, 1, 8);
    lease_release(&lease, number); /* the second one says nothing new */
    ck_assert(limit_is_sound(&limit));
    limit_machine.clear(&limit);
}
END_TEST

/* A process that comes back in time goes on with what it used; others never get it meanwhile. */
START_TEST(reclaims)
{
    static const bus_node_t stay[] = { 1, 2 }, all[] = { 1, 2, 3 };

    begin();
    say(3, 4, 3, 0);
    confirm(3);
    position++;
    lease_settle(&lease, stay, 2);
    say(1, 4, 4, 0);
    expect(1, 0, 0);
    ck_assert(lease_join(&lease, 3, 300, 1));
    say_to(limit_machine.join, 3, 4, 4, 4); /* three were kept; one may have been granted unseen: frozen */
    lease_joined(&lease, 3);
    expect(3, 4, 0); /* in use: nothing to confirm */
    expect(1, 0, 0);
    position++;
    lease_settle(&lease, all, 3);
    expect(3, 4, 0); /* and not void in another ring */
    limit_machine.clear(&limit);
}
END_TEST

/* Of a rate, without a lease: what was claimed back was in use; when a new ring voids it, others must not have it as unused. */
START_TEST(reclaimed_is_tainted)
{
    static const bus_node_t all[] = { 1, 2, 3 };

    begin();
    limit.is_rate = 1;
    say(3, 4, 3, 0);
    confirm(3);
    position++;
    lease_settle(&lease, all, 2);
    ck_assert(lease_join(&lease, 3, 300, 1));
    is_unleased = 1;
    say_to(limit_machine.join, 3, 4, 3, 3);
    is_unleased = 0;
    lease_joined(&lease, 3);
    expect(3, 0, 3);
    ck_assert_uint_eq(limit_entry_of(limit_find(&limit, "k", 1), 3)->tainted, 0);
    position++;
    lease_settle(&lease, all, 3);
    expect(3, 0, 3); /* granted again */
    ck_assert_uint_eq(limit_entry_of(limit_find(&limit, "k", 1), 3)->tainted, 3);
    limit_machine.clear(&limit);
}
END_TEST

START_TEST(greed_is_refused)
{
    begin();
    say(1, 4, 2, 0);
    confirm(1);
    say(3, 4, 1, 0);
    confirm(3);
    lease_left(&lease, 3); /* its process ended: nothing is frozen */
    ck_assert(lease_join(&lease, 3, 300, 1));
    say_to(limit_machine.join, 3, 4, 1, 4);
    lease_joined(&lease, 3);
    expect(3, 1, 0);
    limit_machine.clear(&limit);
}
END_TEST

/* What a raised limit adds can be known to one that is gone. */
START_TEST(raised_in_a_freeze)
{
    static const bus_node_t stay[] = { 1, 2 };

    begin();
    say(1, 50, 5, 0);
    confirm(1);
    position++;
    lease_settle(&lease, stay, 2);
    say(1, 2, 50, 0);
    say(1, 50, 50, 0);
    expect(1, 5, 0);
    say(2, 80, 50, 0);
    say(1, 80, 50, 0);
    expect(2, 0, 0);
    position++;
    lease_release(&lease, lease.departures[0].number);
    expect(1, 5, 35);
    expect(2, 0, 40);
    limit_machine.clear(&limit);
}
END_TEST

/* Alone of two hosts: half of the limit, rounded down. */
START_TEST(half)
{
    wire_writer_t writer = { 0 };
    wire_reader_t reader;

    position = 0;
    limit_init(&limit, 0);
    lease_start(&lease, 1, 1, on_change, NULL);
    ck_assert(lease_join(&lease, 1, 100, 1));
    say_to(limit_machine.join, 1, 7, 7, 5); /* uses five */
    lease_joined(&lease, 1);
    expect(1, 3, 0);
    lease_release(&lease, lease.departures[0].number);
    say(1, 9, 9, 0);
    expect(1, 3, 1);
    limit_machine.write(&limit, &writer);
    limit_machine.clear(&limit);
    ck_assert(!limit.is_half);
    reader = wire_reader(writer.data, writer.length);
    ck_assert(limit_machine.read(&limit, &reader));
    ck_assert(limit.is_half);
    wire_free(&writer);
    limit_machine.clear(&limit);
}
END_TEST

START_TEST(snapshot)
{
    static const bus_node_t stay[] = { 1, 2 };
    wire_writer_t a = { 0 }, b = { 0 };
    wire_reader_t reader;
    limit_t copy;

    begin();
    say(1, 10, 20, 0);
    say(2, 10, 3, 0);
    say(3, 10, 3, 0);
    confirm(1);
    lease_settle(&lease, stay, 2);
    limit_machine.write(&limit, &a);
    limit_init(&copy, 0);
    reader = wire_reader(a.data, a.length);
    ck_assert(limit_machine.read(&copy, &reader));
    limit_machine.write(&copy, &b);
    ck_assert_uint_eq(a.length, b.length);
    ck_assert_mem_eq(a.data, b.data, a.length);
    for (apr_size_t length = 0; length < a.length; length++) {
        limit_machine.clear(&copy);
        reader = wire_reader(a.data, length);
        limit_machine.read(&copy, &reader); /* refused or not: never a crash, and sound */
    }
    limit_machine.clear(&copy);
    limit_machine.clear(&limit);
    wire_free(&a);
    wire_free(&b);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "limit", 20);

    tcase_add_test(tcase, grants_and_confirms);
    tcase_add_test(tcase, fair_from_the_start);
    tcase_add_test(tcase, one_goes_round);
    tcase_add_test(tcase, lowered);
    tcase_add_test(tcase, departure);
    tcase_add_test(tcase, reclaims);
    tcase_add_test(tcase, reclaimed_is_tainted);
    tcase_add_test(tcase, greed_is_refused);
    tcase_add_test(tcase, raised_in_a_freeze);
    tcase_add_test(tcase, half);
    tcase_add_test(tcase, snapshot);
}

TEST_MAIN("cluster/limit", add)
