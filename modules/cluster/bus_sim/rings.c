/* rings.c - the simulated bus: the token, what each host has, rings that break and form
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/bus_sim/parts.h"

/* What a holder sends in one visit of the token. */
enum { SEND_MAX = 8 };

struct sim_item *sim_item(enum sim_kind kind, bus_node_t sender, const void *data, apr_size_t length)
{
    struct sim_item *item = calloc(1, sizeof(*item) + length);

    if (item == NULL)
        abort();
    item->kind = kind;
    item->sender = sender;
    item->length = length;
    if (length > 0)
        memcpy(item->data, data, length);
    return item;
}

void sim_item_free(struct sim_item *item)
{
    free(item);
}

static struct sim_host *host_of(bus_sim_t *sim, bus_node_t node)
{
    return &sim->hosts[node - 1];
}

static int is_running(const struct sim_host *host)
{
    return host->is_up && !host->is_daemon_stopped;
}

/* ---- delivery ------------------------------------------------------------------------ */

static int is_quorate(const bus_sim_t *sim, const struct sim_ring *ring)
{
    return __builtin_popcount(ring->hosts) * 2 > sim->config.hosts;
}

/* The group, as this host sees it now, for its process. */
static void deliver_view(bus_sim_t *sim, struct sim_host *host)
{
    struct sim_item *item = sim_item(SIM_VIEW, host->node, NULL, 0);

    item->ring = host->ring->id;
    item->is_quorate = is_quorate(sim, host->ring);
    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        if (host->group & SIM_BIT(node))
            item->members[item->member_count++] = node;
    }
    sim_to_process(sim, host, item);
}

static void deliver(bus_sim_t *sim, struct sim_host *host, const struct sim_item *item)
{
    if (item->kind == SIM_MESSAGE) {
        if (host->is_joined && host->process != NULL)
            sim_to_process(sim, host, sim_item(SIM_MESSAGE, item->sender, item->data, item->length));
        return;
    }
    if (item->kind == SIM_JOIN)
        host->group |= SIM_BIT(item->sender);
    else
        host->group &= ~SIM_BIT(item->sender);
    if (item->kind == SIM_JOIN && item->sender == host->node && host->process != NULL)
        host->is_joined = 1;
    if (host->is_joined && host->process != NULL)
        deliver_view(sim, host);
}

static void deliver_in_order(bus_sim_t *sim, struct sim_host *host)
{
    struct sim_ring *ring = host->ring;

    while (host->next < ring->count && (ring->log[host->next]->has & SIM_BIT(host->node)))
        deliver(sim, host, ring->log[host->next++]);
}

/* ---- the token ------------------------------------------------------------------------- */

static void append(struct sim_ring *ring, struct sim_item *item)
{
    if (ring->count == ring->size) {
        ring->size = ring->size == 0 ? 64 : ring->size * 2;
        ring->log = realloc(ring->log, ring->size * sizeof(struct sim_item *));
        if (ring->log == NULL)
            abort();
    }
    ring->log[ring->count++] = item;
}

static int can_reach(const bus_sim_t *sim, const struct sim_ring *ring, bus_node_t from, bus_node_t to)
{
    const struct sim_host *host = &sim->hosts[to - 1];

    return host->ring == ring && is_running(host) && sim->links[from - 1][to - 1];
}

/* What the holder has and others miss, the new ones included. */
static int spread(bus_sim_t *sim, struct sim_ring *ring, bus_node_t holder, apr_size_t fresh_from)
{
    apr_size_t first = ring->count;
    int is_complete = 1;

    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        if (host_of(sim, node)->ring == ring && host_of(sim, node)->next < first)
            first = host_of(sim, node)->next;
    }
    for (apr_size_t i = first; i < ring->count; i++) {
        struct sim_item *item = ring->log[i];

        for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
            int can_lose = i >= fresh_from && (int)bus_sim_random(sim, 1000) < sim->config.loss;

            if ((item->has & SIM_BIT(holder)) && can_reach(sim, ring, holder, node) && !can_lose)
                item->has |= SIM_BIT(node);
            if (host_of(sim, node)->ring == ring && !(item->has & SIM_BIT(node)))
                is_complete = 0;
        }
    }
    return is_complete;
}

