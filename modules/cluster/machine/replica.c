/* replica.c - one node's copy of all machines, kept in step with the others
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

#include "cluster/machine/replica_private.h"

/* What others may make us keep while we wait for a snapshot; more, and we begin again. */
enum { PENDING_MAX = 64 * 1024 * 1024 };

/* A full bus is asked again so soon. */
static const apr_time_t bus_retry = apr_time_from_msec(5);

replica_t *replica_create(const struct replica_config *config, bus_t *bus)
{
    replica_t *replica = calloc(1, sizeof(*replica));

    if (replica == NULL)
        abort();
    replica->config = *config;
    if (replica->config.version == 0)
        replica->config.version = MESSAGE_VERSION;
    replica->bus = bus;
    lease_clock_init(&replica->clock, config->window, config->margin);
    return replica;
}

void replica_add(replica_t *replica, const struct machine *machine)
{
    EC_ASSERT(replica->machine_count < REPLICA_MACHINES_MAX);
    replica->machines[replica->machine_count++] = *machine;
}

void replica_set_self(replica_t *replica, bus_node_t self)
{
    EC_ASSERT(replica->phase == REPLICA_ALONE);
    replica->config.self = self;
}

void replica_destroy(replica_t *replica)
{
    for (int i = 0; i < replica->machine_count; i++)
        replica->machines[i].type->clear(replica->machines[i].state);
    replica_events_clear(&replica->pending);
    replica_events_clear(&replica->unsent);
    wire_free(&replica->snapshot);
    free(replica);
}

struct lease_clock *replica_clock(replica_t *replica)
{
    return &replica->clock;
}

const char *replica_phase_name(enum replica_phase phase)
{
#define PHASE_NAME(name) #name,
    static const char *const names[] = { REPLICA_PHASES(PHASE_NAME) };
#undef PHASE_NAME

    return names[phase];
}

void replica_info(const replica_t *replica, struct replica_info *info)
{
    info->phase = replica->phase;
    info->is_active = replica->is_active;
    info->is_half = replica->phase == REPLICA_MEMBER && replica->lease.is_half;
    info->ring = replica->ring;
    info->epoch = replica->epoch;
    info->position = replica->position;
    info->digest = replica->digest;
    info->lineage = replica->lineage;
    info->refused = replica->refused;
    info->lease = &replica->lease;
}

