/* session.c - outbound sessions: how many, when one is opened or woken, and their work
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session is hungry (opened or woken, will ask), busy (has an attempt), or idle (asked in vain).
 * max_outbound_connections counts all of them, and server_max_outbound_connections those of all loops in one
 * atomic. "normal" ramps up: two at first, one more for every attempt that succeeds, and twice as many every
 * second that mail waits; "high" goes to the limit at once.  A woken idle session goes before a new one.
 * Thread: the queue's loop, except for the one number of the server. */
#include "queue/inside.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { AGGRESSIVENESS_HIGH = 1 /* word of connection_allocation_aggressiveness */ };

static _Atomic int server_sessions;

static int server_take(const conf_view_t *global)
{
    int most = (int)conf_int(global, CONF_O_SERVER_MAX_OUTBOUND_CONNECTIONS);

    if (atomic_fetch_add(&server_sessions, 1) < most) {
        return 1;
    }
    atomic_fetch_sub(&server_sessions, 1);
    return 0;
}

static void count_state(queue_session_t *session, int n)
{
    session->queue->n_hungry += session->state == SESSION_HUNGRY ? n : 0;
    session->queue->n_idle += session->state == SESSION_IDLE ? n : 0;
}

void session_set(queue_session_t *session, session_state_t state)
{
    queue_t *queue = session->queue;

    count_state(session, -1);
    session->state = state;
    count_state(session, 1);
    util_list_remove(&session->link);
    /* The idle one that worked last is woken first: the others may time out. */
    util_list_add_first(state == SESSION_IDLE ? &queue->idle : &queue->sessions, &session->link);
}

static void forget(queue_session_t *session)
{
    queue_t *queue = session->queue;

    count_state(session, -1);
    util_list_remove(&session->link);
    queue->n_worked -= session->has_worked;
    queue->n_sessions--;
    queue->set->n_sessions--;
    atomic_fetch_sub(&server_sessions, 1);
    ec_counter_add(queue_gauges.sessions, -1);
    if (queue->n_sessions == 0) {
        queue->goal = GOAL_START;
    }
    free(session);
}

/* 0: none could be opened. */
static int open_one(queue_t *queue)
{
    queue_session_t *session;
    apr_status_t rv;

    queue->is_limited = !server_take(conf_global(conf_current()));
    if (queue->is_limited) {
        return 0;
    }
    session = calloc(1, sizeof *session);
    EC_ASSERT(session != NULL);
    session->queue = queue;
    session->state = SESSION_HUNGRY;
    queue->n_hungry++;
    queue->n_sessions++;
    queue->set->n_sessions++;
    util_list_add_first(&queue->sessions, &session->link);
    ec_counter_add(queue_gauges.sessions, 1);
    rv = queue_transport->open(queue, session, &session->transport);
    if (rv != APR_SUCCESS) {
        ec_log_rv(queue_room_log, EC_LOG_WARNING, rv, "a connection can not be started domain=%s",
                  queue->domain);
        queue->hold_until = ec_loop_now(queue->set->loop) + apr_time_from_sec(1);
        forget(session);
        return 0;
    }
    return 1;
}

static void wake_one(queue_t *queue)
{
    queue_session_t *session = UTIL_OWNER(util_list_first(&queue->idle), queue_session_t, link);

    session_set(session, SESSION_HUNGRY);
    queue_transport->wake(session->transport, 0);
}

static void ramp(queue_t *queue, apr_time_t now)
{
    int most = queue_max_sessions(queue);

    if (conf_int(queue_view(queue), CONF_O_CONNECTION_ALLOCATION_AGGRESSIVENESS) == AGGRESSIVENESS_HIGH) {
        queue->goal = most;
    } else if (queue->n_sessions >= queue->goal && queue->failures == 0 &&
               now - queue->ramped >= apr_time_from_sec(1)) {
        if (queue->ramped != 0) {
            queue->goal *= 2;
        }
        queue->ramped = now;
    }
    queue->goal = queue->goal > most ? most : queue->goal;
    if (queue->goal < GOAL_START && most >= GOAL_START) {
        queue->goal = GOAL_START;
    }
}

static int tell_to_close(queue_session_t *session)
{
    if (session->is_told) {
        return 0;
    }
    session->is_told = 1;
    if (session->state == SESSION_IDLE) {
        session_set(session, SESSION_BUSY); /* nobody wakes it any more */
    }
    queue_transport->wake(session->transport, 1);
    return 1;
}

/* Tell up to `n` sessions to close, idle ones first. */
static void tell_some(queue_t *queue, int n)
{
    util_list_t *lists[] = { &queue->idle, &queue->sessions };

    for (int i = 0; i < 2; i++) {
        UTIL_LIST_EACH(link, lists[i])
        {
            if (n <= 0) {
                return;
            }
            n -= tell_to_close(UTIL_OWNER(link, queue_session_t, link));
        }
    }
}

/* A limit that was lowered: those too many end as soon as they can. */
static void trim(queue_t *queue)
{
    int surplus = queue->n_sessions - queue_max_sessions(queue);

    if (surplus <= 0) {
        return;
    }
    UTIL_LIST_EACH(link, &queue->sessions)
    {
        surplus -= UTIL_OWNER(link, queue_session_t, link)->is_told;
    }
    tell_some(queue, surplus);
}

void sessions_feed(queue_t *queue)
{
    apr_time_t now = ec_loop_now(queue->set->loop);
    int may_wake;

    trim(queue);
    if (queue_transport == NULL || queue->set->is_held || queue->active.count == 0 ||
        queue->set->spool_hold_until > now) {
        return;
    }
    may_wake = attempt_is_ready(&queue->active);
    while (may_wake && queue->n_idle > 0 && (apr_size_t)queue->n_hungry < queue->active.count) {
        wake_one(queue);
    }
    if (queue->hold_until > now) {
        return;
    }
    ramp(queue, now);
    while (queue->n_idle == 0 && queue->n_sessions < queue->goal &&
           (apr_size_t)queue->n_hungry < queue->active.count && open_one(queue)) {
    }
}

void sessions_end(queue_t *queue)
{
    tell_some(queue, queue->n_sessions);
}

/* ---- what the transport calls -------------------------------------------------------------- */

queue_t *queue_session_queue(const queue_session_t *session)
{
    return session->queue;
}

static int may_try(queue_session_t *session)
{
    queue_t *queue = session->queue;

    return !session->is_told && !queue->set->is_stopping &&
           queue->set->spool_hold_until <= ec_loop_now(queue->set->loop) && !queue_is_suspended(queue);
}

queue_attempt_t *queue_take(queue_session_t *session)
{
    queue_t *queue = session->queue;

    EC_ASSERT(session->attempt == NULL);
    if (may_try(session)) {
        while (doom_first_if_expired(queue)) {
        }
        session->attempt = attempt_take(queue, &queue->active, session);
    }
    session_set(session, session->attempt != NULL || session->is_told ? SESSION_BUSY : SESSION_IDLE);
    if (session->attempt == NULL) {
        if (queue->active.count > 0) {
            queue_kick(queue); /* read ahead; the session is woken when there is something */
        }
        return NULL;
    }
    if (!session->has_worked) {
        session->has_worked = 1;
        queue->n_worked++;
    }
    queue_kick(queue);
    return attempt_public(session->attempt);
}

void queue_session_closed(queue_session_t *session)
{
    queue_t *queue = session->queue;

    EC_ASSERT(session->attempt == NULL);
    forget(session);
    queue_kick(queue);
    set_check_stopped(queue->set);
}
