/* lease.c - replicated: which nodes may hold something, and what is kept back for whom
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/lease/lease.h"
#include "cluster/machine/mutant.h"

static void tell(lease_t *lease, enum lease_change_kind kind, bus_node_t node, apr_uint64_t departure,
                 int is_tainted)
{
    struct lease_change change = { kind, node, departure, is_tainted, lease->is_half, 0 };

    lease->tell(lease->baton, &change);
}

static struct lease_node *find(lease_t *lease, bus_node_t id)
{
    for (int i = 0; i < lease->node_count; i++) {
        if (lease->nodes[i].id == id)
            return &lease->nodes[i];
    }
    return NULL;
}

const struct lease_node *lease_find(const lease_t *lease, bus_node_t id)
{
    return find((lease_t *)lease, id);
}

struct lease_node *lease_sender(lease_t *lease, bus_node_t id, apr_uint64_t stay)
{
    struct lease_node *node = find(lease, id);

    return node != NULL && node->stay == stay ? node : NULL;
}

static apr_uint64_t add_departure(lease_t *lease, bus_node_t node, apr_uint64_t instance)
{
    struct lease_departure *departure = &lease->departures[lease->departure_count++];

    departure->number = lease->next++;
    departure->node = node;
    departure->instance = instance;
    return departure->number;
}

static void remove_departure(lease_t *lease, int at)
{
    lease->departure_count--;
    memmove(&lease->departures[at], &lease->departures[at + 1],
            (lease->departure_count - at) * sizeof(lease->departures[0]));
}

static void remove_node(lease_t *lease, struct lease_node *node)
{
    lease->node_count--;
    memmove(node, node + 1, (char *)&lease->nodes[lease->node_count] - (char *)node);
}

void lease_start(lease_t *lease, int is_half, int is_tainted, lease_tell_fn *tell_fn, void *baton)
{
    memset(lease, 0, sizeof(*lease));
    lease->next = 1;
    lease->is_half = is_half;
    lease->tell = tell_fn;
    lease->baton = baton;
    lease->frozen_until = add_departure(lease, 0, 0);
    tell(lease, LEASE_FROZEN, 0, 0, is_tainted);
    if (is_mutant(HASTY_FOUNDER))
        tell(lease, LEASE_THAWED, 0, 0, 0);
}

static void depart(lease_t *lease, struct lease_node *node)
{
    bus_node_t id = node->id;
    apr_uint64_t number = add_departure(lease, id, node->instance);

    remove_node(lease, node);
    tell(lease, LEASE_DEPARTED, id, number, 0);
}

static int is_among(const bus_node_t *list, int count, bus_node_t id)
{
    for (int i = 0; i < count; i++) {
        if (list[i] == id)
            return 1;
    }
    return 0;
}

void lease_settle(lease_t *lease, const bus_node_t *stays, int stay_count)
{
    int departed = 0;

    tell(lease, LEASE_REVOKED, 0, 0, 0);
    for (int i = 0; i < lease->node_count;) {
        if (is_among(stays, stay_count, lease->nodes[i].id)) {
            i++;
        } else {
            depart(lease, &lease->nodes[i]);
            departed = 1;
        }
    }
    if (departed && !is_mutant(NO_FREEZE)) {
        lease->frozen_until = lease->departures[lease->departure_count - 1].number;
        tell(lease, LEASE_FROZEN, 0, 0, 1);
    }
    tell(lease, LEASE_STEADY, 0, 0, 0);
}

void lease_left(lease_t *lease, bus_node_t id)
{
    struct lease_node *node = find(lease, id);

    if (node != NULL)
        depart(lease, node);
}

/* Room is kept for the departure of every active node, so that departing never fails. */
static int is_full(const lease_t *lease)
{
    return lease->node_count == BUS_NODES_MAX ||
           lease->departure_count + lease->node_count >= LEASE_DEPARTURES_MAX;
}

/* The departure of the same process, from which it may reclaim; -1: none. */
static int departure_of(const lease_t *lease, bus_node_t id, apr_uint64_t instance)
{
    for (int i = lease->departure_count - 1; i >= 0; i--) {
        if (lease->departures[i].node == id && lease->departures[i].instance == instance)
            return i;
    }
    return -1;
}

int lease_join(lease_t *lease, bus_node_t id, apr_uint64_t instance, int version)
{
    struct lease_node *node = lease->nodes;
    int departure = departure_of(lease, id, instance);

    if (find(lease, id) != NULL || is_full(lease))
        return 0;
    while (node < lease->nodes + lease->node_count && node->id < id)
        node++;
    memmove(node + 1, node, (char *)&lease->nodes[lease->node_count] - (char *)node);
    lease->node_count++;
    memset(node, 0, sizeof(*node));
    node->id = id;
    node->instance = instance;
    node->stay = lease->next++;
    node->version = version;
    tell(lease, LEASE_JOINED, id, departure < 0 ? 0 : lease->departures[departure].number, 0);
    return 1;
}

