/* retry.h - when a failed message is tried again, and when no more (message-flow.md G2 to G6)
 * SPDX-License-Identifier: Apache-2.0
 * Pure arithmetic on the loop's time. */
#ifndef QUEUE_RETRY_H
#define QUEUE_RETRY_H

#include <apr_time.h>
#include "conf/conf.h"

typedef struct {
    apr_interval_time_t interval, longest; /* retry_interval, max_retry_interval */
    apr_interval_time_t expiration;
    apr_int64_t limit; /* retries allowed; -1: time alone decides */
    int never;         /* never_retry */
} retry_rules_t;

typedef enum { RETRY_AGAIN, RETRY_TOO_OFTEN, RETRY_TOO_OLD } retry_verdict_t;

/** The rules of a view; "auto" is resolved into the number of retries that fit message_expiration. */
void retry_rules(retry_rules_t *rules, const conf_view_t *view);
/** Wait after failure `n` (1, 2, ...): interval * 2^(n-1), at most `longest`, at least a second. */
apr_interval_time_t retry_delay(const retry_rules_t *rules, int n);
/** How many retries of the schedule happen before a message is `expiration` old; -1: without end. */
apr_int64_t retry_count_fitting(const retry_rules_t *rules);
/** After failure `n` of a message of this age. */
retry_verdict_t retry_verdict(const retry_rules_t *rules, int n, apr_interval_time_t age);
#endif
