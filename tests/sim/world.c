/* world.c - a simulated cluster: nodes with replicas, what they use, and what must hold
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum mutant mutant_now;

const struct world_rate world_rates[WORLD_RATES] = { { 1, apr_time_from_msec(300) },
                                                     { 40, apr_time_from_sec(1) } };

static const apr_time_t window = apr_time_from_sec(2), margin = apr_time_from_msec(250);
/* So long after a limit was lowered the greater one may still be used: by one that has a lease and sees
 * nobody. */
static const apr_time_t lowering_time = apr_time_from_sec(4);

/* ---- saying what happens ----------------------------------------------------------- */

void world_trace(struct world *world, const char *format, ...)
{
    va_list args;

    if (!world->config.trace)
        return;
    printf("%10.6f ", (double)bus_sim_now(world->sim) / 1e6);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list args;
    int length;

    if (world->failure[0] != '\0')
        return;
    length = snprintf(world->failure, sizeof(world->failure),
                      "at %.6f s: ", (double)bus_sim_now(world->sim) / 1e6);
    va_start(args, format);
    vsnprintf(world->failure + length, sizeof(world->failure) - (size_t)length, format, args);
    va_end(args);
    world_trace(world, "FAILURE %s", world->failure);
}

static void on_log(void *baton, const char *text)
{
    struct node *node = baton;

    world_trace(node->world, "node %u: %s", node->id, text);
}

/* ---- what a node does with its slots -------------------------------------------------- */

static apr_time_t clock_of(const struct node *node)
{
    return bus_sim_clock(node->world->sim, node->id);
}

static void close_session(struct user_key *user, apr_uint32_t at)
{
    check_use(user, -1);
    user->sessions[at] = user->sessions[--user->open];
    limit_client_put(&user->node->client, user->key);
    user->node->sessions_done++;
}

static void open_session(struct user_key *user, apr_time_t now)
{
    struct world *world = user->node->world;

    if (user->open == user->size) {
        user->size = user->size == 0 ? 8 : user->size * 2;
        user->sessions = realloc(user->sessions, user->size * sizeof(*user->sessions));
        if (user->sessions == NULL)
            abort();
    }
    check_use(user, 1);
    user->sessions[user->open++].ends =
        now + 2000 + bus_sim_random(world->sim, (apr_uint32_t)world->config.session_max);
}

static void on_gained(void *baton, struct limit_client_key *key)
{
}

static void on_shed(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
}

static void on_lost(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    struct user_key *user = key->user;

    world_trace(user->node->world, "node %u: closes %u of key %d", user->node->id, count, user->index);
    while (count-- > 0 && user->open > 0)
        close_session(user, 0);
}

static const struct limit_client_events client_events = { on_gained, on_shed, on_lost, NULL };

/* End what is done, begin what may begin.  Returns when the next is done. */
static apr_time_t use_slots(struct user_key *user, apr_time_t now)
{
    struct node *node = user->node;
    apr_time_t next = now + apr_time_from_msec(50);

    for (apr_uint32_t i = 0; i < user->open;) {
        if (now >= user->sessions[i].ends) {
            close_session(user, i);
            /* what is wanted changes all the time, until the end, when all is wanted */
            if (node->world->is_restless && bus_sim_random(node->world->sim, 4) == 0)
                user->demand = bus_sim_random(node->world->sim, node->world->keys[user->index].limit + 2);
        } else {
            i++;
        }
    }
    limit_client_want(&node->client, user->key, user->demand);
    while (user->open < user->demand && limit_client_take(&node->client, user->key, now))
        open_session(user, now);
    for (apr_uint32_t i = 0; i < user->open; i++) {
        if (user->sessions[i].ends < next)
            next = user->sessions[i].ends;
    }
    return next;
}

static apr_time_t use_rates(struct node *node, apr_time_t now)
{
    apr_time_t next = now + apr_time_from_msec(100);

    for (int i = 0; i < WORLD_RATES; i++) {
        apr_uint32_t wanted = node->rate_wants[i], sent = 0;
        apr_time_t ends;

        if (!node->world->is_restless)
            wanted = world_rates[i].limit;
        else if (bus_sim_random(node->world->sim, 64) == 0)
            node->rate_wants[i] = bus_sim_random(node->world->sim, world_rates[i].limit + 1);
        throttle_want(&node->rates[i], wanted, now);
        for (; sent < wanted && throttle_take(&node->rates[i], now); sent++)
            check_rate(node->world, i);
        ends = throttle_next(&node->rates[i]);
        next = ends != 0 && ends < next ? ends : next;
    }
    return next;
}

