/* checks.c - what must hold in a simulated cluster after every event, and measures of what is used
 * SPDX-License-Identifier: Apache-2.0
 *
 * Looking at all of the world after each of millions of events is what takes the time, so what can be is
 * counted as it changes: slots in use are added up when a session begins or ends, and a node's digest is
 * compared when it has seen an event.  The whole states of the nodes are compared now and then. */
#include <string.h>

#include "world.h"

/* Whole states are compared after so many events. */
enum { STATES_EVERY = 256 };

/* ---- slots ----------------------------------------------------------------------------- */

/* With a good lease, in step, and not alone of two. */
static int has_its_part(const struct node *node)
{
    struct replica_info info;

    replica_info(node->replica, &info);
    return info.is_active && !node->limits.is_half &&
           lease_clock_is_good(replica_clock(node->replica), bus_sim_clock(node->world->sim, node->id));
}

/* In available mode the bound of the manual. */
static apr_uint32_t bound_of(const struct world *world, int key)
{
    apr_uint32_t bound = world->keys[key].allowed, nodes = (apr_uint32_t)world->config.nodes;

    for (apr_uint32_t id = 1; id <= nodes && world->config.is_available; id++) {
        const struct node *node = &world->nodes[id];

        if (node->is_running && node->is_awake && !has_its_part(node))
            bound += (world->keys[key].allowed + nodes - 1) / nodes;
    }
    return bound;
}

static void check_limit(struct world *world, int key)
{
    apr_uint32_t bound = bound_of(world, key);

    if (world->keys[key].in_use > bound)
        world_fail(world, "key %d: %u in use, limit %u", key, world->keys[key].in_use, bound);
}

static void add_area(struct user_key *user)
{
    apr_time_t now = bus_sim_now(user->node->world->sim);

    user->area += (double)user->open * (double)(now - user->counted);
    user->counted = now;
}

void check_use(struct user_key *user, int by)
{
    struct world *world = user->node->world;

    add_area(user);
    if (!user->node->is_awake)
        return;
    world->keys[user->index].in_use += (apr_uint32_t)by;
    /* in available mode the bound changes with time: check_world() */
    if (by > 0 && !world->config.is_available)
        check_limit(world, user->index);
}

void check_awake(struct node *node, int is_awake)
{
    struct world *world = node->world;

    if (node->is_awake == is_awake)
        return;
    node->is_awake = is_awake;
    for (int key = 0; key < world->config.keys; key++) {
        world->keys[key].in_use += is_awake ? node->users[key].open : -node->users[key].open;
        if (is_awake && !world->config.is_available)
            check_limit(world, key);
    }
}

/* The greatest limit that a node knows is what counts once there was time to give back. */
static void check_lowered(struct world *world)
{
    apr_time_t now = bus_sim_now(world->sim), next = 0;

    for (int i = 0; i < world->config.keys; i++) {
        struct world_key *key = &world->keys[i];

        if (key->lowered != 0 && key->lowered <= now) {
            key->lowered = 0;
            key->allowed = key->limit;
            for (int id = 1; id <= world->config.nodes; id++) {
                const struct node *node = &world->nodes[id];

                if (node->is_running && node->users[i].key->limit > key->allowed)
                    key->allowed = node->users[i].key->limit;
            }
            check_limit(world, i);
        }
        if (key->lowered != 0 && (next == 0 || key->lowered < next))
            next = key->lowered;
    }
    world->next_lowered = next;
}

/* ---- rates -------------------------------------------------------------------------------- */

/* The last `limit` messages of all nodes must have taken a window. */
void check_rate(struct world *world, int index)
{
    apr_uint32_t limit = world_rates[index].limit;
    apr_uint64_t count = world->send_count[index]++;
    apr_time_t *place = &world->sends[index][count % limit], now = bus_sim_now(world->sim);

    if (count >= limit && now - *place < world_rates[index].window)
        world_fail(world, "rate %d: more than %u within %.4f s", index, limit, (double)(now - *place) / 1e6);
    *place = now;
}

/* ---- states --------------------------------------------------------------------------------- */

/* Two members of one ring at one position must have come to the same - but for what one delivers after a gap
 * at the end of a ring, so this looks at a node when it has taken all that was there. */
static void check_digest(const struct node *node)
{
    struct world *world = node->world;
    struct replica_info info;
    apr_size_t slot;

    replica_info(node->replica, &info);
    if (info.phase != REPLICA_MEMBER)
        return;
    slot = (info.ring * 31 + info.position) % HISTORY;
    if (world->history[slot].ring == info.ring && world->history[slot].position == info.position &&
        world->history[slot].lineage == info.lineage) {
        if (world->history[slot].digest != info.digest)
            world_fail(world, "node %u differs from others at ring=%lu position=%lu", node->id,
                       (unsigned long)info.ring, (unsigned long)info.position);
        return;
    }
    world->history[slot].ring = info.ring;
    world->history[slot].position = info.position;
    world->history[slot].lineage = info.lineage;
    world->history[slot].digest = info.digest;
}

