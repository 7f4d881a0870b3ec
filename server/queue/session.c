/* session.c - outbound sessions: how many, when one is opened or woken, and their work
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session is hungry (opened or woken, will ask), busy (has an attempt), idle (asked in vain), or closing.
 * max_outbound_connections counts all of them; what is limited over several queues is in limits.c. "normal"
 * ramps up: two at first, one more for every attempt that succeeds, and twice as many every second that mail
 * waits; "high" goes to the limit at once.  A woken idle session goes before a new one.
 *
 * A session that is to give way to another queue does so after the attempt that it has.  One that has had none
 * yet does so at once: its receiver may be dead.  But one that greets later than a turn at the limit lasts
 * would then never get any mail; so the queue is more patient with the next one each time.
 * Thread: the queue's loop. */
#include "queue/inside.h"

#include <stdlib.h>

enum { AGGRESSIVENESS_HIGH = 1 /* word of connection_allocation_aggressiveness */ };

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
    hold_set_idle(&session->hold, state == SESSION_IDLE);
    util_list_remove(&session->link);
    /* The idle one that worked last is woken first: the others may time out. */
    util_list_add_first(state == SESSION_IDLE ? &queue->idle : &queue->sessions, &session->link);
}

/* It takes no more work. */
static void leave(queue_session_t *session)
{
    queue_t *queue = session->queue;

    ec_timer_cancel(&session->patience);
    count_state(session, -1);
    hold_set_idle(&session->hold, 0);
    util_list_remove(&session->link);
    queue->n_worked -= session->has_worked;
    queue->n_sessions--;
    queue->set->n_sessions--;
    ec_counter_add(queue_gauges.sessions, -1);
    if (queue->n_sessions == 0) {
        queue->goal = GOAL_START;
    }
}

static void join_closing(queue_session_t *session)
{
    session->state = SESSION_CLOSING;
    session->queue->n_closing++;
    session->queue->set->n_closing++;
    util_list_add_last(&session->queue->closing, &session->link);
    if (session->hold.phase == HOLD_STAYS) {
        hold_set_phase(&session->hold, HOLD_ENDING);
    }
}

/* Nothing of it is left at the receiver. */
static void forget(queue_session_t *session)
{
    queue_t *queue = session->queue;

    if (session->state == SESSION_CLOSING) {
        util_list_remove(&session->link);
        queue->n_closing--;
        queue->set->n_closing--;
    }
    hold_release(&session->hold);
    free(session);
    queue_kick(queue);
    set_check_stopped(queue->set);
}

/* 0: none could be opened. */
static int open_one(queue_t *queue)
{
    queue_session_t *session = calloc(1, sizeof *session);
    apr_status_t rv;

    EC_ASSERT(session != NULL);
    session->queue = queue;
    if (!limits_open(queue, &session->hold)) {
        free(session);
        return 0;
    }
    session->state = SESSION_HUNGRY;
    session->opened = ec_loop_now(queue->set->loop);
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
        leave(session);
        forget(session);
        return 0;
    }
    return 1;
}

