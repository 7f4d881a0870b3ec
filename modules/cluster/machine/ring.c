/* ring.c - a new ring: from the first view to the decision
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/machine/replica_private.h"

/* A late member does not know which round its ring is in. */
#define ROUND_LATE (~(apr_uint64_t)0)

/* After so many unanswered requests everybody is asked to settle again. */
enum { TRIES_MAX = 3 };

int replica_is_member(const replica_t *replica, bus_node_t node)
{
    for (int i = 0; i < replica->member_count; i++) {
        if (replica->members[i] == node)
            return 1;
    }
    return 0;
}

void ring_send_state(replica_t *replica, int is_late)
{
    struct settle_state state = { 0 };
    wire_writer_t writer = { 0 };
    apr_size_t began = message_begin(&writer, MESSAGE_STATE, 0, replica->position);

    state.ring = replica->ring;
    state.round = is_late ? ROUND_LATE : replica->round;
    state.instance = replica->config.instance;
    state.request = ++replica->request;
    state.epoch = replica->epoch;
    state.position = replica->position;
    state.digest = replica->digest;
    state.is_late = is_late;
    state.is_quorate = replica->is_quorate;
    state.is_one_of_two = replica->config.hosts == 2 && !replica->is_quorate;
    /* a member whose lease has run out may have been replaced without knowing it; and of two halves none
     * knows what the other one holds */
    state.is_in_step = replica->is_in_step && (!replica->lease.is_half || is_mutant(HALF_STAYS)) &&
                       (lease_clock_is_good(&replica->clock, replica->now) || is_mutant(STALE_KEEPER));
    state.was_active = replica->was_active;
    state.version = replica->config.version;
    settle_state_write(&state, &writer);
    message_end(&writer, began);
    replica_send(replica, &writer);
}

static void send_about_ring(replica_t *replica, int type, apr_uint64_t round)
{
    wire_writer_t writer = { 0 };
    apr_size_t began = message_begin(&writer, type, 0, replica->position);

    wire_write(&writer, replica->ring);
    wire_write(&writer, round);
    message_end(&writer, began);
    replica_send(replica, &writer);
}

void ring_send_resettle(replica_t *replica)
{
    /* any number that no other RESETTLE of this ring has */
    send_about_ring(replica, MESSAGE_RESETTLE,
                    (replica->config.instance ^ (replica->request + 1) * 0x9e3779b97f4a7c15ULL) >> 1 | 1);
    replica->request++;
}

void ring_start_settle(replica_t *replica, apr_uint64_t round)
{
    replica->round = round;
    replica->is_late = 0;
    replica->join_sent = 0;
    settle_clear(&replica->settle);
    snapshot_drop(replica);
    replica_enter(replica, REPLICA_SETTLING);
    ring_send_state(replica, 0);
}

/* ---- the decision -------------------------------------------------------------------- */

static int is_keeper(const struct settle_decision *decision, bus_node_t node)
{
    for (int i = 0; i < decision->keeper_count; i++) {
        if (decision->keepers[i] == node)
            return 1;
    }
    return 0;
}

/* All begins from nothing, also for this node: what it uses it may claim like everybody, by JOIN. */
static void found(replica_t *replica, const struct settle_decision *decision)
{
    apr_int64_t window = replica->lease.window;

    replica_enter(replica, REPLICA_WAITING);
    replica_check_active(replica);
    replica_forget(replica);
    /* one process may found more than once, in one ring too */
    replica->lineage = replica->digest = replica->config.instance ^ replica->epoch * 0x9e3779b97f4a7c15ULL;
    lease_start(&replica->lease, decision->is_half && !is_mutant(WHOLE_ALONE), decision->is_tainted,
                replica_tell, replica);
    replica->lease.window = window; /* old leases are as long as they were */
    replica_log(replica,
                decision->is_half
                    ? "one host of two: half of each cluster limit is granted when old leases have run out"
                    : "founded the cluster's state: limits are granted when old leases have run out");
}

