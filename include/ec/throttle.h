/* throttle.h - named throttles: so many in a while, on all nodes of the cluster together
 * SPDX-License-Identifier: Apache-2.0
 *
 * A throttle has a name, and allows `limit` uses in any window of time, wherever it begins: exactly, over all loops of the
 * server and over all nodes of its subcluster (the units of the rate are granted and leased like those of the documented cluster
 * limits).  A server without a cluster has all of them; one that has lost its cluster has none when its lease is over.
 *
 *     throttle = ec_throttle_open("lookups", 100, apr_time_from_sec(1), on_told, self);
 *     if (ec_throttle_take(throttle, NULL))
 *         look_up(self);
 *     else
 *         ...                                      on_told will be called: try again then
 *
 * `cluster shared show shared_named_throttles` shows them.
 *
 * Thread: a handle belongs to the loop on which it was opened, with all of its calls.  Several handles of one name, on one loop
 * or on many, are uses of one throttle; those who wait get their turns in the order in which they began to. */
#ifndef EC_THROTTLE_H
#define EC_THROTTLE_H

#include <apr.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EC_THROTTLE_NAME_MAX = 255,      /* bytes */
    EC_THROTTLE_LIMIT_MAX = 0x7fffffff,
    EC_THROTTLE_WINDOW_MIN = 1000    /* microseconds */
};

typedef struct ec_named_throttle ec_named_throttle_t;

/** After a take that failed: one may succeed now; what it is about is kept for this handle for some milliseconds.  On the
 * handle's loop, never inside one of these calls; may call all of them. */
typedef void ec_throttle_told_fn(void *baton);

/** A use of the throttle `name` (1 to EC_THROTTLE_NAME_MAX bytes, copied): `limit` (1 to EC_THROTTLE_LIMIT_MAX) in a `window`
 * of microseconds (at least EC_THROTTLE_WINDOW_MIN).  When it is in use with other numbers these count from now on; all nodes
 * should say the same (of different limits the least counts; different windows are different throttles).  Keeps `told`, which
 * may be NULL, and `baton`.  NULL: an argument is out of its bounds, or this is no loop's thread. */
ec_named_throttle_t *ec_throttle_open(const char *name, apr_int64_t limit, apr_interval_time_t window,
                                ec_throttle_told_fn *told, void *baton);
/** Ends the handle; `told` runs no more.  What was taken rests on. */
void ec_throttle_close(ec_named_throttle_t *throttle);

/** One use.  1: now.  0: not now, and the handle waits for one.  Then `*wait` (may be NULL) is how long, in microseconds, until
 * a use of this node has rested, 0 if that is not known: the others may have one to give sooner, and others may wait before us. */
int ec_throttle_take(ec_named_throttle_t *throttle, apr_interval_time_t *wait);
/** So many more could be used now: who says it before it takes them one by one gets them from other nodes at once.  0: none is
 * waited for any more. */
void ec_throttle_want(ec_named_throttle_t *throttle, apr_int64_t count);

#ifdef __cplusplus
}
#endif
#endif
