/* stop.c - the clean stop: no new attempts, those under way may end
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every loop tells its sessions to close and answers the master loop when none is left; `done` runs there
 * once, when all have answered or the grace is over.  What is queued is in the spool. */
#include "queue/inside.h"

static struct {
    ec_timer_t timer;
    ec_post_fn *done;
    void *baton;
    int n_running; /* loops that have not answered; master loop */
} stop;

static void finish(void)
{
    ec_post_fn *done = stop.done;

    if (done != NULL) {
        stop.done = NULL;
        ec_timer_cancel(&stop.timer);
        done(stop.baton);
    }
}

static void on_grace_over(void *baton)
{
    queue_totals_t totals;

    queue_totals(&totals);
    ec_log(queue_room_log, EC_LOG_WARNING,
           "stopped with connections still open: their messages are tried again after the next start "
           "connections=%" APR_INT64_T_FMT,
           totals.sessions);
    finish();
}

static void on_set_stopped(void *baton)
{
    if (--stop.n_running == 0) {
        finish();
    }
}

void set_check_stopped(queue_set_t *set)
{
    if (set->is_stopping && !set->is_stopped && set->n_sessions + set->n_closing == 0 && set->n_internal == 0) {
        set->is_stopped = 1;
        ec_loop_post(ec_loop_at(0), &set->stop_post, on_set_stopped, set);
    }
}

static void stop_queue(void *baton, queue_t *queue)
{
    sessions_end(queue);
}

static void on_stop(void *baton)
{
    queue_set_t *set = baton;

    set->is_stopping = 1;
    queue_each(set, stop_queue, NULL);
    set_check_stopped(set);
}

void queue_stop(apr_interval_time_t grace, ec_post_fn *done, void *baton)
{
    recover_stop();
    stop.done = done;
    stop.baton = baton;
    stop.n_running = queue_n_sets;
    ec_timer_start(&stop.timer, ec_loop_at(0), grace, on_grace_over, NULL);
    for (int i = 0; i < queue_n_sets; i++) {
        ec_loop_post(queue_sets[i]->loop, &queue_sets[i]->stop_post, on_stop, queue_sets[i]);
    }
}
