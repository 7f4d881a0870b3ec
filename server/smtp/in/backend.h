/* backend.h - what a reception needs from the rooms below, so that tests can take their place
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTP_IN_BACKEND_H
#define SMTP_IN_BACKEND_H

#include "spool/spool.h"

/** Constant while sessions exist; called on any loop. */
typedef struct {
    void *baton;
    /** May new messages be stored? */
    int (*is_ready)(void *baton);
    /** As spool_submit(). */
    void (*store)(void *baton, spool_request_t *request);
    /** A stored batch goes to the queues: counts it as received and borrows it. */
    void (*accept)(void *baton, ec_batch_t *batch);
    /** Where large bodies go while they arrive; NULL keeps them in memory. */
    const char *large_dir;
    /** As queue_bind(), before `store`.  NULL: bindings are nothing here. */
    int (*bind)(void *baton, ec_batch_t *batch);
} in_backend_t;

/** The real one. */
void in_backend_of_spool(in_backend_t *backend, spool_t *spool);

/** smtp_in_start() with any backend (copied). */
apr_status_t in_start(const in_backend_t *backend, ec_log_t *log, apr_pool_t *pool);

#endif