/* The one that worked last, of those that may send something.  0: there is none. */
static int wake_one(queue_t *queue)
{
    UTIL_LIST_EACH(link, &queue->idle)
    {
        queue_session_t *session = UTIL_OWNER(link, queue_session_t, link);

        if (!hold_forbids_messages(&session->hold)) {
            session_set(session, SESSION_HUNGRY);
            queue_transport->wake(session->transport, 0);
            return 1;
        }
    }
    return 0;
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
    if (session->hold.phase == HOLD_STAYS) {
        hold_set_phase(&session->hold, HOLD_ENDING);
    }
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

static void cut(queue_session_t *session)
{
    if (session->hold.phase != HOLD_CUT && hold_is_due(&session->hold, HOLD_CUT)) {
        hold_set_phase(&session->hold, HOLD_CUT);
        if (session->transport != NULL && queue_transport->cut != NULL) {
            queue_transport->cut(session->transport);
        }
    }
}

static void on_patience_over(void *baton)
{
    queue_session_t *session = baton;
    queue_t *queue = session->queue;
    apr_interval_time_t more = 2 * queue->patience;

    if (tell_to_close(session)) {
        more = more < apr_time_from_sec(PATIENCE_SECONDS) ? apr_time_from_sec(PATIENCE_SECONDS) : more;
        queue->patience = more < apr_time_from_sec(PATIENCE_MAX_SECONDS) ? more : apr_time_from_sec(PATIENCE_MAX_SECONDS);
    }
}

static void end_surplus(queue_session_t *session)
{
    queue_t *queue = session->queue;
    apr_time_t until = session->opened + queue->patience;

    if (session->gives_way || !hold_is_due(&session->hold, HOLD_ENDING)) {
        return;
    }
    if (session->has_worked || session->state != SESSION_HUNGRY) {
        tell_to_close(session);
    } else if (until <= ec_loop_now(queue->set->loop)) {
        on_patience_over(session);
    } else {
        session->gives_way = 1;
        if (session->hold.phase == HOLD_STAYS) {
            hold_set_phase(&session->hold, HOLD_ENDING);
        }
        ec_timer_start_at(&session->patience, queue->set->loop, until, on_patience_over, session);
    }
}

static void each_of(util_list_t *list, void (*what)(queue_session_t *session))
{
    UTIL_LIST_EACH(link, list)
    {
        what(UTIL_OWNER(link, queue_session_t, link));
    }
}

/* Limits that others have a claim to, or that we have lost. */
static void shed(queue_t *queue)
{
    if (limits_are_due(queue, HOLD_CUT)) {
        each_of(&queue->closing, cut);
        each_of(&queue->idle, cut);
        each_of(&queue->sessions, cut);
    }
    if (limits_are_due(queue, HOLD_ENDING)) {
        each_of(&queue->idle, end_surplus);
        each_of(&queue->sessions, end_surplus);
    }
}

static void adopt(queue_session_t *session)
{
    if (!limits_adopt(session->queue, &session->hold)) {
        tell_to_close(session);
    }
}

void sessions_renew(queue_t *queue)
{
    each_of(&queue->idle, adopt);
    each_of(&queue->sessions, adopt);
}

/* How many more are allowed and of use. */
static int spare(const queue_t *queue, int most)
{
    int now = queue->n_sessions, hungry = queue->n_hungry;
    int few = most - now - queue->n_closing;

    few = few < queue->goal - now ? few : queue->goal - now;
    if (few <= 0 || queue->n_idle > 0 || (apr_size_t)hungry >= queue->active.count) {
        return 0;
    }
    return queue->active.count - (apr_size_t)hungry < (apr_size_t)few ? (int)queue->active.count - hungry
                                                                      : few;
}

static int may_feed(const queue_t *queue, apr_time_t now)
{
    return queue_transport != NULL && !queue->set->is_held && queue->active.count > 0 &&
           queue->set->spool_hold_until <= now;
}

static void open_some(queue_t *queue, apr_time_t now)
{
    int n;

    ramp(queue, now);
    n = spare(queue, queue_max_sessions(queue));
    limits_want(queue, n > 0 ? n : 0, queue->active.count);
    while (n-- > 0 && !limits_forbid(queue) && open_one(queue)) {
    }
}

void sessions_feed(queue_t *queue)
{
    apr_time_t now = ec_loop_now(queue->set->loop);

    trim(queue);
    shed(queue);
    if (!may_feed(queue, now)) {
        limits_want(queue, 0, 0);
        return;
    }
    if (attempt_is_ready(&queue->active) && !limits_forbid_messages(queue)) {
        while (queue->n_idle > 0 && (apr_size_t)queue->n_hungry < queue->active.count && wake_one(queue)) {
        }
    }
    if (queue->hold_until > now) {
        limits_want(queue, 0, queue->n_sessions > 0 ? queue->active.count : 0);
        return;
    }
    open_some(queue, now);
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

/* As many recipients as there is permission for. */
static attempt_t *take(queue_session_t *session, int most)
{
    queue_t *queue = session->queue;
    int n;

    while (doom_first_if_expired(queue)) {
    }
    n = attempt_group(queue, &queue->active);
    n = n < most ? n : most;
    session->hold.is_throttled = 0;
    if (n > 0) {
        n = hold_take_messages(&session->hold, n);
    }
    return n > 0 ? attempt_take(queue, &queue->active, session, n) : NULL;
}

queue_attempt_t *queue_take(queue_session_t *session)
{
    return queue_take_most(session, QUEUE_BATCH_MAX);
}

queue_attempt_t *queue_take_most(queue_session_t *session, int most)
{
    queue_t *queue = session->queue;

    EC_ASSERT(session->attempt == NULL);
    if (may_try(session)) {
        session->attempt = take(session, most);
    }
    if (session->gives_way) {
        ec_timer_cancel(&session->patience);
        tell_to_close(session);
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

int queue_is_throttled(const queue_session_t *session)
{
    return session->hold.is_throttled;
}

void queue_envelope_seen(queue_session_t *session)
{
    hold_messages_seen(&session->hold);
}

void queue_envelope_unsent(queue_session_t *session)
{
    hold_messages_unsent(&session->hold);
}

queue_go_t queue_connect(queue_session_t *session, const char *host)
{
    return hold_connect(session->queue, &session->hold, host);
}

void queue_connect_seen(queue_session_t *session)
{
    hold_connect_seen(&session->hold);
}

void queue_connect_over(queue_session_t *session)
{
    hold_leave_host(&session->hold);
}

void queue_hosts_full(queue_session_t *session)
{
    queue_t *queue = session->queue;

    queue->limits.hosts_full_until = ec_loop_now(queue->set->loop) + apr_time_from_sec(HOSTS_FULL_SECONDS);
}

int queue_may_send(const queue_session_t *session)
{
    return hold_may_send(&session->hold);
}

int queue_is_guarded(const queue_session_t *session)
{
    return hold_is_guarded(&session->hold);
}

void queue_session_closing(queue_session_t *session)
{
    EC_ASSERT(session->attempt == NULL && session->state != SESSION_CLOSING);
    leave(session);
    join_closing(session);
    hold_messages_seen(&session->hold);
    hold_messages_unsent(&session->hold);
    queue_kick(session->queue);
}

void queue_session_closed(queue_session_t *session)
{
    EC_ASSERT(session->attempt == NULL);
    if (session->state != SESSION_CLOSING) {
        leave(session);
    }
    forget(session);
}
