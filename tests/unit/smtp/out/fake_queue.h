/* fake_queue.h - a queue that hands out what the test gives it and writes down what it hears
 * SPDX-License-Identifier: Apache-2.0
 *
 * It stands in for server/queue when the test is linked. */
#ifndef TESTS_SMTP_OUT_FAKE_QUEUE_H
#define TESTS_SMTP_OUT_FAKE_QUEUE_H

#include "queue/queue.h"

enum { FAKE_ATTEMPTS_MAX = 16, FAKE_RESULTS_MAX = 64 };

typedef struct {
    char letter; /* D delivered, T transient, P permanent, ? in doubt, R released */
    int stage;
    char text[200], address[64];
    apr_size_t size;
} fake_result_t;

/** Forget everything; `conf` is the text of the configuration, addresses are the route (NULL-terminated, each
 * a host of its own, in order), `port` that of all. */
void fake_queue_start(const char *conf, const char *const *addresses, int port, apr_pool_t *pool);
/** An attempt for all recipients of the batch; takes the reference. */
void fake_queue_add(ec_batch_t *batch);
/** Open a session and keep its pointer for fake_queue_wake(). */
void fake_queue_open(void);
void fake_queue_wake(int is_closing);
/** The answer of queue_route() instead of a route. */
void fake_queue_route_fails(apr_status_t rv);
/** Hosts of the route, from the first, where a limit is reached; QUEUE_WAIT for all. */
void fake_queue_full(int n_hosts);
void fake_queue_wait(void);
/** After so many attempts there is no permission for another. */
void fake_queue_throttle(int attempts);
/** What permits the connection is gone: nothing may be sent, and, with `is_told`, the session hears of it. */
void fake_queue_cut(int is_told);
/** When it was last said that nothing of a connection is left; 0: never. */
apr_time_t fake_queue_over_at(void);
/** The mark comes back with this, and only after fake_queue_release_mark() when `is_held`. */
void fake_queue_mark(apr_status_t rv, int is_held);
void fake_queue_release_mark(void);
int fake_queue_is_marking(void);

/** "h" when all hosts were full, else "D9 T4 " of all results in order, "/" after each attempt, "u" for
 * unreachable with its letter and stage.
 */
const char *fake_queue_story(void);
const fake_result_t *fake_queue_result(int i);
int fake_queue_is_closed(void *baton);
int fake_queue_is_waiting(void *baton); /* has asked in vain */
/** How many attempts were marked. */
int fake_queue_marks(void);
#endif
