/* slots.c - cluster-wide limits of this server: its gates get their units from the replicated limits
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/machine/mutant.h"
#include "cluster/slots/slot.h"
#include "cluster/slots/slots.h"

/* How long a node keeps what does not divide, while others wait for it: many times what it costs to
 * hand a slot over (the end of one connection and the beginning of another). */
#define TURN apr_time_from_msec(500)

/* What changes by time alone is looked at together, at most so often. */
#define LOOK_MIN apr_time_from_msec(2)

struct side {
    limit_t state;
    limit_client_t client;
};

struct slots {
    node_t *node;
    struct side slots, rates;
    struct slot *all, *due;
    struct slots_waits waits;
    apr_time_t look; /* at those that ask for it; 0: none does */
    apr_time_t now;  /* of this turn, for events */
    int is_provider;
};

/* ---- lists -------------------------------------------------------------------------------- */

static void set_due(struct slots *slots, struct slot *slot)
{
    if (slot->is_due)
        return;
    slot->is_due = 1;
    slot->due_next = slots->due;
    slots->due = slot;
}

static void link_slot(struct slots *slots, struct slot *slot)
{
    slot->next = slots->all;
    slot->at = &slots->all;
    if (slot->next != NULL)
        slot->next->at = &slot->next;
    slots->all = slot;
}

static void free_slot(struct slot *slot)
{
    *slot->at = slot->next;
    if (slot->next != NULL)
        slot->next->at = slot->at;
    free(slot);
}

/* ---- what the clients say ------------------------------------------------------------------- */

static void on_gained(void *baton, struct limit_client_key *key)
{
    if (key->user != NULL)
        set_due(baton, key->user);
}

static void on_shed(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    if (key->user != NULL)
        set_due(baton, key->user);
}

/* Before anything else happens on this thread: a lease that comes later must not cover what is lost. */
static void on_lost(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    if (key->user == NULL)
        return;
    if (!is_mutant(LATE_LOSS) && !is_mutant(LOST_STAYS))
        slot_lose(key->user, count);
    set_due(baton, key->user);
}

static void on_tainted(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    if (key->user == NULL)
        return;
    slot_reserve(key->user, count, ec_gate_clock());
    set_due(baton, key->user);
}

static const struct limit_client_events slot_events = { on_gained, on_shed, on_lost, NULL };
static const struct limit_client_events rate_events = { on_gained, on_shed, on_lost, on_tainted };

/* ---- gates and keys --------------------------------------------------------------------------- */

/* FNV-1a: all nodes have to come to the same. */
static apr_uint64_t digest_of(const char *text)
{
    apr_uint64_t hash = 14695981039346656037ull;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211ull;
    return hash;
}

/* The same on all nodes of a subcluster; rates of different windows have nothing in common.  The place of a limit may be a pattern
 * of any length: of a long one the end is a digest of the whole. */
static apr_size_t name_key(char text[TABLE_KEY_MAX + 1], const struct slots *slots, const ec_gate_state_t *state)
{
    enum { DIGEST = 3 + 16 };
    const char *subcluster = node_settings(slots->node)->subcluster;
    int length = snprintf(text, TABLE_KEY_MAX + 1, "%s|%" APR_INT64_T_FMT "|%s",
                          subcluster == NULL ? "" : subcluster, state->window, state->key);

    EC_ASSERT(length > 0);
    if (length <= TABLE_KEY_MAX)
        return (apr_size_t)length;
    snprintf(text + TABLE_KEY_MAX - DIGEST, DIGEST + 1, "...%016" APR_UINT64_T_HEX_FMT, digest_of(state->key));
    return TABLE_KEY_MAX;
}

static apr_uint32_t limit_of(const ec_gate_state_t *state)
{
    return state->limit < 0 || state->limit > LIMIT_MAX ? LIMIT_MAX : (apr_uint32_t)state->limit;
}

static enum limit_mode mode_of(const ec_gate_state_t *state)
{
    return state->is_available ? LIMIT_AVAILABLE : LIMIT_STRICT;
}

static struct limit_client_key *find_key(struct slots *slots, limit_client_t *client,
                                         const ec_gate_state_t *state)
{
    char text[TABLE_KEY_MAX + 1];
    apr_size_t length = name_key(text, slots, state);

    return limit_client_key(client, text, length, limit_of(state), mode_of(state));
}

