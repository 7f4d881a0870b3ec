/* slot.c - one gate, and the key of the replicated limits that its units come from
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/slots/slot.h"

#include "cluster/machine/mutant.h"

/* Connections of a gate that nobody watches any more have been closed by then. */
#define CLOSED_AFTER apr_time_from_sec(10)
/* A unit that a queue was promised, and did not take, comes free without a word. */
#define LOOK_AGAIN apr_time_from_msec(50)

static apr_uint32_t least(apr_uint32_t a, apr_uint32_t b)
{
    return a < b ? a : b;
}

static apr_uint32_t bounded(apr_int64_t n)
{
    return n < 0 ? 0 : n > LIMIT_MAX ? LIMIT_MAX : (apr_uint32_t)n;
}

static int has_lease(const struct slot *slot, apr_time_t now)
{
    return lease_clock_is_good(slot->client->clock, now);
}

static void put(struct slot *slot, apr_uint32_t count)
{
    while (count-- > 0)
        limit_client_put(slot->client, slot->key);
}

/* ---- out of the gate -------------------------------------------------------------------- */

/* Units of the gate that are not in use.  Returns how many there were. */
static apr_uint32_t take_back(struct slot *slot, apr_uint32_t count)
{
    apr_uint32_t got = 0;

    if (count > 0)
        got = bounded(ec_gate_take_back(slot->gate, least(count, slot->given)));
    slot->given -= got;
    slot->shed -= got < slot->shed ? got : slot->shed; /* the gate does the same */
    put(slot, got);
    return got;
}

/* What was lost, and has been closed, or has rested, meanwhile. */
static void settle_closed(struct slot *slot, const ec_gate_state_t *state)
{
    apr_uint32_t still = is_mutant(CLOSED_AT_ONCE)
                             ? 0
                             : bounded(state->window > 0 ? state->used - state->units : state->losing);
    apr_uint32_t closed = slot->closing > still ? slot->closing - still : 0;

    slot->closing -= closed;
    put(slot, closed);
}

static void lose_given(struct slot *slot, apr_uint32_t count)
{
    ec_gate_state_t state;

    count -= take_back(slot, count);
    if (count == 0)
        return;
    ec_gate_lose(slot->gate, count);
    slot->given -= count;
    slot->closing += count;
    ec_gate_state(slot->gate, &state);
    settle_closed(slot, &state);
}

/* Those that were granted and are not any more.  Without a lease, but with the state, they are only out of
 * use. */
static apr_uint32_t lose_reserved(struct slot *slot, apr_uint32_t count)
{
    const struct limit_client_key *key = slot->key;
    apr_uint32_t held = key->firm + key->fresh, gone = 0;

    if (slot->client->is_active && key->used > held)
        gone = least(slot->reserved, key->used - held);
    gone = least(gone, count);
    slot->reserved -= gone;
    put(slot, gone);
    return least(count, gone + slot->reserved);
}

void slot_lose(struct slot *slot, apr_uint32_t count)
{
    count -= least(count, slot->closing);
    count -= lose_reserved(slot, count);
    count -= least(count, slot->resting);
    if (slot->gate != NULL && count > 0)
        lose_given(slot, least(count, slot->given));
}

void slot_reserve(struct slot *slot, apr_uint32_t count, apr_time_t now)
{
    slot->key->used += count;
    if (slot->gate != NULL) {
        slot->reserved += count;
        return;
    }
    slot->resting += count;
    slot->rested = now + slot->window;
}

/* ---- into the gate ------------------------------------------------------------------------ */

/* Tainted units that are firm by now rest in the gate. */
static void give_reserved(struct slot *slot, apr_time_t now)
{
    const struct limit_client_key *key = slot->key;
    apr_uint32_t firm = key->firm > key->giving ? key->firm - key->giving : 0;
    apr_uint32_t others = key->used - slot->reserved, ready = firm > others ? firm - others : 0;

    ready = is_mutant(HASTY_TAINTED) ? slot->reserved : least(ready, slot->reserved);
    if (ready == 0 || !has_lease(slot, now))
        return;
    slot->reserved -= ready;
    slot->given += ready;
    ec_gate_give(slot->gate, ready, is_mutant(NO_REST) ? 0 : ready);
}

