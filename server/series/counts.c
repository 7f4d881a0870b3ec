/* counts.c - one key of a series: how often, in each of the last windows
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "series/counts.h"

static apr_uint32_t *place_of(counts_t *counts, int windows, apr_int64_t number)
{
    return &counts->count[number % windows];
}

/* The ring goes on to `number`. */
static void move_on(counts_t *counts, int windows, apr_int64_t number)
{
    if (number - counts->newest >= windows) {
        memset(counts->count, 0, (apr_size_t)windows * sizeof(counts->count[0]));
        counts->newest = number;
    }
    while (counts->newest < number)
        *place_of(counts, windows, ++counts->newest) = 0;
}

void counts_add(counts_t *counts, int windows, apr_int64_t number, apr_uint32_t n)
{
    apr_uint32_t *place;

    move_on(counts, windows, number);
    if (number <= counts->newest - windows)
        return;
    place = place_of(counts, windows, number);
    *place = n > APR_UINT32_MAX - *place ? APR_UINT32_MAX : *place + n;
}

/* Windows that are there and in force, oldest and newest; returns whether there are any. */
static int bounds(const counts_t *counts, int windows, apr_int64_t from, apr_int64_t to, apr_int64_t *low,
                  apr_int64_t *high)
{
    *low = from > counts->newest - windows ? from : counts->newest - windows + 1;
    *high = to < counts->newest ? to : counts->newest;
    if (*low < 0)
        *low = 0;
    return *low <= *high;
}

apr_uint64_t counts_take(counts_t *counts, int windows, apr_int64_t present, apr_uint32_t n)
{
    apr_int64_t low, high;
    apr_uint64_t taken = 0;

    if (!bounds(counts, windows, present - windows + 1, counts->newest, &low, &high))
        return 0;
    for (; high >= low && taken < n; high--) {
        apr_uint32_t *place = place_of(counts, windows, high);
        apr_uint32_t some = *place < n - taken ? *place : (apr_uint32_t)(n - taken);

        *place -= some;
        taken += some;
    }
    return taken;
}

apr_uint64_t counts_sum(const counts_t *counts, int windows, apr_int64_t present, int first, int last)
{
    apr_int64_t low, high;
    apr_uint64_t sum = 0;

    if (last >= windows)
        last = windows - 1;
    if (first > last ||
        !bounds(counts, windows, present - last, first <= 0 ? counts->newest : present - first, &low, &high))
        return 0;
    for (; low <= high; low++)
        sum += counts->count[low % windows];
    return sum;
}

int counts_are_over(const counts_t *counts, int windows, apr_int64_t present)
{
    return counts_sum(counts, windows, present, 0, windows - 1) == 0;
}

void counts_write(const counts_t *counts, int windows, apr_uint32_t *list)
{
    for (int i = 0; i < windows; i++)
        list[i] = counts->newest >= i ? counts->count[(counts->newest - i) % windows] : 0;
}

void counts_read(counts_t *counts, int windows, apr_int64_t newest, const apr_uint32_t *list)
{
    counts->newest = newest;
    memset(counts->count, 0, (apr_size_t)windows * sizeof(counts->count[0]));
    for (int i = 0; i < windows && i <= newest; i++)
        *place_of(counts, windows, newest - i) = list[i];
}
