/* slots_model.c - several servers in one process: gates, connections and rates as a model
 * SPDX-License-Identifier: Apache-2.0 */
#include "slots_model.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots_mutant.h"

/* Whose functions are called just now. */
static struct server *current;

static const apr_time_t window = apr_time_from_sec(2), margin = apr_time_from_msec(250);
/* After a connection was told to close, or its process is stopped and its lease over: as the receiver sees
 * it. */
static const apr_time_t close_max = apr_time_from_msec(150);

static apr_time_t clock_of(const struct server *server)
{
    return bus_sim_clock(server->model->sim, server->id);
}

static apr_uint32_t chance(const struct server *server, apr_uint32_t bound)
{
    return bus_sim_random(server->model->sim, bound);
}

static void fail(struct model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct model *model, const char *format, ...)
{
    va_list args;
    int length;

    if (model->failure[0] != '\0')
        return;
    length =
        snprintf(model->failure, sizeof(model->failure), "seed %lu at %.6f s: ", (unsigned long)model->seed,
                 (double)bus_sim_now(model->sim) / 1e6);
    va_start(args, format);
    vsnprintf(model->failure + length, sizeof(model->failure) - (size_t)length, format, args);
    va_end(args);
}

/* ---- ec/gate.h ------------------------------------------------------------------------------------- */

static void set_changed(ec_gate_t *gate)
{
    gate->is_changed = 1;
}

static apr_int64_t count_links(const ec_gate_t *gate, int is_lost)
{
    apr_int64_t count = 0;

    for (int i = 0; i < gate->link_count; i++)
        count += gate->links[i].is_lost == is_lost;
    return count;
}

static void add_link(ec_gate_t *gate, int kind, apr_time_t ends)
{
    struct model_link link = { .ends = ends, .kind = kind };

    if (gate->link_count == MODEL_LINKS)
        abort();
    gate->links[gate->link_count++] = link;
}

static void remove_link(ec_gate_t *gate, int at)
{
    if (gate->links[at].kind != LINK_RESTING)
        set_changed(gate); /* uses end without a word */
    gate->links[at] = gate->links[--gate->link_count];
}

apr_status_t ec_gate_provide(const ec_gate_provider_t *provider, void *baton)
{
    current->provider = provider;
    current->provider_baton = baton;
    return APR_SUCCESS;
}

ec_gate_t *ec_gate_changed(void)
{
    for (int i = 0; i < current->model->places; i++) {
        ec_gate_t *gate = &current->gates[i];

        if (gate->is_changed) {
            gate->is_changed = 0;
            gate->is_known = 1;
            return gate;
        }
    }
    return NULL;
}

void ec_gate_state(ec_gate_t *gate, ec_gate_state_t *state)
{
    apr_int64_t used = count_links(gate, 0);
    int is_rate = gate->place->window > 0;

    state->key = gate->place->key;
    state->limit = gate->place->limit;
    state->window = gate->place->window;
    state->is_available = gate->is_available;
    state->is_unused = gate->is_unused;
    /* of a rate what rests is in use, and what waits comes on top of it */
    state->wanted = is_rate ? used + gate->demand : gate->demand;
    state->wanted = state->wanted < used ? used : state->wanted;
    state->units = gate->units;
    state->used = used;
    state->losing = is_rate ? 0 : count_links(gate, 1);
    state->next = 0;
    for (int i = 0; i < gate->link_count && is_rate; i++)
        state->next =
            state->next == 0 || gate->links[i].ends < state->next ? gate->links[i].ends : state->next;
}

void ec_gate_set_note(ec_gate_t *gate, void *note)
{
    gate->note = note;
}

void *ec_gate_note(const ec_gate_t *gate)
{
    return gate->note;
}

void ec_gate_give(ec_gate_t *gate, apr_int64_t n, apr_int64_t resting)
{
    gate->units += n;
    while (resting-- > 0)
        add_link(gate, LINK_RESTING, clock_of(gate->server) + gate->place->window);
}

apr_int64_t ec_gate_take_back(ec_gate_t *gate, apr_int64_t n)
{
    apr_int64_t unused = gate->units - count_links(gate, 0);

    n = n < unused ? n : unused > 0 ? unused : 0;
    gate->units -= n;
    gate->shed -= n < gate->shed ? n : gate->shed;
    return n;
}

void ec_gate_shed(ec_gate_t *gate, apr_int64_t n)
{
    gate->shed = n;
}

static void lose_one(ec_gate_t *gate)
{
    struct model_link *link = gate->links;

    while (link->is_lost)
        link++;
    link->is_lost = 1;
    if (link->kind == LINK_OPEN) {
        link->kind = LINK_CLOSING;
        link->ends = clock_of(gate->server) + (apr_time_t)chance(gate->server, (apr_uint32_t)close_max);
    }
}

