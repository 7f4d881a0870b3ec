/* group_test.c - groups of modules: whoever is in step has the same state, whatever comes and goes
 * SPDX-License-Identifier: Apache-2.0
 *
 * A world of some nodes with one order of messages: what a node flushes is appended to the order, and all
 * apply it at once.  Each node's module keeps a list of all that it heard, and of members: the copies in step
 * must be equal after every event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/group/group.h"
#include "runner.h"

enum { NODES = 5, HEARD_MAX = 4000 };

struct copy {
    int is_in_step, joined, lost, first;
    apr_uint32_t members; /* bits */
    int heard_count;
    apr_uint32_t heard[HEARD_MAX]; /* sender and number of a message; 0 and node: it went */
    apr_size_t pad;                /* bytes more of state */
    int refuses;
};

struct node {
    groups_t groups;
    struct group_local *local;
    struct copy *copy, copies[2]; /* of this instance of the module, and of the one before or after */
    apr_uint32_t sent;
    int is_active, complaints;
};

static struct world {
    struct node nodes[NODES + 1];
    apr_uint64_t position, random;
} * world;

static apr_uint32_t roll(apr_uint32_t bound)
{
    world->random = world->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (apr_uint32_t)(world->random >> 33) % bound;
}

/* ---- the module ------------------------------------------------------------------------------------- */

static void hear(struct copy *copy, apr_uint32_t what)
{
    ck_assert_int_lt(copy->heard_count, HEARD_MAX);
    copy->heard[copy->heard_count++] = what;
}

static void on_message(void *baton, ec_cluster_node_t sender, const void *data, apr_size_t length)
{
    struct copy *copy = baton;
    apr_uint32_t number;

    ck_assert_uint_ge(length, sizeof(number));
    memcpy(&number, data, sizeof(number));
    ck_assert(copy->members & 1u << sender);
    hear(copy, sender << 16 | number);
}

static void on_member(void *baton, ec_cluster_node_t node, int is_there)
{
    struct copy *copy = baton;

    ck_assert_int_eq((copy->members & 1u << node) != 0, !is_there);
    copy->members ^= 1u << node;
    if (!is_there)
        hear(copy, node);
}

static void on_joined(void *baton, ec_cluster_node_t self, int is_first)
{
    struct copy *copy = baton;

    ck_assert(!copy->is_in_step && (copy->members & 1u << self));
    copy->is_in_step = 1;
    copy->first = is_first;
    copy->joined++;
}

static void on_lost(void *baton)
{
    struct copy *copy = baton;

    ck_assert(copy->is_in_step);
    copy->is_in_step = 0;
    copy->members = 0;
    copy->lost++;
}

static void on_write(void *baton, ec_cluster_put_fn *put, void *to)
{
    struct copy *copy = baton;
    char *pad = calloc(1, copy->pad + 1);

    put(to, &copy->heard_count, sizeof(copy->heard_count));
    put(to, copy->heard, (apr_size_t)copy->heard_count * sizeof(copy->heard[0]));
    put(to, pad, copy->pad);
    free(pad);
}

static int on_read(void *baton, const void *data, apr_size_t length)
{
    struct copy *copy = baton;

    if (copy->refuses)
        return 0;
    ck_assert(!copy->is_in_step);
    ck_assert_uint_ge(length, sizeof(copy->heard_count));
    memcpy(&copy->heard_count, data, sizeof(copy->heard_count));
    memcpy(copy->heard, (const char *)data + sizeof(copy->heard_count),
           (apr_size_t)copy->heard_count * sizeof(copy->heard[0]));
    copy->members = 0;
    return 1;
}

static const ec_cluster_calls_t calls = { on_message, on_member, on_joined, on_lost, on_write, on_read };
static const ec_cluster_calls_t stateless = { on_message, on_member, on_joined, on_lost, NULL, NULL };

/* ---- the world ---------------------------------------------------------------------------------------- */

