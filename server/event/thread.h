/* thread.h - start a thread the way this server wants them
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENT_THREAD_H
#define EVENT_THREAD_H

#include <pthread.h>

#include <apr.h>
#include <apr_errno.h>

typedef void event_thread_fn(void *baton);

/** Run `fn(baton)` on a new joinable thread called `name` (cut to 15 characters).  It
 * blocks the signals that are the master loop's.  `stack_size` 0: the default. */
apr_status_t event_thread_start(pthread_t *thread, const char *name, apr_size_t stack_size,
                                event_thread_fn *fn, void *baton);

#endif
