/* bus_cpg.c - the bus over corosync: CPG for order and views, the quorum service for quorum
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <corosync/cpg.h>
#include <corosync/quorum.h>

#include <ec/status.h>

#include "cluster/bus_cpg/bus_cpg.h"

/* A ring that the quorum service says nothing about counts as not quorate after this. */
static const apr_time_t quorum_patience = apr_time_from_sec(2);

/* Messages of ours that have not come back.  A stopped corosync reads nothing, and libqb, which tells it of
 * each message by a byte on a socket, would spin for ever when that is full (about 270 bytes). */
enum { IN_FLIGHT_MAX = 200 };

struct bus_cpg {
    bus_t bus; /* first: a bus_t * is this */
    const struct bus_events *events;
    void *baton;
    cpg_handle_t cpg;
    quorum_handle_t quorum;
    int has_cpg, has_quorum, is_broken;
    int is_replica; /* with quorum, one process a host */
    int is_refused; /* there was another of our host */
    int descriptors[2];
    bus_node_t self;
    apr_uint32_t pid, sender_pid;
    int is_sender_other;
    int in_flight;
    struct cpg_ring_id ring;
    int host_count, host_min; /* in the ring; fewer are not quorate */
    int is_ring_new;          /* its view was not reported yet */
    int is_ring_awaited;      /* hosts came or went, and the ring that says so is about to be told */
    apr_time_t waiting_since; /* for the quorum service; 0: not yet */
    struct bus_cpg_member members[BUS_CPG_MEMBERS_MAX];
    int member_count;
    uint64_t quorum_ring; /* what the quorum service spoke about last */
    int is_quorate;       /* it says */
    int is_told_quorate;  /* we said */
    int events_done;
};

static apr_uint64_t ring_number(const struct cpg_ring_id *ring)
{
    return ring->seq << 16 | (ring->nodeid & 0xffff);
}

static int is_quorate_now(const bus_cpg_t *bus)
{
    return bus->quorum_ring == bus->ring.seq && bus->is_quorate && bus->host_count >= bus->host_min;
}

/* By host: each once.  Without the process `but`, if not NULL. */
static void report_members(bus_cpg_t *bus, const struct bus_cpg_member *but)
{
    bus_node_t nodes[BUS_NODES_MAX];
    struct bus_view view = { ring_number(&bus->ring), nodes, 0, is_quorate_now(bus) };

    for (int i = 0; i < bus->member_count && view.member_count < BUS_NODES_MAX; i++) {
        int is_there = but != NULL && bus->members[i].node == but->node;

        for (int j = 0; j < view.member_count && !is_there; j++)
            is_there = nodes[j] == bus->members[i].node;
        if (!is_there)
            nodes[view.member_count++] = bus->members[i].node;
    }
    bus->is_told_quorate = view.is_quorate;
    if (view.member_count > 0)
        bus->events->view(bus->baton, &view);
}

static void report_view(bus_cpg_t *bus)
{
    bus->is_ring_new = 0;
    bus->waiting_since = 0;
    report_members(bus, NULL);
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
    if (bus->is_refused)
        return;
    if (node == bus->self && pid == bus->pid && bus->in_flight > 0)
        bus->in_flight--;
    bus->sender_pid = pid;
    bus->is_sender_other = node == bus->self && pid != bus->pid;
    bus->events->message(bus->baton, node, data, length);
}

static int is_ours(const bus_cpg_t *bus, const struct cpg_address *address)
{
    return address->nodeid == bus->self && address->pid == bus->pid;
}

static const struct bus_cpg_member *find_host(const bus_cpg_t *bus, bus_node_t node)
{
    for (int i = 0; i < bus->member_count; i++) {
        if (bus->members[i].node == node)
            return &bus->members[i];
    }
    return NULL;
}

/* As we come in: is another process of our host there already? */
static int is_second(const bus_cpg_t *bus, const struct cpg_address *joined, size_t joined_count)
{
    int is_joining = 0, others = 0;

    for (size_t i = 0; i < joined_count; i++)
        is_joining |= is_ours(bus, &joined[i]);
    for (int i = 0; i < bus->member_count; i++)
        others += bus->members[i].node == bus->self && bus->members[i].pid != bus->pid;
    return bus->is_replica && is_joining && others > 0;
}

static void take_members(bus_cpg_t *bus, const struct cpg_address *members, size_t count)
{
    bus->member_count = 0;
    for (size_t i = 0; i < count && bus->member_count < BUS_CPG_MEMBERS_MAX; i++)
        bus->members[bus->member_count++] = (struct bus_cpg_member){ members[i].nodeid, members[i].pid };
}

/* A process has ended, and the next one of its host is there already: two views, for whoever knows hosts. */
static void report_replaced(bus_cpg_t *bus, const struct cpg_address *left, size_t left_count)
{
    for (size_t i = 0; i < left_count; i++) {
        const struct bus_cpg_member *next = find_host(bus, left[i].nodeid);

        if (next != NULL && next->pid != left[i].pid)
            report_members(bus, next);
    }
}

static void on_members(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
                       size_t member_count, const struct cpg_address *left, size_t left_count,
                       const struct cpg_address *joined, size_t joined_count)
{
    bus_cpg_t *bus = cpg_bus(handle);

    bus->events_done++;
    take_members(bus, members, member_count);
    bus->is_refused |= is_second(bus, joined, joined_count);
    if (bus->is_refused || !bus->is_replica) {
        if (!bus->is_refused)
            report_view(bus);
        return;
    }
    /* A host that came or is gone means another ring, which is told after this.  Never report it as a
     * process that ended in the old one: of such a process everything is known. */
    for (size_t i = 0; i < left_count; i++)
        bus->is_ring_awaited |= left[i].reason == CPG_REASON_NODEDOWN;
    for (size_t i = 0; i < joined_count; i++)
        bus->is_ring_awaited |= joined[i].reason == CPG_REASON_NODEUP;
    if (bus->is_ring_new || bus->is_ring_awaited)
        return;
    report_replaced(bus, left, left_count);
    report_view(bus);
}