void ec_gate_lose(ec_gate_t *gate, apr_int64_t n)
{
    if (n > gate->units)
        abort();
    gate->units -= n;
    while (gate->place->window == 0 && count_links(gate, 0) > gate->units)
        lose_one(gate); /* what rests of a rate is in use beyond its units */
}

void ec_gate_set_leased(ec_gate_t *gate, int is_leased)
{
    gate->is_leased = is_leased;
}

int ec_gate_forget(ec_gate_t *gate)
{
    if (!gate->is_unused)
        return 0;
    gate->is_known = gate->is_changed = 0;
    return 1;
}

void ec_gates_lease(apr_time_t until)
{
    current->lease = until;
}

apr_time_t ec_gate_clock(void)
{
    return clock_of(current);
}

/* ---- cluster/node/node.h ------------------------------------------------------------------------- */

static struct server *server_of(const node_t *node)
{
    return (struct server *)((char *)node - offsetof(struct server, node));
}

void node_add_machine(node_t *node, const struct machine *machine)
{
    replica_add(server_of(node)->replica, machine);
}

const struct node_settings *node_settings(const node_t *node)
{
    static struct node_settings settings = { .subcluster = "default", .nodes = MODEL_SERVERS };

    return &settings;
}

void node_wake(node_t *node)
{
}

replica_t *node_replica(node_t *node)
{
    return server_of(node)->replica;
}

bus_node_t node_self(const node_t *node)
{
    return server_of(node)->id;
}

/* ---- what a server does -------------------------------------------------------------------------- */

static int may_use(const ec_gate_t *gate, apr_time_t now)
{
    return !gate->is_leased || now < gate->server->lease;
}

static void send_one(ec_gate_t *gate)
{
    struct model *model = gate->server->model;
    struct model_place *place = gate->place;
    apr_uint64_t limit = (apr_uint64_t)place->limit, count = place->send_count++;
    apr_time_t *last = &place->sends[count % limit], now = bus_sim_now(model->sim);

    if (count >= limit && now - *last < place->window)
        fail(model, "%s: more than %lu within %.4f s", place->key, (unsigned long)limit,
             (double)(now - *last) / 1e6);
    *last = now;
    model->sends++;
}

/* Connections whose work is done end, the lost ones when they are closed, uses when they have rested. */
static void end_links(ec_gate_t *gate, apr_time_t now)
{
    for (int i = gate->link_count - 1; i >= 0; i--) {
        struct model_link *link = &gate->links[i];

        if (now >= link->ends) {
            remove_link(gate, i);
        } else if (link->kind == LINK_OPEN && !may_use(gate, now)) {
            link->kind = LINK_CLOSING; /* nothing more is sent on it */
            link->ends = now + (apr_time_t)chance(gate->server, (apr_uint32_t)close_max);
        }
    }
}

static void begin_links(ec_gate_t *gate, apr_time_t now)
{
    apr_int64_t used = count_links(gate, 0), waiting = gate->demand;

    if (gate->place->window == 0)
        waiting -= used;
    while (waiting-- > 0 && used + gate->shed < gate->units && may_use(gate, now)) {
        if (gate->place->window > 0) {
            /* a part of the window longer than it must be, for clocks that differ */
            add_link(gate, LINK_RESTING, now + gate->place->window + gate->place->window / 64);
            send_one(gate);
        } else {
            add_link(gate, LINK_OPEN, now + 2000 + chance(gate->server, 120000));
        }
        used++;
    }
}

static apr_time_t work(struct server *server, apr_time_t now)
{
    apr_time_t next = now + apr_time_from_msec(50);

    for (int i = 0; i < server->model->places; i++) {
        ec_gate_t *gate = &server->gates[i];

        end_links(gate, now);
        begin_links(gate, now);
        for (int j = 0; j < gate->link_count; j++)
            next = gate->links[j].ends < next ? gate->links[j].ends : next;
    }
    return next;
}

/* As the node's thread does it. */
static void tell_lease(struct server *server, apr_time_t now)
{
    apr_time_t until = replica_clock(server->replica)->until;

    until = now < until ? until : 0;
    if (until == server->told_lease)
        return;
    server->told_lease = until;
    slots_part.lease(server->slots, until);
}

static void turn(struct server *server)
{
    apr_time_t now = clock_of(server), next, other;

    current = server;
    replica_poll(server->replica, now);
    tell_lease(server, now);
    slots_part.turn(server->slots, now);
    replica_poll(server->replica, now);
    next = work(server, now);
    for (int i = 0; i < server->model->places; i++)
        next = server->gates[i].is_changed ? now : next;
    other = replica_next(server->replica);
    next = other < next ? other : next;
    other = slots_part.next(server->slots);
    next = other != 0 && other < next ? other : next;
    bus_sim_wake_at(server->model->sim, server->id, next);
}

