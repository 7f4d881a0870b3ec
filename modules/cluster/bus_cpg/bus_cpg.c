/* bus_cpg.c - the bus over corosync: CPG for order and views, the quorum service for quorum
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include <ec/status.h>

#include "cluster/bus_cpg/bus_cpg.h"

/* A ring that the quorum service says nothing about counts as not quorate after this. */
static const apr_time_t quorum_patience = apr_time_from_sec(2);

struct bus_cpg {
    bus_t bus; /* first: a bus_t * is this */
    const struct bus_events *events;
    void *baton;
    cpg_handle_t cpg;
    quorum_handle_t quorum;
    int has_cpg, has_quorum, is_broken;
    int descriptors[2];
    bus_node_t self;
    struct cpg_ring_id ring;
    int is_ring_new;          /* its view was not reported yet */
    int is_ring_awaited;      /* hosts have gone, and the ring without them is about to be told */
    apr_time_t waiting_since; /* for the quorum service; 0: not yet */
    bus_node_t members[BUS_NODES_MAX];
    int member_count;
    uint64_t quorum_ring; /* what the quorum service spoke about last */
    int is_quorate;
    int events_done;
};

static apr_uint64_t ring_number(const struct cpg_ring_id *ring)
{
    return ring->seq << 16 | (ring->nodeid & 0xffff);
}

static void report_view(bus_cpg_t *bus)
{
    struct bus_view view = { ring_number(&bus->ring), bus->members, bus->member_count,
                             bus->quorum_ring == bus->ring.seq && bus->is_quorate };

    bus->is_ring_new = 0;
    bus->waiting_since = 0;
    if (bus->member_count > 0)
        bus->events->view(bus->baton, &view);
}

static bus_cpg_t *cpg_bus(cpg_handle_t handle)
{
    void *context = NULL;

    cpg_context_get(handle, &context);
    return context;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
                       void *data, size_t length)
{
    bus_cpg_t *bus = cpg_bus(handle);

    bus->events_done++;
    bus->events->message(bus->baton, node, data, length);
}

static void on_members(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
                       size_t member_count, const struct cpg_address *left, size_t left_count,
                       const struct cpg_address *joined, size_t joined_count)
{
    bus_cpg_t *bus = cpg_bus(handle);

    bus->events_done++;
    bus->member_count = 0;
    for (size_t i = 0; i < member_count && bus->member_count < BUS_NODES_MAX; i++)
        bus->members[bus->member_count++] = members[i].nodeid;
    /* A host that is gone means another ring, which may be told before or after.  Never report it as a
     * process that ended in the old one: of such a process everything is known. */
    for (size_t i = 0; i < left_count && !bus->is_ring_new; i++)
        bus->is_ring_awaited |= left[i].reason == CPG_REASON_NODEDOWN;
    if (!bus->is_ring_new && !bus->is_ring_awaited)
        report_view(bus);
}

static void on_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count, const uint32_t *members)
{
    bus_cpg_t *bus = cpg_bus(handle);

    bus->events_done++;
    if (ring.seq == bus->ring.seq && ring.nodeid == bus->ring.nodeid)
        return;
    bus->ring = ring;
    bus->is_ring_new = 1;
    bus->is_ring_awaited = 0;
}

static void on_quorum(quorum_handle_t handle, uint32_t is_quorate, uint64_t ring, uint32_t count,
                      uint32_t *members)
{
    const void *context = NULL;
    bus_cpg_t *bus;
    int is_change;

    quorum_context_get(handle, &context);
    bus = (bus_cpg_t *)context;
    is_change = bus->quorum_ring == ring && bus->is_quorate != (is_quorate != 0);
    bus->quorum_ring = ring;
    bus->is_quorate = is_quorate != 0;
    if (is_change && ring == bus->ring.seq && !bus->is_ring_new && bus->events->quorum != NULL)
        bus->events->quorum(bus->baton, ring_number(&bus->ring), bus->is_quorate);
}

/* ---- sending --------------------------------------------------------------------------- */

static apr_status_t send_op(bus_t *base, const void *data, apr_size_t length)
{
    bus_cpg_t *bus = (bus_cpg_t *)base;
    struct iovec part = { (void *)data, length };
    cs_error_t error;

    EC_ASSERT(length <= BUS_MESSAGE_MAX);
    if (bus->is_broken)
        return EC_E_BUSY;
    error = cpg_mcast_joined(bus->cpg, CPG_TYPE_AGREED, &part, 1);
    if (error == CS_OK)
        return APR_SUCCESS;
    bus->is_broken = error != CS_ERR_TRY_AGAIN && error != CS_ERR_NO_RESOURCES;
    return EC_E_BUSY;
}