/* It was said to be the only one. */
static void look_for_a_second(bus_cpg_t *bus)
{
    if (bus->host_min == 1 && bus->host_count > 1)
        bus->host_min = 2;
}

static void on_ring(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count, const uint32_t *members)
{
    bus_cpg_t *bus = cpg_bus(handle);

    bus->events_done++;
    if (ring.seq == bus->ring.seq && ring.nodeid == bus->ring.nodeid)
        return;
    bus->ring = ring;
    bus->host_count = (int)count;
    look_for_a_second(bus);
    bus->is_ring_new = bus->is_replica;
    bus->is_ring_awaited = 0;
}

/* Say so when it is not what the view of this ring said. */
static void tell_quorum(bus_cpg_t *bus)
{
    if (!bus->is_replica || bus->ring.seq == 0 || bus->quorum_ring != bus->ring.seq || bus->is_ring_new ||
        bus->is_ring_awaited || is_quorate_now(bus) == bus->is_told_quorate)
        return;
    bus->is_told_quorate = is_quorate_now(bus);
    bus->events->quorum(bus->baton, ring_number(&bus->ring), bus->is_told_quorate);
}

static void on_quorum(quorum_handle_t handle, uint32_t is_quorate, uint64_t ring, uint32_t count,
                      uint32_t *members)
{
    const void *context = NULL;
    bus_cpg_t *bus;

    quorum_context_get(handle, &context);
    bus = (bus_cpg_t *)context;
    bus->quorum_ring = ring;
    bus->is_quorate = is_quorate != 0;
    tell_quorum(bus);
}

void bus_cpg_need_hosts(bus_cpg_t *bus, int hosts)
{
    bus->host_min = hosts;
    look_for_a_second(bus);
    tell_quorum(bus);
}

int bus_cpg_needs_hosts(const bus_cpg_t *bus)
{
    return bus->host_min;
}

/* ---- sending --------------------------------------------------------------------------- */

static apr_status_t send_op(bus_t *base, const void *data, apr_size_t length)
{
    bus_cpg_t *bus = (bus_cpg_t *)base;
    struct iovec part = { (void *)data, length };
    cs_error_t error;

    EC_ASSERT(length <= BUS_MESSAGE_MAX);
    if (bus->is_broken || bus->is_refused || bus->in_flight >= IN_FLIGHT_MAX)
        return EC_E_BUSY;
    error = cpg_mcast_joined(bus->cpg, CPG_TYPE_AGREED, &part, 1);
    if (error == CS_OK) {
        bus->in_flight++;
        return APR_SUCCESS;
    }
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
    cs_error_t error = bus->is_replica ? quorum_dispatch(bus->quorum, CS_DISPATCH_ALL) : CS_OK;

    if (error != CS_OK && error != CS_ERR_TRY_AGAIN)
        bus->is_broken = 1;
    for (int i = 0; !bus->is_broken && !bus->is_refused && settle_quorum(bus, now); i++) {
        int before = bus->events_done;

        if (i >= limit)
            return EC_E_BUSY;
        error = cpg_dispatch(bus->cpg, CS_DISPATCH_ONE_NONBLOCKING);
        if (error == CS_ERR_TRY_AGAIN || (error == CS_OK && bus->events_done == before))
            return APR_SUCCESS;
        if (error != CS_OK)
            bus->is_broken = 1;
    }
    return bus->is_refused ? EC_E_DENIED : bus->is_broken ? EC_E_CLOSED : APR_SUCCESS;
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

/* Who joins only to be refused leaves again, which looks to the others as if our host's member had ended. */
static int is_host_there(const bus_cpg_t *bus, struct cpg_name *name)
{
    struct cpg_address members[BUS_CPG_MEMBERS_MAX];
    int count = BUS_CPG_MEMBERS_MAX;

    if (!bus->is_replica || cpg_membership_get(bus->cpg, name, members, &count) != CS_OK)
        return 0;
    for (int i = 0; i < count; i++) {
        if (members[i].nodeid == bus->self)
            return 1;
    }
    return 0;
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
    if (is_host_there(bus, &name))
        return BUS_CPG_DENIED;
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
    bus->is_replica = bus->is_ring_awaited = events->quorum != NULL;
    bus->pid = (apr_uint32_t)getpid();
    bus->descriptors[1] = -1;
    *why = strlen(group) < CPG_MAX_NAME_LENGTH ? NULL : "the name of the group is too long";
    if (*why == NULL && bus->is_replica)
        *why = open_quorum(bus);
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

int bus_cpg_members(const bus_cpg_t *bus, const struct bus_cpg_member **members)
{
    *members = bus->members;
    return bus->member_count;
}

int bus_cpg_in_flight(const bus_cpg_t *bus)
{
    return bus->in_flight;
}

apr_uint32_t bus_cpg_sender_pid(const bus_cpg_t *bus)
{
    return bus->sender_pid;
}

int bus_cpg_is_sender_other(const bus_cpg_t *bus)
{
    return bus->is_sender_other;
}

void bus_cpg_descriptors(const bus_cpg_t *bus, int descriptors[2])
{
    memcpy(descriptors, bus->descriptors, sizeof(bus->descriptors));
}
