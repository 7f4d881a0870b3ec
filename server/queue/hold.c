/* hold.c - what a session holds of limits: slots, and permissions of rates
 * SPDX-License-Identifier: Apache-2.0
 *
 * Slots are held until the connection is closed as the receiver sees it.  A rate's unit is taken before the
 * thing is begun that it permits, and moved when it happens and when the receiver has answered: so it rests
 * for a window from when the receiver can have seen it at the latest, and no window of the receiver's holds
 * more than the limit. Thread: the queue's loop. */
#include <string.h>

#include "conf/origin.h"
#include "queue/inside.h"

/* ---- what a session holds --------------------------------------------------------------------- */

static void hold_add(limit_hold_t *hold, limit_t *limit)
{
    hold->slot[hold->n++] = limit;
    limit->n_idle += hold->is_idle;
    limit->refs++;
    limit->n_phase[hold->phase]++;
}

static void put_slot(limit_t *limit, const limit_hold_t *hold)
{
    limit->n_phase[hold->phase]--;
    if (hold->is_idle) {
        limit->n_idle--;
        shape_idle(&limit->user, limit->n_idle);
    }
    shape_put(&limit->user);
    limit_unref(limit);
}

static void put_slots(limit_hold_t *hold, int from)
{
    while (hold->n > from) {
        put_slot(hold->slot[--hold->n], hold);
    }
}

static int take_slots(limit_hold_t *hold, const limit_set_t *set)
{
    for (int i = 0; i < set->n; i++) {
        if (set->at[i]->kind == LIMIT_SLOTS) {
            if (hold->n == LIMITS_MAX || !limit_take(set->at[i])) {
                return 0;
            }
            hold_add(hold, set->at[i]);
        }
    }
    return 1;
}

void hold_set_idle(limit_hold_t *hold, int is_idle)
{
    if (hold->is_idle == is_idle) {
        return;
    }
    hold->is_idle = is_idle != 0;
    for (int i = 0; i < hold->n; i++) {
        hold->slot[i]->n_idle += is_idle ? 1 : -1;
        shape_idle(&hold->slot[i]->user, hold->slot[i]->n_idle);
    }
}

void hold_set_phase(limit_hold_t *hold, hold_phase_t phase)
{
    for (int i = 0; i < hold->n; i++) {
        hold->slot[i]->n_phase[hold->phase]--;
        hold->slot[i]->n_phase[phase]++;
    }
    hold->phase = phase;
}

int hold_is_guarded(const limit_hold_t *hold)
{
    for (int i = 0; i < hold->n; i++) {
        if (shape_is_guarded(&hold->slot[i]->user)) {
            return 1;
        }
    }
    return 0;
}

int hold_may_send(const limit_hold_t *hold)
{
    for (int i = 0; i < hold->n; i++) {
        if (hold->slot[i]->is_cluster && !shape_may_use(&hold->slot[i]->user)) {
            return 0;
        }
    }
    return 1;
}

static int is_due(const limit_t *limit, hold_phase_t phase)
{
    return (phase == HOLD_CUT ? shape_lost(&limit->user) : shape_surplus(&limit->user)) >
           limit->n_phase[phase];
}

int hold_is_due(const limit_hold_t *hold, hold_phase_t phase)
{
    for (int i = 0; i < hold->n; i++) {
        if (is_due(hold->slot[i], phase)) {
            return 1;
        }
    }
    return 0;
}

static int set_is_due(const limit_set_t *set, hold_phase_t phase)
{
    for (int i = 0; i < set->n; i++) {
        if (is_due(set->at[i], phase)) {
            return 1;
        }
    }
    return 0;
}

int limits_are_due(const queue_t *queue, hold_phase_t phase)
{
    if (queue->limits.own == NULL) {
        return 0;
    }
    UTIL_LIST_EACH(link, &queue->limits.hosts)
    {
        if (set_is_due(UTIL_OWNER(link, limit_set_t, link), phase)) {
            return 1;
        }
    }
    return set_is_due(queue->limits.own, phase);
}

/* ---- rates ---------------------------------------------------------------------------------------- */

/* A receiver's answer may be late: the unit rests from then, but not later than this part of a window. */
enum { SEEN_PART = 4 };

static void forget_taken(limit_taken_t *taken, int *n)
{
    while (*n > 0) {
        limit_unref(taken[--*n].limit);
    }
}

