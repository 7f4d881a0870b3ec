/* keeper.c - one duty after the other, the most urgent first
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "spool/keeper.h"

/* Wall clock steps do no harm here: they make a pause longer or shorter. */
static apr_time_t now(void)
{
    return apr_time_now();
}

void spool_keeper_wake(spool_t *spool)
{
    pthread_cond_signal(&spool->keeper->wake);
}

/* New messages are refused while there is too little room for what ends the old ones. */
static void check_room(spool_t *spool)
{
    apr_int64_t room = spool->io->free_bytes(spool->segment_dir);
    int was_full = __atomic_load_n(&spool->is_full, __ATOMIC_RELAXED);
    int is_full = room >= 0 && room < spool->reserve;

    if (is_full == was_full) {
        return;
    }
    __atomic_store_n(&spool->is_full, is_full, __ATOMIC_RELAXED);
    if (is_full) {
        ec_log(spool->log, EC_LOG_CRITICAL,
               "disk is nearly full, new messages are refused: make room dir=%s free=%ld reserve=%ld",
               spool->dir, (long)room, (long)spool->reserve);
    } else {
        ec_log(spool->log, EC_LOG_NOTICE, "disk has room again, new messages are taken dir=%s free=%ld",
               spool->dir, (long)room);
    }
}

/* A dead segment is the better spare: it needs no zeros. */
static int must_prepare(spool_keeper_t *keeper)
{
    const spool_t *spool = keeper->spool;
    int has_better = spool->dead.first != NULL && keeper->n_spares == 0 && !keeper->has_remove_failed;

    return spool->ready.first == NULL && !keeper->is_ending && now() >= keeper->prepare_after && !has_better;
}

static void report_prepare(spool_t *spool, apr_status_t before, apr_status_t rv)
{
    if (rv != APR_SUCCESS && rv != before) {
        ec_log_rv(spool->log, EC_LOG_CRITICAL, rv,
                  "next spool segment can not be made, new messages are refused when this one is full: make "
                  "room or "
                  "repair the disk dir=%s",
                  spool->segment_dir);
    } else if (rv == APR_SUCCESS && before != APR_SUCCESS) {
        ec_log(spool->log, EC_LOG_NOTICE, "spool segments can be made again dir=%s", spool->segment_dir);
    }
}

static void prepare(spool_keeper_t *keeper)
{
    spool_t *spool = keeper->spool;
    apr_uint32_t sequence = spool->next_sequence++;
    spool_segment_t *segment = NULL;
    apr_status_t before = spool->prepare_rv, rv;

    spool_unlock(spool);
    rv = spool_file_prepare(keeper, sequence, &segment);
    report_prepare(spool, before, rv);
    check_room(spool);
    spool_lock(spool);
    spool->prepare_rv = rv;
    if (rv == APR_SUCCESS) {
        spool_segment_push(&spool->ready, segment);
    } else {
        keeper->prepare_after = now() + spool->io->retry;
    }
    spool_news(spool);
}

/* The oldest dead segment.  None behind it may go before it has gone: its records may be
 * all that keeps a message of this one down. */
static void bury(spool_keeper_t *keeper)
{
    spool_t *spool = keeper->spool;
    spool_segment_t *segment = spool->dead.first;
    apr_status_t rv;

    spool_unlock(spool);
    rv = spool_file_remove(keeper, segment);
    if (rv != APR_SUCCESS && !keeper->has_remove_failed) {
        ec_log_rv(spool->log, EC_LOG_ERROR, rv,
                  "segment can not be removed, trying again segment=%08x dir=%s", segment->sequence,
                  spool->segment_dir);
    }
    keeper->has_remove_failed = rv != APR_SUCCESS;
    spool_lock(spool);
    if (rv == APR_SUCCESS) {
        spool_segment_pop(&spool->dead);
        spool_segment_destroy(segment);
    } else {
        keeper->remove_after = now() + spool->io->retry;
    }
}

static void clear_leftovers(spool_keeper_t *keeper)
{
    spool_t *spool = keeper->spool;
    spool_leftover_t *leftover = spool->leftovers;
    char path[SPOOL_PATH];

    spool->leftovers = NULL;
    spool_unlock(spool);
    while (leftover != NULL) {
        spool_leftover_t *next = leftover->next;

        if (unlink(spool_large_path(spool, leftover->id, path)) != 0 && errno != ENOENT) {
            ec_log_rv(spool->log, EC_LOG_WARNING, errno, "large body can not be removed path=%s", path);
        }
        free(leftover);
        leftover = next;
    }
    spool_lock(spool);
}

static void wait_for_work(spool_keeper_t *keeper)
{
    spool_t *spool = keeper->spool;
    struct timespec until;
    apr_time_t due = now() + spool->io->retry;

    if (keeper->compact_after > now() && keeper->compact_after < due) {
        due = keeper->compact_after;
    }
    until.tv_sec = apr_time_sec(due);
    until.tv_nsec = apr_time_usec(due) * 1000;
    if (pthread_cond_timedwait(&keeper->wake, &spool->lock, &until) == ETIMEDOUT) {
        spool_unlock(spool);
        check_room(spool);
        spool_lock(spool);
    }
}

static void *keeper_main(void *baton)
{
    spool_keeper_t *keeper = baton;
    spool_t *spool = keeper->spool;

    check_room(spool);
    spool_lock(spool);
    for (;;) {
        if (must_prepare(keeper)) {
            prepare(keeper);
        } else if (spool->dead.first != NULL && now() >= keeper->remove_after) {
            bury(keeper);
        } else if (spool->leftovers != NULL) {
            clear_leftovers(keeper);
        } else if (keeper->is_ending) {
            break;
        } else if (now() >= keeper->compact_after && spool_compact_is_due(spool)) {
            spool_unlock(spool);
            spool_compact_slice(spool);
            spool_lock(spool);
        } else {
            wait_for_work(keeper);
        }
    }
    spool_unlock(spool);
    return NULL;
}

apr_status_t spool_keeper_start(spool_t *spool)
{
    spool_keeper_t *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL) {
        return APR_ENOMEM;
    }
    keeper->spool = spool;
    pthread_cond_init(&keeper->wake, NULL);
    pthread_cond_init(&keeper->copies_done, NULL);
    spool->keeper = keeper;
    spool_file_adopt_spares(keeper);
    keeper->is_started = pthread_create(&keeper->thread, NULL, keeper_main, keeper) == 0;
    return keeper->is_started ? APR_SUCCESS : EAGAIN;
}

/* Prepared and never used: a spare for the next process. */
static void give_back(spool_keeper_t *keeper)
{
    spool_segment_t *segment;

    while ((segment = spool_segment_pop(&keeper->spool->ready)) != NULL) {
        spool_file_remove(keeper, segment); /* else recovery finds it empty */
        spool_segment_destroy(segment);
    }
}

void spool_keeper_stop(spool_t *spool)
{
    spool_keeper_t *keeper = spool->keeper;

    if (keeper == NULL) {
        return;
    }
    if (keeper->is_started) {
        spool_lock(spool);
        keeper->is_ending = 1;
        spool_keeper_wake(spool);
        spool_unlock(spool);
        pthread_join(keeper->thread, NULL);
        give_back(keeper);
    }
    pthread_cond_destroy(&keeper->wake);
    pthread_cond_destroy(&keeper->copies_done);
    free(keeper);
    spool->keeper = NULL;
}
