/* replica_test.c - copies of the machines on several nodes: settling, snapshots, what can not be understood,
 * versions SPDX-License-Identifier: Apache-2.0
 *
 * The bus is one queue: what a replica sends goes to all members, in order, when the test says so. */
#include <string.h>

#include "cluster/gauge/gauge.h"
#include "cluster/machine/replica.h"
#include "runner.h"

enum { NODES = 3, QUEUE_MAX = 256, PATIENCE = 500000 };

static struct node {
    bus_t bus; /* first: a bus_t * is a node */
    bus_node_t id;
    replica_t *replica;
    gauge_t gauge;
    gauge_local_t counts;
    int is_member, version;
    int is_dumb; /* no server: it is there, and says nothing */
    int refusals; /* lines in the log */
} nodes[NODES + 1];

static struct sent {
    bus_node_t sender;
    wire_writer_t bytes;
} queue[QUEUE_MAX];

static int queue_first, queue_count;
static apr_time_t now;

static void put(bus_node_t sender, const void *data, apr_size_t length)
{
    ck_assert_int_lt(queue_count, QUEUE_MAX);
    queue[queue_count].sender = sender;
    wire_write_raw(&queue[queue_count++].bytes, data, length);
}

static apr_status_t send_op(bus_t *bus, const void *data, apr_size_t length)
{
    put(((struct node *)bus)->id, data, length);
    return APR_SUCCESS;
}

static void on_log(void *baton, const char *text)
{
    ((struct node *)baton)->refusals += strncmp(text, "refused", 7) == 0;
}

static void boot(bus_node_t id)
{
    static const struct bus_ops ops = { send_op };
    struct node *node = &nodes[id];
    struct replica_config config = { .self = id,
                                     .instance = id * 1000,
                                     .window = 2000000,
                                     .margin = 250000,
                                     .patience = PATIENCE,
                                     .version = node->version,
                                     .hosts = NODES,
                                     .log = on_log,
                                     .baton = node };
    struct machine machine = { &gauge_machine, &node->gauge, &gauge_local, &node->counts };

    node->id = id;
    node->bus.ops = &ops;
    node->counts.max_pending = 1;
    node->replica = replica_create(&config, &node->bus);
    replica_add(node->replica, &machine);
}

/* The nodes of the set (bit 0 is node 1) are the members of a ring with this number. */
static void view(apr_uint64_t ring, unsigned set)
{
    bus_node_t members[NODES];
    struct bus_view what = { ring, members, 0, 1 };

    for (bus_node_t id = 1; id <= NODES; id++) {
        nodes[id].is_member = set >> (id - 1) & 1;
        if (nodes[id].is_member)
            members[what.member_count++] = id;
    }
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (nodes[id].is_member && !nodes[id].is_dumb)
            replica_view(nodes[id].replica, &what, now);
    }
}

static void poll_all(void)
{
    now += 1000;
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (nodes[id].is_member && !nodes[id].is_dumb)
            replica_poll(nodes[id].replica, now);
    }
}

/* One message goes to all; returns whether there was one. */
static int deliver(void)
{
    struct sent *sent = &queue[queue_first];

    if (queue_first == queue_count) {
        queue_first = queue_count = 0;
        return 0;
    }
    queue_first++;
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (nodes[id].is_member && !nodes[id].is_dumb)
            replica_message(nodes[id].replica, sent->sender, sent->bytes.data, sent->bytes.length, now);
    }
    wire_free(&sent->bytes);
    return 1;
}

/* Until nobody has anything to say. */
static void calm_down(void)
{
    do {
        poll_all();
    } while (deliver());
}

static void begin(void)
{
    memset(nodes, 0, sizeof(nodes));
    queue_first = queue_count = 0;
    now = 1000000;
}

/* So many nodes come into ring 1, one after the other. */
static void form(bus_node_t count)
{
    for (bus_node_t id = 1; id <= count; id++) {
        boot(id);
        view(1, (1u << id) - 1);
        calm_down();
    }
}

static void end(void)
{
    while (deliver())
        ;
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (nodes[id].replica == NULL)
            continue;
        replica_destroy(nodes[id].replica);
        gauge_local_free(&nodes[id].counts);
    }
}

