/* limits.c - what stands over a queue: its limits, when they are made and unmade, and how much it could use
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session takes a slot of each limit of its queue before it opens (hold.c); when one lacks, all go back
 * and the queue waits until that limit says that it may be different (on_told).
 * Thread: the queue's loop. */
#include "queue/limits.h"

#include <stdlib.h>
#include <string.h>

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

void limit_unref(limit_t *limit)
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
static int limit_is_waiting(const limit_t *limit)
{
    return limit->is_waiting && limit->user.is_waiting;
}

int limit_take(limit_t *limit)
{
    if (limit_is_waiting(limit)) {
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

void limit_set_unref(limit_set_t *set)
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

limit_set_t *limits_own(queue_t *queue)
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

limit_set_t *limits_host(queue_t *queue, const char *host)
{
    limit_set_t *set = find_host(queue, host);

    if (set == NULL) {
        set = set_make(queue, host, NULL);
        util_list_add_first(&queue->limits.hosts, &set->link);
    }
    return set;
}

/* ---- what the queue could use ---------------------------------------------------------------------- */

/* Of a rate: few different numbers, so that the gate hears of a change now and then and not with each
 * message. */
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
    const limit_set_t *set = sessions > 0 ? limits_own(queue) : queue->limits.own;

    for (int i = 0; set != NULL && i < set->n; i++) {
        want_one(set->at[i], sessions, messages);
    }
    if (sessions > 0) {
        return;
    }
    UTIL_LIST_EACH(
        link, &queue->limits.hosts) /* they are asked for one by one; what nobody needs is not waited for */
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
        if (limit_is_waiting(set->at[i])) {
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
            if (limit_is_waiting(set->at[i])) {
                return set->at[i];
            }
        }
    }
    return NULL;
}

int limits_forbid(const queue_t *queue)
{
    return limits_lacking(queue) != NULL || queue->limits.hosts_full_until > ec_loop_now(queue->set->loop);
}

int limit_set_forbids(const limit_set_t *set)
{
    for (int i = 0; set != NULL && i < set->n; i++) {
        if (set->at[i]->kind == LIMIT_MESSAGES && limit_is_waiting(set->at[i])) {
            return 1;
        }
    }
    return 0;
}

int limits_forbid_messages(const queue_t *queue)
{
    return limit_set_forbids(queue->limits.own);
}

/* ---- a new generation ------------------------------------------------------------------------ */

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
        limit_set_t *before = UTIL_OWNER(link, limit_set_t, link),
                    *set = set_make(queue, before->host, before);

        util_list_add_last(&limits->hosts, &set->link);
        limit_set_unref(before); /* sessions that hold it keep it until limits_adopt() */
    }
    limit_set_unref(own);
}

static void orphan(limit_set_t *set)
{
    for (int i = 0; i < set->n; i++) {
        set->at[i]->queue = NULL;
    }
    limit_set_unref(set);
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
