/* report.c - problems and differences in an answer
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/report.h"

#include <apr_strings.h>

#include "conf/ask/path.h"
#include "conf/live/diff.h"

void report_problems(ec_answer_t *answer, const apr_array_header_t *problems)
{
    ec_node_t *table;

    if (problems == NULL || problems->nelts == 0)
        return;
    table = ec_node_table(ec_answer_root(answer), "problems");
    for (int i = 0; i < problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(problems, i, conf_problem_t);
        ec_node_t *row = ec_node_row(table);

        ec_node_text(row, "file", problem->file);
        ec_node_int(row, "line", problem->line);
        ec_node_text(row, "kind", problem->is_warning ? "warning" : "error");
        ec_node_format(row, "code", "CFG-%05d", (int)problem->kind);
        ec_node_text(row, "text", problem->text);
    }
}

const char *report_first_error(const apr_array_header_t *problems, apr_pool_t *pool)
{
    const conf_problem_t *first = NULL;
    int n = 0;

    for (int i = 0; problems != NULL && i < problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(problems, i, conf_problem_t);

        if (!problem->is_warning && n++ == 0)
            first = problem;
    }
    if (first == NULL)
        return NULL;
    return apr_psprintf(pool, n > 1 ? "%s (and %d more)" : "%s", conf_problem_text(first, pool), n - 1);
}

/* ---- differences -------------------------------------------------------------------------------- */

static const char *value_text(const conf_setting_t *setting, apr_pool_t *pool)
{
    if (setting == NULL)
        return "";
    return setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : raw_value_text(&setting->raw, pool);
}

static void add_change(ec_node_t *table, const conf_change_t *change, apr_pool_t *pool)
{
    static const char *const words[] = {
        [CONF_CHANGE_SET] = "set",
        [CONF_CHANGE_UNSET] = "unset",
        [CONF_CHANGE_ADD_STANZA] = "add",
        [CONF_CHANGE_REMOVE_STANZA] = "remove",
        [CONF_CHANGE_MOVE_STANZA] = "move",
    };
    const conf_stanza_t *stanza = change->to_stanza != NULL ? change->to_stanza : change->from_stanza;
    const conf_setting_t *setting = change->to != NULL ? change->to : change->from;
    const char *path = path_text(stanza, pool);
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "change", words[change->kind]);
    ec_node_text(row, "scope", *path != '\0' ? path : "global");
    ec_node_text(row, "option", setting != NULL ? setting->option->row->name : "");
    if (change->kind == CONF_CHANGE_MOVE_STANZA) {
        ec_node_format(row, "from", "before %s", path_text(change->behind, pool));
        ec_node_format(row, "to", "behind %s", path_text(change->behind, pool));
    } else {
        ec_node_text(row, "from", value_text(change->from, pool));
        ec_node_text(row, "to", value_text(change->to, pool));
    }
    if (setting != NULL)
        ec_node_format(row, "where", setting->line > 0 ? "%s:%d" : "%s", setting->file->path, setting->line);
    else
        ec_node_text(row, "where", conf_stanza_place(stanza, pool));
}

void report_diff(ec_answer_t *answer, const conf_t *from, const conf_t *to)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "changes");
    const apr_array_header_t *changes = conf_diff(from, to, ec_answer_pool(answer));
    apr_pool_t *scratch;

    EC_ASSERT(apr_pool_create(&scratch, ec_answer_pool(answer)) == APR_SUCCESS);
    for (int i = 0; i < changes->nelts; i++) {
        apr_pool_clear(scratch);
        add_change(table, &APR_ARRAY_IDX(changes, i, conf_change_t), scratch);
    }
    apr_pool_destroy(scratch);
}
