/* clock.c - until when this node may use what it holds, by its own clock
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/lease/clock.h"
#include "cluster/machine/mutant.h"

/* A renewal is begun so often in a window; one may be lost to a slow moment. */
enum { BEATS_PER_WINDOW = 6 };

void lease_clock_init(struct lease_clock *clock, apr_time_t window, apr_time_t margin)
{
    memset(clock, 0, sizeof(*clock));
    clock->window = window;
    clock->margin = margin;
}

void lease_clock_sent(struct lease_clock *clock, apr_time_t now, int may_probe)
{
    clock->sent++;
    clock->last_sent = now;
    if (may_probe && clock->probe == 0) {
        clock->probe = clock->sent;
        clock->probe_sent = now;
        clock->probe_seen = 0;
    }
}

void lease_clock_applied(struct lease_clock *clock, int is_good)
{
    clock->delivered++;
    if (!is_good) {
        lease_clock_broken(clock);
    } else if (clock->probe == 0 || clock->delivered < clock->probe) {
        return;
    } else if (clock->probe_seen == 0) {
        clock->probe_seen = clock->sent;
        if (is_mutant(SELF_IS_PROOF))
            clock->until = clock->probe_sent + clock->window;
    } else if (clock->delivered > clock->probe_seen) {
        if (clock->probe_sent + clock->window > clock->until)
            clock->until = clock->probe_sent + clock->window;
        clock->probe = 0;
    }
}

void lease_clock_broken(struct lease_clock *clock)
{
    clock->probe = 0;
}

void lease_clock_end(struct lease_clock *clock)
{
    clock->until = 0;
    clock->probe = 0;
}

/* A probe that has come back wants one more message at once: it renews. */
static int is_half_way(const struct lease_clock *clock)
{
    return clock->probe != 0 && clock->probe_seen != 0 && clock->sent == clock->probe_seen;
}

int lease_clock_wants(const struct lease_clock *clock, apr_time_t now)
{
    return is_half_way(clock) || now >= lease_clock_next(clock);
}

apr_time_t lease_clock_next(const struct lease_clock *clock)
{
    return clock->last_sent == 0 ? 0 : clock->last_sent + clock->window / BEATS_PER_WINDOW;
}