static void give_wanted(struct slot *slot, apr_uint32_t wanted, apr_time_t now)
{
    apr_uint32_t count = 0;

    while (slot->given + count < wanted && limit_client_take(slot->client, slot->key, now))
        count++;
    slot->given += count;
    if (count > 0)
        ec_gate_give(slot->gate, count, 0);
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* In available mode the equal part is used without a lease, and nothing above it. */
static void settle_lease(struct slot *slot, apr_time_t now)
{
    int is_unleased = slot->key->mode == LIMIT_AVAILABLE && !has_lease(slot, now);
    apr_uint32_t part = limit_client_unleased(slot->client, slot->key);

    if (is_unleased && slot->key->used > part && !is_mutant(UNLEASED_KEEPS))
        slot_lose(slot, slot->key->used - part);
    if (is_unleased != slot->is_unleased)
        ec_gate_set_leased(slot->gate, !is_unleased);
    slot->is_unleased = is_unleased;
}

static void settle_rested(struct slot *slot, apr_time_t now)
{
    if (slot->resting == 0 || (now < slot->rested && !is_mutant(NO_RESTING_LEFT)))
        return;
    put(slot, slot->resting);
    slot->resting = 0;
}

/* Others wait: what is not in use goes, for the rest connections end. */
static void settle_owed(struct slot *slot, apr_time_t now)
{
    apr_int64_t owed = is_mutant(KEEPS_OWED) ? 0 : limit_client_owed(slot->key, now);

    if (owed > 0)
        owed -= take_back(slot, bounded(owed));
    owed = owed > slot->closing ? owed - slot->closing : 0; /* those come soon anyway */
    if (owed > slot->given)
        owed = slot->given;
    if (owed != slot->shed)
        ec_gate_shed(slot->gate, owed);
    slot->shed = owed;
}

static void look_at(struct slot *slot, apr_time_t when)
{
    if (when != 0 && (slot->look == 0 || when < slot->look))
        slot->look = when;
}

/* How long a unit was waited for that is there now. */
static apr_interval_time_t settle_wait(struct slot *slot, apr_uint32_t before, apr_uint32_t wanted,
                                       apr_time_t now)
{
    apr_interval_time_t waited = slot->given > before && slot->asked != 0 ? now - slot->asked : -1;

    if (slot->given >= least(wanted, slot->key->limit))
        slot->asked = 0;
    else if (slot->asked == 0 || waited >= 0)
        slot->asked = now;
    return waited;
}

apr_interval_time_t slot_settle(struct slot *slot, const ec_gate_state_t *state, apr_time_t now)
{
    /* without a limit no units are needed */
    apr_uint32_t wanted = state->is_unused || state->limit < 0 ? 0 : bounded(state->wanted), held, before;

    settle_closed(slot, state);
    settle_rested(slot, now);
    settle_lease(slot, now);
    held = slot->closing + slot->reserved + slot->resting;
    limit_client_want(slot->client, slot->key,
                      least(wanted < LIMIT_MAX - held ? wanted + held : LIMIT_MAX, slot->key->limit));
    if (slot->given > wanted)
        take_back(slot, slot->given - wanted);
    settle_owed(slot, now);
    before = slot->given;
    give_reserved(slot, now);
    give_wanted(slot, wanted, now);
    slot->look = state->next;
    look_at(slot, slot->resting > 0 ? slot->rested : 0);
    look_at(slot, slot->shed > 0 ? now + LOOK_AGAIN : 0);
    return settle_wait(slot, before, wanted, now);
}

void slot_leave_gate(struct slot *slot, apr_time_t now)
{
    take_back(slot, slot->given);
    if (slot->given > 0)
        ec_gate_lose(slot->gate, slot->given);
    if (slot->given + slot->closing + slot->reserved > 0)
        slot->rested = now + (slot->window > 0 ? slot->window : CLOSED_AFTER);
    slot->resting += slot->given + slot->closing + slot->reserved;
    slot->given = slot->closing = slot->reserved = 0;
    ec_gate_set_note(slot->gate, NULL);
    slot->gate = NULL;
    limit_client_want(slot->client, slot->key, 0);
}

int slot_holds(const struct slot *slot, apr_time_t now)
{
    ec_gate_state_t state;

    if (slot->window > 0)
        return 0;
    if (slot->gate == NULL)
        return slot->resting > 0 && now < slot->rested;
    ec_gate_state(slot->gate, &state);
    return state.used + state.losing > 0;
}

int slot_end(struct slot *slot, apr_time_t now)
{
    settle_rested(slot, now);
    slot->look = slot->resting > 0 ? slot->rested : now + LOOK_AGAIN;
    return limit_client_forget(slot->client, slot->key);
}
