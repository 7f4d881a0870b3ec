/* show.c - who holds what of the cluster's limits, for the console
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tells what all nodes agree on; `limits` tells what this server does with its part. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "cluster/slots/slots.h"

static const char *name_of(node_t *node, bus_node_t id, apr_pool_t *pool)
{
    const struct node_member *members;
    int count = node_members(node, &members);

    for (int i = 0; i < count; i++) {
        if (members[i].id == id)
            return members[i].name;
    }
    return apr_psprintf(pool, "#%u", (unsigned)id);
}

/* A key is subcluster|window|place, as the slots have put it together; a place is a kind, a space and a name. */
static const char *window_text(const struct limit_key *key)
{
    const char *bar = strchr(key->item.key, '|');

    return bar == NULL ? "" : bar + 1;
}

static const char *place_of(const struct limit_key *key)
{
    const char *bar = strchr(window_text(key), '|');

    return bar == NULL ? key->item.key : bar + 1;
}

static const char *place_name(const struct limit_key *key)
{
    const char *place = place_of(key);

    return place + strcspn(place, " ") + 1;
}

/* `column` is the heading of `text`, which says which one it is. */
static ec_node_t *begin_row(ec_node_t *table, const char *column, const char *text, const struct limit_key *key)
{
    ec_node_t *row = ec_node_row(table);
    apr_int64_t window = strtoll(window_text(key), NULL, 10);

    ec_node_text(row, column, text);
    ec_node_format(row, "subcluster", "%.*s", (int)strcspn(key->item.key, "|"), key->item.key);
    ec_node_float(row, "seconds", (double)window / APR_USEC_PER_SEC, window % APR_USEC_PER_SEC == 0 ? 0 : 3);
    ec_node_int(row, "limit", key->limit);
    return row;
}

static void add_holders(ec_node_t *table, const struct limit_key *key, node_t *node, apr_pool_t *pool)
{
    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        ec_node_t *row = begin_row(table, "limit_key", place_of(key), key);
        bus_node_t id = limit_entry_node(entry);

        ec_node_text(row, "holder", id != 0 ? name_of(node, id, pool) : "(gone)");
        ec_node_int(row, "holds", (apr_int64_t)entry->firm + entry->fresh);
        ec_node_int(row, "wants", entry->target);
    }
    if (key->frozen > 0) {
        ec_node_t *row = begin_row(table, "limit_key", place_of(key), key);

        ec_node_text(row, "holder", "(frozen)");
        ec_node_int(row, "holds", key->frozen);
        ec_node_int(row, "wants", 0);
    }
}

static int by_size(const void *a, const void *b)
{
    apr_uint32_t left = *(const apr_uint32_t *)a, right = *(const apr_uint32_t *)b;

    return left < right ? -1 : left > right;
}

static void add_waits(ec_node_t *root, const struct slots_waits *waits)
{
    static const int parts[] = { 50, 99 };
    apr_uint32_t sorted[SLOTS_WAITS];
    apr_size_t count = waits->count < SLOTS_WAITS ? (apr_size_t)waits->count : SLOTS_WAITS;
    char name[32];

    memcpy(sorted, waits->last, count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), by_size);
    ec_node_int(root, "units_given", (apr_int64_t)waits->count);
    for (int i = 0; i < 2 && count > 0; i++) {
        apr_snprintf(name, sizeof(name), "waited_p%d_ms", parts[i]);
        ec_node_float(root, name, sorted[(count - 1) * (apr_size_t)parts[i] / 100] / 1000.0, 3);
    }
}

void slots_command(const slots_t *slots, node_t *node, ec_answer_t *answer)
{
    const char *pattern = ec_answer_arg(answer, "pattern");
    ec_node_t *root = ec_answer_root(answer), *table = ec_node_table(root, "limits");

    for (int is_rate = 0; is_rate < 2; is_rate++) {
        TABLE_EACH(const struct limit_key, key, &slots_state(slots, is_rate)->keys)
        {
            if (pattern == NULL || fnmatch(pattern, place_of(key), FNM_CASEFOLD) == 0)
                add_holders(table, key, node, ec_answer_pool(answer));
        }
    }
    add_waits(root, slots_waits(slots));
}

/* ---- rates by their kind -------------------------------------------------------------------------- */

static int is_of_kind(const struct limit_key *key, const char *kind)
{
    const char *place = place_of(key);
    apr_size_t length = strlen(kind);

    return strncmp(place, kind, length) == 0 && place[length] == ' ';
}

apr_int64_t slots_throttle_count(const slots_t *slots, const char *kind)
{
    apr_int64_t count = 0;

    TABLE_EACH(const struct limit_key, key, &slots_state(slots, 1)->keys)
    count += is_of_kind(key, kind);
    return count;
}

/* Of one node only what is said to all is known: what it holds, and how many it could use. */
static void add_throttle(const slots_t *slots, node_t *node, const struct limit_key *key, bus_node_t of,
                         ec_node_t *table)
{
    apr_int64_t held = 0, wanted = 0, is_there = 0;
    ec_node_t *row;

    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        if (of != 0 && limit_entry_node(entry) != of)
            continue;
        held += (apr_int64_t)entry->firm + entry->fresh;
        wanted += entry->target;
        is_there = 1;
    }
    if (!is_there && of != 0)
        return;
    row = begin_row(table, "throttle", place_name(key), key);
    ec_node_int(row, "held", held);
    ec_node_int(row, "wanted", wanted);
    if (of == 0)
        ec_node_int(row, "frozen", key->frozen);
    if (of == 0 || of == node_self(node))
        ec_node_int(row, of == 0 ? "resting_here" : "resting", slots_resting(slots, key));
}

void slots_show_throttles(const slots_t *slots, node_t *node, const char *kind, bus_node_t of,
                          ec_node_t *table)
{
    TABLE_EACH(const struct limit_key, key, &slots_state(slots, 1)->keys)
    {
        if (is_of_kind(key, kind))
            add_throttle(slots, node, key, of, table);
    }
}
