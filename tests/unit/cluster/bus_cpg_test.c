/* bus_cpg_test.c - what corosync's libraries tell, as views, quorum and messages
 * SPDX-License-Identifier: Apache-2.0
 *
 * The libraries are replaced by a list of events that the test writes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <ec/status.h>

#include "cluster/bus_cpg/bus_cpg.h"
#include "runner.h"

enum { SELF = 1, EVENTS = 400 };

/* One event of CPG: members and who joined or left, a ring, or a message. */
struct event {
    char kind; /* 'm'embers, 'r'ing, 'd'ata */
    struct cpg_address members[4], left[2], joined[2];
    int member_count, left_count, joined_count;
    uint64_t seq;
    uint32_t node, pid;
};

static struct event events[EVENTS];
static int event_count, event_next;
static cpg_model_v1_data_t model;
static quorum_callbacks_t quorum_calls;
static void *cpg_baton;
static const void *quorum_baton;
static int quorum_seq, quorum_is, quorum_news, sent, joins;
static struct cpg_address before[4]; /* who is in the group before we are */
static int before_count;
static char said[4096]; /* what the bus told, in words */

/* ---- corosync, as far as the bus uses it ------------------------------------------------------ */

cs_error_t cpg_model_initialize(cpg_handle_t *handle, cpg_model_t kind, cpg_model_data_t *data, void *context)
{
    memcpy(&model, data, sizeof(model));
    cpg_baton = context;
    *handle = 1;
    return CS_OK;
}

cs_error_t cpg_context_get(cpg_handle_t handle, void **context)
{
    *context = cpg_baton;
    return CS_OK;
}

cs_error_t cpg_local_get(cpg_handle_t handle, unsigned int *local)
{
    *local = SELF;
    return CS_OK;
}

cs_error_t cpg_fd_get(cpg_handle_t handle, int *fd)
{
    *fd = 0;
    return CS_OK;
}

cs_error_t cpg_membership_get(cpg_handle_t handle, struct cpg_name *group, struct cpg_address *list, int *count)
{
    memcpy(list, before, (size_t)before_count * sizeof(before[0]));
    *count = before_count;
    return CS_OK;
}

cs_error_t cpg_join(cpg_handle_t handle, const struct cpg_name *group)
{
    joins++;
    return CS_OK;
}

cs_error_t cpg_finalize(cpg_handle_t handle)
{
    return CS_OK;
}

cs_error_t cpg_mcast_joined(cpg_handle_t handle, cpg_guarantee_t kind, const struct iovec *parts, unsigned int count)
{
    sent++;
    return CS_OK;
}

cs_error_t cpg_dispatch(cpg_handle_t handle, cs_dispatch_flags_t flags)
{
    struct cpg_name group = { 1, "g" };
    struct event *event = &events[event_next];
    struct cpg_ring_id ring = { 0 };
    uint32_t hosts[4] = { 1, 2, 3, 4 };

    if (event_next == event_count)
        return CS_ERR_TRY_AGAIN;
    event_next++;
    if (event->kind == 'm') {
        model.cpg_confchg_fn(1, &group, event->members, (size_t)event->member_count, event->left,
                             (size_t)event->left_count, event->joined, (size_t)event->joined_count);
    } else if (event->kind == 'r') {
        ring.nodeid = 1;
        ring.seq = event->seq;
        model.cpg_totem_confchg_fn(1, ring, (uint32_t)event->member_count, hosts);
    } else {
        model.cpg_deliver_fn(1, &group, event->node, event->pid, (void *)"x", 1);
    }
    return CS_OK;
}

cs_error_t quorum_initialize(quorum_handle_t *handle, quorum_callbacks_t *calls, uint32_t *type)
{
    quorum_calls = *calls;
    *type = QUORUM_SET;
    *handle = 1;
    return CS_OK;
}

cs_error_t quorum_context_set(quorum_handle_t handle, const void *context)
{
    quorum_baton = context;
    return CS_OK;
}

cs_error_t quorum_context_get(quorum_handle_t handle, const void **context)
{
    *context = quorum_baton;
    return CS_OK;
}

cs_error_t quorum_fd_get(quorum_handle_t handle, int *fd)
{
    *fd = 1;
    return CS_OK;
}

cs_error_t quorum_trackstart(quorum_handle_t handle, unsigned int flags)
{
    return CS_OK;
}

cs_error_t quorum_finalize(quorum_handle_t handle)
{
    return CS_OK;
}

