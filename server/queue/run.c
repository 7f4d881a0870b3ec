/* run.c - the one place where a queue decides what happens next
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever changes a queue kicks it; kicked queues of a loop are looked at in a post of their own, some hundred at
 * a time, so that others have their turn.
 * queue_run() makes due entries active, works off doomed ones, reads ahead, feeds sessions, and arms the
 * queue's only timer for the next thing that time will bring. */
#include "queue/inside.h"

#include <stdlib.h>

enum {
    SUSPENDED_BINDING = 1, /* word of default_binding */
    QUEUES_PER_POST = 256
};

static void run_all(void *baton);

void queue_kick(queue_t *queue)
{
    queue_set_t *set = queue->set;

    if (!util_link_is_linked(&queue->dirty)) {
        util_list_add_last(&set->dirty, &queue->dirty);
    }
    if (!set->is_run_posted) {
        set->is_run_posted = 1;
        ec_loop_post(set->loop, &set->run_post, run_all, set);
    }
}

int queue_is_empty(const queue_t *queue)
{
    return queue->active.count == 0 && queue->doomed.count == 0 && queue->delayed.count == 0 &&
           queue->n_attempted == 0;
}

int queue_is_suspended(queue_t *queue)
{
    const conf_view_t *view = queue_view(queue);

    return conf_int(view, CONF_O_SUSPEND_DELIVERY) != 0 ||
           (queue->bound == &binding_default && conf_int(view, CONF_O_DEFAULT_BINDING) == SUSPENDED_BINDING);
}

/* -1 is no limit, 0 no connection at all. */
int queue_max_sessions(queue_t *queue)
{
    apr_int64_t most = conf_int(queue_view(queue), CONF_O_MAX_OUTBOUND_CONNECTIONS);

    return most < 0 || most > 1000000 ? 1000000 : (int)most;
}

/* ---- due entries ---------------------------------------------------------------------- */

static int compare_due(const void *a, const void *b)
{
    const queue_entry_t *x = *(queue_entry_t *const *)a, *y = *(queue_entry_t *const *)b;

    if (x->received != y->received) {
        return x->received < y->received ? -1 : 1;
    }
    if (x->ref != y->ref) {
        return (apr_uintptr_t)x->ref < (apr_uintptr_t)y->ref ? -1 : 1;
    }
    return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

/* Oldest first, and recipients of one batch side by side, so that they go out together again. */
static void move_due(queue_t *queue, apr_time_t now)
{
    queue_entry_t *due[DUE_PER_RUN];
    int n = 0;

    while (n < DUE_PER_RUN && queue->delayed.count > 0 && util_heap_first_key(&queue->delayed) <= now) {
        due[n] = util_heap_first(&queue->delayed);
        delayed_remove(queue, due[n]);
        n++;
    }
    qsort(due, (apr_size_t)n, sizeof due[0], compare_due);
    for (int i = 0; i < n; i++) {
        due[i]->at.next = NULL;
        if (due[i]->flags & E_PERMANENT) {
            doomed_add(queue, due[i]);
        } else {
            active_add_last(queue, due[i]);
        }
    }
}

/* ---- the timer --------------------------------------------------------------------------- */

static void on_timer(void *baton)
{
    queue_kick(baton);
}

static apr_time_t sooner(apr_time_t a, apr_time_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* When time alone will change something; 0 for never. */
static apr_time_t next_look(queue_t *queue, apr_time_t now)
{
    apr_time_t next = 0;

    if (queue->delayed.count > 0) {
        next = util_heap_first_key(&queue->delayed);
    }
    if (queue->active.count > 0) {
        next = sooner(next, now + conf_interval(queue_view(queue), CONF_O_DELAYED_QUEUE_SCAN_INTERVAL));
        next = sooner(next, queue->hold_until > now ? queue->hold_until : 0);
        next = sooner(next, queue->set->spool_hold_until > now ? queue->set->spool_hold_until : 0);
        next = sooner(next, queue->limits.hosts_full_until > now ? queue->limits.hosts_full_until : 0);
        if (queue->n_sessions >= queue->goal && queue->goal < queue_max_sessions(queue)) {
            next = sooner(next, now + apr_time_from_sec(1));
        }
    }
    if (queue->idle_since != 0 && queue->limits.own != NULL) {
        next = sooner(next, queue->idle_since + apr_time_from_sec(LIMITS_KEPT_SECONDS));
    }
    if (queue->idle_since != 0) {
        next = sooner(next, queue->idle_since + apr_time_from_sec(QUEUE_KEPT_SECONDS));
    }
    return next;
}

static void arm(queue_t *queue, apr_time_t now)
{
    apr_time_t next = next_look(queue, now);

    if (next == 0) {
        ec_timer_cancel(&queue->timer);
    } else {
        ec_timer_start_at(&queue->timer, queue->set->loop, next, on_timer, queue);
    }
}

/* ---- one look ------------------------------------------------------------------------------ */

static int is_over(queue_t *queue, apr_time_t now)
{
    int is_unused = queue_is_empty(queue) && queue->n_sessions + queue->n_closing == 0 && queue->n_loads == 0 &&
                    queue->query == NULL && util_list_is_empty(&queue->waits) &&
                    util_list_is_empty(&queue->attempts);

    if (!is_unused) {
        queue->idle_since = 0;
    } else if (queue->idle_since == 0) {
        queue->idle_since = now;
    } else if (queue->limits.own != NULL && now - queue->idle_since >= apr_time_from_sec(LIMITS_KEPT_SECONDS)) {
        limits_end(queue);
    }
    return is_unused && now - queue->idle_since >= apr_time_from_sec(QUEUE_KEPT_SECONDS);
}

static void queue_run(queue_t *queue)
{
    apr_time_t now = ec_loop_now(queue->set->loop);

    if (queue->set->is_stopping) {
        sessions_end(queue);
        return;
    }
    move_due(queue, now);
    if (queue_view(queue) != NULL && queue->is_gone) { /* the view brings is_gone up to date */
        leave_run(queue);
    }
    doom_run(queue);
    if (queue_is_suspended(queue) || queue->hold_until > now) {
        doom_expired(queue);
    }
    if (!queue_is_suspended(queue)) {
        if (queue->n_sessions > 0 || queue->hold_until <= now) {
            swap_ahead(queue, &queue->active);
        }
        sessions_feed(queue);
    } else {
        limits_want(queue, 0, 0);
    }
    if (is_over(queue, now)) {
        queue_end(queue);
        return;
    }
    arm(queue, now);
}

static void run_all(void *baton)
{
    queue_set_t *set = baton;
    util_list_t dirty;
    util_link_t *link;

    set->is_run_posted = 0;
    util_list_init(&dirty);
    for (int i = 0; i < QUEUES_PER_POST && (link = util_list_take_first(&set->dirty)) != NULL; i++) {
        util_list_add_last(&dirty, link);
    }
    while ((link = util_list_take_first(&dirty)) != NULL) { /* one that kicks itself waits for the next post */
        queue_run(UTIL_OWNER(link, queue_t, dirty));
    }
    if (!util_list_is_empty(&set->dirty) && !set->is_run_posted) {
        set->is_run_posted = 1;
        ec_loop_post(set->loop, &set->run_post, run_all, set);
    }
}
