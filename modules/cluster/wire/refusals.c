/* refusals.c - what was said in the log about messages that can not be understood
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/wire/refusals.h"

#include <string.h>

static const apr_interval_time_t pause_between = apr_time_from_sec(60);

/* What was said longer ago may be said again. */
static void forget_old(refusals_t *refusals, apr_time_t now)
{
    int kept = 0;

    for (int i = 0; i < refusals->count; i++) {
        if (now - refusals->list[i].said < pause_between)
            refusals->list[kept++] = refusals->list[i];
    }
    refusals->count = kept;
}

int refusals_say(refusals_t *refusals, bus_node_t node, apr_uint32_t pid, const char *why, apr_time_t now)
{
    forget_old(refusals, now);
    for (int i = 0; i < refusals->count; i++) {
        const struct refusal *said = &refusals->list[i];

        if (said->node == node && said->pid == pid && strcmp(said->why, why) == 0)
            return 0;
    }
    if (refusals->count == REFUSALS_MAX)
        return 0;
    refusals->list[refusals->count++] = (struct refusal){ node, pid, why, now };
    return 1;
}