cs_error_t quorum_dispatch(quorum_handle_t handle, cs_dispatch_flags_t flags)
{
    if (quorum_news)
        quorum_calls.quorum_notify_fn(1, (uint32_t)quorum_is, (uint64_t)quorum_seq, 0, NULL);
    quorum_news = 0;
    return CS_OK;
}

/* ---- writing events, reading what came of them -------------------------------------------------- */

static struct event *add_event(char kind)
{
    struct event *event = &events[event_count++];

    ck_assert_int_le(event_count, EVENTS);
    memset(event, 0, sizeof(*event));
    event->kind = kind;
    return event;
}

static void add_address(struct cpg_address *list, int *count, uint32_t node, uint32_t pid, uint32_t reason)
{
    list[(*count)++] = (struct cpg_address){ node, pid, reason };
}

/* Processes are written as node * 10 + n; our own is 10, whatever its pid. */
static uint32_t pid_of(int process)
{
    return process == SELF * 10 ? (uint32_t)getpid() : (uint32_t)process;
}

static void members(const int *now, int joined, uint32_t joined_reason, int left, uint32_t left_reason)
{
    struct event *event = add_event('m');

    for (; *now != 0; now++)
        add_address(event->members, &event->member_count, (uint32_t)*now / 10, pid_of(*now), 0);
    if (joined != 0)
        add_address(event->joined, &event->joined_count, (uint32_t)joined / 10, pid_of(joined), joined_reason);
    if (left != 0)
        add_address(event->left, &event->left_count, (uint32_t)left / 10, pid_of(left), left_reason);
}

#define NOW(...) ((const int[]){ __VA_ARGS__, 0 })

static void ring(uint64_t seq, int hosts)
{
    struct event *event = add_event('r');

    event->seq = seq;
    event->member_count = hosts;
}

static void quorum(int seq, int is_quorate)
{
    quorum_seq = seq;
    quorum_is = is_quorate;
    quorum_news = 1;
}

static void message(int process)
{
    struct event *event = add_event('d');

    event->node = (uint32_t)process / 10;
    event->pid = pid_of(process);
}

static void say(const char *text)
{
    strncat(said, text, sizeof(said) - strlen(said) - 1);
}

static void on_view(void *baton, const struct bus_view *view)
{
    char text[64];

    snprintf(text, sizeof(text), "view %d:", (int)(view->ring >> 16));
    say(text);
    for (int i = 0; i < view->member_count; i++) {
        snprintf(text, sizeof(text), "%u", (unsigned)view->members[i]);
        say(text);
    }
    say(view->is_quorate ? "+ " : "- ");
}

static void on_quorum(void *baton, apr_uint64_t number, int is_quorate)
{
    say(is_quorate ? "quorum+ " : "quorum- ");
}

static void on_message(void *baton, bus_node_t sender, const void *data, apr_size_t length)
{
    say(".");
}

static const struct bus_events replica_events = { on_view, on_quorum, on_message };
static const struct bus_events plain_events = { on_view, NULL, on_message };

static bus_cpg_t *open_bus(const struct bus_events *calls)
{
    const char *why = NULL;
    bus_cpg_t *bus;

    event_count = event_next = sent = quorum_news = 0;
    said[0] = '\0';
    ck_assert_int_eq(bus_cpg_open(&bus, "g", calls, NULL, &why), APR_SUCCESS);
    return bus;
}

/* Into a ring of two: we join a group where 20 is. */
static bus_cpg_t *open_in_ring(void)
{
    bus_cpg_t *bus = open_bus(&replica_events);

    members(NOW(10, 20), 10, CPG_REASON_JOIN, 0, 0);
    ring(4, 2);
    quorum(4, 1);
    ck_assert_int_eq(bus_cpg_dispatch(bus, 100, 0), APR_SUCCESS);
    ck_assert_str_eq(said, "view 4:12+ ");
    said[0] = '\0';
    return bus;
}

static void dispatch(bus_cpg_t *bus, apr_time_t now, const char *expected)
{
    said[0] = '\0';
    ck_assert_int_eq(bus_cpg_dispatch(bus, EVENTS, now), APR_SUCCESS);
    ck_assert_str_eq(said, expected);
}

/* ---- tests --------------------------------------------------------------------------------------- */

