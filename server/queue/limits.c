/* limits.c - what stands over a queue: its limits, when they are made and unmade, and what is taken
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session takes a slot of each limit of its queue before it opens; when one lacks, all go back and the queue waits until
 * that limit says that it may be different (on_told).  A rate's unit is taken before the thing is begun that it permits, and
 * moved when it happens and when the receiver has answered: so it rests for a window from when the receiver can have seen
 * it at the latest, and no window of the receiver's holds more than the limit.
 * Thread: the queue's loop. */
#include "queue/limits.h"

#include <stdlib.h>
#include <string.h>

#include "conf/origin.h"
#include "queue/inside.h"

/* ---- one limit -------------------------------------------------------------------------- */

static void on_told(void *baton)
{
    limit_t *limit = baton;

    limit->is_waiting = 0;
    if (limit->queue != NULL) {
        limit->queue->limits.hosts_full_until = 0;
        queue_kick(limit->queue);
    }
}

static limit_t *limit_make(queue_t *queue, const limit_place_t *from)
{
    apr_size_t length = strlen(from->place.key) + 1, size = strlen(from->where) + 1;
    limit_t *limit = calloc(1, sizeof *limit + length + size);
    ec_gate_t *gate = shape_gate(&from->place);

    EC_ASSERT(limit != NULL);
    memcpy(limit->key, from->place.key, length);
    limit->where = limit->key + length;
    memcpy(limit->where, from->where, size);
    limit->queue = queue;
    limit->kind = from->kind;
    limit->is_cluster = from->place.is_cluster;
    limit->opt = from->opt;
    limit->most = from->place.limit;
    limit->window = from->place.window;
    limit->refs = 1;
    shape_join(&limit->user, gate, queue->set->loop, on_told, limit);
    shape_gate_unref(gate);
    return limit;
}

static void limit_unref(limit_t *limit)
{
    if (--limit->refs == 0) {
        shape_leave(&limit->user);
        free(limit);
    }
}

/* The place is in force again, perhaps with another number. */
static limit_t *limit_keep(limit_t *limit, const limit_place_t *from)
{
    ec_gate_t *gate = shape_gate(&from->place);
    int is_same = gate == limit->user.gate;

    shape_gate_unref(gate);
    if (!is_same) {
        return NULL;
    }
    limit->most = from->place.limit;
    limit->window = from->place.window;
    limit->refs++;
    return limit;
}

/* The gate lets go of who wants no more; then nothing will be told. */
static int is_waiting(const limit_t *limit)
{
    return limit->is_waiting && limit->user.is_waiting;
}

static int limit_take(limit_t *limit)
{
    if (is_waiting(limit)) {
        return 0;
    }
    limit->is_waiting = !shape_take(&limit->user);
    return !limit->is_waiting;
}

/* ---- sets -------------------------------------------------------------------------------- */

static limit_t *find_same(const limit_set_t *set, const limit_place_t *place)
{
    for (int i = 0; set != NULL && i < set->n; i++) {
        if (strcmp(set->at[i]->key, place->place.key) == 0 && set->at[i]->kind == place->kind) {
            return set->at[i];
        }
    }
    return NULL;
}

/* What is in `before` already stays as it is. */
static limit_set_t *set_make(queue_t *queue, const char *host, const limit_set_t *before)
{
    apr_pool_t *pool = ec_loop_subpool(queue->set->loop);
    apr_size_t length = host != NULL ? strlen(host) : 0;
    limit_set_t *set = calloc(1, sizeof *set + length + 1);
    limit_place_t places[LIMITS_MAX];

    EC_ASSERT(set != NULL);
    set->refs = 1;
    memcpy(set->host, host != NULL ? host : "", length + 1);
    set->n = places_find(places, queue, host, pool);
    for (int i = 0; i < set->n; i++) {
        limit_t *same = find_same(before, &places[i]);

        if (same == NULL || (set->at[i] = limit_keep(same, &places[i])) == NULL) {
            set->at[i] = limit_make(queue, &places[i]);
        }
    }
    apr_pool_destroy(pool);
    return set;
}

static void set_unref(limit_set_t *set)
{
    if (set == NULL || --set->refs > 0) {
        return;
    }
    for (int i = 0; i < set->n; i++) {
        limit_unref(set->at[i]);
    }
    free(set);
}

void limits_init(queue_t *queue)
{
    util_list_init(&queue->limits.hosts);
}

static limit_set_t *own_set(queue_t *queue)
{
    if (queue->limits.own == NULL) {
        queue->limits.own = set_make(queue, NULL, NULL);
    }
    return queue->limits.own;
}

static limit_set_t *find_host(const queue_t *queue, const char *host)
{
    UTIL_LIST_EACH(link, &queue->limits.hosts)
    {
        limit_set_t *set = UTIL_OWNER(link, limit_set_t, link);

        if (strcmp(set->host, host) == 0) {
            return set;
        }
    }
    return NULL;
}

static limit_set_t *host_set(queue_t *queue, const char *host)
{
    limit_set_t *set = find_host(queue, host);

    if (set == NULL) {
        set = set_make(queue, host, NULL);
        util_list_add_first(&queue->limits.hosts, &set->link);
    }
    return set;
}

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
    return (phase == HOLD_CUT ? shape_lost(&limit->user) : shape_surplus(&limit->user)) > limit->n_phase[phase];
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
    set_unref(hold->own);
    set_unref(hold->host);
    *hold = (limit_hold_t){ .phase = HOLD_STAYS };
}

int limits_open(queue_t *queue, limit_hold_t *hold)
{
    limit_set_t *set = own_set(queue);

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
    set_unref(hold->host);
    hold->host = NULL;
}

