/* fair.c - who of a gate's users gets what is free, and who gives up what
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing here is slower than the logarithm of the users, and nothing happens at all while nobody waits and
 * no more is in use than may be. */
#include <stddef.h>

#include "shape/inside.h"

enum { TURN_BITS = 40, COUNT_MAX = (1 << 22) };

static apr_int64_t bounded(apr_int64_t count)
{
    return count < 0 ? 0 : count > COUNT_MAX ? COUNT_MAX : count;
}

/* What it has or will have. */
static apr_int64_t having(const shape_user_t *user)
{
    return user->used + user->promised + user->owed;
}

/* What it has and keeps. */
static apr_int64_t keeping(const shape_user_t *user)
{
    return user->used - user->surplus - user->lost;
}

/* Least first; of equals, who has waited longest. */
static apr_time_t hungry_key(const shape_user_t *user)
{
    return bounded(having(user)) << TURN_BITS | (apr_time_t)(user->turn & ((1ull << TURN_BITS) - 1));
}

/* Most first; of equals, who has had it longest (in milliseconds). */
static apr_time_t rich_key(const shape_user_t *user)
{
    return (COUNT_MAX - bounded(keeping(user))) << TURN_BITS |
           (user->since / 1000 & ((1ll << TURN_BITS) - 1));
}

static void place(util_heap_t *heap, shape_user_t *user, apr_size_t slot, int is_in, apr_time_t key)
{
    if (is_in && slot != 0) {
        util_heap_move(heap, user, key);
    } else if (is_in) {
        util_heap_add(heap, user, key);
    } else if (slot != 0) {
        util_heap_remove(heap, user);
    }
}

void fair_holds(ec_gate_t *gate, shape_user_t *user)
{
    int may_give = user->idle > user->surplus && keeping(user) > 0;

    if (may_give && !util_link_is_linked(&user->idle_link)) {
        util_list_add_last(&gate->idlers, &user->idle_link);
    } else if (!may_give) {
        util_list_remove(&user->idle_link);
    }
    if (gate->rate == NULL) {
        place(&gate->rich, user, user->rich_slot, user->used > 0, rich_key(user));
    }
}

void fair_queue(ec_gate_t *gate, shape_user_t *user)
{
    int is_hungry = user->is_waiting && user_lacks(user) - user->owed > 0;

    place(&gate->hungry, user, user->hungry_slot, is_hungry, hungry_key(user));
    if (!is_hungry && gate->alarm == user) {
        gate->alarm = NULL;
    }
}

static void set_owed(ec_gate_t *gate, shape_user_t *user, apr_int64_t owed)
{
    gate->owed += owed - user->owed;
    user->owed = owed;
    if (owed > 0 && !util_link_is_linked(&user->owed_link)) {
        util_list_add_last(&gate->owed_list, &user->owed_link);
    } else if (owed == 0) {
        util_list_remove(&user->owed_link);
    }
    fair_queue(gate, user);
}

void fair_dequeue(ec_gate_t *gate, shape_user_t *user)
{
    gate->waiting -= user->is_waiting;
    user->is_waiting = 0;
    gate->promised -= user->promised;
    user->promised = 0;
    set_owed(gate, user, 0);
}

static void set_surplus(ec_gate_t *gate, shape_user_t *user, int surplus)
{
    int before = user->surplus;

    gate->surplus += surplus - before;
    user->surplus = surplus;
    if (surplus > 0 && !util_link_is_linked(&user->ending_link)) {
        util_list_add_last(&gate->ending, &user->ending_link);
    } else if (surplus == 0) {
        util_list_remove(&user->ending_link);
    }
    fair_holds(gate, user);
    if (surplus > before) {
        user_ring(user, 1);
    }
}

void fair_trim(ec_gate_t *gate, shape_user_t *user, apr_int64_t lacks)
{
    set_owed(gate, user, user->owed < lacks ? user->owed : lacks);
}

void fair_unmark(ec_gate_t *gate, shape_user_t *user)
{
    set_surplus(gate, user, user->surplus - 1);
}

static void promise(ec_gate_t *gate, shape_user_t *user, apr_time_t now)
{
    user->promised++;
    gate->promised++;
    user->promised_at = now;
    if (user->owed > 0) {
        set_owed(gate, user, user->owed - 1);
        if (user->owed > 0) { /* the next one's turn */
            util_list_remove(&user->owed_link);
            util_list_add_last(&gate->owed_list, &user->owed_link);
        }
    } else {
        fair_queue(gate, user);
    }
    user_ring(user, 1);
}