/* Not used after all. */
static void return_taken(limit_taken_t *taken, int *n)
{
    for (int i = 0; i < *n; i++) {
        for (; taken[i].n > 0; taken[i].n--) {
            shape_return(&taken[i].limit->user, taken[i].when);
        }
    }
    forget_taken(taken, n);
}

/* Used, and seen by the receiver at the latest now. */
static void see_taken(limit_taken_t *taken, int *n)
{
    apr_time_t now = ec_gate_clock();

    for (int i = 0; i < *n; i++) {
        apr_time_t most = taken[i].when + taken[i].limit->window / SEEN_PART;

        for (; taken[i].n > 0; taken[i].n--) {
            shape_move(&taken[i].limit->user, taken[i].when, now < most ? now : most);
        }
    }
    forget_taken(taken, n);
}

static limit_taken_t *taken_of(limit_taken_t *taken, int *n, limit_t *limit)
{
    for (int i = 0; i < *n; i++) {
        if (taken[i].limit == limit) {
            return &taken[i];
        }
    }
    if (*n == LIMIT_RATES_MAX) {
        return NULL;
    }
    taken[*n] = (limit_taken_t){ .limit = limit };
    limit->refs++;
    return &taken[(*n)++];
}

/* What was taken before is good for now, unless it has rested already. */
static void freshen(limit_taken_t *taken)
{
    apr_time_t now = ec_gate_clock();

    for (int i = 0; i < taken->n; i++) {
        if (!shape_move(&taken->limit->user, taken->when, now)) {
            taken->n = i;
        }
    }
    taken->when = now;
}

/* As many as there are, up to `wanted`, with those that are there already. */
static int take_rate(limit_taken_t *taken, int wanted)
{
    freshen(taken);
    while (taken->n < wanted && limit_take(taken->limit)) {
        taken->when = taken->limit->user.taken_at; /* all of now: none rests too short */
        taken->n++;
    }
    return taken->n;
}

static void return_more(limit_taken_t *taken, int wanted)
{
    for (; taken->n > wanted; taken->n--) {
        shape_return(&taken->limit->user, taken->when);
    }
}

/* Up to `wanted` units of every rate of this kind in the set; returns of how many there is one in all. */
static int take_rates(limit_taken_t *taken, int *n, const limit_set_t *set, limit_kind_t kind, int wanted)
{
    for (int i = 0; set != NULL && i < set->n && wanted > 0; i++) {
        if (set->at[i]->kind == kind) {
            limit_taken_t *one = taken_of(taken, n, set->at[i]);
            int got = one != NULL ? take_rate(one, wanted) : 0;

            wanted = got < wanted ? got : wanted;
        }
    }
    return wanted;
}

void hold_connect_seen(limit_hold_t *hold)
{
    if (hold->is_connecting) {
        see_taken(hold->connection, &hold->n_connection);
        hold->is_connecting = 0;
    }
}

/* ---- opening, connecting, sending ------------------------------------------------------------------- */

void hold_release(limit_hold_t *hold)
{
    if (hold->is_connecting) {
        see_taken(hold->connection, &hold->n_connection);
    }
    if (hold->is_sending) {
        see_taken(hold->message, &hold->n_message);
    }
    return_taken(hold->connection, &hold->n_connection);
    return_taken(hold->message, &hold->n_message);
    put_slots(hold, 0);
    limit_set_unref(hold->own);
    limit_set_unref(hold->host);
    *hold = (limit_hold_t){ .phase = HOLD_STAYS };
}

int limits_open(queue_t *queue, limit_hold_t *hold)
{
    limit_set_t *set = limits_own(queue);

    *hold = (limit_hold_t){ .own = set, .phase = HOLD_STAYS };
    set->refs++;
    if (take_slots(hold, set) &&
        take_rates(hold->connection, &hold->n_connection, set, LIMIT_CONNECTIONS, 1) > 0 &&
        take_rates(hold->message, &hold->n_message, set, LIMIT_MESSAGES, 1) > 0) {
        hold->n_own = hold->n;
        return 1;
    }
    hold_release(hold);
    return 0;
}

void hold_leave_host(limit_hold_t *hold)
{
    hold_connect_seen(hold);
    put_slots(hold, hold->n_own);
    limit_set_unref(hold->host);
    hold->host = NULL;
}