/* Windows of a second, and numbers that live for two: time passes while they are under way. */
static void use_audit(struct node *node, const char *key, apr_time_t now)
{
    static const ec_series_id_t id = { "s", EC_SERIES_STRING, 1, 3 };
    apr_uint32_t digit = (apr_uint32_t)(key[1] - '0'), counts[3] = { digit, 0, digit * 1000 };
    ec_gauge_change_t added = { "g", 4, 2, key, 2, digit == 9, (apr_int64_t)digit - 5, now };

    series_tell(&node->told, &id, key, 2, apr_time_sec(now), digit % 4 == 0 ? NULL : counts);
    numbers_tell(&node->added, &added);
}

/* Counts and values that change all the time; in peace a count that can be checked. */
static void use_soft(struct node *node, apr_time_t now)
{
    bus_sim_t *sim = node->world->sim;
    char key[] = "c0";

    gauge_set(&node->counts, "open", 4, node->world->is_restless ? bus_sim_random(sim, 5) : node->id * 10,
              now);
    if (!node->world->is_restless || bus_sim_random(sim, 128) != 0)
        return;
    key[1] = (char)('0' + bus_sim_random(sim, 10));
    cache_set(&node->cache, key, 2, bus_sim_random(sim, 4) == 0 ? NULL : &now, sizeof(now));
    use_audit(node, key, now);
}

static void on_wake(void *baton)
{
    struct node *node = baton;
    apr_time_t now = clock_of(node), next = now + apr_time_from_msec(100), other;

    /* first of all: are we still allowed to? */
    replica_poll(node->replica, now);
    check_awake(node, 1);
    for (int i = 0; i < node->world->config.keys; i++) {
        other = use_slots(&node->users[i], now);
        next = other < next ? other : next;
    }
    use_soft(node, now);
    other = use_rates(node, now);
    next = other < next ? other : next;
    replica_poll(node->replica, now);
    other = replica_next(node->replica);
    next = other < next ? other : next;
    other = now + node->world->config.nap;
    bus_sim_wake_at(node->world->sim, node->id, other > next ? other : next);
}

/* ---- the bus, as a node sees it ----------------------------------------------------------- */

static void trace_state(struct node *node, const char *what)
{
    struct replica_info info;

    if (!node->world->config.trace)
        return;
    replica_info(node->replica, &info);
    world_trace(node->world, "node %u: %s -> %s%s ring=%lu epoch=%lu position=%lu", node->id, what,
                replica_phase_name(info.phase), info.is_active ? " active" : "", (unsigned long)info.ring,
                (unsigned long)info.epoch, (unsigned long)info.position);
}

static void on_view(void *baton, const struct bus_view *view)
{
    struct node *node = baton;

    replica_view(node->replica, view, clock_of(node));
    node->world->touched = node;
    trace_state(node, "view");
}

static void on_message(void *baton, bus_node_t sender, const void *data, apr_size_t length)
{
    struct node *node = baton;
    struct message message;

    replica_message(node->replica, sender, data, length, clock_of(node));
    node->world->touched = node;
    if (node->world->config.trace > 1 && message_read(&message, data, length) == NULL) {
        char text[64];

        snprintf(text, sizeof(text), "%s of %u stay=%lu at=%lu", message_type_name(message.type), sender,
                 (unsigned long)message.stay, (unsigned long)message.position);
        trace_state(node, text);
    }
}

static void on_bus_lost(void *baton)
{
    struct node *node = baton;

    replica_bus_lost(node->replica, &node->bus, clock_of(node));
    trace_state(node, "bus lost");
}

static const struct bus_sim_process process = { { on_view, NULL, on_message }, on_bus_lost, on_wake };