static void renew_key(struct slots *slots, struct slot *slot, const ec_gate_state_t *state)
{
    if (slot->key->limit != limit_of(state) || slot->key->mode != mode_of(state))
        find_key(slots, slot->client, state);
}

/* The slot of a gate, or without one what is left of an earlier gate of the same key. */
static struct slot *make_slot(struct slots *slots, ec_gate_t *gate, const ec_gate_state_t *state)
{
    limit_client_t *client = state->window > 0 ? &slots->rates.client : &slots->slots.client;
    struct limit_client_key *key = find_key(slots, client, state);
    struct slot *slot = key->user;

    if (slot == NULL && (slot = calloc(1, sizeof(*slot))) == NULL)
        abort();
    if (key->user == NULL)
        link_slot(slots, slot);
    key->user = slot;
    slot->client = client;
    slot->key = key;
    slot->window = state->window;
    slot->gate = gate;
    slot->shed = 0;
    slot->is_unleased = 0;
    ec_gate_set_note(gate, slot);
    return slot;
}

static struct slot *slot_of(struct slots *slots, ec_gate_t *gate, const ec_gate_state_t *state)
{
    struct slot *slot = ec_gate_note(gate);

    if (slot != NULL && slot->window != state->window) {
        slot_leave_gate(slot, slots->now);
        set_due(slots, slot);
        slot = NULL;
    }
    return slot == NULL ? make_slot(slots, gate, state) : slot;
}

/* What is unused leaves the gate; then the gate may go. */
static void try_forget(struct slots *slots, struct slot *slot, apr_int64_t used)
{
    ec_gate_t *gate = slot->gate;

    if (slot->given + slot->closing > 0 || used > 0)
        return;
    slot_leave_gate(slot, slots->now);
    if (!ec_gate_forget(gate)) {
        slot->gate = gate; /* in use again: it will be among the changed ones */
        ec_gate_set_note(gate, slot);
    }
    set_due(slots, slot);
}

static void look_later(struct slots *slots, const struct slot *slot)
{
    apr_time_t look = slot->look;

    if (look == 0)
        return;
    if (look < slots->now + LOOK_MIN)
        look = slots->now + LOOK_MIN;
    slots->look = slots->look == 0 || look < slots->look ? look : slots->look;
}

static void count_wait(struct slots *slots, apr_interval_time_t waited)
{
    if (waited >= 0)
        slots->waits.last[slots->waits.count++ % SLOTS_WAITS] =
            (apr_uint32_t)(waited < LIMIT_MAX ? waited : LIMIT_MAX);
}

static void look_at(struct slots *slots, struct slot *slot)
{
    ec_gate_state_t state;

    if (slot->gate == NULL) {
        if (slot_end(slot, slots->now)) {
            free_slot(slot);
            return;
        }
    } else {
        ec_gate_state(slot->gate, &state);
        if (slot_of(slots, slot->gate, &state) != slot)
            return;
        renew_key(slots, slot, &state);
        if (is_mutant(LATE_LOSS) && slot->key->used > slot->key->firm + slot->key->fresh)
            slot_lose(slot, slot->key->used - slot->key->firm - slot->key->fresh);
        count_wait(slots, slot_settle(slot, &state, slots->now));
        if (state.is_unused)
            try_forget(slots, slot, state.used);
    }
    look_later(slots, slot);
}

/* ---- the part ------------------------------------------------------------------------------------ */

static void on_wake(void *baton)
{
    struct slots *slots = baton;

    node_wake(slots->node);
}

static const ec_gate_provider_t provider = { on_wake };

static void open_side(struct slots *slots, struct side *side, const struct machine_type *type,
                      const struct limit_client_events *events)
{
    struct machine machine = { type, &side->state, &limit_client_local, &side->client };

    limit_init(&side->state, type == &throttle_machine);
    limit_client_init(&side->client, &side->state, 0, BUS_NODES_MAX, TURN, NULL, events, slots);
    node_add_machine(slots->node, &machine);
}

static apr_status_t slots_open(void *part, node_t *node, const char **why)
{
    struct slots *slots = part;
    apr_status_t rv;

    slots->node = node;
    open_side(slots, &slots->slots, &limit_machine, &slot_events);
    open_side(slots, &slots->rates, &throttle_machine, &rate_events);
    rv = ec_gate_provide(&provider, slots);
    slots->is_provider = rv == APR_SUCCESS;
    if (rv != APR_SUCCESS)
        *why = "another module provides the cluster-wide limits already";
    return rv;
}