static void same(const groups_t *a, const groups_t *b)
{
    wire_writer_t one = { 0 }, two = { 0 };

    group_machine.write(a, &one);
    group_machine.write(b, &two);
    ck_assert_uint_eq(one.length, two.length);
    ck_assert(one.length == 0 || memcmp(one.data, two.data, one.length) == 0);
    wire_free(&one);
    wire_free(&two);
}

static void check(int has_state)
{
    const struct node *first = NULL, *in_step = NULL;

    for (int i = 1; i <= NODES; i++) {
        struct node *node = &world->nodes[i];

        if (!node->is_active)
            continue;
        if (first != NULL)
            same(&first->groups, &node->groups);
        first = node;
        if (node->local == NULL || !node->copy->is_in_step)
            continue;
        if (in_step != NULL) {
            ck_assert_uint_eq(in_step->copy->members, node->copy->members);
            ck_assert(!has_state || in_step->copy->heard_count == node->copy->heard_count);
            ck_assert(!has_state ||
                      memcmp(in_step->copy->heard, node->copy->heard,
                             (apr_size_t)node->copy->heard_count * sizeof(node->copy->heard[0])) == 0);
        }
        in_step = node;
    }
}

static void apply_all(bus_node_t sender, const wire_writer_t *message, int has_state)
{
    world->position++;
    for (int i = 1; i <= NODES; i++) {
        struct machine_event event = { sender, world->position };
        wire_reader_t reader = wire_reader(message->data, message->length);

        if (world->nodes[i].is_active)
            group_machine.apply(&world->nodes[i].groups, &event, &reader);
    }
    check(has_state);
}

/* Returns whether the node had something to say. */
static int speak(int i, int has_state)
{
    struct node *node = &world->nodes[i];
    wire_writer_t writer = { 0 };
    int has_some = node->is_active && group_machine_local.flush(&node->groups, &writer, 0);

    ck_assert_uint_le(writer.length, BUS_MESSAGE_MAX);
    if (has_some)
        apply_all((bus_node_t)i, &writer, has_state);
    wire_free(&writer);
    return has_some;
}

static void depart(int i, int has_state)
{
    struct lease_change change = { .kind = LEASE_DEPARTED,
                                   .node = (bus_node_t)i,
                                   .position = ++world->position };
    struct node *gone = &world->nodes[i];

    gone->is_active = 0;
    group_machine_local.active(&gone->groups, 0, 0);
    group_machine.clear(&gone->groups);
    for (int j = 1; j <= NODES; j++) {
        if (world->nodes[j].is_active)
            group_machine.change(&world->nodes[j].groups, &change);
    }
    check(has_state);
}

/* With the snapshot of somebody who is there. */
static void arrive(int i)
{
    struct node *node = &world->nodes[i];
    wire_writer_t writer = { 0 };
    wire_reader_t reader;

    for (int j = 1; j <= NODES && writer.length == 0; j++) {
        if (world->nodes[j].is_active)
            group_machine.write(&world->nodes[j].groups, &writer);
    }
    reader = wire_reader(writer.data, writer.length);
    ck_assert(group_machine.read(&node->groups, &reader));
    wire_free(&writer);
    node->is_active = 1;
    group_machine_local.active(&node->groups, 1, 0);
}

static struct group_local *join_with(struct node *node, struct copy *copy, const ec_cluster_calls_t *how)
{
    struct group_local *local;

    memset(copy, 0, sizeof(*copy));
    local = group_join(&node->groups, "g", how, copy);
    ck_assert_ptr_nonnull(local);
    return local;
}

static void join(int i, const ec_cluster_calls_t *how)
{
    struct node *node = &world->nodes[i];

    node->local = join_with(node, node->copy, how);
    group_open(&node->groups, node->local);
}

