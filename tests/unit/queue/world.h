/* world.h - a small world around the queues: a spool in memory, a transport by script, a virtual clock
 * SPDX-License-Identifier: Apache-2.0
 *
 * The spool here checks what the real one relies on: no request about a settled recipient, one request per
 * recipient at a time.  The transport connects after `connect_delay`, takes, marks, waits `reply_delay`, and
 * gives what `script` says.  One world per process. */
#ifndef TESTS_QUEUE_WORLD_H
#define TESTS_QUEUE_WORLD_H

#include <ec/hook.h>

#include "event/runtime.h"
#include "queue/inside.h"

typedef struct {
    /* knobs */
    int can_connect;
    const char *connect_error; /* text when it can not */
    queue_outcome_t connect_outcome;
    apr_status_t dns_rv; /* answer of every look-up */
    const char *binding, *group; /* what new mail is to leave by; NULL: nothing said */
    apr_interval_time_t connect_delay, reply_delay, idle_timeout;
    apr_interval_time_t heard_after; /* receivers see so much later that a connection is closed */
    void (*script)(const queue_attempt_t *attempt, int i, queue_result_t *result); /* NULL: delivered */
    apr_status_t fail[SPOOL_DROP + 1]; /* what requests of a verb come back with */
    apr_status_t fail_load;

    /* what happened */
    int opened, open_now, most_open, lookups;
    int attempts, largest_attempt;
    int requests[SPOOL_DROP + 1], loads;
    int open_recipients; /* in the spool */
    int receptions, deliveries, transients, permanents;
    ec_event_t last; /* newest T, P or D; its texts are below */
    char text[2048], recipient[400];
    apr_time_t when[64]; /* of the first transient failures */
    ec_batch_t *bounce;  /* newest batch made here; a reference */
} world_t;

extern world_t world;

/** Loops, configuration, queues; time starts at `world_epoch`. */
extern const apr_time_t world_epoch;
void world_start(const char *conf, int loops, apr_pool_t *pool);
void world_configure(const char *conf);
/** Stop the queues, check the account, end the runtime. */
void world_stop(void);

/** Store a message and hand it over.  Recipients are separated by spaces.  Loop 0. */
ec_batch_t *world_mail(const char *sender, const char *recipients);
/** As world_mail() for "r0@domain" ... with `n` recipients. */
void world_mail_many(const char *sender, const char *domain, int n);
/** Let `seconds` pass. */
void world_pass(double seconds);
/** Until nothing is queued, at most `seconds`; returns what is still queued. */
apr_int64_t world_settle(double seconds);
apr_int64_t world_residual(void);
queue_t *world_queue(const char *domain);
queue_t *world_queue_of(const char *group, const char *binding, const char *domain);
/** Give what the spool holds to queue_recover(), as if the process had just started. */
void world_recover(void);
/** Put a message into the spool as the last process left it. */
void world_keep(ec_batch_t *batch, int attempts, apr_time_t next, int is_in_doubt);
/** Open recipients whose last record is a mark: what the next start would call in doubt. */
int world_marked(void);

#endif
