/* backend.c - the real spool and the real queues
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue.h"
#include "smtp/in/backend.h"
#include "smtp/in/smtp_in.h"

static int is_ready(void *baton)
{
    return spool_ready(baton);
}

static void store(void *baton, spool_request_t *request)
{
    spool_submit(baton, request);
}

/* Counted first: the account may never show a delivery of what was not received. */
static void accept_batch(void *baton, ec_batch_t *batch)
{
    account_add(ACCOUNT_received, ec_batch_recipients(batch));
    queue_accept(batch);
}

static int bind_batch(void *baton, ec_batch_t *batch)
{
    return queue_bind(batch);
}

void in_backend_of_spool(in_backend_t *backend, spool_t *spool)
{
    *backend = (in_backend_t){ spool, is_ready, store, accept_batch, spool_large_dir(spool), bind_batch };
}

apr_status_t smtp_in_start(spool_t *spool, ec_log_t *log, apr_pool_t *pool)
{
    in_backend_t backend;

    in_backend_of_spool(&backend, spool);
    return in_start(&backend, log, pool);
}
