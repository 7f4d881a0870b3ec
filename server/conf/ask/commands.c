/* commands.c - config get, eval and explain
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/ask/ask.h"

#include <apr_strings.h>

#include "conf/ask/ask_private.h"
#include "conf/ask/explain.h"
#include "conf/ask/path.h"
#include "conf/live/transaction.h"

enum { WORDS_BEFORE = 2 }; /* "config", "eval" */

int ask_words(const char *const **words, const ec_answer_t *answer)
{
    int n = ec_answer_argc(answer) - WORDS_BEFORE;
    const char **copy =
        apr_palloc(ec_answer_pool((ec_answer_t *)answer), sizeof(*copy) * (apr_size_t)(n + 1));

    for (int i = 0; i < n; i++)
        copy[i] = ec_answer_argv(answer, WORDS_BEFORE + i);
    *words = copy;
    return n;
}

/* What was set on a console is in no line. */
void ask_put_place(ec_node_t *node, const char *name, const char *file, int line)
{
    if (file != NULL)
        ec_node_format(node, name, line > 0 ? "%s:%d" : "%s", file, line);
}

/* The question of the command line; on failure the answer is the error. */
static int read_question(question_t *question, ec_answer_t *answer, int is_traced)
{
    const char *const *words, *why = NULL;
    int n = ask_words(&words, answer);

    if (question_open(question, transaction_conf(answer), words, n, is_traced, &why,
                      ec_answer_pool(answer)) == APR_SUCCESS)
        return 1;
    ec_answer_error(answer, "%s", why != NULL ? why : "out of memory");
    return 0;
}

static void put_result(ec_answer_t *answer, const conf_eval_t *result)
{
    ec_node_t *root = ec_answer_root(answer);

    ec_node_text(root, "option", result->option->name);
    if (result->option->flags & EC_OPTION_SECRET)
        ec_node_text(root, "value", "(secret)");
    else
        ec_node_text(root, "value",
                     result->value != NULL && result->text != NULL ? result->text : "(not set)");
    ec_node_text(root, "from", result->scope);
    ask_put_place(root, "set_in", result->file, result->line);
}

static void config_eval(void *self, ec_answer_t *answer)
{
    conf_eval_t result;
    question_t question;

    if (!read_question(&question, answer, 0))
        return;
    question_answer(&result, &question, ec_answer_pool(answer));
    put_result(answer, &result);
    question_close(&question);
}

/* ---- config get ------------------------------------------------------------------------------ */

static void put_setting(ec_answer_t *answer, const conf_setting_t *setting)
{
    ec_node_t *root = ec_answer_root(answer), *table;

    ec_node_text(root, "option", setting->option->row->name);
    ec_node_text(root, "value",
                 setting->option->row->flags & EC_OPTION_SECRET
                     ? "(secret)"
                     : raw_value_text(&setting->raw, ec_answer_pool(answer)));
    ask_put_place(root, "set_in", setting->file->path, setting->line);
    if (setting->shadowed == NULL)
        return;
    table = ec_node_table(root, "overrides");
    for (const conf_shadowed_t *earlier = setting->shadowed; earlier != NULL; earlier = earlier->earlier)
        ask_put_place(ec_node_row(table), "at", earlier->file->path, earlier->line);
}

static void config_get(void *self, ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    const conf_setting_t *setting = NULL;
    const conf_stanza_t *stanza;
    question_t question;
    conf_path_t path;
    const char *const *words, *why;
    int n = ask_words(&words, answer);

    if (!read_question(&question, answer, 0))
        return;
    question_close(&question);
    path_read(&path, words, n, &why, pool); /* as the question did */
    stanza = path_find(question.conf, &path);
    if (stanza != NULL)
        setting = tree_setting(stanza, question.option->row);
    if (setting != NULL) {
        put_setting(answer, setting);
        return;
    }
    ec_node_note(ec_answer_root(answer), "Option \"%s\" is not set in scope \"%s\"%s.",
                 question.option->row->name, path.n > 0 ? question.scope_text : "",
                 stanza == NULL ? ": there is no such stanza" : "");
}

/* ---- config explain -------------------------------------------------------------------------- */

static void put_step(ec_node_t *table, int number, const explain_step_t *step)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_int(row, "step", number);
    ec_node_text(row, "scope", step->where);
    ec_node_text(row, "found", step->found);
    if (step->file != NULL)
        ask_put_place(row, "at", step->file, step->line);
    else
        ec_node_text(row, "at", "");
    ec_node_text(row, "result", step->is_used ? "this is it" : step->file != NULL ? "hidden" : "");
    ec_node_text(row, "rule", step->rule != NULL ? step->rule : "");
}

static void config_explain(void *self, ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    apr_array_header_t *steps;
    conf_eval_t result;
    question_t question;
    ec_node_t *table;

    if (!read_question(&question, answer, 1))
        return;
    question_answer(&result, &question, pool);
    put_result(answer, &result);
    if (result.option->flags & EC_OPTION_NO_EFFECT)
        ec_node_note(ec_answer_root(answer), "This option is accepted but has no effect yet.");
    steps = question_steps(&question, pool);
    table = ec_node_table(ec_answer_root(answer), "steps");
    for (int i = 0; i < steps->nelts; i++)
        put_step(table, i + 1, &APR_ARRAY_IDX(steps, i, explain_step_t));
    question_close(&question);
}

const ec_command_t ask_commands[] = {
    { "config get <words> ...", EC_CMD_READ, config_get,
      "value set in exactly this scope: config get [<scope> [<name>] ...] <option>" },
    { "config eval <words> ...", EC_CMD_READ, config_eval,
      "effective value: config eval [<scope> [<name>] ...] <option>" },
    { "config explain <words> ...", EC_CMD_READ, config_explain,
      "effective value and every step of the fallback that led to it, with file and line" },
    { "config locate <scope> [<regex>]", EC_CMD_READ, ask_locate,
      "where the stanzas of a scope are, those whose name matches: path, file and line" },
    { "config options [<pattern>]", EC_CMD_READ, ask_options,
      "options with type, unit, default, scopes and status; <pattern>: a part of the name, or with *" },
    { "help option <name>", EC_CMD_READ, ask_option, "all about one option" },
    { "config check [<path>]", EC_CMD_WRITE, ask_check,
      "check the files in a process of its own: every error and warning, nothing is applied" },
    EC_COMMAND_END
};
