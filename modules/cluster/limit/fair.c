/* fair.c - who has more than its part when others wait
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cluster/limit/private.h"

static int by_size(const void *a, const void *b)
{
    apr_uint32_t left = *(const apr_uint32_t *)a, right = *(const apr_uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* The level that everybody who wants so much can have, and how many can have one more. */
static void fair_level(const struct limit_key *key, apr_uint32_t *level, apr_uint32_t *more)
{
    apr_uint32_t targets[BUS_NODES_MAX], kept = key->held + key->frozen, left;
    int count = 0;

    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        if (entry->holder->departure != 0 || count == BUS_NODES_MAX)
            continue;
        targets[count++] = entry->target;
        kept -= has(entry);
    }
    left = key->limit > kept ? key->limit - kept : 0;
    qsort(targets, (apr_size_t)count, sizeof(targets[0]), by_size);
    *level = LIMIT_MAX;
    *more = 0;
    for (int i = 0; i < count; i++) {
        apr_uint32_t share = left / (apr_uint32_t)(count - i);

        if (targets[i] > share) {
            *level = share;
            *more = left - share * (apr_uint32_t)(count - i);
            return;
        }
        left -= targets[i];
    }
}

/* After the limit was lowered: the first few in the list may keep one more than the level. */
static apr_uint32_t may_keep(const struct limit_key *key, const struct limit_entry *mine, apr_uint32_t level,
                             apr_uint32_t more)
{
    for (const struct limit_entry *entry = key->entries; entry != mine; entry = entry->next) {
        if (more > 0 && entry->holder->departure == 0 && entry->target > level)
            more--;
    }
    return level + (more > 0);
}

/* Has another one waited, and is `mine` the one that had its extra unit for longest? */
static int is_my_turn_over(const struct limit_key *key, const struct limit_entry *mine, apr_uint32_t level)
{
    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        if (entry->holder->departure == 0 && has(entry) > level && entry->since < mine->since)
            return 0;
    }
    return 1;
}

void limit_yield(const struct limit_key *key, bus_node_t node, apr_uint32_t *now, apr_uint32_t *turn)
{
    const struct limit_entry *mine = limit_entry_of(key, node);
    apr_uint32_t level, more, keep;
    int is_awaited = 0;

    *now = *turn = 0;
    if (mine == NULL)
        return;
    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next)
        is_awaited |= entry != mine && is_waiting(entry) && has(entry) < has(mine);
    fair_level(key, &level, &more);
    if (key->held > key->limit) {
        keep = may_keep(key, mine, level, more);
        *now = has(mine) > keep ? has(mine) - keep : 0;
    } else if (is_awaited) {
        keep = level + (more > 0);
        *now = has(mine) > keep ? has(mine) - keep : 0;
        *turn = *now == 0 && more > 0 && has(mine) == keep && is_my_turn_over(key, mine, level);
    }
}
