/* retry.c - when a failed message is tried again, and when no more
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/retry.h"

enum {
    MAX_RETRIES_AUTO = -1, /* words of the option max_retries, as EC_TYPE_ENUM_INT gives them */
    MAX_RETRIES_NONE = -2
};

/* An option of 0 seconds would try without pause. */
static const apr_interval_time_t delay_least = APR_USEC_PER_SEC;

static apr_interval_time_t delay_longest(const retry_rules_t *rules)
{
    return rules->longest > delay_least ? rules->longest : delay_least;
}

apr_interval_time_t retry_delay(const retry_rules_t *rules, int n)
{
    apr_interval_time_t longest = delay_longest(rules);
    apr_interval_time_t delay = rules->interval > delay_least ? rules->interval : delay_least;

    for (int i = 1; i < n && delay < longest; i++) {
        delay *= 2;
    }
    return delay < longest ? delay : longest;
}

apr_int64_t retry_count_fitting(const retry_rules_t *rules)
{
    apr_interval_time_t longest = delay_longest(rules), left = rules->expiration;
    apr_int64_t count = 0;

    for (int n = 1;; n++) {
        apr_interval_time_t delay = retry_delay(rules, n);

        if (delay >= longest) {
            return count + left / longest;
        }
        if (delay > left) {
            return count;
        }
        left -= delay;
        count++;
    }
}

void retry_rules(retry_rules_t *rules, const conf_view_t *view)
{
    apr_int64_t limit = conf_int(view, CONF_O_MAX_RETRIES);

    *rules = (retry_rules_t){
        .interval = conf_interval(view, CONF_O_RETRY_INTERVAL),
        .longest = conf_interval(view, CONF_O_MAX_RETRY_INTERVAL),
        .expiration = conf_interval(view, CONF_O_MESSAGE_EXPIRATION),
        .never = conf_int(view, CONF_O_NEVER_RETRY) != 0,
    };
    rules->limit = limit == MAX_RETRIES_AUTO   ? retry_count_fitting(rules)
                   : limit == MAX_RETRIES_NONE ? -1
                                               : limit;
}

retry_verdict_t retry_verdict(const retry_rules_t *rules, int n, apr_interval_time_t age)
{
    if (rules->never) {
        return RETRY_TOO_OFTEN;
    }
    if (age >= rules->expiration) {
        return RETRY_TOO_OLD;
    }
    return rules->limit >= 0 && n > rules->limit ? RETRY_TOO_OFTEN : RETRY_AGAIN;
}
