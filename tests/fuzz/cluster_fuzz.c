/* cluster_fuzz.c - any bytes as a cluster message, and as a snapshot: refused, or applied and sound
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include <apr_general.h>

#include <ec/status.h>

#include "cluster/limit/client.h"
#include "cluster/machine/replica.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

/* What a replica sends comes back to it, as in a ring of one. */
struct loop {
    bus_t bus;
    replica_t *replica;
    wire_writer_t queue[8];
    int count;
};

static apr_status_t send_op(bus_t *bus, const void *data, apr_size_t length)
{
    struct loop *loop = (struct loop *)bus;

    if (loop->count == 8)
        return EC_E_BUSY;
    wire_write_raw(&loop->queue[loop->count++], data, length);
    return APR_SUCCESS;
}

static void settle(struct loop *loop, apr_time_t now)
{
    replica_poll(loop->replica, now);
    for (int i = 0; i < loop->count; i++) {
        replica_message(loop->replica, 1, loop->queue[i].data, loop->queue[i].length, now);
        wire_free(&loop->queue[i]);
    }
    loop->count = 0;
}

static void snapshot(const uint8_t *data, size_t size)
{
    wire_reader_t reader = wire_reader(data, size);
    limit_t limit;

    limit_init(&limit, 0);
    if (limit_machine.read(&limit, &reader) && !limit_is_sound(&limit))
        abort();
    limit_machine.clear(&limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bus_ops ops = { send_op };
    static const bus_node_t members[] = { 1, 2 };
    struct bus_view view = { 1, members, 1, 1 };
    struct replica_config config = {
        .self = 1, .instance = 7, .window = 2000000, .margin = 250000, .patience = 500000
    };
    struct loop loop = { { &ops }, NULL, { { 0 } }, 0 };
    struct machine machine = { &limit_machine, NULL, NULL, NULL };
    limit_t limit;

    limit_init(&limit, 0);
    machine.state = &limit;
    loop.replica = replica_create(&config, &loop.bus);
    replica_add(loop.replica, &machine);
    replica_view(loop.replica, &view, 1000);
    for (apr_time_t now = 1001; now < 1006; now++)
        settle(&loop, now);
    view.member_count = 2;
    replica_view(loop.replica, &view, 1010);
    /* messages of node 2: a byte for the length, then so much */
    for (size_t at = 0; at < size;) {
        size_t length = data[at++];

        length = length < size - at ? length : size - at;
        replica_message(loop.replica, length & 1 ? 2 : 1, data + at, length, 1020);
        at += length;
    }
    if (!limit_is_sound(&limit))
        abort();
    for (int i = 0; i < loop.count; i++)
        wire_free(&loop.queue[i]);
    replica_destroy(loop.replica);
    snapshot(data, size);
    return 0;
}
