/* window.h - what was used in the last while: never more than n in any window
 * SPDX-License-Identifier: Apache-2.0
 *
 * A rate of n in T seconds is n units, each good for one use in any T: after a use the unit rests.  Time is
 * counted in 128 parts of a window, and a unit rests for at least one part more than a window, so no window
 * of time, wherever it begins, holds more than n uses, and at most 2/128 of the rate is not used.  Where the
 * clock is one of several that only agree nearly, it may be faster than real time by 1/128.
 *
 * Pure arithmetic: the caller says what time it is, by a clock that never goes back.  Thread: the owner's. */
#ifndef EC_WINDOW_H
#define EC_WINDOW_H

#include <apr.h>
#include <apr_time.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EC_WINDOW_PARTS = 128 };

typedef struct {
    apr_interval_time_t part; /* length of one */
    apr_int64_t first;        /* number of the oldest part that has uses, or of the present one */
    apr_int64_t total;        /* uses that rest */
    apr_uint32_t used[EC_WINDOW_PARTS + 2];
} ec_window_t;

/** Nothing was used. */
void ec_window_init(ec_window_t *window, apr_interval_time_t length, apr_time_t now);
/** Uses of more than a window ago have ended: returns how many since the last call. */
apr_int64_t ec_window_age(ec_window_t *window, apr_time_t now);
/** `n` uses now, after ec_window_age() at the same time. */
void ec_window_use(ec_window_t *window, apr_time_t now, apr_uint32_t n);
/** One use, counted at `when`, did not happen.  In the part of time in which it was counted that is exact;
 * later the oldest of the others takes its place, so that still none rests too short.  After ec_window_age().
 */
void ec_window_unuse(ec_window_t *window, apr_time_t when, apr_time_t now);
/** One use, counted at `when`, was at `to`, which is not earlier.  Returns 0, and changes nothing, when it
 * has ended. After ec_window_age(). */
int ec_window_move(ec_window_t *window, apr_time_t when, apr_time_t to);
/** When the oldest uses end; 0: there is none.  After ec_window_age(). */
apr_time_t ec_window_next(const ec_window_t *window);

#ifdef __cplusplus
}
#endif
#endif
