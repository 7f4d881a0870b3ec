/* snapshot.c - the state as bytes, in parts, for a member that is not in step
 * SPDX-License-Identifier: Apache-2.0
 *
 * The state is written at one point of the order: the decision of a settle, or the STATE of the
 * member that asks.  That member buffers what comes after the point and applies it then.
 * Parts name the asking process and its request, so parts for an earlier one are ignored. */
#include <stdlib.h>
#include <string.h>

#include "cluster/machine/replica_private.h"

enum { PART_MAX = 48 * 1024, SNAPSHOT_MAX = 1 << 30 };

void replica_write(const replica_t *replica, wire_writer_t *writer)
{
    wire_write(writer, replica->round);
    wire_write_fixed(writer, replica->lineage);
    wire_write(writer, replica->epoch);
    wire_write(writer, replica->position);
    wire_write_fixed(writer, replica->digest);
    for (int i = -1; i < replica->machine_count; i++) {
        apr_size_t block;

        /* the lease's part has the number 0 */
        wire_write(writer, i < 0 ? 0 : (apr_uint64_t)replica->machines[i].type->message);
        block = wire_block_begin(writer);
        if (i < 0)
            lease_write(&replica->lease, writer);
        else
            replica->machines[i].type->write(replica->machines[i].state, writer);
        wire_block_end(writer, block);
    }
}

static struct machine *machine_of(replica_t *replica, int message)
{
    for (int i = 0; i < replica->machine_count; i++) {
        if (replica->machines[i].type->message == message)
            return &replica->machines[i];
    }
    return NULL;
}

/* Parts of machines that we do not have are passed over. */
static int read_parts(replica_t *replica, wire_reader_t *reader)
{
    while (wire_has_more(reader)) {
        int number = (int)wire_read_max(reader, MESSAGE_TYPE_END);
        wire_reader_t block = wire_read_block(reader);
        struct machine *machine = machine_of(replica, number);

        if (reader->is_bad)
            return 0;
        if (number == 0 && !lease_read(&replica->lease, &block))
            return 0;
        if (machine != NULL && !machine->type->read(machine->state, &block))
            return 0;
    }
    return !reader->is_bad;
}

static int read_all(replica_t *replica)
{
    wire_reader_t reader = wire_reader(replica->snapshot.data, replica->snapshot.length);

    replica_forget(replica);
    replica->round = wire_read(&reader);
    replica->lineage = wire_read_fixed(&reader);
    replica->epoch = wire_read(&reader);
    replica->position = wire_read(&reader);
    replica->digest = wire_read_fixed(&reader);
    replica->lease.tell = replica_tell;
    replica->lease.baton = replica;
    return read_parts(replica, &reader);
}

void snapshot_send(replica_t *replica, bus_node_t target, apr_uint64_t instance, apr_uint64_t request,
                   int is_empty)
{
    wire_writer_t all = { 0 };
    apr_size_t at = 0;
    apr_uint64_t part = 0;

    if (!is_empty)
        replica_write(replica, &all);
    do {
        apr_size_t length = all.length - at < PART_MAX ? all.length - at : PART_MAX;
        wire_writer_t writer = { 0 };
        apr_size_t began = message_begin(&writer, MESSAGE_SNAPSHOT, 0, replica->position);

        wire_write(&writer, target);
        wire_write_fixed(&writer, instance);
        wire_write(&writer, request);
        wire_write(&writer, part++);
        wire_write(&writer, all.length);
        wire_write_bytes(&writer, length > 0 ? all.data + at : NULL, length);
        message_end(&writer, began);
        replica_send(replica, &writer);
        at += length;
    } while (at < all.length);
    wire_free(&all);
}

void snapshot_drop(replica_t *replica)
{
    wire_free(&replica->snapshot);
    replica->snapshot_next = 0;
    replica->snapshot_from = 0;
}

/* All parts are here: go on from that point. */
static void use(replica_t *replica)
{
    struct replica_events pending = replica->pending;
    struct replica_event *event;
    int is_good = read_all(replica);

    snapshot_drop(replica);
    memset(&replica->pending, 0, sizeof(replica->pending));
    if (!is_good) {
        replica_log(replica, "a snapshot of the cluster's state can not be understood: asking again");
        replica_forget(replica);
        replica_events_clear(&pending);
        return;
    }
    replica->is_in_step = 1;
    replica->is_late = 0;
    replica_enter(replica, REPLICA_MEMBER);
    if (is_mutant(LOST_EVENTS))
        replica_events_clear(&pending);
    while ((event = replica_events_take(&pending)) != NULL) {
        replica_apply(replica, event->sender, event->data, event->length);
        free(event);
    }
    replica_check_active(replica);
}

void snapshot_message(replica_t *replica, bus_node_t sender, struct message *message)
{
    wire_reader_t *body = &message->body;
    bus_node_t target = (bus_node_t)wire_read_max(body, 0xffffffff);
    apr_uint64_t instance = wire_read_fixed(body), request = wire_read(body), part = wire_read(body);
    apr_uint64_t total = wire_read_max(body, SNAPSHOT_MAX);
    apr_size_t length;
    const void *bytes = wire_read_bytes(body, &length, PART_MAX);

    if (body->is_bad || replica->phase != REPLICA_WAITING || target != replica->config.self ||
        instance != replica->config.instance || request != replica->request)
        return;
    if (total == 0) {
        ring_send_state(replica, 1);
        return;
    }
    if (part == 0) {
        snapshot_drop(replica);
        replica->snapshot_from = sender;
    }
    if (sender != replica->snapshot_from || part != replica->snapshot_next ||
        replica->snapshot.length + length > total)
        return;
    wire_write_raw(&replica->snapshot, bytes, length);
    replica->snapshot_next++;
    replica->phase_since = replica->now; /* it comes: no reason to ask again */
    if (replica->snapshot.length == total)
        use(replica);
}