/* All members of the set are active and have the same state. */
static void expect_in_step(unsigned set)
{
    wire_writer_t first = { 0 }, other = { 0 };

    for (bus_node_t id = 1; id <= NODES; id++) {
        struct replica_info info;

        if (!(set >> (id - 1) & 1))
            continue;
        replica_info(nodes[id].replica, &info);
        ck_assert_msg(info.phase == REPLICA_MEMBER && info.is_active, "node %u is %s", id,
                      replica_phase_name(info.phase));
        other.length = 0;
        replica_write(nodes[id].replica, first.length == 0 ? &first : &other);
        if (other.length > 0) {
            ck_assert_uint_eq(first.length, other.length);
            ck_assert_mem_eq(first.data, other.data, first.length);
        }
    }
    wire_free(&first);
    wire_free(&other);
}

START_TEST(settles)
{
    begin();
    form(NODES);
    for (bus_node_t id = 1; id <= NODES; id++)
        gauge_set(&nodes[id].counts, "k", 1, id, now);
    calm_down();
    expect_in_step(7);
    ck_assert_uint_eq(gauge_sum(&nodes[1].gauge, "k", 1), 6);
    ck_assert(lease_clock_is_good(replica_clock(nodes[1].replica), now));
    view(2, 3); /* node 3 is gone, and its count with it */
    calm_down();
    expect_in_step(3);
    ck_assert_uint_eq(gauge_sum(&nodes[2].gauge, "k", 1), 3);
    view(3, 7);
    calm_down();
    expect_in_step(7);
    ck_assert_uint_eq(gauge_sum(&nodes[2].gauge, "k", 1), 6);
    end();
}
END_TEST

/* Quorum goes and comes in one ring: what is founded then has nothing in common with what was there before. */
START_TEST(founds_twice)
{
    struct replica_info before, after;

    begin();
    form(1);
    replica_info(nodes[1].replica, &before);
    for (int is_quorate = 0; is_quorate <= 1; is_quorate++) {
        replica_quorum(nodes[1].replica, 1, is_quorate, now);
        calm_down();
    }
    expect_in_step(1);
    replica_info(nodes[1].replica, &after);
    ck_assert_uint_eq(after.ring, before.ring);
    ck_assert_uint_gt(after.epoch, before.epoch);
    ck_assert_uint_ne(after.lineage, before.lineage);
    end();
}
END_TEST

/* A node comes in while others change the state with every message. */
START_TEST(snapshot_during_change)
{
    struct replica_info info;

    begin();
    form(2);
    boot(3);
    view(1, 7);
    replica_info(nodes[3].replica, &info);
    ck_assert_int_eq(info.phase, REPLICA_WAITING);
    for (unsigned i = 1; i <= 40; i++) {
        char key = (char)('a' + i % 7);

        gauge_set(&nodes[1 + i % 2].counts, &key, 1, i, now);
        poll_all();
        deliver();
    }
    calm_down();
    expect_in_step(7);
    ck_assert_uint_eq(gauge_sum(&nodes[3].gauge, "f", 1), 40 + 33);
    end();
}
END_TEST

/* One line for each kind of fault of each node in a minute; nothing else comes of it. */
START_TEST(refuses_once)
{
    static const unsigned char cut[] = { 0xec, 0x1c, 1, 18, 2, 9, 200 };
    struct replica_info info;

    begin();
    form(NODES);
    for (int i = 0; i < 10; i++) {
        put(2, "nonsense", 8);
        put(2, cut, sizeof(cut));
        put(3, "", 0);
        put(3, "nonsense", 8);
    }
    calm_down();
    ck_assert_int_eq(nodes[1].refusals, 4);
    ck_assert_int_eq(nodes[3].refusals, 4);
    replica_info(nodes[1].replica, &info);
    ck_assert_uint_eq(info.refused, 40);
    expect_in_step(7);
    now += apr_time_from_sec(59); /* all the same if another process begins to say it */
    view(1, 5);
    view(1, 7);
    put(2, "nonsense", 8);
    while (deliver())
        ;
    ck_assert_int_eq(nodes[1].refusals, 4);
    now += apr_time_from_sec(2);
    put(2, "nonsense", 8);
    put(3, "nonsense", 8);
    put(3, "nonsense", 8);
    while (deliver())
        ;
    ck_assert_int_eq(nodes[1].refusals, 6);
    end();
}
END_TEST

static int phase_of(bus_node_t id)
{
    struct replica_info info;

    replica_info(nodes[id].replica, &info);
    return (int)info.phase;
}

/* How long until the node is active; others than it are asked nothing. */
static apr_time_t time_until_active(bus_node_t id)
{
    struct replica_info info = { 0 };
    apr_time_t from = now;

    for (; (info.phase != REPLICA_MEMBER || !info.is_active) && now - from < apr_time_from_sec(60); now += 9000) {
        poll_all();
        while (deliver())
            poll_all();
        replica_info(nodes[id].replica, &info);
    }
    return now - from;
}