/* The keepers that are active already stay so; others come in by JOIN. */
static void go_on(replica_t *replica, const struct settle_decision *decision)
{
    replica->epoch = decision->epoch;
    if (decision->is_founding) {
        found(replica, decision);
    } else {
        replica->position++;
        lease_settle(&replica->lease, decision->keepers, decision->keeper_count);
    }
    replica->is_in_step = 1;
    replica_enter(replica, REPLICA_MEMBER);
}

static void apply_pending(replica_t *replica)
{
    struct replica_events pending = replica->pending;
    struct replica_event *event;

    memset(&replica->pending, 0, sizeof(replica->pending));
    while ((event = replica_events_take(&pending)) != NULL) {
        replica_apply(replica, event->sender, event->data, event->length);
        free(event);
    }
}

static void send_snapshots(replica_t *replica, const struct settle *settle,
                           const struct settle_decision *decision)
{
    if (decision->keepers[0] != replica->config.self)
        return;
    for (int i = 0; i < settle->count; i++) {
        const struct settle_state *state = &settle->states[i];

        /* a late one does not know where the decision was: it asks again, and gets the state as of then */
        if (!is_keeper(decision, state->node))
            snapshot_send(replica, state->node, state->instance, state->request, state->is_late);
    }
}

/* A state to go on with, or none is needed.  Where there is none, the STATE that names us was not ours: a process of
 * our host forged it. */
static int can_go_on(const replica_t *replica, const struct settle_decision *decision)
{
    return decision->is_founding || replica->lease.tell != NULL;
}

static void decide(replica_t *replica)
{
    struct settle_decision decision;

    settle_decide(&replica->settle, replica->config.hosts, &decision);
    if (!decision.is_possible)
        return;
    if (!decision.is_quorate && !decision.is_half) {
        replica_events_clear(&replica->pending);
        replica->is_in_step = 0;
        replica_enter(replica, REPLICA_MINORITY);
        replica_log(replica, "no quorum: cluster limits end when the lease runs out");
    } else if (is_keeper(&decision, replica->config.self) && can_go_on(replica, &decision)) {
        go_on(replica, &decision);
        apply_pending(replica);
        send_snapshots(replica, &replica->settle, &decision);
    } else {
        replica_events_clear(&replica->pending);
        replica->is_in_step = 0;
        replica_enter(replica, REPLICA_WAITING);
    }
    replica_check_active(replica);
}

static void decide_if_complete(replica_t *replica)
{
    if (replica->phase == REPLICA_SETTLING &&
        settle_is_complete(&replica->settle, replica->members, replica->member_count))
        decide(replica);
}

/* ---- messages ------------------------------------------------------------------------- */

int ring_state(replica_t *replica, bus_node_t sender, wire_reader_t body)
{
    struct settle_state state;
    int is_good = settle_state_read(&state, &body) && state.ring == replica->ring;

    state.node = sender;
    if (replica->phase == REPLICA_SETTLING) {
        if (is_good && (state.is_late || state.round == replica->round) && replica_is_member(replica, sender))
            settle_add(&replica->settle, &state);
        decide_if_complete(replica);
        return 1;
    }
    if (is_good && replica->phase == REPLICA_WAITING && sender == replica->config.self &&
        state.request == replica->request) {
        /* the snapshot that this asks for is as of here */
        replica_events_clear(&replica->pending);
        return 1;
    }
    return 0;
}

void ring_decide_message(replica_t *replica, struct message *message)
{
    apr_uint64_t ring = wire_read(&message->body), round = wire_read(&message->body);

    if (!message->body.is_bad && replica->phase == REPLICA_SETTLING && ring == replica->ring &&
        round == replica->round)
        decide(replica);
}

void ring_resettle_message(replica_t *replica, struct message *message)
{
    apr_uint64_t ring = wire_read(&message->body), round = wire_read(&message->body);

    if (message->body.is_bad || replica->phase == REPLICA_ALONE || ring != replica->ring)
        return;
    if (replica->phase == REPLICA_WAITING)
        replica_events_clear(&replica->pending);
    ring_start_settle(replica, round);
}