static int is_anything_queued(bus_sim_t *sim, const struct sim_ring *ring)
{
    for (int i = 0; i < sim->config.hosts; i++) {
        if (sim->hosts[i].ring == ring && sim->hosts[i].out_count > 0)
            return 1;
    }
    return 0;
}

static void hop(bus_sim_t *sim, void *baton, apr_uint64_t argument);

static void start_hop(bus_sim_t *sim, struct sim_ring *ring)
{
    if (ring->is_hopping || ring->is_token_lost)
        return;
    ring->is_hopping = 1;
    sim_after(sim, sim_between(sim, sim->config.hop_min, sim->config.hop_max), hop, ring, 0);
}

/* The holder's turn: send what is queued. */
static apr_size_t hold(bus_sim_t *sim, struct sim_ring *ring, struct sim_host *host)
{
    apr_size_t before = ring->count;

    for (int i = 0; i < SEND_MAX && host->out != NULL; i++) {
        struct sim_item *item = host->out;

        host->out = item->next;
        if (item->next == NULL)
            host->out_last = NULL;
        host->out_count--;
        item->next = NULL;
        item->has = SIM_BIT(host->node);
        append(ring, item);
    }
    return before;
}

static bus_node_t next_holder(const bus_sim_t *sim, const struct sim_ring *ring)
{
    bus_node_t node = ring->holder;

    do {
        node = node % (bus_node_t)sim->config.hosts + 1;
    } while (!(ring->hosts & SIM_BIT(node)));
    return node;
}

static void cut_off(bus_sim_t *sim, struct sim_host *host)
{
    host->vanishes = 0;
    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        if (node != host->node) {
            bus_sim_link(sim, node, host->node, 0);
            bus_sim_link(sim, host->node, node, 0);
        }
    }
}

static void hop(bus_sim_t *sim, void *baton, apr_uint64_t argument)
{
    struct sim_ring *ring = baton;
    struct sim_host *host = host_of(sim, ring->holder);
    bus_node_t next = next_holder(sim, ring);
    apr_size_t fresh_from;
    int is_complete, is_last;

    ring->is_hopping = 0;
    if (host->ring != ring) {
        ring->is_token_lost = 1;
        return;
    }
    if (!is_running(host))
        return; /* it has the token and goes on when it runs again: sim_daemon_wakes() */
    fresh_from = hold(sim, ring, host);
    if (host->vanishes == 2 && fresh_from < ring->count && ring->hosts != SIM_BIT(host->node)) {
        host->vanishes = 1;
        is_last = 0;
    } else {
        is_last = host->vanishes == 1 && fresh_from < ring->count;
    }
    is_complete = host->vanishes == 1 ? 0 : spread(sim, ring, host->node, fresh_from);
    for (int i = 0; i < sim->config.hosts; i++) {
        if (sim->hosts[i].ring == ring && is_running(&sim->hosts[i]))
            deliver_in_order(sim, &sim->hosts[i]);
    }
    if (next != host->node && !can_reach(sim, ring, host->node, next)) {
        /* a stopped daemon finds the token in its socket when it goes on */
        ring->is_token_lost = !(host_of(sim, next)->ring == ring && host_of(sim, next)->is_daemon_stopped &&
                                sim->links[host->node - 1][next - 1]);
        ring->holder = next;
        return;
    }
    ring->holder = next;
    if (is_last)
        cut_off(sim, host);
    if (!is_complete || is_anything_queued(sim, ring))
        start_hop(sim, ring);
}

void sim_daemon_wakes(bus_sim_t *sim, struct sim_host *host)
{
    if (host->ring != NULL && host->ring->holder == host->node && !host->ring->is_token_lost)
        start_hop(sim, host->ring);
}

void sim_queue(bus_sim_t *sim, struct sim_host *host, enum sim_kind kind, const void *data, apr_size_t length)
{
    struct sim_item *item = sim_item(kind, host->node, data, length);

    *(host->out_last != NULL ? &host->out_last->next : &host->out) = item;
    host->out_last = item;
    host->out_count++;
    start_hop(sim, host->ring);
}

void sim_clear_out(struct sim_host *host)
{
    while (host->out != NULL) {
        struct sim_item *item = host->out;

        host->out = item->next;
        sim_item_free(item);
    }
    host->out_last = NULL;
    host->out_count = 0;
}

/* ---- new rings ---------------------------------------------------------------------------- */