/* A new instance of the module on this node, which the old one makes room for. */
static void replace(int i, const ec_cluster_calls_t *how)
{
    struct node *node = &world->nodes[i];
    struct copy *next = node->copy == node->copies ? node->copies + 1 : node->copies;
    struct group_local *local = join_with(node, next, how);

    group_open(&node->groups, local);
    ck_assert_int_eq(group_waiting(&node->groups, "g"), 1);
    group_leave(&node->groups, node->local);
    ck_assert_int_eq(group_waiting(&node->groups, "g"), 0);
    node->local = local;
    node->copy = next;
}

static void leave(int i)
{
    struct node *node = &world->nodes[i];

    group_leave(&node->groups, node->local);
    node->local = NULL;
}

static apr_status_t say(int i)
{
    struct node *node = &world->nodes[i];
    apr_uint32_t number = ++node->sent;

    return group_send(&node->groups, node->local, &number, sizeof(number));
}

static void on_log(void *baton, const char *group, const char *text)
{
    ((struct node *)baton)->complaints++;
}

static void begin(apr_uint64_t seed)
{
    world = calloc(1, sizeof(*world));
    world->random = seed * 2654435761u + 1;
    for (int i = 1; i <= NODES; i++) {
        struct node *node = &world->nodes[i];

        groups_init(&node->groups);
        node->copy = node->copies;
        node->groups.self = (bus_node_t)i;
        node->groups.log = on_log;
        node->groups.wake_baton = node;
    }
}

static void all_speak(int has_state)
{
    int has_some;

    do {
        has_some = 0;
        for (int i = 1; i <= NODES; i++)
            has_some |= speak(i, has_state);
    } while (has_some);
}

static void end(void)
{
    for (int i = 1; i <= NODES; i++) {
        if (world->nodes[i].local != NULL)
            leave(i);
        groups_free(&world->nodes[i].groups);
    }
    free(world);
}

/* ---- stories ---------------------------------------------------------------------------------------------
 */

static void step(const ec_cluster_calls_t *how, int has_state)
{
    int i = 1 + (int)roll(NODES);
    struct node *node = &world->nodes[i];

    switch (roll(8)) {
    case 0:
        if (roll(3) == 0 && node->is_active)
            depart(i, has_state);
        break;
    case 1:
        if (!node->is_active)
            arrive(i);
        break;
    case 2:
        if (node->local == NULL)
            join(i, how);
        else if (roll(3) == 0)
            replace(i, how);
        else if (roll(4) == 0)
            leave(i);
        break;
    case 3:
    case 4:
        if (node->local != NULL && say(i) == APR_SUCCESS && roll(2) == 0)
            node->copy->pad = roll(2) * 100000; /* a state of several parts */
        break;
    default:
        speak(i, has_state);
    }
}

static void story(apr_uint64_t seed, const ec_cluster_calls_t *how, int has_state)
{
    begin(seed);
    for (int i = 0; i < 600; i++)
        step(how, has_state);
    for (int i = 1; i <= NODES; i++) {
        if (!world->nodes[i].is_active)
            arrive(i);
        if (world->nodes[i].local == NULL)
            join(i, how);
    }
    all_speak(has_state);
    for (int i = 1; i <= NODES; i++) {
        ck_assert_int_eq(world->nodes[i].copy->is_in_step, 1);
        ck_assert_uint_eq(world->nodes[i].copy->members, (1u << (NODES + 1)) - 2);
    }
    end();
}

START_TEST(states_are_the_same)
{
    story((apr_uint64_t)_i, &calls, 1);
}
END_TEST

START_TEST(members_are_the_same)
{
    story((apr_uint64_t)_i, &stateless, 0);
}
END_TEST

