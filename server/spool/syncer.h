/* syncer.h - bodies that are files are on disk before the writer sees their message
 * SPDX-License-Identifier: Apache-2.0
 *
 * Syncing a large file takes long; on a thread of its own it does not hold up the commits
 * of all others. */
#ifndef SPOOL_SYNCER_H
#define SPOOL_SYNCER_H

#include "spool/store.h"

/** Goes with the STORE of a message whose body is a file. */
typedef struct {
    apr_uint32_t crc;
    char *path;                   /* of a file made here from a body in memory; NULL: the batch has one */
} spool_large_t;

apr_status_t spool_syncer_start(spool_t *spool);
/** All that was handed over has been passed on; ends the thread. */
void spool_syncer_stop(spool_t *spool);

/** Is this the STORE of a body that goes into a file? */
int spool_is_large(const spool_t *spool, const spool_request_t *request);
/** Any thread.  The request goes on to the writer, or is completed with an error. */
void spool_syncer_push(spool_t *spool, spool_request_t *request);

/** What the syncer attached; NULL for all other requests. */
spool_large_t *spool_large_of(const spool_request_t *request);
/** The STORE is over: frees that.  A file that was made for nothing is removed. */
void spool_large_finish(spool_request_t *request, apr_status_t rv);

#endif
