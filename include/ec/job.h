/* job.h - thread pools for work that blocks
 * SPDX-License-Identifier: Apache-2.0
 *
 * The built-in pools have the documented names and sizes (message-flow.md N2):
 * IO 50, CPU 4, SwapIn 5, SwapOut 5, SpoolIn 1.  Threads start when first needed. */
#ifndef EC_JOB_H
#define EC_JOB_H

#include <ec/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_threadpool ec_threadpool_t;
typedef struct ec_job ec_job_t;
typedef void ec_job_fn(void *baton);

/** Embed one in whatever the job is about; keep it in place until `done` starts. */
struct ec_job {
    ec_job_t *next;
    ec_job_fn *work;       /* on a pool thread; may block */
    ec_job_fn *done;       /* afterwards on the loop that ran the job; may be NULL */
    void *baton;
    ec_loop_t *loop;
    ec_post_t post;
};

/** Find a pool by its configured name (case-insensitive), or NULL. */
ec_threadpool_t *ec_threadpool_find(const char *name);

/** Queue a job (first in, first out).  Keeps `job` until `done` starts, or, without
 * `done`, until `work` returns (one in an instance holds it: ec_instance_hold() in module.h).  `done` runs once on `loop`.  `loop` may be NULL only
 * without `done`.  Any thread.  Never blocks. */
void ec_job_run(ec_threadpool_t *pool, ec_loop_t *loop, ec_job_t *job, ec_job_fn *work, ec_job_fn *done,
                void *baton);

#ifdef __cplusplus
}
#endif
#endif