START_TEST(a_view_waits_for_the_quorum_service)
{
    bus_cpg_t *bus = open_bus(&replica_events);

    members(NOW(10, 20), 10, CPG_REASON_JOIN, 0, 0);
    ring(4, 2);
    message(20);
    dispatch(bus, 1, "");
    quorum(4, 1);
    dispatch(bus, 2, "view 4:12+ .");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(a_silent_quorum_service_is_not_waited_for_long)
{
    bus_cpg_t *bus = open_bus(&replica_events);

    members(NOW(10), 10, CPG_REASON_JOIN, 0, 0);
    ring(4, 1);
    dispatch(bus, 1, "");
    dispatch(bus, apr_time_from_sec(3), "view 4:1- ");
    quorum(4, 1);
    dispatch(bus, apr_time_from_sec(4), "quorum+ ");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(hosts_that_come_or_go_wait_for_their_ring)
{
    bus_cpg_t *bus = open_in_ring();

    members(NOW(10), 0, 0, 20, CPG_REASON_NODEDOWN);
    ring(8, 1);
    quorum(8, 0);
    dispatch(bus, 1, "view 8:1- ");
    members(NOW(10, 20), 20, CPG_REASON_NODEUP, 0, 0);
    ring(12, 2);
    quorum(12, 1);
    dispatch(bus, 2, "view 12:12+ ");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(processes_that_come_or_go_are_told_in_their_ring)
{
    bus_cpg_t *bus = open_in_ring();

    members(NOW(10), 0, 0, 20, CPG_REASON_PROCDOWN);
    members(NOW(10, 20), 20, CPG_REASON_JOIN, 0, 0);
    dispatch(bus, 1, "view 4:1+ view 4:12+ ");
    /* the next process of a host is there before the end of the first is told */
    members(NOW(10, 20, 21), 21, CPG_REASON_JOIN, 0, 0);
    members(NOW(10, 21), 0, 0, 20, CPG_REASON_PROCDOWN);
    dispatch(bus, 2, "view 4:12+ view 4:1+ view 4:12+ ");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(a_second_process_of_our_host_is_refused)
{
    bus_cpg_t *bus = open_bus(&replica_events);

    members(NOW(10, 11, 20), 10, CPG_REASON_JOIN, 0, 0);
    message(20);
    ck_assert_int_eq(bus_cpg_dispatch(bus, 100, 0), EC_E_DENIED);
    ck_assert_int_eq(bus_send(bus_cpg_bus(bus), "x", 1), EC_E_BUSY);
    ck_assert_str_eq(said, "");
    bus_cpg_close(bus);
    /* who was there first takes no harm, and a group of plain messages has any processes */
    bus = open_in_ring();
    members(NOW(10, 11, 20), 11, CPG_REASON_JOIN, 0, 0);
    members(NOW(10, 20), 0, 0, 11, CPG_REASON_LEAVE);
    ck_assert_int_eq(bus_cpg_dispatch(bus, 100, 0), APR_SUCCESS);
    bus_cpg_close(bus);
    bus = open_bus(&plain_events);
    members(NOW(10, 11), 10, CPG_REASON_JOIN, 0, 0);
    ck_assert_int_eq(bus_cpg_dispatch(bus, 100, 0), APR_SUCCESS);
    bus_cpg_close(bus);
}
END_TEST

/* ... before it has joined, as far as it can know: the others would take its leaving for the end of the first one. */
START_TEST(a_second_process_does_not_join)
{
    const char *why = NULL;
    bus_cpg_t *bus;

    before_count = 0;
    add_address(before, &before_count, 2, 20, 0);
    bus = open_in_ring();
    bus_cpg_close(bus);
    add_address(before, &before_count, SELF, 11, 0);
    joins = 0;
    ck_assert_int_eq(bus_cpg_open(&bus, "g", &replica_events, NULL, &why), EC_E_CLOSED);
    ck_assert_str_eq(why, BUS_CPG_DENIED);
    ck_assert_int_eq(joins, 0);
    ck_assert_int_eq(bus_cpg_open(&bus, "g", &plain_events, NULL, &why), APR_SUCCESS);
    bus_cpg_close(bus);
    before_count = 0;
}
END_TEST

/* What another process of our host sends is none of ours. */
START_TEST(processes_of_our_host_are_told_apart)
{
    bus_cpg_t *bus = open_in_ring();

    members(NOW(10, 11, 20), 11, CPG_REASON_JOIN, 0, 0);
    ck_assert_int_eq(bus_send(bus_cpg_bus(bus), "x", 1), APR_SUCCESS);
    message(11);
    dispatch(bus, 1, "view 4:12+ .");
    ck_assert(bus_cpg_is_sender_other(bus));
    ck_assert_int_eq(bus_cpg_in_flight(bus), 1);
    message(20);
    dispatch(bus, 1, ".");
    ck_assert(!bus_cpg_is_sender_other(bus));
    message(10);
    dispatch(bus, 1, ".");
    ck_assert(!bus_cpg_is_sender_other(bus));
    ck_assert_int_eq(bus_cpg_in_flight(bus), 0);
    bus_cpg_close(bus);
}
END_TEST

START_TEST(one_of_two_hosts_is_not_quorate)
{
    bus_cpg_t *bus = open_in_ring();

    bus_cpg_need_hosts(bus, 2);
    ck_assert_str_eq(said, "");
    members(NOW(10), 0, 0, 20, CPG_REASON_NODEDOWN);
    ring(8, 1);
    quorum(8, 1); /* two_node */
    dispatch(bus, 1, "view 8:1- ");
    bus_cpg_need_hosts(bus, 1); /* the configuration has one host now */
    ck_assert_str_eq(said, "view 8:1- quorum+ ");
    bus_cpg_close(bus);
}
END_TEST

/* It is said to be the only one, before another comes or while it is there. */
START_TEST(who_has_seen_another_is_not_the_only_one)
{
    bus_cpg_t *bus = open_in_ring();

    bus_cpg_need_hosts(bus, 1);
    ck_assert_int_eq(bus_cpg_needs_hosts(bus), 2);
    members(NOW(10), 0, 0, 20, CPG_REASON_NODEDOWN);
    ring(8, 1);
    quorum(8, 1);
    dispatch(bus, 1, "view 8:1- ");
    bus_cpg_need_hosts(bus, 1);
    ck_assert_str_eq(said, "view 8:1- quorum+ ");
    ck_assert_int_eq(bus_cpg_needs_hosts(bus), 1);
    members(NOW(10, 20), 20, CPG_REASON_NODEUP, 0, 0);
    ring(12, 2);
    quorum(12, 1);
    dispatch(bus, 1, "view 12:12+ ");
    members(NOW(10), 0, 0, 20, CPG_REASON_NODEDOWN);
    ring(16, 1);
    quorum(16, 1);
    dispatch(bus, 1, "view 16:1- ");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(quorum_that_changes_in_a_ring_is_told)
{
    bus_cpg_t *bus = open_in_ring();

    quorum(4, 0);
    dispatch(bus, 1, "quorum- ");
    quorum(4, 0);
    dispatch(bus, 2, "");
    quorum(8, 1); /* of a ring that CPG has not told of yet */
    dispatch(bus, 3, "");
    bus_cpg_close(bus);
}
END_TEST

START_TEST(a_corosync_that_reads_nothing_gets_no_more)
{
    bus_cpg_t *bus = open_in_ring();
    int taken = 0;

    while (bus_send(bus_cpg_bus(bus), "x", 1) == APR_SUCCESS && taken < EVENTS)
        taken++;
    ck_assert_int_eq(taken, 200);
    message(20); /* of others: says nothing about ours */
    message(10);
    dispatch(bus, 1, "..");
    ck_assert_int_eq(bus_send(bus_cpg_bus(bus), "x", 1), APR_SUCCESS);
    ck_assert_int_eq(bus_send(bus_cpg_bus(bus), "x", 1), EC_E_BUSY);
    ck_assert_int_eq(sent, 201);
    bus_cpg_close(bus);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "bus_cpg", 10);

    tcase_add_test(tcase, a_view_waits_for_the_quorum_service);
    tcase_add_test(tcase, a_silent_quorum_service_is_not_waited_for_long);
    tcase_add_test(tcase, hosts_that_come_or_go_wait_for_their_ring);
    tcase_add_test(tcase, processes_that_come_or_go_are_told_in_their_ring);
    tcase_add_test(tcase, a_second_process_of_our_host_is_refused);
    tcase_add_test(tcase, a_second_process_does_not_join);
    tcase_add_test(tcase, processes_of_our_host_are_told_apart);
    tcase_add_test(tcase, one_of_two_hosts_is_not_quorate);
    tcase_add_test(tcase, who_has_seen_another_is_not_the_only_one);
    tcase_add_test(tcase, quorum_that_changes_in_a_ring_is_told);
    tcase_add_test(tcase, a_corosync_that_reads_nothing_gets_no_more);
}

TEST_MAIN("cluster/bus_cpg", add)