/* A newer version says so, and has more behind what we know. */
static apr_status_t send_newer(struct node *node, const void *data, apr_size_t length)
{
    wire_writer_t writer = { 0 };
    apr_status_t rv;

    wire_write_raw(&writer, data, length);
    writer.data[2] = MESSAGE_VERSION + 1;
    wire_write_raw(&writer, "more", 4);
    rv = bus_send(bus_sim_bus(node->world->sim, node->id), writer.data, writer.length);
    wire_free(&writer);
    return rv;
}

static apr_status_t node_send(bus_t *bus, const void *data, apr_size_t length)
{
    struct node *node = (struct node *)((char *)bus - offsetof(struct node, bus));

    if (node->is_newer)
        return send_newer(node, data, length);
    return bus_send(bus_sim_bus(node->world->sim, node->id), data, length);
}

static const struct bus_ops node_ops = { node_send };

/* ---- what happens to nodes -------------------------------------------------------------- */

static void add_machines(struct node *node)
{
    struct machine limits = { &limit_machine, &node->limits, &limit_client_local, &node->client };
    struct machine throttles = { &throttle_machine, &node->throttles, &limit_client_local,
                                 &node->throttle_client };
    struct machine gauge = { &gauge_machine, &node->gauge, &gauge_local, &node->counts };
    struct machine cache = { &cache_machine, &node->cache, &cache_local, &node->cache };
    struct machine series = { &series_machine, &node->series, &series_local, &node->told };
    struct machine numbers = { &numbers_machine, &node->numbers, &numbers_local, &node->added };
    struct world *world = node->world;

    memset(&node->gauge, 0, sizeof(node->gauge));
    memset(&node->counts, 0, sizeof(node->counts));
    memset(&node->cache, 0, sizeof(node->cache));
    node->counts.max_delay = apr_time_from_msec(100);
    node->counts.max_pending = 10;
    node->cache.max_size = 6;
    node->cache.has_snapshot = 1;
    replica_add(node->replica, &gauge);
    replica_add(node->replica, &cache);
    replica_add(node->replica, &series);
    replica_add(node->replica, &numbers);
    limit_init(&node->limits, 0);
    limit_client_init(&node->client, &node->limits, node->id, (apr_uint32_t)world->config.nodes,
                      WORLD_TURN, replica_clock(node->replica), &client_events, node);
    replica_add(node->replica, &limits);
    limit_init(&node->throttles, 1);
    limit_client_init(&node->throttle_client, &node->throttles, node->id, (apr_uint32_t)world->config.nodes,
                      WORLD_TURN, replica_clock(node->replica), &throttle_events, node);
    replica_add(node->replica, &throttles);
    for (int i = 0; i < WORLD_RATES; i++)
        throttle_rate_init(&node->rates[i], &node->throttle_client, i == 0 ? "one" : "forty", i == 0 ? 3 : 5,
                           world_rates[i].limit, world_rates[i].window, clock_of(node));
}

void world_boot(struct world *world, bus_node_t id)
{
    struct node *node = &world->nodes[id];
    struct replica_config config = { 0 };

    if (node->is_running)
        return;
    config.self = id;
    config.instance = node->instance =
        ((apr_uint64_t)bus_sim_random(world->sim, 0xffffffff) << 32) | ++world->events;
    config.window = window;
    config.margin = margin;
    config.patience = apr_time_from_msec(500);
    config.log = on_log;
    config.baton = node;
    config.hosts = world->config.nodes;
    config.version = MESSAGE_VERSION + node->is_newer;
    node->bus.ops = &node_ops;
    node->replica = replica_create(&config, &node->bus);
    add_machines(node);
    for (int i = 0; i < world->config.keys; i++) {
        struct user_key *user = &node->users[i];
        char name[] = "key000";

        name[3] = (char)('0' + i / 100);
        name[4] = (char)('0' + i / 10 % 10);
        name[5] = (char)('0' + i % 10);
        user->node = node;
        user->index = i;
        user->key = limit_client_key(&node->client, name, 6, world->keys[i].limit,
                                     world->config.is_available ? LIMIT_AVAILABLE : LIMIT_STRICT);
        user->key->user = user;
    }
    node->is_running = 1;
    node->is_awake = 0;
    world_trace(world, "node %u: boots", id);
    bus_sim_start(world->sim, id, &process, node);
    bus_sim_wake_at(world->sim, id, clock_of(node));
}

