/* recover.c - what a start finds in the spool goes into the queues
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recovery thread calls queue_recover() for every open recipient.  It gathers them by loop and sends them
 * in bunches (bunch.h); the recovery thread waits when the loops are behind, so that bunches do not pile up in memory.
 *
 * Until everything found has entered, the queues take mail but send none (at most HOLD_SECONDS): the marks of
 * the last process are taken back before this one writes any, so that a start never finds more doubts than
 * there were connections.
 *
 * Thread: the recovery's for `gathering`; the loop's for a bunch. */
#include "queue/bunch.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUNCHES_UNDER_WAY = 16, HOLD_SECONDS = 10 };

static struct {
    conf_t *conf;
    name_cache_t *names;
    bunch_t **bunch; /* by loop */
} gathering;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t fewer;
    int n;            /* bunches sent and not worked off */
    int is_stopping;  /* the loops may end: wait no more */
    int is_under_way; /* between the first recipient found and queue_recovered() */
} flow = { .lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER };

static void bunch_begins(void)
{
    int may_wait = ec_loop_self() == NULL;

    pthread_mutex_lock(&flow.lock);
    while (may_wait && flow.n >= BUNCHES_UNDER_WAY * queue_n_sets && !flow.is_stopping) {
        pthread_cond_wait(&flow.fewer, &flow.lock);
    }
    flow.n++;
    pthread_mutex_unlock(&flow.lock);
}

static void bunch_ends(void)
{
    pthread_mutex_lock(&flow.lock);
    flow.n--;
    pthread_cond_signal(&flow.fewer);
    pthread_mutex_unlock(&flow.lock);
}

void recover_stop(void)
{
    pthread_mutex_lock(&flow.lock);
    flow.is_stopping = 1;
    pthread_cond_signal(&flow.fewer);
    pthread_mutex_unlock(&flow.lock);
}

/* ---- on the recovery thread ----------------------------------------------------------------- */

static bunch_t *bunch_for(queue_set_t *set)
{
    bunch_t **bunch = &gathering.bunch[set->index];

    if (*bunch == NULL) {
        *bunch = bunch_create(set, BUNCH);
        (*bunch)->worked_off = bunch_ends;
    }
    return *bunch;
}

static void send_bunch(int loop)
{
    bunch_t *bunch = gathering.bunch[loop];

    if (bunch != NULL) {
        gathering.bunch[loop] = NULL;
        bunch_begins();
        bunch_send(bunch);
    }
}

static void set_under_way(int is_under_way)
{
    pthread_mutex_lock(&flow.lock);
    flow.is_under_way = is_under_way;
    pthread_mutex_unlock(&flow.lock);
}

static void begin(void)
{
    set_under_way(1);
    gathering.conf = conf_current_ref();
    gathering.names = name_cache_create();
    gathering.bunch = calloc((apr_size_t)queue_n_sets, sizeof *gathering.bunch);
    EC_ASSERT(gathering.bunch != NULL);
}

void queue_recover(void *baton, const spool_found_t *found)
{
    binding_t *binding = &binding_default;
    queue_name_t name;
    bunch_t *bunch;
    struct found *row;

    if (gathering.names == NULL) {
        begin();
    }
    if (found->binding != NULL) {
        binding = bind_now(gathering.conf, found->group, found->binding);
    }
    name = name_resolve(gathering.names, gathering.conf, binding, found->domain);
    bunch = bunch_for(queue_set_of(name.hash));
    row = &bunch->found[bunch->n++];
    *row = (struct found){ .ref = found->ref,
                           .received = found->received,
                           .next = found->state.next,
                           .hash = name.hash,
                           .binding = binding,
                           .id = found->id,
                           .rcpt = (apr_uint32_t)found->rcpt,
                           .attempts = found->state.attempts,
                           .flags = found->is_in_doubt ? E_IN_DOUBT : 0,
                           .is_marked = found->is_in_doubt != 0,
                           .is_gateway = name.is_gateway != 0 };
    row->domain = bunch_text(bunch, name.domain);
    if (found->state.reply != NULL && found->state.reply[0] != '\0') {
        row->reply = bunch_text(bunch, found->state.reply);
    }
    account_add(ACCOUNT_recovered, 1);
    account_add(ACCOUNT_in_doubt, found->is_in_doubt != 0);
    ec_counter_add(queue_gauges.held, 1);
    if (bunch->n == BUNCH) {
        send_bunch(bunch->set->index);
    }
}

/* ---- the hold -------------------------------------------------------------------------------------- */

static void kick(void *baton, queue_t *queue)
{
    queue_kick(queue);
}

static void let_go(queue_set_t *set)
{
    if (set->is_held) {
        set->is_held = 0;
        ec_timer_cancel(&set->hold_timer);
        queue_each(set, kick, NULL);
    }
}

static void on_hold_over(void *baton)
{
    queue_set_t *set = baton;

    ec_log(queue_room_log, EC_LOG_NOTICE,
           "the spool is still being read, delivery begins without waiting for the rest");
    let_go(set);
}

static void on_hold(void *baton)
{
    queue_set_t *set = baton;

    if (set->is_held) {
        ec_timer_start(&set->hold_timer, set->loop, apr_time_from_sec(HOLD_SECONDS), on_hold_over, set);
    }
}

void recover_hold(queue_set_t *set)
{
    set->is_held = 1;
    ec_loop_post(set->loop, &set->hold_post, on_hold, set);
}

/* Comes behind the last bunch, but that may still be worked off in pieces. */
static void on_all_found(void *baton)
{
    queue_set_t *set = baton;

    if (set->n_bunches > 0) {
        ec_loop_post(set->loop, &set->found_post, on_all_found, set);
    } else {
        let_go(set);
    }
}

/* ---- the end, on the master loop ----------------------------------------------------------------- */

static struct {
    int is_done;
    apr_status_t rv;
    spool_report_t report;
} result;

/* Reading the spool took memory for all that it found; what was freed goes back to the system. */
static void trim(void *unused)
{
    malloc_trim(0);
}

void queue_recovered(apr_status_t rv, const spool_report_t *report)
{
    static ec_job_t job;

    if (gathering.names != NULL) {
        for (int i = 0; i < queue_n_sets; i++) {
            send_bunch(i);
        }
        name_cache_destroy(gathering.names);
        free(gathering.bunch);
        conf_unref(gathering.conf);
        memset(&gathering, 0, sizeof gathering);
        set_under_way(0);
    }
    for (int i = 0; i < queue_n_sets; i++) {
        ec_loop_post(queue_sets[i]->loop, &queue_sets[i]->found_post, on_all_found, queue_sets[i]);
    }
    result.rv = rv;
    if (report != NULL) {
        result.report = *report;
    }
    result.is_done = 1;
    ec_job_run(ec_threadpool_find("IO"), NULL, &job, trim, NULL, NULL);
}

int recover_is_under_way(void)
{
    int is_under_way;

    pthread_mutex_lock(&flow.lock);
    is_under_way = flow.is_under_way;
    pthread_mutex_unlock(&flow.lock);
    return is_under_way;
}

int queue_recovery(apr_status_t *rv, spool_report_t *report)
{
    *rv = result.rv;
    *report = result.report;
    return result.is_done;
}