/* ---- views ----------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    bus_node_t left = *(const bus_node_t *)a, right = *(const bus_node_t *)b;

    return left < right ? -1 : left > right;
}

static void copy_members(replica_t *replica, const struct bus_view *view)
{
    replica->member_count = view->member_count < BUS_NODES_MAX ? view->member_count : BUS_NODES_MAX;
    memcpy(replica->members, view->members, (apr_size_t)replica->member_count * sizeof(bus_node_t));
    qsort(replica->members, (apr_size_t)replica->member_count, sizeof(bus_node_t), by_id);
}

static void new_ring(replica_t *replica, const struct bus_view *view)
{
    int is_first = replica->phase == REPLICA_ALONE;

    /* What came after an undecided ring began may differ among those that are here now. */
    if (replica->phase != REPLICA_MEMBER && !is_mutant(SKIPPED_RING))
        replica->is_in_step = 0;
    lease_clock_broken(&replica->clock);
    replica_events_clear(&replica->pending);
    replica->ring = view->ring;
    replica->is_quorate = view->is_quorate;
    copy_members(replica, view);
    if (is_first && view->member_count > 1) {
        replica->is_late = 1;
        replica->join_sent = 0;
        replica_enter(replica, REPLICA_WAITING);
        ring_send_state(replica, 1);
    } else {
        ring_start_settle(replica, 0);
    }
}

/* Processes came or went.  The ids of those that went are an event like a message. */
static void same_ring(replica_t *replica, const struct bus_view *view)
{
    bus_node_t left[BUS_NODES_MAX];
    apr_size_t count = 0;

    for (int i = 0; i < replica->member_count; i++) {
        int is_here = 0;

        for (int j = 0; j < view->member_count; j++)
            is_here |= view->members[j] == replica->members[i];
        if (!is_here)
            left[count++] = replica->members[i];
    }
    copy_members(replica, view);
    if (replica->phase == REPLICA_SETTLING) {
        for (apr_size_t i = 0; i < count; i++)
            settle_remove(&replica->settle, left[i]);
        decide_if_complete(replica);
    } else if (count > 0 && replica->phase == REPLICA_WAITING) {
        replica_events_add(&replica->pending, 0, left, count * sizeof(left[0]));
    } else if (count > 0 && replica->phase == REPLICA_MEMBER) {
        replica_apply(replica, 0, left, count * sizeof(left[0]));
    }
    replica_check_active(replica);
}

void replica_view(replica_t *replica, const struct bus_view *view, apr_time_t now)
{
    replica->now = now;
    if (replica->phase == REPLICA_ALONE || view->ring != replica->ring)
        new_ring(replica, view);
    else
        same_ring(replica, view);
}

void replica_quorum(replica_t *replica, apr_uint64_t ring, int is_quorate, apr_time_t now)
{
    replica->now = now;
    if (replica->phase == REPLICA_ALONE || ring != replica->ring || is_quorate == replica->is_quorate)
        return;
    replica->is_quorate = is_quorate;
    ring_send_resettle(replica);
}

void replica_set_hosts(replica_t *replica, int hosts, apr_time_t now)
{
    int was_one_of_two = replica->config.hosts == 2;

    replica->now = now;
    replica->config.hosts = hosts;
    if (replica->phase != REPLICA_ALONE && !replica->is_quorate && (hosts == 2) != was_one_of_two)
        ring_send_resettle(replica);
}

/* Waited for long enough?  Members try one after the other, by their place. */
void ring_poll(replica_t *replica)
{
    apr_time_t waited = replica->now - replica->phase_since, patience = replica->config.patience;
    int place = 0;

    for (int i = 0; i < replica->member_count; i++)
        place += replica->members[i] < replica->config.self;
    if (waited < patience * (1 + replica->tries) + place * patience / 8)
        return;
    replica->tries++;
    if (replica->phase == REPLICA_SETTLING)
        send_about_ring(replica, MESSAGE_DECIDE, replica->round);
    else if (replica->phase == REPLICA_WAITING && replica->tries <= TRIES_MAX)
        ring_send_state(replica, 1);
    else if (replica->phase == REPLICA_WAITING)
        ring_send_resettle(replica);
}
