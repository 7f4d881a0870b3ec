/* bus_sim.c - a bus in one process, in simulated time, with every fault by a seed
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

#include "cluster/bus_sim/bus_sim.h"
#include "cluster/bus_sim/parts.h"

/* ---- time and chance --------------------------------------------------------------- */

static apr_uint64_t next_random(bus_sim_t *sim)
{
    apr_uint64_t x = sim->random += 0x9e3779b97f4a7c15ULL;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

apr_uint32_t bus_sim_random(bus_sim_t *sim, apr_uint32_t bound)
{
    return bound == 0 ? 0 : (apr_uint32_t)(next_random(sim) >> 16) % bound;
}

apr_time_t sim_between(bus_sim_t *sim, apr_time_t low, apr_time_t high)
{
    return low + bus_sim_random(sim, (apr_uint32_t)(high - low + 1));
}

apr_time_t bus_sim_now(const bus_sim_t *sim)
{
    return sim->now;
}

apr_time_t bus_sim_clock(const bus_sim_t *sim, bus_node_t node)
{
    const struct sim_host *host = &sim->hosts[node - 1];

    return host->clock_base + sim->now + sim->now * host->drift / 100000;
}

static int is_before(const struct sim_timer *a, const struct sim_timer *b)
{
    return a->when != b->when ? a->when < b->when : a->number < b->number;
}

static void sift_up(bus_sim_t *sim, apr_size_t at)
{
    struct sim_timer timer = sim->timers[at];

    for (; at > 0 && is_before(&timer, &sim->timers[(at - 1) / 2]); at = (at - 1) / 2)
        sim->timers[at] = sim->timers[(at - 1) / 2];
    sim->timers[at] = timer;
}

static void sift_down(bus_sim_t *sim)
{
    struct sim_timer timer = sim->timers[sim->timer_count];
    apr_size_t at = 0, child;

    while ((child = at * 2 + 1) < sim->timer_count) {
        if (child + 1 < sim->timer_count && is_before(&sim->timers[child + 1], &sim->timers[child]))
            child++;
        if (!is_before(&sim->timers[child], &timer))
            break;
        sim->timers[at] = sim->timers[child];
        at = child;
    }
    sim->timers[at] = timer;
}

void sim_after(bus_sim_t *sim, apr_time_t delay, sim_fn *run, void *baton, apr_uint64_t argument)
{
    struct sim_timer timer = { sim->now + delay, sim->timer_number++, run, baton, argument };

    if (sim->timer_count == sim->timer_size) {
        sim->timer_size = sim->timer_size == 0 ? 256 : sim->timer_size * 2;
        sim->timers = realloc(sim->timers, sim->timer_size * sizeof(*sim->timers));
        if (sim->timers == NULL)
            abort();
    }
    sim->timers[sim->timer_count] = timer;
    sift_up(sim, sim->timer_count++);
}

int bus_sim_step(bus_sim_t *sim, apr_time_t until)
{
    struct sim_timer timer;

    if (sim->timer_count == 0 || sim->timers[0].when > until) {
        sim->now = until;
        return 0;
    }
    timer = sim->timers[0];
    sim->timer_count--;
    if (sim->timer_count > 0)
        sift_down(sim);
    sim->now = timer.when;
    timer.run(sim, timer.baton, timer.argument);
    return 1;
}

struct user_timer {
    void (*run)(void *baton);
    void *baton;
};

static void run_user(bus_sim_t *sim, void *baton, apr_uint64_t argument)
{
    struct user_timer timer = *(struct user_timer *)baton;

    free(baton);
    timer.run(timer.baton);
}

void bus_sim_at(bus_sim_t *sim, apr_time_t when, void (*run)(void *baton), void *baton)
{
    struct user_timer *timer = malloc(sizeof(*timer));

    if (timer == NULL)
        abort();
    timer->run = run;
    timer->baton = baton;
    sim_after(sim, when > sim->now ? when - sim->now : 0, run_user, timer, 0);
}

/* ---- the process of a host ------------------------------------------------------------ */

static void run_process(bus_sim_t *sim, void *baton, apr_uint64_t argument)
{
    struct sim_host *host = baton;
    struct sim_item *item;

    host->is_scheduled = 0;
    if (host->process == NULL || host->is_process_stopped)
        return;
    /* what it must find out before all else when it was stopped: what time it is */
    host->process->wake(host->baton);
    while (!host->is_process_stopped && host->process != NULL && (item = host->inbox) != NULL) {
        host->inbox = item->next;
        if (item->next == NULL)
            host->inbox_last = NULL;
        if (item->kind == SIM_VIEW) {
            struct bus_view view = { item->ring, item->members, item->member_count, item->is_quorate };

            host->process->events.view(host->baton, &view);
        } else if (item->kind == SIM_LOST) {
            host->lost--;
            host->process->lost(host->baton);
        } else {
            host->process->events.message(host->baton, item->sender, item->data, item->length);
        }
        sim_item_free(item);
    }
    if (host->process != NULL && !host->is_process_stopped)
        host->process->wake(host->baton);
}

static void schedule_process(bus_sim_t *sim, struct sim_host *host)
{
    if (host->is_scheduled || host->process == NULL || host->is_process_stopped)
        return;
    host->is_scheduled = 1;
    sim_after(sim, sim_between(sim, 0, sim->config.lag_max), run_process, host, 0);
}

void sim_to_process(bus_sim_t *sim, struct sim_host *host, struct sim_item *item)
{
    *(host->inbox_last != NULL ? &host->inbox_last->next : &host->inbox) = item;
    host->inbox_last = item;
    schedule_process(sim, host);
}

static void run_wake(bus_sim_t *sim, void *baton, apr_uint64_t argument)
{
    struct sim_host *host = baton;

    if (host->wake_number == argument && host->process != NULL && !host->is_process_stopped)
        host->process->wake(host->baton);
}

void bus_sim_wake_at(bus_sim_t *sim, bus_node_t node, apr_time_t when)
{
    struct sim_host *host = &sim->hosts[node - 1];
    apr_time_t delay = when - bus_sim_clock(sim, node);

    /* timers fire late, never early */
    delay = delay < 1 ? 1 : delay + delay / 200 + sim_between(sim, 0, sim->config.lag_max);
    sim_after(sim, delay, run_wake, host, ++host->wake_number);
}

static void clear_inbox(struct sim_host *host)
{
    while (host->inbox != NULL) {
        struct sim_item *item = host->inbox;

        host->inbox = item->next;
        sim_item_free(item);
    }
    host->inbox_last = NULL;
}

void bus_sim_start(bus_sim_t *sim, bus_node_t node, const struct bus_sim_process *process, void *baton)
{
    struct sim_host *host = &sim->hosts[node - 1];

    host->process = process;
    host->baton = baton;
    host->is_process_stopped = 0;
    host->is_joined = 0;
    host->lost = 0;
    if (host->is_up)
        sim_queue(sim, host, SIM_JOIN, NULL, 0);
}

void bus_sim_kill(bus_sim_t *sim, bus_node_t node)
{
    struct sim_host *host = &sim->hosts[node - 1];

    if (host->process == NULL)
        return;
    host->process = NULL;
    host->is_joined = 0;
    clear_inbox(host);
    if (host->is_up)
        sim_queue(sim, host, SIM_LEFT, NULL, 0);
}

static apr_status_t send_op(bus_t *bus, const void *data, apr_size_t length)
{
    struct sim_host *host = (struct sim_host *)bus;

    EC_ASSERT(length <= BUS_MESSAGE_MAX);
    if (!host->is_up || host->lost > 0 || host->out_count >= SIM_OUT_MAX)
        return EC_E_BUSY;
    sim_queue(host->sim, host, SIM_MESSAGE, data, length);
    return APR_SUCCESS;
}

static const struct bus_ops ops = { send_op };

bus_t *bus_sim_bus(bus_sim_t *sim, bus_node_t node)
{
    return &sim->hosts[node - 1].bus;
}

/* ---- faults ---------------------------------------------------------------------------- */

void bus_sim_stop(bus_sim_t *sim, bus_node_t node, int is_process, int is_daemon)
{
    struct sim_host *host = &sim->hosts[node - 1];

    host->is_process_stopped |= is_process;
    if (is_daemon && !host->is_daemon_stopped) {
        host->is_daemon_stopped = 1;
        sim_reform_all(sim);
    }
}

void bus_sim_continue(bus_sim_t *sim, bus_node_t node)
{
    struct sim_host *host = &sim->hosts[node - 1];

    if (host->is_process_stopped) {
        host->is_process_stopped = 0;
        schedule_process(sim, host);
    }
    if (host->is_daemon_stopped) {
        host->is_daemon_stopped = 0;
        sim_daemon_wakes(sim, host);
        sim_reform_all(sim);
    }
}

int bus_sim_is_stopped(const bus_sim_t *sim, bus_node_t node)
{
    return sim->hosts[node - 1].is_process_stopped;
}

void bus_sim_daemon_down(bus_sim_t *sim, bus_node_t node)
{
    struct sim_host *host = &sim->hosts[node - 1];

    if (!host->is_up)
        return;
    host->is_up = 0;
    host->is_daemon_stopped = 0;
    host->ring = NULL;
    host->is_joined = 0;
    sim_clear_out(host);
    if (host->process != NULL) {
        host->lost++;
        sim_to_process(sim, host, sim_item(SIM_LOST, node, NULL, 0));
    }
    sim_reform_all(sim);
}

void bus_sim_daemon_up(bus_sim_t *sim, bus_node_t node)
{
    struct sim_host *host = &sim->hosts[node - 1];

    if (host->is_up)
        return;
    host->is_up = 1;
    sim_found_ring(sim, host);
    if (host->process != NULL)
        sim_queue(sim, host, SIM_JOIN, NULL, 0);
    sim_reform_all(sim);
}

void bus_sim_link(bus_sim_t *sim, bus_node_t from, bus_node_t to, int is_open)
{
    if (sim->links[from - 1][to - 1] == is_open)
        return;
    sim->links[from - 1][to - 1] = is_open;
    sim_reform_all(sim);
}

void bus_sim_vanish(bus_sim_t *sim, bus_node_t node)
{
    sim->hosts[node - 1].vanishes = 2;
}

void bus_sim_heal(bus_sim_t *sim)
{
    for (bus_node_t from = 1; from <= (bus_node_t)sim->config.hosts; from++) {
        sim->hosts[from - 1].vanishes = 0;
        for (bus_node_t to = 1; to <= (bus_node_t)sim->config.hosts; to++)
            bus_sim_link(sim, from, to, 1);
    }
}

/* ---- begin and end ------------------------------------------------------------------------ */

bus_sim_t *bus_sim_create(const struct bus_sim_config *config)
{
    bus_sim_t *sim = calloc(1, sizeof(*sim));

    if (sim == NULL)
        abort();
    sim->config = *config;
    sim->random = config->seed * 0x2545f4914f6cdd1dULL + 1;
    sim->now = 1;
    for (int i = 0; i < config->hosts; i++) {
        struct sim_host *host = &sim->hosts[i];

        host->sim = sim;
        host->bus.ops = &ops;
        host->node = (bus_node_t)i + 1;
        host->clock_base = (apr_time_t)sim_between(sim, 1000, 1000000000);
        host->drift = (int)bus_sim_random(sim, (apr_uint32_t)config->drift * 2 + 1) - config->drift;
        for (int j = 0; j < config->hosts; j++)
            sim->links[i][j] = 1;
    }
    for (int i = 0; i < config->hosts; i++)
        bus_sim_daemon_up(sim, (bus_node_t)i + 1);
    return sim;
}

void bus_sim_destroy(bus_sim_t *sim)
{
    for (apr_size_t i = 0; i < sim->timer_count; i++) {
        if (sim->timers[i].run == run_user)
            free(sim->timers[i].baton);
    }
    free(sim->timers);
    for (int i = 0; i < sim->config.hosts; i++) {
        clear_inbox(&sim->hosts[i]);
        sim_clear_out(&sim->hosts[i]);
    }
    sim_free_rings(sim);
    free(sim);
}