void hold_split_host(limit_hold_t *hold, limit_hold_t *to)
{
    *to = (limit_hold_t){ .phase = hold->phase };
    while (hold->n > hold->n_own) {
        to->slot[to->n++] = hold->slot[--hold->n];
    }
}

static int enter_host(queue_t *queue, limit_hold_t *hold, const char *host)
{
    int has_message;

    hold->host = host_set(queue, host);
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
        set_unref(hold->host);
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

/* ---- what the queue could use ---------------------------------------------------------------------------- */

/* Of a rate: few different numbers, so that the gate hears of a change now and then and not with each message. */
static apr_int64_t rounded(apr_size_t n, apr_int64_t most)
{
    apr_int64_t round = n > 0;

    while ((apr_size_t)round < n && round < most) {
        round *= 2;
    }
    return round < most ? round : most;
}

static void want_one(limit_t *limit, int sessions, apr_size_t messages)
{
    apr_int64_t wanted = limit->kind == LIMIT_SLOTS         ? limit->user.used + sessions
                         : limit->kind == LIMIT_CONNECTIONS ? rounded((apr_size_t)sessions, limit->most)
                                                            : rounded(messages, limit->most);

    if (limit->kind != LIMIT_SLOTS && limit->user.wanted <= wanted && limit->user.wanted * 2 > wanted) {
        return; /* it counts down with each use */
    }
    shape_want(&limit->user, wanted);
}

void limits_want(queue_t *queue, int sessions, apr_size_t messages)
{
    const limit_set_t *set = sessions > 0 ? own_set(queue) : queue->limits.own;

    for (int i = 0; set != NULL && i < set->n; i++) {
        want_one(set->at[i], sessions, messages);
    }
    if (sessions > 0) {
        return;
    }
    UTIL_LIST_EACH(link, &queue->limits.hosts) /* they are asked for one by one; what nobody needs is not waited for */
    {
        set = UTIL_OWNER(link, limit_set_t, link);
        for (int i = 0; i < set->n; i++) {
            want_one(set->at[i], 0, set->at[i]->n_phase[HOLD_STAYS] > 0 ? messages : 0);
        }
    }
}

const limit_t *limits_lacking(const queue_t *queue)
{
    const limit_set_t *set = queue->limits.own;

    for (int i = 0; set != NULL && i < set->n; i++) {
        if (is_waiting(set->at[i])) {
            return set->at[i];
        }
    }
    return NULL;
}

const limit_t *limits_lacking_host(const queue_t *queue)
{
    if (queue->limits.hosts_full_until == 0) {
        return NULL;
    }
    UTIL_LIST_EACH(link, &queue->limits.hosts)
    {
        const limit_set_t *set = UTIL_OWNER(link, limit_set_t, link);

        for (int i = 0; i < set->n; i++) {
            if (is_waiting(set->at[i])) {
                return set->at[i];
            }
        }
    }
    return NULL;
}

int limits_forbid(const queue_t *queue)
{
    return limits_lacking(queue) != NULL ||
           queue->limits.hosts_full_until > ec_loop_now(queue->set->loop);
}

static int set_forbids_messages(const limit_set_t *set)
{
    for (int i = 0; set != NULL && i < set->n; i++) {
        if (set->at[i]->kind == LIMIT_MESSAGES && is_waiting(set->at[i])) {
            return 1;
        }
    }
    return 0;
}

int limits_forbid_messages(const queue_t *queue)
{
    return set_forbids_messages(queue->limits.own);
}

int hold_forbids_messages(const limit_hold_t *hold)
{
    return set_forbids_messages(hold->host);
}

/* ---- a new generation ------------------------------------------------------------------------ */

/* Slots of the new set: those that are held stay held, others are taken as far as there are some.  0: one lacks. */
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
    limit_set_t *own = own_set(queue), *host = hold->host != NULL ? host_set(queue, hold->host->host) : NULL;

    memcpy(before, hold->slot, sizeof before);
    hold->n = 0;
    is_whole = adopt_slots(hold, before, &n_before, own);
    hold->n_own = hold->n;
    is_whole &= adopt_slots(hold, before, &n_before, host);
    while (n_before > 0) {
        put_slot(before[--n_before], hold);
    }
    own->refs++;
    set_unref(hold->own);
    hold->own = own;
    if (host != NULL) {
        host->refs++;
        set_unref(hold->host);
        hold->host = host;
    }
    return is_whole;
}

void limits_renew(queue_t *queue)
{
    limits_t *limits = &queue->limits;
    limit_set_t *own = limits->own;
    util_list_t hosts;
    util_link_t *link;

    if (own == NULL) {
        return;
    }
    limits->own = set_make(queue, NULL, own);
    limits->hosts_full_until = 0;
    util_list_init(&hosts);
    while ((link = util_list_take_first(&limits->hosts)) != NULL) {
        util_list_add_last(&hosts, link);
    }
    while ((link = util_list_take_first(&hosts)) != NULL) {
        limit_set_t *before = UTIL_OWNER(link, limit_set_t, link), *set = set_make(queue, before->host, before);

        util_list_add_last(&limits->hosts, &set->link);
        set_unref(before); /* sessions that hold it keep it until limits_adopt() */
    }
    set_unref(own);
}

static void orphan(limit_set_t *set)
{
    for (int i = 0; i < set->n; i++) {
        set->at[i]->queue = NULL;
    }
    set_unref(set);
}

void limits_end(queue_t *queue)
{
    limits_t *limits = &queue->limits;
    util_link_t *link;

    if (limits->own != NULL) {
        orphan(limits->own);
        limits->own = NULL;
    }
    limits->hosts_full_until = 0;
    while ((link = util_list_take_first(&limits->hosts)) != NULL) {
        orphan(UTIL_OWNER(link, limit_set_t, link));
    }
}