static struct sim_ring *add_ring(bus_sim_t *sim, apr_uint32_t hosts)
{
    struct sim_ring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        abort();
    ring->id = ++sim->ring_number;
    ring->hosts = hosts;
    ring->holder = (bus_node_t)__builtin_ctz(hosts) + 1;
    ring->next = sim->rings;
    sim->rings = ring;
    return ring;
}

void sim_found_ring(bus_sim_t *sim, struct sim_host *host)
{
    host->ring = add_ring(sim, SIM_BIT(host->node));
    host->next = 0;
    host->group = 0;
}

/* Those who come from the same ring deliver what any of them has, in order, then also after gaps. */
static void recover(bus_sim_t *sim, struct sim_ring *old, apr_uint32_t together)
{
    apr_uint32_t has_any;

    for (apr_size_t i = 0; i < old->count; i++) {
        has_any = old->log[i]->has & together;
        if (has_any != 0)
            old->log[i]->has |= together;
    }
    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        struct sim_host *host = host_of(sim, node);

        if (!(together & SIM_BIT(node)))
            continue;
        for (; host->next < old->count; host->next++) {
            if (old->log[host->next]->has & SIM_BIT(node))
                deliver(sim, host, old->log[host->next]);
        }
    }
}

/* Everybody tells who is in the group; whose host is not there is not. */
static void enter_ring(bus_sim_t *sim, struct sim_ring *ring)
{
    apr_uint32_t group = 0;

    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        if ((ring->hosts & SIM_BIT(node)) && (host_of(sim, node)->group & SIM_BIT(node)))
            group |= SIM_BIT(node);
    }
    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        struct sim_host *host = host_of(sim, node);

        if (!(ring->hosts & SIM_BIT(node)))
            continue;
        host->ring = ring;
        host->next = 0;
        host->group = group;
        if (host->is_joined && host->process != NULL)
            deliver_view(sim, host);
    }
    if (is_anything_queued(sim, ring))
        start_hop(sim, ring);
}

/* Hosts that hear each other, both ways, and all of them. */
static apr_uint32_t neighbours(bus_sim_t *sim, struct sim_host *host)
{
    apr_uint32_t together = SIM_BIT(host->node);

    for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
        int fits = is_running(host_of(sim, node));

        for (bus_node_t other = 1; other <= (bus_node_t)sim->config.hosts; other++) {
            if (together & SIM_BIT(other))
                fits &= sim->links[node - 1][other - 1] && sim->links[other - 1][node - 1];
        }
        if (fits)
            together |= SIM_BIT(node);
    }
    return together;
}

static void reform(bus_sim_t *sim, void *baton, apr_uint64_t argument)
{
    struct sim_host *host = baton;
    apr_uint32_t together, left;
    struct sim_ring *ring;

    if (!is_running(host))
        return;
    together = neighbours(sim, host);
    if (host->ring->hosts == together && !host->ring->is_token_lost) {
        int is_whole = 1;

        for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++)
            is_whole &= !(together & SIM_BIT(node)) || host_of(sim, node)->ring == host->ring;
        if (is_whole)
            return;
    }
    for (left = together; left != 0;) {
        struct sim_ring *old = host_of(sim, (bus_node_t)__builtin_ctz(left) + 1)->ring;
        apr_uint32_t from_old = 0;

        for (bus_node_t node = 1; node <= (bus_node_t)sim->config.hosts; node++) {
            if ((left & SIM_BIT(node)) && host_of(sim, node)->ring == old)
                from_old |= SIM_BIT(node);
        }
        recover(sim, old, from_old);
        left &= ~from_old;
    }
    ring = add_ring(sim, together);
    enter_ring(sim, ring);
}

void sim_reform_all(bus_sim_t *sim)
{
    for (int i = 0; i < sim->config.hosts; i++)
        sim_after(sim, sim_between(sim, sim->config.token_timeout / 2, sim->config.token_timeout * 3 / 2),
                  reform, &sim->hosts[i], 0);
}

void sim_free_rings(bus_sim_t *sim)
{
    while (sim->rings != NULL) {
        struct sim_ring *ring = sim->rings;

        sim->rings = ring->next;
        for (apr_size_t i = 0; i < ring->count; i++)
            sim_item_free(ring->log[i]);
        free(ring->log);
        free(ring);
    }
}