/* The whole states of two members, byte for byte. */
static void check_states(struct world *world)
{
    const struct node *first = NULL;
    struct replica_info info = { 0 }, other;
    wire_writer_t a = { 0 }, b = { 0 };

    for (int id = 1; id <= world->config.nodes; id++) {
        const struct node *node = &world->nodes[id];

        if (!node->is_running)
            continue;
        replica_info(node->replica, &other);
        if (other.phase != REPLICA_MEMBER)
            continue;
        if (!limit_is_sound(&node->limits) || !limit_is_sound(&node->throttles))
            world_fail(world, "node %d: the limits' state is not sound", id);
        if (first == NULL) {
            first = node;
            info = other;
            replica_write(first->replica, &a);
        } else if (other.ring == info.ring && other.position == info.position && other.lineage == info.lineage) {
            b.length = 0;
            replica_write(node->replica, &b);
            if (a.length != b.length || memcmp(a.data, b.data, a.length) != 0)
                world_fail(world, "nodes %u and %d have different states at position %lu", first->id, id,
                           (unsigned long)info.position);
        }
    }
    wire_free(&a);
    wire_free(&b);
}

void check_world(struct world *world)
{
    if (world->next_lowered != 0 && world->next_lowered <= bus_sim_now(world->sim))
        check_lowered(world);
    for (int key = 0; key < world->config.keys && world->config.is_available; key++)
        check_limit(world, key);
    if (world->touched != NULL)
        check_digest(world->touched);
    world->touched = NULL;
    if (++world->events % STATES_EVERY == 0)
        check_states(world);
}

void world_check_counts(struct world *world)
{
    apr_uint64_t sum = 0;

    for (int id = 1; id <= world->config.nodes; id++)
        sum += world->nodes[id].is_running ? (apr_uint64_t)id * 10 : 0;
    for (int id = 1; id <= world->config.nodes; id++) {
        const struct node *node = &world->nodes[id];

        if (node->is_running && gauge_sum(&node->gauge, "open", 4) != sum)
            world_fail(world, "node %d counts %lu, and all together have %lu", id,
                       (unsigned long)gauge_sum(&node->gauge, "open", 4), (unsigned long)sum);
    }
}

/* ---- measures --------------------------------------------------------------------------------- */

void world_measure(struct world *world)
{
    world->measured_from = bus_sim_now(world->sim);
    memcpy(world->sends_before, world->send_count, sizeof(world->sends_before));
    for (int id = 1; id <= world->config.nodes; id++) {
        for (int key = 0; key < world->config.keys; key++) {
            world->nodes[id].users[key].area = 0;
            world->nodes[id].users[key].counted = world->measured_from;
        }
    }
}

double world_measured_time(const struct world *world)
{
    return (double)(bus_sim_now(world->sim) - world->measured_from);
}

double world_use_of(struct world *world, int key, bus_node_t id)
{
    struct user_key *user = &world->nodes[id].users[key];

    if (user->node != NULL)
        add_area(user);
    return user->area / ((double)world->keys[key].limit * world_measured_time(world));
}

double world_utilisation(struct world *world, int key)
{
    double sum = 0;

    for (int id = 1; id <= world->config.nodes; id++)
        sum += world_use_of(world, key, (bus_node_t)id);
    return sum;
}

double world_rate_utilisation(const struct world *world, int index)
{
    double window = (double)world_rates[index].window;
    /* all units may be used at once, so whether the last time still counts is a matter of luck */
    double allowed = (double)world_rates[index].limit * (world_measured_time(world) - window) / window;

    return (double)(world->send_count[index] - world->sends_before[index]) / allowed;
}

int world_is_whole(const struct world *world)
{
    apr_uint64_t ring = 0;

    for (int id = 1; id <= world->config.nodes; id++) {
        struct replica_info info;

        if (!world->nodes[id].is_running)
            continue;
        replica_info(world->nodes[id].replica, &info);
        if (!info.is_active || (ring != 0 && info.ring != ring))
            return 0;
        ring = info.ring;
    }
    return ring != 0;
}

int world_is_thawed(const struct world *world)
{
    for (int id = 1; id <= world->config.nodes; id++) {
        struct replica_info info;

        if (!world->nodes[id].is_running)
            continue;
        replica_info(world->nodes[id].replica, &info);
        if (info.lease->frozen_until != 0 || info.lease->departure_count > 0)
            return 0;
    }
    return 1;
}