void lease_joined(lease_t *lease, bus_node_t id)
{
    const struct lease_node *node = find(lease, id);
    int at = departure_of(lease, id, node->instance);
    apr_uint64_t number = at < 0 ? 0 : lease->departures[at].number;

    /* What is frozen stays so: others may have departed with it. */
    if (at >= 0 && number != lease->frozen_until)
        remove_departure(lease, at);
    tell(lease, LEASE_SETTLED, id, number, 0);
}

void lease_leave(lease_t *lease, bus_node_t id)
{
    struct lease_node *node = find(lease, id);

    if (node == NULL)
        return;
    remove_node(lease, node);
    tell(lease, LEASE_DROPPED, id, 0, 0);
}

void lease_evict(lease_t *lease, bus_node_t id, apr_uint64_t stay, apr_uint64_t heard)
{
    const struct lease_node *node = find(lease, id);

    if (node != NULL && node->stay == stay && node->heard == heard)
        lease_leave(lease, id);
}

void lease_release(lease_t *lease, apr_uint64_t number)
{
    for (int i = 0; i < lease->departure_count; i++) {
        if (lease->departures[i].number != number)
            continue;
        remove_departure(lease, i);
        tell(lease, LEASE_RELEASED, 0, number, 0);
        if (lease->frozen_until == number) {
            lease->frozen_until = 0;
            tell(lease, LEASE_THAWED, 0, 0, 0);
        }
        return;
    }
}

int lease_version(const lease_t *lease)
{
    int version = 0;

    for (int i = 0; i < lease->node_count; i++) {
        if (version == 0 || lease->nodes[i].version < version)
            version = lease->nodes[i].version;
    }
    return version;
}

void lease_write(const lease_t *lease, wire_writer_t *writer)
{
    wire_write(writer, lease->next);
    wire_write(writer, lease->frozen_until);
    wire_write(writer, (apr_uint64_t)lease->window);
    wire_write(writer, (apr_uint64_t)lease->is_half);
    wire_write(writer, (apr_uint64_t)lease->node_count);
    for (int i = 0; i < lease->node_count; i++) {
        const struct lease_node *node = &lease->nodes[i];
        apr_size_t block = wire_block_begin(writer);

        wire_write(writer, node->id);
        wire_write(writer, node->instance);
        wire_write(writer, node->stay);
        wire_write(writer, node->heard);
        wire_write(writer, (apr_uint64_t)node->version);
        wire_block_end(writer, block);
    }
    wire_write(writer, (apr_uint64_t)lease->departure_count);
    for (int i = 0; i < lease->departure_count; i++) {
        wire_write(writer, lease->departures[i].number);
        wire_write(writer, lease->departures[i].node);
        wire_write(writer, lease->departures[i].instance);
    }
}

static void read_node(struct lease_node *node, wire_reader_t block)
{
    node->id = (bus_node_t)wire_read_max(&block, 0xffffffff);
    node->instance = wire_read(&block);
    node->stay = wire_read(&block);
    node->heard = wire_read(&block);
    node->version = (int)wire_read_max(&block, 0xffff);
}

int lease_read(lease_t *lease, wire_reader_t *reader)
{
    lease->next = wire_read(reader);
    lease->frozen_until = wire_read(reader);
    lease->window = (apr_int64_t)wire_read_max(reader, (apr_uint64_t)1 << 40);
    lease->is_half = (int)wire_read_max(reader, 1);
    lease->node_count = (int)wire_read_max(reader, BUS_NODES_MAX);
    for (int i = 0; i < lease->node_count; i++) {
        memset(&lease->nodes[i], 0, sizeof(lease->nodes[i]));
        read_node(&lease->nodes[i], wire_read_block(reader));
        /* the order is part of the state: a writer keeps them by id */
        if (lease->nodes[i].id <= (i == 0 ? 0 : lease->nodes[i - 1].id))
            reader->is_bad = 1;
    }
    lease->departure_count = (int)wire_read_max(reader, LEASE_DEPARTURES_MAX);
    for (int i = 0; i < lease->departure_count; i++) {
        lease->departures[i].number = wire_read(reader);
        lease->departures[i].node = (bus_node_t)wire_read_max(reader, 0xffffffff);
        lease->departures[i].instance = wire_read(reader);
    }
    if (!reader->is_bad && lease->node_count + lease->departure_count > LEASE_DEPARTURES_MAX)
        reader->is_bad = 1;
    return !reader->is_bad;
}