static int enter_host(queue_t *queue, limit_hold_t *hold, const char *host)
{
    int has_message;

    hold->host = limits_host(queue, host);
    hold->host->refs++;
    has_message = take_rates(hold->message, &hold->n_message, hold->host, LIMIT_MESSAGES, 1) > 0;
    return has_message && take_slots(hold, hold->host) &&
           take_rates(hold->connection, &hold->n_connection, hold->host, LIMIT_CONNECTIONS, 1) > 0;
}

/* Units of the host's own rates, none of which was used. */
static void return_host_rates(limit_hold_t *hold, limit_taken_t *taken, int *n)
{
    for (int i = *n; i-- > 0;) {
        limit_t *limit = taken[i].limit;
        int is_own = 0;

        for (int k = 0; k < hold->own->n; k++) {
            is_own |= hold->own->at[k] == limit;
        }
        if (!is_own) {
            return_more(&taken[i], 0);
            limit_unref(limit);
            taken[i] = taken[--*n];
        }
    }
}

queue_go_t hold_connect(queue_t *queue, limit_hold_t *hold, const char *host)
{
    if (conf_has_hosts(queue->set->conf) && !enter_host(queue, hold, host)) {
        return_host_rates(hold, hold->connection, &hold->n_connection);
        return_host_rates(hold, hold->message, &hold->n_message);
        put_slots(hold, hold->n_own);
        limit_set_unref(hold->host);
        hold->host = NULL;
        return QUEUE_HOST_FULL;
    }
    if (take_rates(hold->connection, &hold->n_connection, hold->own, LIMIT_CONNECTIONS, 1) == 0) {
        return QUEUE_WAIT;
    }
    hold->is_connecting = 1;
    return QUEUE_GO;
}

int hold_take_messages(limit_hold_t *hold, int wanted)
{
    int n;

    hold_messages_seen(hold); /* of the last one */
    n = take_rates(hold->message, &hold->n_message, hold->own, LIMIT_MESSAGES, wanted);
    n = take_rates(hold->message, &hold->n_message, hold->host, LIMIT_MESSAGES, n);
    for (int i = 0; i < hold->n_message; i++) {
        return_more(&hold->message[i], n);
    }
    hold->is_throttled = n == 0;
    hold->is_sending = n > 0;
    return n;
}

void hold_messages_seen(limit_hold_t *hold)
{
    if (hold->is_sending) {
        see_taken(hold->message, &hold->n_message);
        hold->is_sending = 0;
    }
}

void hold_messages_unsent(limit_hold_t *hold)
{
    hold->is_sending = 0;
    return_taken(hold->message, &hold->n_message);
}

int hold_forbids_messages(const limit_hold_t *hold)
{
    return limit_set_forbids(hold->host);
}

/* ---- a new generation ------------------------------------------------------------------------ */

/* Slots of the new set: those that are held stay held, others are taken as far as there are some.  0: one
 * lacks. */
static int adopt_slots(limit_hold_t *hold, limit_t **before, int *n_before, const limit_set_t *set)
{
    int is_whole = 1;

    for (int i = 0; set != NULL && i < set->n; i++) {
        limit_t *limit = set->at[i];
        int k = 0;

        while (k < *n_before && before[k] != limit) {
            k++;
        }
        if (k < *n_before) {
            hold->slot[hold->n++] = limit;
            before[k] = before[--*n_before];
        } else if (limit->kind == LIMIT_SLOTS && hold->n < LIMITS_MAX && limit_take(limit)) {
            hold_add(hold, limit);
        } else if (limit->kind == LIMIT_SLOTS) {
            is_whole = 0;
        }
    }
    return is_whole;
}

/* 0: there is no place for this one; it ends after its message. */
int limits_adopt(queue_t *queue, limit_hold_t *hold)
{
    limit_t *before[LIMITS_MAX];
    int n_before = hold->n, is_whole;
    limit_set_t *own = limits_own(queue),
                *host = hold->host != NULL ? limits_host(queue, hold->host->host) : NULL;

    memcpy(before, hold->slot, sizeof before);
    hold->n = 0;
    is_whole = adopt_slots(hold, before, &n_before, own);
    hold->n_own = hold->n;
    is_whole &= adopt_slots(hold, before, &n_before, host);
    while (n_before > 0) {
        put_slot(before[--n_before], hold);
    }
    own->refs++;
    limit_set_unref(hold->own);
    hold->own = own;
    if (host != NULL) {
        host->refs++;
        limit_set_unref(hold->host);
        hold->host = host;
    }
    return is_whole;
}
