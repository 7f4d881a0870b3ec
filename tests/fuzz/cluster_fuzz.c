/* cluster_fuzz.c - a replica whose two neighbours say whatever the bytes say: it goes on, and its limits are
 * sound SPDX-License-Identifier: Apache-2.0
 *
 * The bytes are a script of steps: views, time, a bus that is full or gone, raw messages, and messages whose
 * frame fits (ring, round, stay, position) around a body that is any.  All machines are there with their
 * local halves. */
#include <stdint.h>
#include <stdlib.h>

#include <apr_general.h>

#include <ec/status.h>

#include "cluster/cache/cache.h"
#include "cluster/cidr/cidr.h"
#include "cluster/gauge/gauge.h"
#include "cluster/limit/client.h"
#include "cluster/machine/replica.h"
#include "cluster/numbers/numbers.h"
#include "cluster/series/series.h"
#include "cluster/throttle/throttle.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

enum { QUEUE_MAX = 32, STEPS_MAX = 2000 };

/* What a replica sends comes back to it, when the script says so. */
struct world {
    bus_t bus; /* first: a bus_t * is a world */
    int is_full;
    wire_writer_t queue[QUEUE_MAX];
    int first, count;
    apr_time_t now;
    apr_uint64_t ring;
    replica_t *replica;
    limit_t limits, throttles;
    limit_client_t client, throttle_client;
    struct limit_client_key *key;
    struct throttle_rate rate;
    gauge_t gauge, addresses;
    gauge_local_t counts;
    cache_t cache;
    series_t series;
    series_local_t told;
    numbers_t numbers;
    numbers_local_t added;
};

static apr_status_t send_op(bus_t *bus, const void *data, apr_size_t length)
{
    struct world *world = (struct world *)bus;

    if (world->is_full || world->count == QUEUE_MAX)
        return EC_E_BUSY;
    wire_write_raw(&world->queue[world->count++], data, length);
    return APR_SUCCESS;
}

static void on_gained(void *baton, struct limit_client_key *key)
{
}

static void on_shed(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
}

static void on_lost(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    struct world *world = baton;

    while (count-- > 0 && key->used > 0)
        limit_client_put(&world->client, key);
}

static const struct limit_client_events events = { on_gained, on_shed, on_lost, NULL };
static const struct bus_ops ops = { send_op };

static void add_machines(struct world *world)
{
    const struct machine machines[] = {
        { &gauge_machine, &world->gauge, &gauge_local, &world->counts },
        { &cidr_machine, &world->addresses, NULL, NULL },
        { &cache_machine, &world->cache, &cache_local, &world->cache },
        { &series_machine, &world->series, &series_local, &world->told },
        { &numbers_machine, &world->numbers, &numbers_local, &world->added },
        { &limit_machine, &world->limits, &limit_client_local, &world->client },
        { &throttle_machine, &world->throttles, &limit_client_local, &world->throttle_client },
    };

    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        replica_add(world->replica, &machines[i]);
}

static void begin(struct world *world)
{
    const struct replica_config config = { .self = 1,
                                           .instance = 7,
                                           .window = apr_time_from_sec(2),
                                           .margin = apr_time_from_msec(250),
                                           .patience = apr_time_from_msec(500),
                                           .hosts = 3 };

    world->bus.ops = &ops;
    world->now = apr_time_from_sec(10);
    world->replica = replica_create(&config, &world->bus);
    world->counts.max_pending = 1;
    world->cache.max_size = 4;
    world->cache.has_snapshot = 1;
    limit_init(&world->limits, 0);
    limit_client_init(&world->client, &world->limits, 1, 3, 200000, replica_clock(world->replica), &events,
                      world);
    limit_init(&world->throttles, 1);
    limit_client_init(&world->throttle_client, &world->throttles, 1, 3, 200000, replica_clock(world->replica),
                      &throttle_events, world);
    add_machines(world);
    world->key = limit_client_key(&world->client, "k", 1, 7, LIMIT_STRICT);
    throttle_rate_init(&world->rate, &world->throttle_client, "r", 1, 40, apr_time_from_sec(1), world->now);
}

static void end(struct world *world)
{
    if (!limit_is_sound(&world->limits) || !limit_is_sound(&world->throttles))
        abort();
    while (world->first < world->count)
        wire_free(&world->queue[world->first++]);
    replica_destroy(world->replica);
    limit_client_free(&world->client);
    limit_client_free(&world->throttle_client);
    gauge_local_free(&world->counts);
    cache_free(&world->cache);
    series_free(&world->series);
    series_local_free(&world->told);
    numbers_free(&world->numbers);
    numbers_local_free(&world->added);
}

/* ---- steps --------------------------------------------------------------------------------- */

/* Our own messages come back, so many of them. */
static void loop_back(struct world *world, int count)
{
    for (; count > 0 && world->first < world->count; count--) {
        wire_writer_t *bytes = &world->queue[world->first++];

        replica_message(world->replica, 1, bytes->data, bytes->length, world->now);
        wire_free(bytes);
    }
    if (world->first == world->count)
        world->first = world->count = 0;
}

static void step_own(struct world *world, wire_reader_t *script)
{
    int count = (int)wire_read_max(script, QUEUE_MAX);

    loop_back(world, count == 0 ? QUEUE_MAX : count);
}