static const struct bus_ops ops = { send_op };

/* ---- receiving --------------------------------------------------------------------------- */

/* A new ring waits for the quorum service.  Returns whether CPG may go on. */
static int settle_quorum(bus_cpg_t *bus, apr_time_t now)
{
    if (!bus->is_ring_new)
        return 1;
    if (bus->waiting_since == 0)
        bus->waiting_since = now;
    if (bus->quorum_ring != bus->ring.seq && now - bus->waiting_since < quorum_patience)
        return 0;
    report_view(bus);
    return 1;
}

apr_status_t bus_cpg_dispatch(bus_cpg_t *bus, int limit, apr_time_t now)
{
    cs_error_t error = quorum_dispatch(bus->quorum, CS_DISPATCH_ALL);

    if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
        bus->is_broken = 1;
    for (int i = 0; !bus->is_broken && settle_quorum(bus, now); i++) {
        int before = bus->events_done;

        if (i >= limit)
            return EC_E_BUSY;
        error = cpg_dispatch(bus->cpg, CS_DISPATCH_ONE_NONBLOCKING);
        if (error == CS_ERR_TRY_AGAIN || (error == CS_OK && bus->events_done == before))
            return APR_SUCCESS;
        if (error != CS_OK)
            bus->is_broken = 1;
    }
    return bus->is_broken ? EC_E_CLOSED : APR_SUCCESS;
}

/* ---- opening and closing ------------------------------------------------------------------- */

static const char *open_quorum(bus_cpg_t *bus)
{
    static quorum_callbacks_t callbacks = { on_quorum };
    uint32_t type;

    if (quorum_initialize(&bus->quorum, &callbacks, &type) != CS_OK)
        return "can not reach the quorum service of corosync: is corosync running, and may this user connect "
               "to it?";
    bus->has_quorum = 1;
    if (type != QUORUM_SET)
        return "corosync has no quorum provider: set quorum { provider: corosync_votequorum } in "
               "corosync.conf";
    if (quorum_context_set(bus->quorum, bus) != CS_OK ||
        quorum_fd_get(bus->quorum, &bus->descriptors[1]) != CS_OK ||
        quorum_trackstart(bus->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES) != CS_OK)
        return "the quorum service of corosync does not answer";
    return NULL;
}

static const char *open_cpg(bus_cpg_t *bus, const char *group)
{
    cpg_model_v1_data_t model = { CPG_MODEL_V1, on_message, on_members, on_ring,
                                  CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF };
    struct cpg_name name;
    unsigned int self;

    if (cpg_model_initialize(&bus->cpg, CPG_MODEL_V1, (cpg_model_data_t *)&model, bus) != CS_OK)
        return "can not reach corosync: is it running, and may this user connect to it (uidgid in "
               "corosync.conf)?";
    bus->has_cpg = 1;
    name.length = (uint32_t)strlen(group);
    memcpy(name.value, group, name.length);
    if (cpg_local_get(bus->cpg, &self) != CS_OK || cpg_fd_get(bus->cpg, &bus->descriptors[0]) != CS_OK)
        return "corosync does not answer";
    bus->self = self;
    return cpg_join(bus->cpg, &name) == CS_OK ? NULL : "corosync refuses to let us join the group";
}

apr_status_t bus_cpg_open(bus_cpg_t **out, const char *group, const struct bus_events *events, void *baton,
                          const char **why)
{
    bus_cpg_t *bus = calloc(1, sizeof(*bus));

    if (bus == NULL)
        abort();
    bus->bus.ops = &ops;
    bus->events = events;
    bus->baton = baton;
    *why = strlen(group) < CPG_MAX_NAME_LENGTH ? open_quorum(bus) : "the name of the group is too long";
    if (*why == NULL)
        *why = open_cpg(bus, group);
    if (*why != NULL) {
        bus_cpg_close(bus);
        return EC_E_CLOSED;
    }
    *out = bus;
    return APR_SUCCESS;
}

void bus_cpg_close(bus_cpg_t *bus)
{
    if (bus->has_cpg)
        cpg_finalize(bus->cpg);
    if (bus->has_quorum)
        quorum_finalize(bus->quorum);
    free(bus);
}

bus_t *bus_cpg_bus(bus_cpg_t *bus)
{
    return &bus->bus;
}

bus_node_t bus_cpg_self(const bus_cpg_t *bus)
{
    return bus->self;
}

void bus_cpg_descriptors(const bus_cpg_t *bus, int descriptors[2])
{
    memcpy(descriptors, bus->descriptors, sizeof(bus->descriptors));
}
