/* commit.h - one commit: what gathered, as one write and one sync
 * SPDX-License-Identifier: Apache-2.0
 *
 * Heads and metas are built in a scratch area that does not move while a commit is built;
 * bodies are written from where they are.  Writer thread. */
#ifndef SPOOL_COMMIT_H
#define SPOOL_COMMIT_H

#include "spool/keeper.h"
#include "spool/store.h"

/** The private verbs follow the public ones. */
enum { SPOOL_COPY = SPOOL_DROP + 1, SPOOL_VERBS };

/** Nothing behind `end` in segment `sequence` counts. */
typedef struct {
    apr_uint32_t sequence, end;
} spool_seal_t;

/** A request and where its record will be. */
typedef struct {
    spool_request_t *request;
    apr_uint32_t offset, length;
} spool_plan_t;

typedef struct {
    spool_t *spool;
    spool_segment_t *segment;
    apr_size_t start, at;         /* of the commit; of its next record */
    unsigned char *scratch;
    apr_size_t used, room;        /* of the scratch area */
    struct iovec *iov;
    int n_iov, room_iov;
    spool_plan_t *plans;
    apr_size_t n_plans, room_plans;
} spool_commit_t;

typedef enum {
    SPOOL_ADDED,
    SPOOL_COMMIT_FULL,            /* write this one, then come again */
    SPOOL_SEGMENT_FULL,
    SPOOL_TOO_LONG                /* fits no segment */
} spool_add_t;

void spool_commit_begin(spool_commit_t *commit, spool_t *spool, spool_segment_t *segment);
spool_add_t spool_commit_add(spool_commit_t *commit, spool_request_t *request, apr_size_t margin);
/** Returns 0 when there is no room for it. */
int spool_commit_seal(spool_commit_t *commit, const spool_seal_t *seal);
/** Write and sync.  APR_SUCCESS: it is on disk. */
apr_status_t spool_commit_write(spool_commit_t *commit);
/** After that: what the records say holds from now on.  Takes the lock. */
void spool_commit_apply(spool_commit_t *commit);
void spool_commit_free(spool_commit_t *commit);

#endif