static void step_view(struct world *world, wire_reader_t *script)
{
    int flags = (int)wire_read_max(script, 0x7f);
    bus_node_t members[3] = { 1 };
    struct bus_view view = { 0, members, 1, flags >> 2 & 1 };

    for (bus_node_t node = 2; node <= 3; node++) {
        if (flags >> (node - 2) & 1)
            members[view.member_count++] = node;
    }
    world->ring += flags >> 3 & 1;
    view.ring = world->ring;
    replica_view(world->replica, &view, world->now);
}

static void step_time(struct world *world, wire_reader_t *script)
{
    world->now += (apr_time_t)wire_read_max(script, 4000) * 1000;
    world->is_full = 0;
    replica_poll(world->replica, world->now);
}

static void step_use(struct world *world, wire_reader_t *script)
{
    apr_uint32_t want = (apr_uint32_t)wire_read_max(script, 50);

    limit_client_want(&world->client, world->key, want);
    while (world->key->used < want && limit_client_take(&world->client, world->key, world->now))
        ;
    throttle_want(&world->rate, want, world->now);
    throttle_take(&world->rate, world->now);
    gauge_set(&world->counts, "g", 1, want, world->now);
    cache_set(&world->cache, "c", 1, "value", 5);
    replica_poll(world->replica, world->now);
}

static void step_trouble(struct world *world, wire_reader_t *script)
{
    switch (wire_read_max(script, 5)) {
    case 0:
        world->is_full = 1;
        break;
    case 1:
        replica_bus_lost(world->replica, &world->bus, world->now);
        loop_back(world, 0);
        break;
    case 2:
        replica_quorum(world->replica, world->ring, 1, world->now);
        break;
    case 3:
        replica_quorum(world->replica, world->ring, 0, world->now);
        break;
    default:
        replica_set_hosts(world->replica, 2 + (int)(world->now % 2), world->now);
        break;
    }
}

static bus_node_t read_sender(wire_reader_t *script)
{
    return (bus_node_t)(wire_read(script) % 3) + 1;
}

static void step_raw(struct world *world, wire_reader_t *script)
{
    bus_node_t sender = read_sender(script);
    apr_size_t length;
    const void *bytes = wire_read_bytes(script, &length, BUS_MESSAGE_MAX);

    if (!script->is_bad)
        replica_message(world->replica, sender, bytes, length, world->now);
}

/* The round is the first thing in what the replica writes. */
static apr_uint64_t round_of(const struct world *world)
{
    wire_writer_t writer = { 0 };
    wire_reader_t reader;
    apr_uint64_t round;

    replica_write(world->replica, &writer);
    reader = wire_reader(writer.data, writer.length);
    round = wire_read(&reader);
    wire_free(&writer);
    return round;
}

/* A frame that fits, with a body that is any; those that begin with ring and round get the right ones. */
static void step_framed(struct world *world, wire_reader_t *script)
{
    bus_node_t sender = read_sender(script);
    int type = (int)wire_read_max(script, MESSAGE_TYPE_END - 1);
    apr_size_t length, began;
    const void *body = wire_read_bytes(script, &length, BUS_MESSAGE_MAX);
    struct replica_info info;
    const struct lease_node *node;
    wire_writer_t writer = { 0 };

    if (script->is_bad)
        return;
    replica_info(world->replica, &info);
    node = lease_find(info.lease, sender);
    began = message_begin(&writer, type, node == NULL ? 0 : node->stay, info.position);
    if (type == MESSAGE_STATE || type == MESSAGE_DECIDE || type == MESSAGE_RESETTLE || type == MESSAGE_JOIN) {
        wire_write(&writer, world->ring);
        wire_write(&writer, round_of(world));
    }
    wire_write_raw(&writer, body, length);
    message_end(&writer, began);
    replica_message(world->replica, sender, writer.data, writer.length, world->now);
    wire_free(&writer);
}

static void (*const steps[])(struct world *world, wire_reader_t *script) = {
    step_own, step_view, step_time, step_use, step_trouble, step_raw, step_framed,
};

/* ---- snapshots ------------------------------------------------------------------------------- */

/* What was read as a state can be written, and read again. */
static void snapshot(const struct machine_type *type, void *state, const uint8_t *data, size_t size)
{
    wire_reader_t reader = wire_reader(data, size);

    if (type->read(state, &reader)) {
        wire_writer_t writer = { 0 };

        type->write(state, &writer);
        type->clear(state);
        reader = wire_reader(writer.data, writer.length);
        if (!type->read(state, &reader))
            abort();
        wire_free(&writer);
    }
    type->clear(state);
}

static void snapshots(const uint8_t *data, size_t size)
{
    gauge_t gauge = { 0 };
    cache_t cache = { .max_size = 4, .has_snapshot = 1 };
    limit_t limit;

    limit_init(&limit, 0);
    snapshot(&limit_machine, &limit, data, size);
    snapshot(&gauge_machine, &gauge, data, size);
    snapshot(&cache_machine, &cache, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    wire_reader_t script = wire_reader(data, size);

    world = (struct world){ 0 };
    begin(&world);
    for (int i = 0; i < STEPS_MAX && wire_has_more(&script); i++) {
        apr_uint64_t step = wire_read(&script);

        steps[step % (sizeof(steps) / sizeof(steps[0]))](&world, &script);
    }
    end(&world);
    snapshots(data, size);
    return 0;
}
