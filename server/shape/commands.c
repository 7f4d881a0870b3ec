/* commands.c - the console's view of gates
 * SPDX-License-Identifier: Apache-2.0 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "shape/show.h"

struct gathering {
    const char *pattern;
    apr_array_header_t *infos;
};

static void gather(void *baton, const shape_info_t *info)
{
    struct gathering *gathering = baton;
    shape_info_t *copy;

    if (gathering->pattern != NULL && fnmatch(gathering->pattern, info->key, FNM_CASEFOLD) != 0) {
        return;
    }
    copy = apr_array_push(gathering->infos);
    *copy = *info;
    copy->key = apr_pstrdup(gathering->infos->pool, info->key);
}

static int by_key(const void *one, const void *other)
{
    return strcmp(((const shape_info_t *)one)->key, ((const shape_info_t *)other)->key);
}

static void count(ec_node_t *row, const char *name, apr_int64_t value)
{
    if (value < 0) {
        ec_node_text(row, name, "unlimited");
    } else {
        ec_node_int(row, name, value);
    }
}

static void add_row(ec_node_t *table, const shape_info_t *info)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "limit_key", info->key);
    count(row, "limit", info->limit);
    ec_node_float(row, "seconds", (double)info->window / APR_USEC_PER_SEC,
                  info->window % APR_USEC_PER_SEC == 0 ? 0 : 3);
    count(row, "units", info->units);
    ec_node_int(row, "used", info->used);
    ec_node_int(row, "wanted", info->wanted);
    ec_node_int(row, "users", info->users);
    ec_node_int(row, "waiting", info->waiting);
    ec_node_text(row, "lease", !info->is_leased ? "-" : info->is_open ? "good" : "over");
}

static void limits(void *self, ec_answer_t *answer)
{
    struct gathering gathering = { .pattern = ec_answer_arg(answer, "pattern") };
    ec_node_t *table;

    gathering.infos = apr_array_make(ec_answer_pool(answer), 64, sizeof(shape_info_t));
    shape_each(gather, &gathering);
    if (gathering.infos->nelts == 0) {
        ec_node_note(ec_answer_root(answer), "no limit is in use%s%s",
                     gathering.pattern != NULL ? " that matches " : "",
                     gathering.pattern != NULL ? gathering.pattern : "");
        return;
    }
    qsort(gathering.infos->elts, (size_t)gathering.infos->nelts, sizeof(shape_info_t), by_key);
    table = ec_node_table(ec_answer_root(answer), "limits");
    for (int i = 0; i < gathering.infos->nelts; i++) {
        add_row(table, &APR_ARRAY_IDX(gathering.infos, i, shape_info_t));
    }
}

const ec_command_t shape_commands[] = {
    { "limits [<pattern>]", EC_CMD_READ, limits,
      "limits shared by several queues, or by the cluster: what is used and who waits" },
    EC_COMMAND_END
};