/* Somebody is in the group and says nothing, or nothing that can be understood. */
START_TEST(a_stranger_is_not_waited_for_long)
{
    begin();
    form(2);
    boot(3);
    nodes[3].is_dumb = 1;
    view(1, 7); /* it comes: nobody asks it anything */
    calm_down();
    expect_in_step(3);
    view(2, 7); /* a new ring: what it knows is waited for */
    put(3, "nonsense", 8);
    calm_down();
    ck_assert_int_eq(phase_of(1), REPLICA_SETTLING);
    ck_assert_int_le(time_until_active(1), PATIENCE + 20000);
    expect_in_step(3);
    view(2, 3);
    calm_down();
    expect_in_step(3);
    end();
}
END_TEST

/* ... also not by one that comes into the group where nobody else is: it asks for the state, in vain. */
START_TEST(alone_with_a_stranger)
{
    begin();
    boot(1);
    boot(3);
    nodes[3].is_dumb = 1;
    view(1, 5);
    ck_assert_int_le(time_until_active(1), 5 * PATIENCE + 20000);
    end();
}
END_TEST

/* Another process of a node's host sends: that proves nothing about what the node has sent. */
START_TEST(others_of_a_host_renew_no_lease)
{
    struct lease_clock *clock;
    wire_writer_t beat = { 0 };
    apr_size_t began = message_begin(&beat, MESSAGE_BEAT, 0, 0);

    message_end(&beat, began);
    begin();
    form(2);
    clock = replica_clock(nodes[1].replica);
    now += apr_time_from_sec(3);
    replica_poll(nodes[1].replica, now); /* sends, and nothing of that comes back */
    ck_assert(!lease_clock_is_good(clock, now));
    for (int i = 0; i < 8; i++) {
        replica_message_of_other(nodes[1].replica, 1, beat.data, beat.length, now);
        replica_poll(nodes[1].replica, ++now);
    }
    ck_assert(!lease_clock_is_good(clock, now));
    calm_down();
    ck_assert(lease_clock_is_good(clock, now));
    wire_free(&beat);
    end();
}
END_TEST

/* A message of the active node 2, of a type that comes with the next version, or with more behind a known
 * one. */
static void put_newer(int type, const char *text)
{
    const struct lease_node *node;
    struct replica_info info;
    wire_writer_t writer = { 0 };
    apr_size_t began;

    replica_info(nodes[2].replica, &info);
    node = lease_find(info.lease, 2);
    ck_assert_ptr_nonnull(node);
    began = message_begin(&writer, type, node->stay, info.position);
    wire_write_raw(&writer, text, strlen(text));
    message_end(&writer, began);
    wire_write_raw(&writer, "more", 4);
    writer.data[2] = MESSAGE_VERSION + 1;
    put(2, writer.data, writer.length);
    wire_free(&writer);
}

START_TEST(knows_newer_ones)
{
    struct replica_info info;

    begin();
    nodes[2].version = MESSAGE_VERSION + 1;
    form(NODES);
    expect_in_step(7);
    replica_info(nodes[1].replica, &info);
    ck_assert_int_eq(lease_version(info.lease), MESSAGE_VERSION);
    ck_assert_int_eq(lease_find(info.lease, 2)->version, MESSAGE_VERSION + 1);
    for (int i = 0; i < 5; i++) {
        put_newer(200, "what nobody knows yet");
        put_newer(MESSAGE_BEAT, "that it is Monday");
    }
    calm_down();
    expect_in_step(7);
    ck_assert_int_eq(nodes[1].refusals, 1);
    gauge_set(&nodes[2].counts, "k", 1, 5, now);
    calm_down();
    ck_assert_uint_eq(gauge_sum(&nodes[1].gauge, "k", 1), 5);
    end();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "replica", 20);

    tcase_add_test(tcase, settles);
    tcase_add_test(tcase, founds_twice);
    tcase_add_test(tcase, snapshot_during_change);
    tcase_add_test(tcase, refuses_once);
    tcase_add_test(tcase, knows_newer_ones);
    tcase_add_test(tcase, a_stranger_is_not_waited_for_long);
    tcase_add_test(tcase, alone_with_a_stranger);
    tcase_add_test(tcase, others_of_a_host_renew_no_lease);
}

TEST_MAIN("cluster/replica", add)
