/* swap.c - which bodies stay in memory, and reading back those that are needed next
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message beyond max_resident_active_queue or max_resident_messages keeps only its entry; so does every
 * delayed one. Before its turn it is read back by a job of the pool SwapIn; entries of one batch side by side
 * share what was read. While the job runs the entries are E_BUSY and do not end, so the spool's reference
 * stays valid.
 * Thread: the queue's loop; load_work() on the pool's. */
#include "queue/inside.h"

#include <stdlib.h>

#include <apr_strings.h>

enum { AHEAD_LEAST = 8, AHEAD_MOST = 128, LOAD_MOST = QUEUE_BATCH_MAX };

struct load {
    ec_job_t job;
    queue_t *queue;
    spool_ref_t *ref;
    ec_batch_t *batch;
    apr_status_t rv;
    int n;
    queue_entry_t *entry[];
};

int swap_may_stay(queue_t *queue)
{
    apr_int64_t here = conf_int(queue_view(queue), CONF_O_MAX_RESIDENT_ACTIVE_QUEUE);
    apr_int64_t all = conf_int(conf_global(conf_current()), CONF_O_MAX_RESIDENT_MESSAGES);

    if (here >= 0 && queue->n_resident >= (apr_size_t)here) {
        return 0;
    }
    return all == 0 || queue->set->n_resident < (apr_size_t)all / (apr_size_t)queue_n_sets + 1;
}

static void load_work(void *baton)
{
    struct load *load = baton;

    load->rv = spool_load(queue_spool, load->ref, &load->batch);
}

/* ---- what could not be read ----------------------------------------------------------------- */

static int take_from(queue_list_t *list, queue_entry_t *entry)
{
    queue_entry_t *before = NULL;

    for (queue_entry_t *at = list->first; at != NULL; before = at, at = at->at.next) {
        if (at == entry) {
            list_take_after(list, before, entry);
            ec_counter_add(queue_gauges.active, -1);
            return 1;
        }
    }
    return 0;
}

/* It is not lost: it stays in the spool and is asked for again later, without an attempt counted. */
static void put_off(queue_t *queue, queue_entry_t *entry, apr_status_t rv)
{
    char id[EC_ID_TEXT], error[120], text[200];

    if (!take_from(&queue->active, entry) && !take_from(&queue->doomed, entry)) {
        return; /* delayed already */
    }
    if (!(entry->flags & E_DAMAGED)) {
        ec_log_rv(queue_room_log, EC_LOG_ERROR, rv,
                  "a message can not be read back from the spool, it is kept id=%s",
                  ec_id_text(entry->id, id));
    }
    apr_snprintf(text, sizeof text, "[internal] can not be read back from the spool: %s",
                 ec_strerror(rv, error, sizeof error));
    if (!(entry->flags & E_PERMANENT)) {
        entry_set_reply(queue, entry, reply_get(queue, EC_STAGE_NOT_CONNECTED, text));
    }
    entry->flags = (unsigned char)((entry->flags & ~E_DNS) | E_DAMAGED);
    delayed_add(queue, entry, ec_loop_now(queue->set->loop) + apr_time_from_sec(READ_AGAIN_SECONDS));
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void on_loaded(void *baton)
{
    struct load *load = baton;
    queue_t *queue = load->queue;

    queue->n_loads--;
    queue->set->n_loads--;
    for (int i = 0; i < load->n; i++) {
        queue_entry_t *entry = load->entry[i];

        entry->flags &= (unsigned char)~E_BUSY;
        if (load->rv != APR_SUCCESS) {
            put_off(queue, entry, load->rv);
        } else {
            entry->flags &= (unsigned char)~E_DAMAGED;
            entry_set_batch(queue, entry, ec_batch_ref(load->batch));
            ec_counter_add(queue_gauges.swapped_in, 1);
        }
    }
    if (load->batch != NULL) {
        ec_batch_unref(load->batch);
    }
    free(load);
    queue_kick(queue);
    swap_feed_starved(queue->set);
}

void swap_feed_starved(queue_set_t *set)
{
    util_link_t *link = util_list_take_first(&set->starved);

    if (link != NULL) {
        queue_kick(UTIL_OWNER(link, queue_t, starved));
    }
}

static int is_away(const queue_entry_t *entry)
{
    return entry->batch == NULL && !(entry->flags & E_BUSY);
}

/* Returns the last entry that the load is for. */
static queue_entry_t *start_load(queue_t *queue, queue_entry_t *first)
{
    queue_entry_t *last = first;
    struct load *load;
    int n = 1;

    for (queue_entry_t *e = first->at.next; e != NULL && e->ref == first->ref && is_away(e) && n < LOAD_MOST;
         e = e->at.next) {
        n++;
    }
    load = malloc(sizeof *load + (apr_size_t)n * sizeof load->entry[0]);
    EC_ASSERT(load != NULL);
    *load = (struct load){ .queue = queue, .ref = first->ref, .n = n };
    for (int i = 0; i < n; i++, first = first->at.next) {
        first->flags |= E_BUSY;
        load->entry[i] = last = first;
    }
    queue->n_loads++;
    queue->set->n_loads++;
    ec_job_run(ec_threadpool_find("SwapIn"), queue->set->loop, &load->job, load_work, on_loaded, load);
    return last;
}

static int window(const queue_t *queue, const queue_list_t *list)
{
    int n = list == &queue->doomed ? AHEAD_MOST : queue->n_sessions * 2;

    return n < AHEAD_LEAST ? AHEAD_LEAST : n > AHEAD_MOST ? AHEAD_MOST : n;
}

void swap_ahead(queue_t *queue, queue_list_t *list)
{
    int left = window(queue, list);
    queue_entry_t *before = NULL;

    for (queue_entry_t *entry = list->first; entry != NULL && left > 0;
         before = entry, entry = entry->at.next, left--) {
        if (!is_away(entry)) {
            continue;
        }
        if (before != NULL && before->ref == entry->ref && before->batch != NULL) {
            entry_set_batch(queue, entry, ec_batch_ref(before->batch));
        } else if (queue->n_loads < LOADS_PER_QUEUE && queue->set->n_loads < LOADS_PER_SET) {
            entry = start_load(queue, entry);
        } else {
            if (queue->n_loads == 0 && !util_link_is_linked(&queue->starved)) {
                util_list_add_last(&queue->set->starved, &queue->starved);
            }
            return;
        }
    }
}