START_TEST(the_first_brings_what_it_has)
{
    begin(1);
    arrive(1);
    arrive(2);
    join(1, &calls);
    hear(world->nodes[1].copy, 77);
    ck_assert_int_eq(say(1), EC_E_BUSY); /* not in yet */
    all_speak(1);
    ck_assert(world->nodes[1].copy->first);
    ck_assert_int_eq(say(1), APR_SUCCESS);
    all_speak(1);
    join(2, &calls);
    all_speak(1);
    ck_assert(world->nodes[2].copy->is_in_step && !world->nodes[2].copy->first);
    ck_assert_int_eq(world->nodes[2].copy->heard_count, 2);
    ck_assert_uint_eq(world->nodes[2].copy->heard[0], 77);
    depart(1, 1);
    ck_assert_int_eq(world->nodes[1].copy->lost, 1);
    ck_assert_int_eq(world->nodes[2].copy->heard_count, 3); /* the going */
    arrive(1);
    all_speak(1);
    ck_assert_int_eq(world->nodes[1].copy->joined, 2);
    ck_assert_int_eq(world->nodes[1].copy->heard_count, 3);
    end();
}
END_TEST

/* Who can not read the state stays out, says so once, and does not keep others from coming in. */
START_TEST(a_state_that_is_not_understood)
{
    begin(1);
    for (int i = 1; i <= 3; i++)
        arrive(i);
    join(1, &calls);
    all_speak(1);
    join(2, &calls);
    world->nodes[2].copy->refuses = 1;
    all_speak(1);
    ck_assert_int_eq(world->nodes[2].complaints, 1);
    ck_assert(!world->nodes[2].copy->is_in_step);
    ck_assert_int_eq(group_find(&world->nodes[1].groups, "g")->count, 1);
    join(3, &calls);
    all_speak(1);
    ck_assert(world->nodes[3].copy->is_in_step);
    world->nodes[1].copy->pad = EC_CLUSTER_STATE_MAX; /* too large for anybody to come in */
    leave(3);
    join(3, &calls);
    all_speak(1);
    ck_assert(!world->nodes[3].copy->is_in_step);
    ck_assert_int_eq(world->nodes[1].complaints, 1);
    end();
}
END_TEST

/* Nothing runs before it is open; who leaves before that was never there. */
START_TEST(opened_later)
{
    struct node *node;

    begin(1);
    arrive(1);
    arrive(2);
    node = &world->nodes[1];
    group_leave(&node->groups, join_with(node, node->copy, &calls));
    node->local = join_with(node, node->copy, &calls);
    all_speak(1);
    ck_assert_ptr_null(group_find(&node->groups, "g"));
    ck_assert_int_eq(say(1), EC_E_BUSY);
    group_open(&node->groups, node->local);
    all_speak(1);
    ck_assert(node->copy->is_in_step);
    end();
}
END_TEST

/* An instance follows another: it has what that one had, and the others hear nothing of it. */
START_TEST(one_after_the_other)
{
    struct node *one, *two;

    begin(1);
    arrive(1);
    arrive(2);
    one = &world->nodes[1], two = &world->nodes[2];
    join(1, &calls);
    all_speak(1);
    join(2, &calls);
    all_speak(1);
    say(1);
    all_speak(1);
    replace(2, &calls);
    ck_assert(two->copy->is_in_step && two->copy->joined == 1 && !two->copy->first);
    ck_assert_uint_eq(two->copy->members, one->copy->members);
    ck_assert_int_eq(two->copy->heard_count, 1);
    ck_assert_int_eq(say(2), APR_SUCCESS);
    all_speak(1);
    ck_assert_int_eq(one->copy->heard_count, 2); /* no going among them */

    /* alone, what there is stays as well */
    depart(2, 1);
    replace(1, &calls);
    ck_assert_int_eq(one->copy->heard_count, 3);
    all_speak(1);
    ck_assert_int_eq(group_find(&one->groups, "g")->count, 1);

    /* without its OPEN having been said, while it waits for the state, and after one that did not understand it */
    arrive(2);
    replace(2, &calls);
    speak(2, 1);
    replace(2, &calls);
    ck_assert(!two->copy->is_in_step);
    all_speak(1);
    ck_assert(two->copy->is_in_step);
    join_with(two, two->copy == two->copies ? two->copies + 1 : two->copies, &calls); /* not open: is not asked */
    ck_assert_int_eq(group_waiting(&two->groups, "g"), 1);
    group_leave(&two->groups, two->groups.successors);
    end();
}
END_TEST

