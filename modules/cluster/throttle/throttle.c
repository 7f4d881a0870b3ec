/* throttle.c - rates for the whole cluster: never more than n in any window, anywhere
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/machine/mutant.h"
#include "cluster/throttle/throttle.h"

/* Uses of more than a window ago have ended. */
static void age(struct throttle_rate *rate, apr_time_t now)
{
    for (apr_int64_t ended = ec_window_age(&rate->window, now); ended > 0; ended--)
        limit_client_put(rate->client, rate->key);
    if (rate->tainted > 0)
        ec_window_use(&rate->window, now, rate->tainted);
    rate->tainted = 0;
}

static void on_gained(void *baton, struct limit_client_key *key)
{
}

static void on_count(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    /* what was sent can not be taken back; it counts until its window is over */
}

static void on_tainted(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    struct throttle_rate *rate = key->user;

    if (rate == NULL)
        return;
    /* from when they are next looked at: later than they came, never before */
    key->used += count;
    rate->tainted += count;
}

const struct limit_client_events throttle_events = { on_gained, on_count, on_count, on_tainted };

void throttle_rate_init(struct throttle_rate *rate, limit_client_t *client, const char *key,
                        apr_size_t length, apr_uint32_t limit, apr_time_t window, apr_time_t now)
{
    memset(rate, 0, sizeof(*rate));
    rate->client = client;
    ec_window_init(&rate->window, window, now);
    rate->key = limit_client_key(client, key, length, limit, LIMIT_STRICT);
    rate->key->user = rate;
}

int throttle_take(struct throttle_rate *rate, apr_time_t now)
{
    age(rate, now);
    if (!limit_client_take(rate->client, rate->key, now))
        return 0;
    if (is_mutant(NO_AGING))
        limit_client_put(rate->client, rate->key);
    else
        ec_window_use(&rate->window, now, 1);
    return 1;
}

void throttle_want(struct throttle_rate *rate, apr_uint32_t count, apr_time_t now)
{
    age(rate, now);
    /* units that are used now and what is waiting; never more than the rate */
    count = count < LIMIT_MAX - rate->key->used ? count + rate->key->used : LIMIT_MAX;
    limit_client_want(rate->client, rate->key, count < rate->key->limit ? count : rate->key->limit);
}

apr_time_t throttle_next(const struct throttle_rate *rate)
{
    return ec_window_next(&rate->window);
}