/* Those for whom others end connections come first: else their units would go back to those. */
static shape_user_t *next_to_serve(ec_gate_t *gate)
{
    util_link_t *owed = util_list_first(&gate->owed_list);

    return owed != NULL ? UTIL_OWNER(owed, shape_user_t, owed_link) : util_heap_first(&gate->hungry);
}

/* When an odd unit changes hands: both have waited, or had it, for a turn. */
static apr_time_t turn_ends(const shape_user_t *poor, const shape_user_t *rich)
{
    return (poor->waits_since > rich->since ? poor->waits_since : rich->since) + GATE_TURN;
}

/* May `poor` have a unit of `rich`?  Then both are nearer to equal, or it was long enough with `rich`. */
static int may_claim(const shape_user_t *poor, const shape_user_t *rich, apr_time_t now)
{
    apr_int64_t more = keeping(rich) - having(poor);

    return more > 1 || (more == 1 && poor != rich && now >= turn_ends(poor, rich));
}

/* What is idle changes hands at once. */
static void claim_idle(ec_gate_t *gate)
{
    shape_user_t *poor;
    util_link_t *link;

    while (gate_free(gate) <= 0 && (poor = util_heap_first(&gate->hungry)) != NULL &&
           (link = util_list_first(&gate->idlers)) != NULL) {
        shape_user_t *idler = UTIL_OWNER(link, shape_user_t, idle_link);

        set_surplus(gate, idler, idler->surplus + 1);
        set_owed(gate, poor, poor->owed + 1);
    }
}

static void claim(ec_gate_t *gate, apr_time_t now)
{
    shape_user_t *poor, *rich;

    while (gate_free(gate) <= 0 && (poor = util_heap_first(&gate->hungry)) != NULL &&
           (rich = util_heap_first(&gate->rich)) != NULL && may_claim(poor, rich, now)) {
        set_surplus(gate, rich, rich->surplus + 1);
        set_owed(gate, poor, poor->owed + 1);
    }
}

/* As many connections are to end as are too many or owed, no more and no less. */
static void balance(ec_gate_t *gate)
{
    apr_int64_t free = gate_free(gate), target = gate_excess(gate) + gate->owed - (free > 0 ? free : 0);

    while (gate->surplus > 0 && gate->surplus > target) {
        shape_user_t *user = UTIL_OWNER(util_list_last(&gate->ending), shape_user_t, ending_link);

        set_surplus(gate, user, user->surplus - 1);
    }
    while (gate->surplus < target) {
        shape_user_t *rich = util_heap_first(&gate->rich);

        if (rich != NULL && keeping(rich) > 0) {
            set_surplus(gate, rich, rich->surplus + 1);
        } else if (gate->owed > 0) { /* nobody can give it */
            shape_user_t *user = UTIL_OWNER(util_list_last(&gate->owed_list), shape_user_t, owed_link);

            set_owed(gate, user, user->owed - 1);
            target--;
        } else {
            return;
        }
    }
}

void fair_settle(ec_gate_t *gate, apr_time_t now)
{
    shape_user_t *user;

    if (gate->hungry.count == 0 && gate->owed == 0 && gate->surplus == 0 && gate_excess(gate) == 0) {
        return;
    }
    if (gate_is_open(gate)) {
        while ((user = next_to_serve(gate)) != NULL && gate_free(gate) > 0) {
            promise(gate, user, now);
        }
    }
    if (gate->rate == NULL) {
        claim_idle(gate);
        claim(gate, now);
        balance(gate);
    }
    if (gate->alarm == NULL && (gate->alarm = util_heap_first(&gate->hungry)) != NULL) {
        user_ring(gate->alarm, 0);
    }
}

void fair_lose(ec_gate_t *gate, apr_int64_t n)
{
    while (n-- > 0) {
        shape_user_t *user = util_heap_first(&gate->rich);

        if (user == NULL || keeping(user) == 0) { /* all the others end anyway: sooner, now */
            util_link_t *link = util_list_first(&gate->ending);

            if (link == NULL) {
                return;
            }
            user = UTIL_OWNER(link, shape_user_t, ending_link);
            set_surplus(gate, user, user->surplus - 1);
        }
        user->lost++;
        gate->lost++;
        user->is_losing = 1;
        fair_holds(gate, user);
        user_ring(user, 1);
    }
}

apr_time_t fair_next(const ec_gate_t *gate, apr_time_t now)
{
    const shape_user_t *poor = util_heap_first(&gate->hungry), *rich = util_heap_first(&gate->rich);
    apr_time_t due;

    if (poor == NULL) {
        return 0;
    }
    if (gate->rate != NULL) {
        return ec_window_next(gate->rate);
    }
    if (rich == NULL || keeping(rich) - having(poor) < 1) {
        return now + GATE_TURN;
    }
    due = turn_ends(poor, rich);
    return due > now ? due : now + 1000;
}
