/* writer.h - the thread that owns the log
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOOL_WRITER_H
#define SPOOL_WRITER_H

#include "spool/commit.h"

struct spool_writer {
    spool_t *spool;
    pthread_t thread;
    int is_started;
    spool_segment_t *head;        /* that is written to; NULL: the next one is not there yet */
    spool_queue_t todo;           /* requests taken from the inbox */
    spool_queue_t copies;         /* the compactor's: in commits of their own */
    spool_commit_t commit;
    spool_seal_t *seals;          /* to be written first in the next segment */
    apr_size_t n_seals, room_seals;
    int failures;                 /* commits that failed one after the other */
    apr_status_t failed_rv;       /* why is_failed */
    apr_time_t retry_at;
};

apr_status_t spool_writer_start(spool_t *spool);
/** Everything in the inbox has been written (or has failed); ends the thread. */
void spool_writer_stop(spool_t *spool);

/** The segment that is written to ends here; writer thread. */
void spool_writer_roll(spool_writer_t *writer);

/* ---- failure.c: writer thread ----------------------------------------------------------- */

/** A commit of `writer->commit` did not succeed: none of it may ever count. */
void spool_writer_failed(spool_writer_t *writer, apr_status_t rv);
/** No segment can be had. */
void spool_writer_starved(spool_writer_t *writer, apr_status_t rv);
/** Something was written. */
void spool_writer_works(spool_writer_t *writer);
/** Put down where a segment ends, for the next one to tell. */
void spool_writer_add_seal(spool_writer_t *writer, apr_uint32_t sequence, apr_size_t end);
/** Answer at once what can not wait: new messages and marks. */
void spool_writer_refuse(spool_writer_t *writer, apr_status_t rv);

#endif