/* Who we are is known when the bus is there for the first time; before that nothing is granted. */
static int find_replica(struct slots *slots)
{
    bus_node_t self = node_self(slots->node);
    replica_t *replica = node_replica(slots->node);
    int nodes = node_settings(slots->node)->nodes;
    struct side *sides[] = { &slots->slots, &slots->rates };

    if (replica == NULL)
        return slots->slots.client.clock != NULL;
    for (int i = 0; i < 2; i++) {
        limit_t *state = &sides[i]->state;

        sides[i]->client.clock = replica_clock(replica);
        sides[i]->client.nodes = nodes > 0 ? (apr_uint32_t)nodes : BUS_NODES_MAX;
        if (self != 0 && state->self != self)
            limit_watch(state, self, state->watch, state->watch_baton);
    }
    return 1;
}

static void take_changed(struct slots *slots)
{
    ec_gate_t *gate;

    while ((gate = ec_gate_changed()) != NULL) {
        ec_gate_state_t state;

        ec_gate_state(gate, &state);
        set_due(slots, slot_of(slots, gate, &state));
    }
}

static void find_awaited(struct slots *slots)
{
    if (slots->look == 0 || slots->now < slots->look)
        return;
    slots->look = 0;
    for (struct slot *slot = slots->all; slot != NULL; slot = slot->next) {
        if (slot->look != 0 && slot->look <= slots->now)
            set_due(slots, slot);
        else
            look_later(slots, slot);
    }
}

static void slots_turn(void *part, apr_time_t now)
{
    struct slots *slots = part;
    struct slot *slot, *due;

    slots->now = now;
    if (!find_replica(slots))
        return;
    take_changed(slots);
    find_awaited(slots);
    due = slots->due;
    slots->due = NULL;
    while ((slot = due) != NULL) {
        due = slot->due_next;
        slot->is_due = 0;
        look_at(slots, slot);
    }
}

static apr_time_t slots_next(void *part)
{
    const struct slots *slots = part;

    return slots->due != NULL ? slots->now : slots->look;
}

static void slots_lease(void *part, apr_time_t until)
{
    ec_gates_lease(until);
}

static int slots_hold(void *part, apr_time_t now)
{
    const struct slots *slots = part;

    for (const struct slot *slot = slots->all; slot != NULL; slot = slot->next) {
        if (slot_holds(slot, now))
            return 1;
    }
    return 0;
}

static void slots_close(void *part)
{
    struct slots *slots = part;

    if (slots->is_provider) {
        for (struct slot *slot = slots->all; slot != NULL; slot = slot->next) {
            if (slot->gate != NULL)
                ec_gate_set_note(slot->gate, NULL);
        }
        ec_gate_provide(NULL, NULL);
    }
    slots->is_provider = 0;
}

const struct node_part slots_part = {
    .name = "limits", .open = slots_open, .turn = slots_turn, .next = slots_next,
    .lease = slots_lease, .holds = slots_hold, .close = slots_close
};

/* ---- others ------------------------------------------------------------------------------------ */

void *slots_create(const ec_instance_t *instance, const char **why)
{
    slots_t *slots = calloc(1, sizeof(*slots));

    if (slots == NULL)
        abort();
    return slots;
}

void slots_destroy(void *part)
{
    struct slots *slots = part;

    while (slots->all != NULL)
        free_slot(slots->all);
    limit_client_free(&slots->slots.client);
    limit_client_free(&slots->rates.client);
    free(slots);
}

const struct slots_waits *slots_waits(const slots_t *slots)
{
    return &slots->waits;
}

apr_int64_t slots_resting(const slots_t *slots, const struct limit_key *key)
{
    const struct limit_client_key *mine =
        table_find(&slots->rates.client.keys, key->item.key, key->item.key_length);
    const struct slot *slot = mine != NULL ? mine->user : NULL;
    ec_gate_state_t state = { 0 };

    if (slot == NULL)
        return 0;
    if (slot->gate != NULL)
        ec_gate_state(slot->gate, &state);
    return state.used + slot->reserved + slot->resting;
}

const limit_t *slots_state(const slots_t *slots, int is_rate)
{
    return is_rate ? &slots->rates.state : &slots->slots.state;
}