static void end_node(struct node *node)
{
    check_awake(node, 0);
    for (int i = 0; i < node->world->config.keys; i++) {
        struct user_key *user = &node->users[i];

        check_use(user, -(int)user->open);
        free(user->sessions);
        user->sessions = NULL;
        user->open = user->size = 0;
    }
    replica_destroy(node->replica);
    limit_client_free(&node->client);
    limit_client_free(&node->throttle_client);
    gauge_local_free(&node->counts);
    cache_free(&node->cache);
    series_free(&node->series);
    series_local_free(&node->told);
    numbers_free(&node->numbers);
    numbers_local_free(&node->added);
    node->replica = NULL;
    if (node->world->touched == node)
        node->world->touched = NULL;
    node->is_running = 0;
}

void world_kill(struct world *world, bus_node_t id)
{
    if (!world->nodes[id].is_running)
        return;
    world_trace(world, "node %u: killed", id);
    bus_sim_kill(world->sim, id);
    end_node(&world->nodes[id]);
}

void world_pause(struct world *world, bus_node_t id, int is_process, int is_daemon)
{
    world_trace(world, "node %u: stopped%s%s", id, is_process ? " process" : "", is_daemon ? " daemon" : "");
    bus_sim_stop(world->sim, id, is_process, is_daemon);
    if (is_process)
        check_awake(&world->nodes[id], 0);
}

void world_continue(struct world *world, bus_node_t id)
{
    world_trace(world, "node %u: continues", id);
    bus_sim_continue(world->sim, id);
}

void world_set_limit(struct world *world, int key, apr_uint32_t limit, apr_uint32_t nodes)
{
    struct world_key *its = &world->keys[key];

    world_trace(world, "the limit of key %d is %u, for nodes %x", key, limit, nodes);
    its->limit = limit;
    if (limit > its->allowed)
        its->allowed = limit;
    its->lowered = bus_sim_now(world->sim) + lowering_time;
    if (world->next_lowered == 0)
        world->next_lowered = its->lowered;
    for (int i = 0; i < world->config.nodes; i++) {
        struct node *node = &world->nodes[i + 1];

        if (node->is_running && (nodes >> i & 1))
            limit_client_key(&node->client, node->users[key].key->item.key, 6, limit,
                             node->users[key].key->mode);
    }
}

void world_set_demand(struct world *world, int key, bus_node_t id, apr_uint32_t demand)
{
    world->nodes[id].users[key].demand = demand;
}

void world_inject(struct world *world, bus_node_t id, const void *data, apr_size_t length)
{
    if (world->nodes[id].is_running && bus_send(bus_sim_bus(world->sim, id), data, length) == APR_SUCCESS)
        lease_clock_sent(replica_clock(world->nodes[id].replica), clock_of(&world->nodes[id]), 0);
}

int world_run(struct world *world, apr_time_t duration)
{
    apr_time_t until = bus_sim_now(world->sim) + duration;

    while (world->failure[0] == '\0' && bus_sim_step(world->sim, until))
        check_world(world);
    return world->failure[0] == '\0';
}

void world_start(struct world *world, const struct world_config *config)
{
    struct bus_sim_config bus = { 0 };

    memset(world, 0, sizeof(*world));
    world->config = *config;
    bus.seed = config->seed;
    bus.hosts = config->nodes;
    bus.hop_min = 60;
    bus.hop_max = 600;
    bus.lag_max = 400;
    bus.token_timeout = apr_time_from_msec(600);
    bus.loss = config->loss;
    bus.drift = 500;
    world->sim = bus_sim_create(&bus);
    for (int i = 0; i < config->keys; i++)
        world->keys[i].limit = world->keys[i].allowed = config->limits[i % config->limit_count];
    for (int id = 1; id <= config->nodes; id++) {
        world->nodes[id].world = world;
        world->nodes[id].id = (bus_node_t)id;
    }
}

void world_stop(struct world *world)
{
    for (int id = 1; id <= world->config.nodes; id++) {
        if (world->nodes[id].is_running)
            end_node(&world->nodes[id]);
    }
    bus_sim_destroy(world->sim);
    world->sim = NULL;
}
