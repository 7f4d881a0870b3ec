/* failure.c - when the log can not be written
 * SPDX-License-Identifier: Apache-2.0
 *
 * After a failed write or sync nobody knows what of the commit is on disk: the kernel may
 * have dropped the pages and call them clean.  So the segment is written to no more; it ends
 * where the last good commit ended, and the next segment begins with a seal that says so:
 * recovery then counts nothing behind that.  The commit is tried once more in the next segment.
 * If that fails, too, what needs an answer now is refused (new messages, marks: the caller
 * can do without); results (STATE, DROP) wait until they can be written.  After a pause (a second) the
 * writer tries again.  The records are overwritten as well, but whether that reaches such a disk
 * nobody knows: if power is lost before a seal could be written, a message that was refused
 * may come back: a duplicate, never a loss. */
#include <stdio.h>
#include <stdlib.h>

#include "spool/writer.h"

void spool_writer_add_seal(spool_writer_t *writer, apr_uint32_t sequence, apr_size_t end)
{
    if (writer->n_seals == writer->room_seals) {
        apr_size_t room = writer->room_seals == 0 ? 8 : writer->room_seals * 2;
        spool_seal_t *seals = realloc(writer->seals, room * sizeof *seals);

        EC_ASSERT(seals != NULL);
        writer->seals = seals;
        writer->room_seals = room;
    }
    writer->seals[writer->n_seals++] = (spool_seal_t){ sequence, (apr_uint32_t)end };
}

/* The commit's requests are the first to do again, in their order. */
static void put_back(spool_writer_t *writer)
{
    spool_queue_t again = { NULL, NULL, 0 };
    spool_request_t *request;

    for (apr_size_t i = 0; i < writer->commit.n_plans; i++) {
        request = writer->commit.plans[i].request;
        if ((int)request->verb == SPOOL_COPY) {
            spool_compact_finish(writer->spool, (spool_copy_t *)request);
        } else {
            spool_queue_push(&again, request);
        }
    }
    writer->commit.n_plans = 0;
    while ((request = spool_queue_pop(&writer->todo)) != NULL) {
        spool_queue_push(&again, request);
    }
    writer->todo = again;
}

void spool_writer_refuse(spool_writer_t *writer, apr_status_t rv)
{
    spool_queue_t kept = { NULL, NULL, 0 };
    spool_request_t *request;

    while ((request = spool_queue_pop(&writer->todo)) != NULL) {
        if (request->verb == SPOOL_STORE || request->verb == SPOOL_MARK) {
            spool_complete(writer->spool, request, rv);
        } else {
            spool_queue_push(&kept, request);
        }
    }
    writer->todo = kept;
}

static void declare(spool_writer_t *writer, apr_status_t rv)
{
    spool_t *spool = writer->spool;
    char text[120];

    if (rv != writer->failed_rv) {
        ec_strerror(rv, text, sizeof text);
        spool_lock(spool);
        snprintf(spool->last_error, sizeof spool->last_error, "%s", ec_strerror(rv, text, sizeof text));
        spool_unlock(spool);
        ec_log_rv(spool->log, EC_LOG_CRITICAL, rv,
                  "spool can not be written, new messages are refused until it can: see to the disk dir=%s",
                  spool->dir);
    }
    writer->failed_rv = rv;
    __atomic_store_n(&spool->is_failed, 1, __ATOMIC_SEQ_CST);
    spool_writer_refuse(writer, rv);
}

/* If this reaches the disk the seal is not even needed. */
static void wipe(spool_writer_t *writer)
{
    const spool_commit_t *commit = &writer->commit;
    const spool_io_t *io = writer->spool->io;
    int fd = commit->segment->fd;

    if (spool_io_zero(io, fd, commit->start, commit->at - commit->start) == APR_SUCCESS &&
        writer->spool->is_synced) {
        io->fdatasync(fd); /* nobody can say what a success would be worth now */
    }
}

void spool_writer_failed(spool_writer_t *writer, apr_status_t rv)
{
    wipe(writer);
    put_back(writer);
    spool_writer_roll(writer);
    if (++writer->failures > 1) {
        writer->retry_at = apr_time_now() + writer->spool->io->retry;
        declare(writer, rv);
    } else {
        ec_log_rv(writer->spool->log, EC_LOG_ERROR, rv,
                  "spool segment can not be written, going on in the next one");
    }
}

void spool_writer_starved(spool_writer_t *writer, apr_status_t rv)
{
    writer->retry_at = 0; /* as soon as the keeper has a segment */
    declare(writer, rv);
}

void spool_writer_works(spool_writer_t *writer)
{
    spool_t *spool = writer->spool;

    writer->failures = 0;
    if (writer->failed_rv == APR_SUCCESS) {
        return;
    }
    writer->failed_rv = APR_SUCCESS;
    spool_lock(spool);
    spool->last_error[0] = '\0';
    spool_unlock(spool);
    __atomic_store_n(&spool->is_failed, 0, __ATOMIC_SEQ_CST);
    ec_log(spool->log, EC_LOG_NOTICE, "spool works again, new messages are taken dir=%s", spool->dir);
}
