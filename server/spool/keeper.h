/* keeper.h - the thread that keeps segments ready and clears away what is over
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOOL_KEEPER_H
#define SPOOL_KEEPER_H

#include <pthread.h>

#include "spool/store.h"

enum { SPOOL_READY = 1, SPOOL_SPARES = 2 };

struct spool_keeper {
    spool_t *spool;
    pthread_t thread;
    pthread_cond_t wake;          /* with spool->lock */
    int is_started, is_ending;
    apr_time_t prepare_after;     /* not before this time: the last attempt failed */
    apr_time_t remove_after;
    int has_remove_failed;
    apr_uint32_t spares[SPOOL_SPARES];    /* numbers of the spare files */
    int n_spares;
    /* compactor (compact.c) */
    apr_time_t compact_after;
    apr_uint32_t victim;          /* sequence of the segment being emptied */
    apr_uint32_t cursor;          /* index of the next reference in it */
    apr_uint32_t copies_out;      /* copies at the writer */
    pthread_cond_t copies_done;   /* with spool->lock */
    int is_compacting, is_compactor_ended;
    int is_paused;                /* a message could not be read */
    apr_uint32_t stuck;           /* segment with a damaged message: is left alone */
};

apr_status_t spool_keeper_start(spool_t *spool);
/** Any thread, with the lock held. */
void spool_keeper_wake(spool_t *spool);
/** Ends the thread; what is dead is removed first if it can be. */
void spool_keeper_stop(spool_t *spool);

/* ---- files (file.c); keeper thread, no lock held ------------------------------------- */

/** Make a segment file that is whole, synced and named, with the given sequence. */
apr_status_t spool_file_prepare(spool_keeper_t *keeper, apr_uint32_t sequence, spool_segment_t **segment);
/** The file is gone, or a spare. */
apr_status_t spool_file_remove(spool_keeper_t *keeper, const spool_segment_t *segment);
/** Take over what spare files an earlier process left, and remove half-made ones. */
void spool_file_adopt_spares(spool_keeper_t *keeper);

/* ---- compactor (compact.c); keeper thread --------------------------------------------- */

/** Is there something to be compacted?  With the lock held. */
int spool_compact_is_due(spool_t *spool);
/** Copy a slice of the oldest segment's live messages.  Without the lock. */
void spool_compact_slice(spool_t *spool);
/** Any thread: no copy is under way and none will be.  The writer must still run. */
void spool_compact_stop(spool_t *spool);

/** A copy on its way to the writer. */
typedef struct {
    spool_request_t request;
    spool_place_t from;
    apr_uint32_t index, n_rcpts;  /* place in the segment's references */
    ec_batch_t *batch;            /* as read */
    spool_rcpt_t *rcpts;          /* its recipients' states as read; texts in image and replies */
    spool_place_t *states;        /* where those were: the copy is void if they are elsewhere by now */
    char **replies;
    unsigned char *image;
    apr_uint32_t body_crc;
} spool_copy_t;
/** The ref that `copy` is of, if it is still there and unchanged; else NULL.  Writer. */
spool_ref_t *spool_compact_check(spool_t *spool, const spool_copy_t *copy);
/** Writer: the copy is over.  Frees it. */
void spool_compact_finish(spool_t *spool, spool_copy_t *copy);

#endif
