/* throttle.h - rates for the whole cluster: never more than n in any window, anywhere
 * SPDX-License-Identifier: Apache-2.0
 *
 * A rate of n in T seconds is n units, each good for one message in any T.  They are
 * granted like slots (limit.h): a unit is *used* from the message until T later, and
 * only unused ones go back.  So the sum over all nodes is exact in every window, also
 * while units move.  Units that a departed node may have used just now come tainted:
 * they count as used from when they came.
 *
 * How long a unit rests, to the part of a window: ec/window.h.
 *
 * Thread: the one that drives the replica. */
#ifndef CLUSTER_THROTTLE_THROTTLE_H
#define CLUSTER_THROTTLE_THROTTLE_H

#include <ec/window.h>

#include "cluster/limit/client.h"

struct throttle_rate {
    limit_client_t *client;
    struct limit_client_key *key;
    ec_window_t window;
    apr_uint32_t tainted; /* used by others, perhaps just before they came */
};

/** For limit_client_init() of the client over a throttle_machine state; its baton is not used. */
extern const struct limit_client_events throttle_events;

/** Begins a rate of `limit` in `window`.  Keeps all. */
void throttle_rate_init(struct throttle_rate *rate, limit_client_t *client, const char *key,
                        apr_size_t length, apr_uint32_t limit, apr_time_t window, apr_time_t now);
/** Returns whether one may be sent now; then it counts. */
int throttle_take(struct throttle_rate *rate, apr_time_t now);
/** How many could be sent if there were units: what is asked for.  Also lets old uses end. */
void throttle_want(struct throttle_rate *rate, apr_uint32_t count, apr_time_t now);
/** When the next use ends; 0: nothing is used. */
apr_time_t throttle_next(const struct throttle_rate *rate);

#endif