/* New code that does not understand the state of the old stays out; the next may come in. */
START_TEST(the_next_does_not_understand)
{
    struct node *node;
    struct group_local *bad, *good;
    static struct copy confused, last;

    begin(1);
    arrive(1);
    arrive(2);
    node = &world->nodes[1];
    join(1, &calls);
    all_speak(1);
    join(2, &calls);
    all_speak(1);
    bad = join_with(node, &confused, &calls);
    confused.refuses = 1;
    group_open(&node->groups, bad);
    good = join_with(node, &last, &calls);
    group_open(&node->groups, good);
    leave(1);
    ck_assert_int_eq(node->complaints, 1);
    all_speak(1);
    ck_assert(!confused.is_in_step);
    ck_assert_int_eq(group_find(&node->groups, "g")->count, 1);
    group_leave(&node->groups, bad);
    all_speak(1);
    ck_assert(last.is_in_step && !last.first);
    group_leave(&node->groups, good);
    end();
}
END_TEST

/* One with a state follows one without: it comes in as if it were new. */
START_TEST(of_another_kind)
{
    begin(1);
    arrive(1);
    join(1, &stateless);
    all_speak(0);
    replace(1, &calls);
    ck_assert(!world->nodes[1].copy->is_in_step);
    all_speak(0);
    ck_assert(world->nodes[1].copy->is_in_step && world->nodes[1].copy->first);
    end();
}
END_TEST

START_TEST(bounds)
{
    static char large[EC_CLUSTER_MESSAGE_MAX + 1];
    char name[80] = "";
    apr_status_t rv;

    begin(1);
    arrive(1);
    arrive(2);
    ck_assert_ptr_null(group_join(&world->nodes[1].groups, "", &calls, NULL));
    memset(name, 'x', 70);
    ck_assert_ptr_null(group_join(&world->nodes[1].groups, name, &calls, NULL));
    join(1, &calls);
    all_speak(1);
    ck_assert_int_eq(group_send(&world->nodes[1].groups, world->nodes[1].local, large, sizeof(large)),
                     EC_E_TOO_LONG);
    while ((rv = group_send(&world->nodes[1].groups, world->nodes[1].local, large, sizeof(large) - 1)) ==
           APR_SUCCESS)
        ;
    ck_assert_int_eq(rv, EC_E_LIMIT);
    all_speak(1);
    ck_assert_int_gt(world->nodes[1].copy->heard_count, 50);
    /* bytes of others are believed nothing */
    for (int i = 0; i < 20000; i++) {
        wire_writer_t writer = { 0 };
        unsigned char bytes[40];

        for (apr_size_t j = 0; j < sizeof(bytes); j++)
            bytes[j] = (unsigned char)roll(roll(2) ? 256 : 6);
        bytes[0] = (unsigned char)roll(40);
        wire_write_raw(&writer, bytes, 1 + roll(sizeof(bytes) - 1));
        apply_all(2, &writer, 1);
        wire_free(&writer);
    }
    end();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "group", 60);

    tcase_add_loop_test(tcase, states_are_the_same, 0, 100);
    tcase_add_loop_test(tcase, members_are_the_same, 0, 40);
    tcase_add_test(tcase, the_first_brings_what_it_has);
    tcase_add_test(tcase, a_state_that_is_not_understood);
    tcase_add_test(tcase, opened_later);
    tcase_add_test(tcase, one_after_the_other);
    tcase_add_test(tcase, the_next_does_not_understand);
    tcase_add_test(tcase, of_another_kind);
    tcase_add_test(tcase, bounds);
}

TEST_MAIN("cluster/group", add)
