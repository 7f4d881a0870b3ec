/* counts.h - one key of a series: how often, in each of the last windows
 * SPDX-License-Identifier: Apache-2.0
 *
 * A ring: the window with number n has place n % windows.  A number is time since 1970 by the interval, so it is the same
 * after a restart and on other nodes.  Pure.  Thread: the owner's. */
#ifndef SERIES_COUNTS_H
#define SERIES_COUNTS_H

#include <apr_time.h>

#include "series/keys.h"

typedef struct {
    struct keys_item in;
    util_link_t change;  /* in the list of those that others have not been told */
    apr_int64_t newest;  /* number of the last window that counts */
    apr_uint32_t count[];
} counts_t;

/** `n` more in the window `number`; what falls out at the old end is forgotten.  Of a window that has fallen out: nothing. */
void counts_add(counts_t *counts, int windows, apr_int64_t number, apr_uint32_t n);
/** Up to `n` less, from the newest window on; returns how many. */
apr_uint64_t counts_take(counts_t *counts, int windows, apr_int64_t present, apr_uint32_t n);
/** Sum of the windows `first` to `last` before the present one (0: it); what lies in the future is of the present. */
apr_uint64_t counts_sum(const counts_t *counts, int windows, apr_int64_t present, int first, int last);
/** Is there nothing any more that counts? */
int counts_are_over(const counts_t *counts, int windows, apr_int64_t present);

/** All of it, the newest window first, and back. */
void counts_write(const counts_t *counts, int windows, apr_uint32_t *list);
void counts_read(counts_t *counts, int windows, apr_int64_t newest, const apr_uint32_t *list);

#endif
