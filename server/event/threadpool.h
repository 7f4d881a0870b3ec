/* threadpool.h - thread pools as the rest of this room sees them
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_THREADPOOL_H
#define EVENT_THREADPOOL_H

#include <ec/job.h>

/** Make the built-in pools. */
void threadpool_create_all(void);
/** Wait until no pool has a job queued or at work; what `done` is owed is posted by then. */
void threadpool_wait_all(void);
/** Join all threads and forget all pools; there must be no jobs left. */
void threadpool_destroy_all(void);
/** Jobs of all pools whose `work` or `done` has not run yet. */
int threadpool_outstanding(void);

#endif