static void on_wake(void *baton)
{
    struct server *server = baton;

    /* the loops may run before the node's thread does */
    if (chance(server, 2))
        work(server, clock_of(server));
    turn(server);
}

static void on_view(void *baton, const struct bus_view *view)
{
    struct server *server = baton;

    current = server;
    replica_view(server->replica, view, clock_of(server));
    bus_sim_wake_at(server->model->sim, server->id, clock_of(server));
}

static void on_message(void *baton, bus_node_t sender, const void *data, apr_size_t length)
{
    struct server *server = baton;

    current = server;
    replica_message(server->replica, sender, data, length, clock_of(server));
    bus_sim_wake_at(server->model->sim, server->id, clock_of(server));
}

static void on_bus_lost(void *baton)
{
    struct server *server = baton;

    current = server;
    replica_bus_lost(server->replica, server->bus, clock_of(server));
    bus_sim_wake_at(server->model->sim, server->id, clock_of(server));
}

static const struct bus_sim_process process = { { on_view, NULL, on_message }, on_bus_lost, on_wake };

/* ---- what happens to servers ---------------------------------------------------------------------- */

static void make_gates(struct server *server)
{
    for (int i = 0; i < server->model->places; i++) {
        ec_gate_t *gate = &server->gates[i];
        apr_int64_t demand = gate->demand;

        memset(gate, 0, sizeof(*gate));
        gate->server = server;
        gate->place = &server->model->place[i];
        gate->demand = demand;
        gate->is_available = server->model->is_available && gate->place->window == 0;
        gate->is_leased = gate->is_changed = 1;
    }
}

void model_boot(struct model *model, bus_node_t id)
{
    struct server *server = &model->servers[id];
    struct replica_config config = {
        .self = id, .window = window, .margin = margin, .patience = apr_time_from_msec(500)
    };
    const char *why = NULL;

    if (server->is_running)
        return;
    config.instance = ((apr_uint64_t)id << 32) | ++model->instances;
    server->model = model;
    server->id = id;
    server->bus = bus_sim_bus(model->sim, id);
    server->lease = server->told_lease = server->lingers = 0;
    server->replica = replica_create(&config, server->bus);
    make_gates(server);
    current = server;
    server->slots = slots_create(NULL, &why);
    slots_part.open(server->slots, &server->node, &why);
    server->is_running = 1;
    bus_sim_start(model->sim, id, &process, server);
    bus_sim_wake_at(model->sim, id, clock_of(server));
}

static void end_server(struct server *server)
{
    current = server;
    slots_part.close(server->slots);
    replica_destroy(server->replica);
    slots_destroy(server->slots);
    server->is_running = 0;
}

void model_kill(struct model *model, bus_node_t id)
{
    if (!model->servers[id].is_running)
        return;
    bus_sim_kill(model->sim, id);
    end_server(&model->servers[id]);
}

void model_leave(struct model *model, bus_node_t id, apr_interval_time_t linger)
{
    struct server *server = &model->servers[id];

    current = server;
    if (!slots_part.holds(server->slots, clock_of(server)))
        replica_leave(server->replica, clock_of(server));
    model_kill(model, id);
    server->lingers = bus_sim_now(model->sim) + linger;
}

void model_demand(struct model *model, int place, bus_node_t id, apr_int64_t demand)
{
    for (bus_node_t i = 1; i <= MODEL_SERVERS; i++) {
        ec_gate_t *gate = &model->servers[i].gates[place];

        if (id != 0 && id != i)
            continue;
        gate->demand = demand;
        gate->is_unused = demand == 0;
        set_changed(gate);
    }
}

void model_limit(struct model *model, int place, apr_int64_t limit)
{
    struct model_place *where = &model->place[place];

    where->limit = limit;
    if (limit > where->allowed)
        where->allowed = limit;
    for (bus_node_t i = 1; i <= MODEL_SERVERS; i++)
        set_changed(&model->servers[i].gates[place]);
}

/* ---- what must hold ---------------------------------------------------------------------------------- */

static apr_int64_t seen_links(const ec_gate_t *gate)
{
    apr_int64_t count = 0;

    for (int i = 0; i < gate->link_count; i++)
        count += gate->links[i].kind != LINK_RESTING && !gate->links[i].is_shut;
    return count;
}

