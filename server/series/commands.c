/* commands.c - gauge caches on the console
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>

#include <ec/gauge.h>

#include "series/show.h"

static void list_one(void *baton, ec_gauge_t *gauge)
{
    ec_gauge_info_t info = ec_gauge_info(gauge);
    ec_node_t *row = ec_node_row(baton);

    ec_node_text(row, "cache", info.name);
    ec_node_int(row, "keys", (apr_int64_t)info.keys);
    ec_node_int(row, "max_keys", (apr_int64_t)info.max_keys);
    ec_node_int(row, "ttl", info.ttl);
    ec_node_int(row, "evicted", (apr_int64_t)info.evicted);
    ec_node_text(row, "shared", info.is_shared ? "yes" : "no");
}

static void list(void *self, ec_answer_t *answer)
{
    ec_gauge_each(list_one, ec_node_table(ec_answer_root(answer), "caches"));
}

/* To be closed. */
static ec_gauge_t *find(ec_answer_t *answer)
{
    ec_gauge_t *gauge = ec_gauge_find(ec_answer_arg(answer, "cache"));

    if (gauge == NULL)
        ec_answer_error(answer, "There is no gauge cache \"%s\"; \"gauge_cache list\" names them.", ec_answer_arg(answer, "cache"));
    return gauge;
}

static void show(void *self, ec_answer_t *answer)
{
    const char *key = ec_answer_arg(answer, "key");
    ec_gauge_t *gauge = find(answer);

    if (gauge == NULL)
        return;
    ec_node_int(ec_answer_root(answer), "value", ec_gauge_get(gauge, key, strlen(key), ec_loop_now(ec_loop_self())));
    ec_gauge_close(gauge);
}

static void change(ec_answer_t *answer, int sign)
{
    const char *key = ec_answer_arg(answer, "key"), *number = ec_answer_arg(answer, "number");
    apr_int64_t n = number != NULL ? apr_atoi64(number) : 1;
    ec_gauge_t *gauge = find(answer);

    if (gauge == NULL)
        return;
    if ((number != NULL && strspn(number, "0123456789") != strlen(number)) || n > APR_INT32_MAX)
        ec_answer_error(answer, "<number> is to be a number from 0 to %d.", APR_INT32_MAX);
    else if (strlen(key) > EC_GAUGE_KEY_MAX)
        ec_answer_error(answer, "A key has at most %d bytes.", EC_GAUGE_KEY_MAX);
    else
        ec_node_int(ec_answer_root(answer), "value",
                    ec_gauge_add(gauge, key, strlen(key), sign * n, ec_loop_now(ec_loop_self())));
    ec_gauge_close(gauge);
}

static void add(void *self, ec_answer_t *answer)
{
    change(answer, 1);
}

static void sub(void *self, ec_answer_t *answer)
{
    change(answer, -1);
}

static void delete_key(void *self, ec_answer_t *answer)
{
    const char *key = ec_answer_arg(answer, "key");
    ec_gauge_t *gauge = find(answer);

    if (gauge == NULL)
        return;
    ec_node_note(ec_answer_root(answer), ec_gauge_remove(gauge, key, strlen(key), ec_loop_now(ec_loop_self()))
                                             ? "Removed." : "It was not there.");
    ec_gauge_close(gauge);
}

const ec_command_t series_commands[] = {
    { "gauge_cache list", EC_CMD_READ, list, "gauge caches that modules have made" },
    { "gauge_cache show <cache> <key>", EC_CMD_READ, show, "a value of a gauge cache" },
    { "gauge_cache add <cache> <key> [<number>]", EC_CMD_WRITE, add, "add to a value" },
    { "gauge_cache sub <cache> <key> [<number>]", EC_CMD_WRITE, sub, "subtract from a value" },
    { "gauge_cache delete <cache> <key>", EC_CMD_WRITE, delete_key, "forget a value" },
    EC_COMMAND_END
};