void replica_log(replica_t *replica, const char *format, ...)
{
    char text[256];
    va_list args;

    if (replica->config.log == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    replica->config.log(replica->config.baton, text);
}

void replica_enter(replica_t *replica, enum replica_phase phase)
{
    replica->phase = phase;
    replica->phase_since = replica->now;
    replica->tries = 0;
}

/* All machines begin from nothing. */
void replica_forget(replica_t *replica)
{
    for (int i = 0; i < replica->machine_count; i++)
        replica->machines[i].type->clear(replica->machines[i].state);
    memset(&replica->lease, 0, sizeof(replica->lease));
    /* numbers of departures begin anew: what was seen of the old ones says nothing */
    memset(replica->nodes, 0, sizeof(replica->nodes));
    replica->departure_count = 0;
    replica->position = replica->digest = 0;
}

/* ---- sending --------------------------------------------------------------------------- */

static int is_active_member(const replica_t *replica)
{
    return replica->phase == REPLICA_MEMBER && replica->is_active && !replica->is_leaving;
}

static int send_now(replica_t *replica, const void *data, apr_size_t length)
{
    if (bus_send(replica->bus, data, length) != APR_SUCCESS)
        return 0;
    lease_clock_sent(&replica->clock, replica->now, is_active_member(replica));
    return 1;
}

/* Takes the bytes.  What the bus does not take now goes out later, in order. */
void replica_send(replica_t *replica, wire_writer_t *writer)
{
    if (replica->unsent.first != NULL || !send_now(replica, writer->data, writer->length))
        replica_events_add(&replica->unsent, replica->config.self, writer->data, writer->length);
    wire_free(writer);
}

static void send_unsent(replica_t *replica)
{
    while (replica->unsent.first != NULL &&
           send_now(replica, replica->unsent.first->data, replica->unsent.first->length))
        free(replica_events_take(&replica->unsent));
}

static apr_uint64_t my_stay(const replica_t *replica)
{
    const struct lease_node *node = lease_find(&replica->lease, replica->config.self);

    return node == NULL ? 0 : node->stay;
}

/* A message with up to three numbers. */
static void send_numbers(replica_t *replica, int type, const apr_uint64_t *numbers, int count)
{
    wire_writer_t writer = { 0 };
    apr_size_t began = message_begin(&writer, type, my_stay(replica), replica->position);

    for (int i = 0; i < count; i++)
        wire_write(&writer, numbers[i]);
    message_end(&writer, began);
    replica_send(replica, &writer);
}

static void send_join(replica_t *replica)
{
    wire_writer_t writer = { 0 };
    apr_size_t began = message_begin(&writer, MESSAGE_JOIN, 0, replica->position);

    wire_write(&writer, replica->ring);
    wire_write(&writer, replica->round);
    wire_write_fixed(&writer, replica->config.instance);
    wire_write(&writer, (apr_uint64_t)replica->config.version);
    wire_write(&writer, (apr_uint64_t)replica->clock.window);
    for (int i = 0; i < replica->machine_count; i++) {
        const struct machine *machine = &replica->machines[i];
        apr_size_t block;

        if (machine->local_type == NULL || machine->local_type->join == NULL)
            continue;
        wire_write(&writer, (apr_uint64_t)machine->type->message);
        block = wire_block_begin(&writer);
        machine->local_type->join(machine->local, &writer, replica->now);
        wire_block_end(&writer, block);
    }
    message_end(&writer, began);
    replica_send(replica, &writer);
    replica->join_sent = replica->now;
}

void replica_leave(replica_t *replica, apr_time_t now)
{
    replica->now = now;
    if (is_active_member(replica))
        send_numbers(replica, MESSAGE_LEAVE, NULL, 0);
    replica->is_leaving = 1;
    lease_clock_end(&replica->clock);
}

/* ---- applying: the order begins here ---------------------------------------------------- */

void replica_tell(void *baton, const struct lease_change *change)
{
    replica_t *replica = baton;
    struct lease_change placed = *change;

    placed.position = replica->position;
    for (int i = 0; i < replica->machine_count; i++)
        replica->machines[i].type->change(replica->machines[i].state, &placed);
}

/* Four bytes at a time: it must only tell different orders apart, not withstand anybody. */
static void digest(replica_t *replica, bus_node_t sender, const unsigned char *data, apr_size_t length)
{
    apr_uint64_t sum = (replica->digest ^ sender) * 0x9e3779b97f4a7c15ULL + length;

    for (apr_size_t i = 0; i < length; i++)
        sum = (sum ^ data[i]) * 0x100000001b3ULL;
    replica->digest = sum ^ sum >> 29;
}

static void apply_join(replica_t *replica, bus_node_t sender, wire_reader_t *body)
{
    apr_uint64_t ring = wire_read(body), round = wire_read(body), instance = wire_read_fixed(body);
    int version = (int)wire_read_max(body, 0xffff);
    apr_time_t window = (apr_time_t)wire_read_max(body, apr_time_from_sec(3600));
    struct machine_event event = { sender, replica->position };

    if (body->is_bad || ring != replica->ring || round != replica->round)
        return;
    if (!lease_join(&replica->lease, sender, instance, version))
        return;
    if (window > replica->lease.window)
        replica->lease.window = window;
    while (wire_has_more(body)) {
        apr_uint64_t number = wire_read(body);
        wire_reader_t block = wire_read_block(body);

        for (int i = 0; i < replica->machine_count && !body->is_bad; i++) {
            const struct machine *machine = &replica->machines[i];

            if ((apr_uint64_t)machine->type->message == number && machine->type->join != NULL)
                machine->type->join(machine->state, &event, &block);
        }
    }
    lease_joined(&replica->lease, sender);
}

static void apply_evict(replica_t *replica, wire_reader_t *body)
{
    bus_node_t node = (bus_node_t)wire_read_max(body, 0xffffffff);
    apr_uint64_t stay = wire_read(body), heard = wire_read(body);
    const struct lease_node *found = lease_find(&replica->lease, node);

    if (body->is_bad || found == NULL)
        return;
    lease_evict(&replica->lease, node, stay, is_mutant(BLIND_EVICT) ? found->heard : heard);
}

/* ---- what can not be understood ----------------------------------------------------------------- */

/* One line for each kind of fault of a node in a minute, however many messages have it.  `why` is constant. */
static void refuse(replica_t *replica, bus_node_t sender, const char *why)
{
    replica->refused++;
    if (refusals_say(&replica->refusals, sender, 0, why, replica->now))
        replica_log(replica, "refused a cluster message of node=%u: %s (more like it are counted, not logged)",
                    (unsigned)sender, why);
}

/* A message of a node that holds something. */
static void apply_from(replica_t *replica, struct lease_node *node, struct message *message)
{
    struct machine_event event = { node->id, replica->position };

    node->heard++;
    for (int i = 0; i < replica->machine_count; i++) {
        if (replica->machines[i].type->heard != NULL)
            replica->machines[i].type->heard(replica->machines[i].state, node->id, message->position);
    }
    if (message->type == MESSAGE_LEAVE)
        lease_leave(&replica->lease, node->id);
    else if (message->type == MESSAGE_EVICT)
        apply_evict(replica, &message->body);
    else if (message->type == MESSAGE_RELEASE)
        lease_release(&replica->lease, wire_read(&message->body));
    for (int i = 0; i < replica->machine_count; i++) {
        if (replica->machines[i].type->message == message->type)
            replica->machines[i].type->apply(replica->machines[i].state, &event, &message->body);
    }
    if (message->body.is_bad)
        refuse(replica, node->id, "what it says is cut or damaged");
    else if (!message_is_known(message->type))
        refuse(replica, node->id, "its type is not known here: that node is newer");
}

/* The one of the active members, this one excepted, that is to serve a request; changes with each try. */
static bus_node_t server_of(const replica_t *replica, bus_node_t asking, apr_uint64_t request)
{
    bus_node_t able[BUS_NODES_MAX];
    int count = 0;

    for (int i = 0; i < replica->lease.node_count; i++) {
        if (replica->lease.nodes[i].id != asking && replica_is_member(replica, replica->lease.nodes[i].id))
            able[count++] = replica->lease.nodes[i].id;
    }
    return count == 0 ? 0 : able[request % (apr_uint64_t)count];
}

/* Somebody in a settled ring is not in step: a late member, or one that asks again. */
static void apply_state(replica_t *replica, bus_node_t sender, wire_reader_t body)
{
    struct settle_state state;
    bus_node_t server;

    if (!settle_state_read(&state, &body) || state.ring != replica->ring)
        return;
    server = server_of(replica, sender, state.request);
    if (server == replica->config.self || (server == 0 && sender != replica->config.self))
        snapshot_send(replica, sender, state.instance, state.request, 0);
}

static void apply_left(replica_t *replica, const unsigned char *data, apr_size_t length)
{
    for (apr_size_t at = 0; at + sizeof(bus_node_t) <= length; at += sizeof(bus_node_t)) {
        bus_node_t node;

        memcpy(&node, data + at, sizeof(node));
        lease_left(&replica->lease, node);
    }
}

/* One event of the order; everybody in step gets exactly these. */
void replica_apply(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length)
{
    struct message message;
    struct lease_node *node;

    replica->position++;
    digest(replica, sender, data, length);
    if (sender == 0) {
        apply_left(replica, data, length);
        return;
    }
    if (message_read(&message, data, length) != NULL)
        return;
    if (message.type == MESSAGE_JOIN) {
        apply_join(replica, sender, &message.body);
    } else if (message.type == MESSAGE_STATE) {
        apply_state(replica, sender, message.body);
    } else {
        node = lease_sender(&replica->lease, sender, message.stay);
        if (node != NULL)
            apply_from(replica, node, &message);
    }
}

/* Are we (still) active, now that something was applied? */
void replica_check_active(replica_t *replica)
{
    const struct lease_node *me = lease_find(&replica->lease, replica->config.self);
    int is_active =
        replica->phase == REPLICA_MEMBER && me != NULL && me->instance == replica->config.instance;

    if (replica->phase == REPLICA_SETTLING || is_active == replica->is_active)
        return;
    replica->is_active = is_active;
    replica->was_active |= is_active;
    lease_clock_broken(&replica->clock);
    if (!is_active && replica->phase == REPLICA_MEMBER)
        lease_clock_end(&replica->clock); /* evicted: what we held is others' already */
    for (int i = 0; i < replica->machine_count; i++) {
        const struct machine *machine = &replica->machines[i];

        if (machine->local_type != NULL && machine->local_type->active != NULL)
            machine->local_type->active(machine->local, is_active, replica->now);
    }
}

/* ---- what the bus reports ------------------------------------------------------------------ */

/* In a settled ring; `data` is the whole message. */
static void settled_message(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length)
{
    if (replica->phase == REPLICA_MEMBER) {
        replica_apply(replica, sender, data, length);
        replica_check_active(replica);
    } else if (replica->phase == REPLICA_SETTLING || replica->phase == REPLICA_WAITING) {
        if (replica->pending.bytes + length > PENDING_MAX) {
            replica_events_clear(&replica->pending);
            ring_send_resettle(replica);
        } else {
            replica_events_add(&replica->pending, sender, data, length);
        }
    }
}

/* Messages that bring a ring into order are no events of that order.  Returns whether it was such a one. */
static int take_at_once(replica_t *replica, bus_node_t sender, struct message *message)
{
    if (message->type == MESSAGE_SNAPSHOT)
        snapshot_message(replica, sender, message);
    else if (message->type == MESSAGE_RESETTLE)
        ring_resettle_message(replica, message);
    else if (message->type == MESSAGE_DECIDE)
        ring_decide_message(replica, message);
    else
        return message->type == MESSAGE_STATE && ring_state(replica, sender, message->body);
    return 1;
}

void replica_message_of_other(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length,
                              apr_time_t now)
{
    struct message message;
    const char *why = message_read(&message, data, length);

    replica->now = now;
    if (why != NULL)
        refuse(replica, sender, why);
    if (why != NULL || !take_at_once(replica, sender, &message))
        settled_message(replica, sender, data, length);
}

void replica_message(replica_t *replica, bus_node_t sender, const void *data, apr_size_t length,
                     apr_time_t now)
{
    if (sender == replica->config.self)
        lease_clock_applied(&replica->clock, is_active_member(replica));
    replica_message_of_other(replica, sender, data, length, now);
}

void replica_bus_lost(replica_t *replica, bus_t *bus, apr_time_t now)
{
    replica->now = now;
    replica->bus = bus;
    replica->is_in_step = 0;
    replica->ring = replica->round = 0;
    replica->member_count = 0;
    replica->clock.sent = replica->clock.delivered = 0;
    lease_clock_broken(&replica->clock);
    replica_events_clear(&replica->pending);
    replica_events_clear(&replica->unsent);
    snapshot_drop(replica);
    replica_enter(replica, REPLICA_ALONE);
    replica_check_active(replica);
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Messages that only say that time has passed are asked for again after a while. */
static int is_due(replica_t *replica, struct replica_seen *seen, apr_time_t wait)
{
    if (replica->now - seen->since < wait || (seen->asked != 0 && replica->now - seen->asked < wait / 4))
        return 0;
    seen->asked = replica->now;
    return 1;
}

static void see(replica_t *replica, struct replica_seen *seen, apr_uint64_t what, apr_uint64_t heard)
{
    if (seen->what == what && seen->heard == heard && seen->since != 0)
        return;
    seen->what = what;
    seen->heard = heard;
    seen->since = replica->now;
    seen->asked = 0;
}

static apr_time_t patience_with_leases(const replica_t *replica)
{
    apr_time_t window = replica->clock.window;

    if (replica->lease.window > window)
        window = replica->lease.window;
    return is_mutant(NO_WINDOW) ? 1 : window + replica->clock.margin;
}

static void check_silent(replica_t *replica)
{
    for (int i = 0; i < replica->lease.node_count; i++) {
        const struct lease_node *node = &replica->lease.nodes[i];
        apr_uint64_t numbers[] = { node->id, node->stay, node->heard };
        struct replica_seen *seen = &replica->nodes[i];

        see(replica, seen, node->stay, node->heard);
        if (node->id != replica->config.self && is_due(replica, seen, patience_with_leases(replica)))
            send_numbers(replica, MESSAGE_EVICT, numbers, 3);
    }
}

/* The list moves as departures are released: what was seen of each is found by its number. */
static void check_departed(replica_t *replica)
{
    struct replica_seen seen[LEASE_DEPARTURES_MAX];
    int count = replica->lease.departure_count, old = 0;

    memset(seen, 0, (apr_size_t)count * sizeof(seen[0]));
    for (int i = 0; i < count; i++) {
        apr_uint64_t number = replica->lease.departures[i].number;

        /* both lists are by number */
        while (old < replica->departure_count && replica->departures[old].what < number)
            old++;
        if (old < replica->departure_count && replica->departures[old].what == number)
            seen[i] = replica->departures[old];
        see(replica, &seen[i], number, 0);
        if (is_due(replica, &seen[i], patience_with_leases(replica)))
            send_numbers(replica, MESSAGE_RELEASE, &number, 1);
    }
    memcpy(replica->departures, seen, (apr_size_t)count * sizeof(seen[0]));
    replica->departure_count = count;
}

/* All that a local half has to say, as far as the bus takes it.  `body` is room to write in: most of the time
 * nothing has to be said, and this runs after every event. */
static void flush_local(replica_t *replica, const struct machine *machine, wire_writer_t *body)
{
    while (replica->unsent.first == NULL) {
        wire_writer_t writer = { 0 };
        apr_size_t began;

        body->length = 0;
        if (!machine->local_type->flush(machine->local, body, replica->now))
            return;
        began = message_begin(&writer, machine->type->message, my_stay(replica), replica->position);
        wire_write_raw(&writer, body->data, body->length);
        message_end(&writer, began);
        replica_send(replica, &writer);
    }
}

static void flush_locals(replica_t *replica)
{
    int wants_beat = 0;
    apr_uint64_t sent = replica->clock.sent;
    wire_writer_t body = { 0 };

    for (int i = 0; i < replica->machine_count; i++) {
        const struct machine *machine = &replica->machines[i];
        const struct machine_local *local = machine->local_type;

        if (local != NULL && local->wants_beat != NULL)
            wants_beat |= local->wants_beat(machine->local);
        if (local != NULL && local->flush != NULL)
            flush_local(replica, machine, &body);
    }
    wire_free(&body);
    if (replica->clock.sent == sent && (wants_beat || lease_clock_wants(&replica->clock, replica->now)))
        send_numbers(replica, MESSAGE_BEAT, NULL, 0);
}

static void check_lease(replica_t *replica)
{
    int has_lease = lease_clock_is_good(&replica->clock, replica->now) || is_mutant(NO_CLOCK);

    if (replica->has_lease != has_lease) {
        for (int i = 0; i < replica->machine_count; i++) {
            const struct machine *machine = &replica->machines[i];

            if (machine->local_type != NULL && machine->local_type->lease != NULL)
                machine->local_type->lease(machine->local, has_lease, replica->now);
        }
    }
    replica->has_lease = has_lease;
}

void replica_poll(replica_t *replica, apr_time_t now)
{
    replica->now = now;
    check_lease(replica);
    send_unsent(replica);
    if (replica->phase == REPLICA_SETTLING || replica->phase == REPLICA_WAITING) {
        ring_poll(replica);
    } else if (replica->unsent.first != NULL) {
        return; /* the bus is full: more would only be late */
    } else if (is_active_member(replica)) {
        flush_locals(replica);
        check_silent(replica);
        check_departed(replica);
    } else if (replica->phase == REPLICA_MEMBER && !replica->is_leaving &&
               (replica->join_sent == 0 || now - replica->join_sent > replica->config.patience)) {
        send_join(replica);
    }
}

static apr_time_t sooner(apr_time_t a, apr_time_t b)
{
    return b != 0 && b < a ? b : a;
}

apr_time_t replica_next(const replica_t *replica)
{
    apr_time_t next = replica->now + replica->config.patience / 8;

    if (replica->has_lease)
        next = sooner(next, replica->clock.until);
    if (replica->unsent.first != NULL) {
        /* the bus does not say when it has room again; what else is due must wait for that */
        next = sooner(next, replica->now + bus_retry);
    } else if (is_active_member(replica)) {
        next = sooner(next, lease_clock_next(&replica->clock) + 1);
        for (int i = 0; i < replica->machine_count; i++) {
            if (replica->machines[i].local_type != NULL && replica->machines[i].local_type->next != NULL)
                next = sooner(next, replica->machines[i].local_type->next(replica->machines[i].local));
        }
    }
    return next;
}