/* Of a stopped process the guard closes what is leased when the lease is over. */
static void guard(struct server *server)
{
    if (!server->is_running || !bus_sim_is_stopped(server->model->sim, server->id) ||
        clock_of(server) < server->lease + close_max)
        return;
    for (int i = 0; i < server->model->places; i++) {
        ec_gate_t *gate = &server->gates[i];

        for (int j = 0; j < gate->link_count; j++)
            gate->links[j].is_shut |= gate->is_leased || gate->links[j].is_lost;
    }
}

apr_int64_t model_used(const struct model *model, int place, bus_node_t id)
{
    apr_int64_t used = 0;

    for (bus_node_t i = 1; i <= MODEL_SERVERS; i++) {
        const struct server *server = &model->servers[i];

        if ((server->is_running || bus_sim_now(model->sim) < server->lingers) && (id == 0 || id == i))
            used += seen_links(&server->gates[place]);
    }
    return used;
}

/* In available mode servers without a lease may each have an equal part on top; who gets a lease
 * again closes what is too much. */
static apr_int64_t bound_of(const struct model *model, int place)
{
    apr_int64_t bound = model->place[place].allowed, part = (bound + MODEL_SERVERS - 1) / MODEL_SERVERS;

    for (bus_node_t i = 1; model->is_available && i <= MODEL_SERVERS; i++) {
        const struct server *server = &model->servers[i];
        apr_int64_t closing = count_links(&server->gates[place], 1);

        if (server->is_running)
            bound += clock_of(server) >= server->lease || closing > part ? part : closing;
    }
    return bound;
}

static void check(struct model *model)
{
    apr_time_t now = bus_sim_now(model->sim), since = now - model->measured_at;

    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++)
        guard(&model->servers[id]);
    for (int i = 0; i < model->places; i++) {
        struct model_place *place = &model->place[i];
        apr_int64_t used = 0;

        if (place->window > 0)
            continue;
        for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
            apr_int64_t of_one = model_used(model, i, id);

            place->used_by[id] += (double)of_one * (double)since;
            used += of_one;
        }
        place->used += (double)used * (double)since;
        if (used > bound_of(model, i))
            fail(model, "%s: %ld in use, limit %ld", place->key, (long)used, (long)place->allowed);
    }
    model->measured_at = now;
}

int model_run(struct model *model, apr_time_t duration)
{
    apr_time_t until = bus_sim_now(model->sim) + duration;

    while (model->failure[0] == '\0' && bus_sim_step(model->sim, until))
        check(model);
    return model->failure[0] == '\0';
}

void model_measure(struct model *model)
{
    for (int i = 0; i < model->places; i++) {
        model->place[i].used = 0;
        memset(model->place[i].used_by, 0, sizeof(model->place[i].used_by));
    }
    model->measured_from = model->measured_at = bus_sim_now(model->sim);
}

double model_utilisation(const struct model *model, int place)
{
    return model->place[place].used /
           ((double)model->place[place].limit * (double)(model->measured_at - model->measured_from));
}

int model_is_whole(const struct model *model)
{
    apr_uint64_t ring = 0;

    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        struct replica_info info;

        if (!model->servers[id].is_running)
            continue;
        replica_info(model->servers[id].replica, &info);
        if (!info.is_active || (ring != 0 && info.ring != ring))
            return 0;
        ring = info.ring;
    }
    return ring != 0;
}

/* ---- life --------------------------------------------------------------------------------------------- */

void model_start(struct model *model, const struct model_config *config)
{
    static const apr_int64_t limits[] = { 1, 2, 7, 50 };
    struct bus_sim_config bus = { .seed = config->seed,
                                  .hosts = MODEL_SERVERS,
                                  .hop_min = 60,
                                  .hop_max = 600,
                                  .lag_max = 400,
                                  .token_timeout = apr_time_from_msec(600),
                                  .loss = config->seed % 3 == 0 ? 20 : 0,
                                  .drift = 500 };

    choose_mutant();
    memset(model, 0, sizeof(*model));
    model->seed = config->seed;
    model->sim = bus_sim_create(&bus);
    model->places = config->slots + config->rates;
    model->is_available = config->is_available;
    for (int i = 0; i < model->places; i++) {
        struct model_place *place = &model->place[i];

        snprintf(place->key, sizeof(place->key), "%s %d", i < config->slots ? "slots" : "rate", i);
        place->limit = place->allowed = limits[i % 4];
        place->window = i < config->slots ? 0 : apr_time_from_msec(300) << (i % 3);
    }
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        model->servers[id].model = model;
        model->servers[id].id = id;
        make_gates(&model->servers[id]);
    }
    model_measure(model);
}

void model_stop(struct model *model)
{
    for (bus_node_t id = 1; id <= MODEL_SERVERS; id++) {
        if (model->servers[id].is_running)
            end_server(&model->servers[id]);
    }
    bus_sim_destroy(model->sim);
}
