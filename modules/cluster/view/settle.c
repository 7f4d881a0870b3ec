/* settle.c - what the members of a new ring say of themselves, and what follows from it
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/machine/mutant.h"
#include "cluster/view/settle.h"

enum { FLAG_LATE = 1, FLAG_QUORATE = 2, FLAG_IN_STEP = 4, FLAG_WAS_ACTIVE = 8, FLAG_ONE_OF_TWO = 16 };

void settle_state_write(const struct settle_state *state, wire_writer_t *writer)
{
    wire_write(writer, state->ring);
    wire_write(writer, state->round);
    wire_write_fixed(writer, state->instance);
    wire_write(writer, state->request);
    wire_write(writer, state->epoch);
    wire_write(writer, state->position);
    wire_write_fixed(writer, state->digest);
    wire_write(writer,
               (apr_uint64_t)((state->is_late ? FLAG_LATE : 0) | (state->is_quorate ? FLAG_QUORATE : 0) |
                              (state->is_in_step ? FLAG_IN_STEP : 0) |
                              (state->was_active ? FLAG_WAS_ACTIVE : 0) |
                              (state->is_one_of_two ? FLAG_ONE_OF_TWO : 0)));
    wire_write(writer, (apr_uint64_t)state->version);
}

int settle_state_read(struct settle_state *state, wire_reader_t *reader)
{
    apr_uint64_t flags;

    memset(state, 0, sizeof(*state));
    state->ring = wire_read(reader);
    state->round = wire_read(reader);
    state->instance = wire_read_fixed(reader);
    state->request = wire_read(reader);
    state->epoch = wire_read(reader);
    state->position = wire_read(reader);
    state->digest = wire_read_fixed(reader);
    flags = wire_read(reader);
    state->is_late = (flags & FLAG_LATE) != 0;
    state->is_quorate = (flags & FLAG_QUORATE) != 0;
    state->is_in_step = (flags & FLAG_IN_STEP) != 0;
    state->was_active = (flags & FLAG_WAS_ACTIVE) != 0;
    state->is_one_of_two = (flags & FLAG_ONE_OF_TWO) != 0;
    state->version = (int)wire_read_max(reader, 0xffff);
    return !reader->is_bad;
}

void settle_clear(struct settle *settle)
{
    settle->count = 0;
}

static struct settle_state *find(const struct settle *settle, bus_node_t node)
{
    for (int i = 0; i < settle->count; i++) {
        if (settle->states[i].node == node)
            return (struct settle_state *)&settle->states[i];
    }
    return NULL;
}

const struct settle_state *settle_find(const struct settle *settle, bus_node_t node)
{
    return find(settle, node);
}

void settle_add(struct settle *settle, const struct settle_state *state)
{
    struct settle_state *place = find(settle, state->node);

    if (place == NULL && settle->count < BUS_NODES_MAX)
        place = &settle->states[settle->count++];
    if (place != NULL)
        *place = *state;
}

void settle_remove(struct settle *settle, bus_node_t node)
{
    struct settle_state *place = find(settle, node);

    if (place == NULL)
        return;
    settle->count--;
    memmove(place, place + 1, (size_t)((char *)&settle->states[settle->count] - (char *)place));
}

int settle_is_complete(const struct settle *settle, const bus_node_t *members, int count)
{
    for (int i = 0; i < count; i++) {
        if (find(settle, members[i]) == NULL)
            return 0;
    }
    return 1;
}

/* Is the state of `a` further on? */
static int is_ahead(const struct settle_state *a, const struct settle_state *b)
{
    if (a->epoch != b->epoch)
        return a->epoch > b->epoch;
    return a->position != b->position ? a->position > b->position : a->digest > b->digest;
}

static int is_same(const struct settle_state *a, const struct settle_state *b)
{
    return a->epoch == b->epoch && a->position == b->position && a->digest == b->digest;
}

static const struct settle_state *find_best(const struct settle *settle)
{
    const struct settle_state *best = NULL;

    for (int i = 0; i < settle->count; i++) {
        const struct settle_state *state = &settle->states[i];

        if (state->is_in_step && !state->is_late && (best == NULL || is_ahead(state, best)))
            best = state;
    }
    return best;
}

static void add_keeper(struct settle_decision *decision, bus_node_t node)
{
    int at = decision->keeper_count++;

    for (; at > 0 && decision->keepers[at - 1] > node; at--)
        decision->keepers[at] = decision->keepers[at - 1];
    decision->keepers[at] = node;
}

/* All begins anew, by the member with the lowest id. */
static void found(struct settle_decision *decision, bus_node_t founder)
{
    decision->is_founding = 1;
    decision->keeper_count = 0;
    if (founder != 0)
        add_keeper(decision, founder);
}

void settle_decide(const struct settle *settle, int hosts, struct settle_decision *decision)
{
    const struct settle_state *best = find_best(settle);
    bus_node_t founder = 0;

    memset(decision, 0, sizeof(*decision));
    /* one that is not here may go on sending until its lease is over; if all are, and new, nobody does */
    decision->is_tainted = (hosts == 0 || settle->count < hosts) && !is_mutant(CLEAN_START);
    for (int i = 0; i < settle->count; i++) {
        const struct settle_state *state = &settle->states[i];

        decision->is_tainted |= state->was_active;
        if (state->epoch > decision->epoch)
            decision->epoch = state->epoch;
        if (state->is_late)
            continue;
        decision->is_possible = 1;
        decision->is_quorate |= state->is_quorate || is_mutant(NO_QUORUM);
        decision->is_half |= state->is_one_of_two;
        if (founder == 0 || state->node < founder)
            founder = state->node;
        if (best != NULL && state->is_in_step && is_same(state, best))
            add_keeper(decision, state->node);
    }
    decision->epoch++;
    decision->is_half &= !decision->is_quorate;
    if (best == NULL || decision->is_half)
        found(decision, founder);
}
