/* writer.c - takes what gathered, commits it, takes what gathered meanwhile
 * SPDX-License-Identifier: Apache-2.0
 *
 * While one commit syncs, requests gather for the next: the busier, the larger the commits.
 * Copies of the compactor have commits of their own: a copy says what the recipients' states
 * are in memory, which is behind what other requests of the same commit say. */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "spool/writer.h"

enum { MARGIN_SHARE = 16 };

/* ---- inbox --------------------------------------------------------------------------- */

static void wake(spool_t *spool)
{
    if (__atomic_exchange_n(&spool->is_asleep, 0, __ATOMIC_SEQ_CST)) {
        syscall(SYS_futex, &spool->is_asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

void spool_push(spool_t *spool, spool_request_t *request)
{
    spool_request_t *head = __atomic_load_n(&spool->inbox, __ATOMIC_RELAXED);

    do {
        request->next = head;
    } while (
        !__atomic_compare_exchange_n(&spool->inbox, &head, request, 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if (head == NULL && __atomic_load_n(&spool->is_asleep, __ATOMIC_SEQ_CST)) {
        wake(spool);
    }
}

void spool_news(spool_t *spool)
{
    __atomic_store_n(&spool->has_news, 1, __ATOMIC_SEQ_CST);
    wake(spool);
}

/* Says that it sleeps first and looks after; whoever brings something does it the other way round. */
static void sleep_until_called(spool_t *spool, apr_interval_time_t most)
{
    struct timespec timeout = { most / APR_USEC_PER_SEC, (most % APR_USEC_PER_SEC) * 1000 };

    __atomic_store_n(&spool->is_asleep, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&spool->inbox, __ATOMIC_SEQ_CST) == NULL &&
        !__atomic_load_n(&spool->has_news, __ATOMIC_SEQ_CST)) {
        syscall(SYS_futex, &spool->is_asleep, FUTEX_WAIT_PRIVATE, 1, &timeout, NULL, 0);
    }
    __atomic_store_n(&spool->is_asleep, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&spool->has_news, 0, __ATOMIC_SEQ_CST);
}

/* All of the inbox to the end of todo, each loop's requests in order. */
static void gather(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;
    spool_request_t *request = __atomic_exchange_n(&spool->inbox, NULL, __ATOMIC_SEQ_CST);
    spool_request_t *ordered = NULL;

    while (request != NULL) {
        spool_request_t *next = request->next;

        request->next = ordered;
        ordered = request;
        request = next;
    }
    while (ordered != NULL) {
        spool_request_t *next = ordered->next;

        if (ordered->verb == SPOOL_STORE && __atomic_load_n(&spool->is_full, __ATOMIC_RELAXED)) {
            spool_complete(spool, ordered, APR_ENOSPC);
        } else {
            spool_queue_push((int)ordered->verb == SPOOL_COPY ? &writer->copies : &writer->todo, ordered);
        }
        ordered = next;
    }
}

/* ---- the segment that is written to ----------------------------------------------------- */

static int take_segment(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;

    spool_lock(spool);
    writer->head = spool_segment_pop(&spool->ready);
    if (writer->head != NULL) {
        spool_segments_insert(spool, writer->head);
        __atomic_store_n(&spool->is_short, 0, __ATOMIC_RELAXED);
        spool_keeper_wake(spool);
    }
    spool_unlock(spool);
    return writer->head != NULL;
}

/* Is a next segment there?  If not, `*rv` says why, or APR_SUCCESS when it is being made. */
static int is_next_ready(spool_t *spool, apr_status_t *rv)
{
    int is_ready;

    spool_lock(spool);
    is_ready = spool->ready.first != NULL;
    *rv = spool->prepare_rv;
    spool_unlock(spool);
    return is_ready;
}

void spool_writer_roll(spool_writer_t *writer)
{
    spool_segment_t *head = writer->head;

    spool_writer_add_seal(writer, head->sequence, head->end);
    spool_lock(writer->spool);
    head->is_sealed = 1;
    close(head->fd);
    head->fd = -1;
    spool_segments_sweep(writer->spool);
    spool_keeper_wake(writer->spool);
    spool_unlock(writer->spool);
    writer->head = NULL;
}

/* ---- a commit ----------------------------------------------------------------------------- */

/* While no next segment can be had, the end of this one is kept for STATE, MARK and DROP. */
static apr_size_t margin_for(const spool_writer_t *writer, const spool_request_t *request,
                             apr_status_t starved)
{
    return starved != APR_SUCCESS && request->verb == SPOOL_STORE ? writer->head->size / MARGIN_SHARE : 0;
}

/* The first request does not fit into what is left of the segment. */
static int on_segment_full(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;
    spool_request_t *request = writer->todo.first;
    apr_status_t rv;

    if (is_next_ready(spool, &rv)) {
        spool_writer_roll(writer);
        return 1;
    }
    if (rv == APR_SUCCESS) {
        return 0; /* it is being made */
    }
    if (request->verb == SPOOL_STORE) {
        __atomic_store_n(&spool->is_short, 1, __ATOMIC_RELAXED);
        spool_complete(spool, spool_queue_pop(&writer->todo), rv);
        return 1;
    }
    spool_writer_starved(writer, rv);
    return 0;
}

static void answer(spool_writer_t *writer)
{
    spool_commit_t *commit = &writer->commit;

    spool_writer_works(writer);
    for (apr_size_t i = 0; i < commit->n_plans; i++) {
        spool_complete(writer->spool, commit->plans[i].request, APR_SUCCESS);
    }
}

/* Seals come first in a segment, where recovery looks for them; returns how many there was room for. */
static apr_size_t put_seals(spool_writer_t *writer)
{
    apr_size_t n = 0;

    while (n < writer->n_seals && spool_commit_seal(&writer->commit, &writer->seals[n])) {
        n++;
    }
    return n;
}

static void seals_are_written(spool_writer_t *writer, apr_size_t n)
{
    if (n == 0) {
        return;
    }
    spool_lock(writer->spool);
    for (apr_size_t i = 0; i < n; i++) {
        spool_segment_refer(writer->head, writer->seals[i].sequence);
    }
    spool_unlock(writer->spool);
    writer->n_seals -= n;
    memmove(writer->seals, writer->seals + n, writer->n_seals * sizeof *writer->seals);
}

/* Returns 0 when it can not go on without a next segment. */
static int commit_requests(spool_writer_t *writer)
{
    spool_commit_t *commit = &writer->commit;
    apr_status_t starved, rv;
    spool_add_t added = SPOOL_ADDED;
    apr_size_t n_seals;

    is_next_ready(writer->spool, &starved);
    spool_commit_begin(commit, writer->spool, writer->head);
    n_seals = put_seals(writer);
    while (writer->todo.first != NULL && n_seals == writer->n_seals) {
        spool_request_t *request = writer->todo.first;

        added = spool_commit_add(commit, request, margin_for(writer, request, starved));
        if (added == SPOOL_TOO_LONG) {
            spool_complete(writer->spool, spool_queue_pop(&writer->todo), EC_E_TOO_LONG);
        } else if (added == SPOOL_ADDED) {
            spool_queue_pop(&writer->todo);
        } else {
            break;
        }
    }
    if (commit->n_plans == 0 && n_seals == 0) {
        return added == SPOOL_SEGMENT_FULL ? on_segment_full(writer) : 1;
    }
    rv = spool_commit_write(commit);
    if (rv != APR_SUCCESS) {
        spool_writer_failed(writer, rv);
        return 1;
    }
    seals_are_written(writer, n_seals);
    spool_commit_apply(commit);
    answer(writer);
    return 1;
}

/* Copies that are refused come again: the compactor looks for what is still live. */
static void commit_copies(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;
    spool_commit_t *commit = &writer->commit;
    spool_request_t *request;
    apr_status_t rv;

    spool_commit_begin(commit, spool, writer->head);
    while ((request = spool_queue_pop(&writer->copies)) != NULL) {
        spool_add_t added;

        if (spool_compact_check(spool, (spool_copy_t *)request) == NULL) {
            spool_compact_finish(spool, (spool_copy_t *)request);
            continue;
        }
        added = spool_commit_add(commit, request, 0);
        if (added != SPOOL_ADDED) {
            spool_compact_finish(spool, (spool_copy_t *)request);
            if (added == SPOOL_SEGMENT_FULL && commit->n_plans == 0 && is_next_ready(spool, &rv)) {
                spool_writer_roll(writer);
                return;
            }
        }
    }
    if (commit->n_plans == 0) {
        return;
    }
    rv = spool_commit_write(commit);
    if (rv != APR_SUCCESS) {
        spool_writer_failed(writer, rv);
        return;
    }
    spool_commit_apply(commit);
    answer(writer);
}

static void drop_copies(spool_writer_t *writer)
{
    spool_request_t *request;

    while ((request = spool_queue_pop(&writer->copies)) != NULL) {
        spool_compact_finish(writer->spool, (spool_copy_t *)request);
    }
}

/* ---- thread ------------------------------------------------------------------------------- */

static int has_work(const spool_writer_t *writer)
{
    return writer->todo.first != NULL || writer->copies.first != NULL || writer->failed_rv != APR_SUCCESS;
}

/* Returns 0 when there is nothing to be done but to wait. */
static int turn(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;
    apr_status_t rv;

    if (writer->failed_rv != APR_SUCCESS && apr_time_now() < writer->retry_at) {
        spool_writer_refuse(writer, writer->failed_rv);
        drop_copies(writer);
        return 0;
    }
    if (writer->head == NULL && !take_segment(writer)) {
        is_next_ready(spool, &rv);
        if (rv != APR_SUCCESS) {
            spool_writer_starved(writer, rv);
        }
        drop_copies(writer);
        return 0;
    }
    if (writer->todo.first != NULL || writer->n_seals > 0) {
        if (!commit_requests(writer)) {
            drop_copies(writer);
            return 0;
        }
    } else if (writer->failed_rv != APR_SUCCESS) {
        spool_writer_works(writer); /* a segment is there and nothing is left of the failure */
    }
    if (writer->head != NULL && writer->copies.first != NULL && writer->n_seals == 0) {
        commit_copies(writer);
    }
    return 1;
}

/* At the end nobody comes back for what waits: it is reported. */
static int give_up(spool_writer_t *writer)
{
    spool_request_t *request;
    apr_size_t lost = writer->todo.count;

    if (writer->failed_rv == APR_SUCCESS) {
        return 0;
    }
    while ((request = spool_queue_pop(&writer->todo)) != NULL) {
        spool_complete(writer->spool, request, writer->failed_rv);
    }
    drop_copies(writer);
    if (lost > 0) {
        ec_log_rv(writer->spool->log, EC_LOG_ERROR, writer->failed_rv,
                  "results could not be stored, these messages may be sent again records=%lu",
                  (unsigned long)lost);
    }
    return 1;
}

static void *writer_main(void *baton)
{
    spool_writer_t *writer = baton;
    spool_t *spool = writer->spool;

    for (;;) {
        int is_stopping = __atomic_load_n(&spool->is_stopping, __ATOMIC_SEQ_CST);
        int is_blocked = 0;

        gather(writer);
        if (has_work(writer)) {
            is_blocked = !turn(writer);
        } else if (is_stopping) {
            break;
        } else {
            is_blocked = 1;
        }
        if (is_blocked && is_stopping && give_up(writer)) {
            break;
        }
        if (is_blocked) {
            sleep_until_called(spool, spool->io->retry);
        }
    }
    if (writer->head != NULL) {
        spool_writer_roll(writer);
    }
    return NULL;
}

apr_status_t spool_writer_start(spool_t *spool)
{
    spool_writer_t *writer = calloc(1, sizeof *writer);

    if (writer == NULL) {
        return APR_ENOMEM;
    }
    writer->spool = spool;
    spool->writer = writer;
    writer->is_started = pthread_create(&writer->thread, NULL, writer_main, writer) == 0;
    return writer->is_started ? APR_SUCCESS : EAGAIN;
}

void spool_writer_stop(spool_t *spool)
{
    spool_writer_t *writer = spool->writer;

    if (writer == NULL) {
        return;
    }
    if (writer->is_started) {
        __atomic_store_n(&spool->is_stopping, 1, __ATOMIC_SEQ_CST);
        spool_news(spool);
        pthread_join(writer->thread, NULL);
    }
    spool_commit_free(&writer->commit);
    free(writer->seals);
    free(writer);
    spool->writer = NULL;
}
