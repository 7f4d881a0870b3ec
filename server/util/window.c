/* window.c - uses of the last window, in parts
 * SPDX-License-Identifier: Apache-2.0
 *
 * A use at any moment of part p rests until part p + 130 begins: 129 to 130 parts.  So 130 parts are alive
 * at once, in a ring. */
#include <string.h>

#include <ec/status.h>
#include <ec/window.h>

enum { RING = EC_WINDOW_PARTS + 2 };

static apr_uint32_t *part_of(ec_window_t *window, apr_int64_t number)
{
    return &window->used[number % RING];
}

void ec_window_init(ec_window_t *window, apr_interval_time_t length, apr_time_t now)
{
    EC_ASSERT(length > 0 && now >= 0);
    memset(window, 0, sizeof(*window));
    window->part = (length + EC_WINDOW_PARTS - 1) / EC_WINDOW_PARTS;
    window->first = now / window->part;
}

apr_int64_t ec_window_age(ec_window_t *window, apr_time_t now)
{
    apr_int64_t current = now / window->part, before = window->total;

    while (window->total > 0 && window->first <= current - RING) {
        apr_uint32_t *ended = part_of(window, window->first++);

        window->total -= *ended;
        *ended = 0;
    }
    if (window->total == 0 && window->first < current) { /* all parts are empty */
        window->first = current;
    }
    while (window->first < current && *part_of(window, window->first) == 0) {
        window->first++;
    }
    return before - window->total;
}

void ec_window_use(ec_window_t *window, apr_time_t now, apr_uint32_t n)
{
    apr_int64_t current = now / window->part;

    if (current < window->first) {
        current = window->first;
    }
    EC_ASSERT(current < window->first + RING);
    *part_of(window, current) += n;
    window->total += n;
}

void ec_window_unuse(ec_window_t *window, apr_time_t when, apr_time_t now)
{
    apr_int64_t current = now / window->part;
    apr_uint32_t *present = part_of(window, current);

    if (window->total == 0) { /* it has rested to its end */
        return;
    }
    if (when / window->part == current && *present > 0) {
        --*present;
    } else {
        --*part_of(window, window->first);
    }
    window->total--;
    ec_window_age(window, now);
}

int ec_window_move(ec_window_t *window, apr_time_t when, apr_time_t to)
{
    apr_int64_t from = when / window->part;

    if (window->total == 0 || from < window->first) {
        return 0;
    }
    if (*part_of(window, from) == 0) { /* it stands for another that was taken back */
        from = window->first;
    }
    --*part_of(window, from);
    ++*part_of(window, to / window->part);
    return 1;
}

apr_time_t ec_window_next(const ec_window_t *window)
{
    return window->total == 0 ? 0 : (window->first + RING) * window->part;
}
