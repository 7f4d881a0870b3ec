/* explain.c - how the value of an option was found, step by step
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/ask/explain.h"

#include <string.h>

#include <apr_strings.h>

static const char *in_text(const char *type, const char *name, apr_pool_t *pool)
{
    return name != NULL ? apr_pstrcat(pool, " in ", type, " ", name, NULL) : "";
}

/* "domain d in binding b": the stanza's own words when there is one. */
static const char *where_text(const chain_step_t *step, apr_pool_t *pool)
{
    const char *parent;

    if (step->n_unmatched > 0)
        return apr_pstrcat(pool, "patterns of ", step->type, in_text("binding", step->binding, pool),
                           in_text("binding_group", step->group, pool), NULL);
    if (step->stanza != NULL)
        return tree_describe(step->stanza, pool);
    parent = step->parent != NULL && step->parent->parent != NULL
                 ? apr_pstrcat(pool, " in ", tree_describe(step->parent, pool), NULL)
                 : "";
    return apr_pstrcat(pool, step->type, step->name != NULL && *step->name != '\0' ? " " : "",
                       step->name != NULL ? step->name : "", in_text("binding", step->binding, pool),
                       in_text("binding_group", step->group, pool), parent, NULL);
}

static int is_legal(const chain_step_t *step, const conf_option_t *option)
{
    const conf_scope_t *scope =
        step->stanza != NULL
            ? step->stanza->scope
            : options_scope_in(step->parent != NULL ? step->parent->scope : scope_global, step->type);

    return scope != NULL && options_find(scope, option->row->name) == option;
}

static const char *missing_text(const chain_step_t *step, const conf_option_t *option, apr_pool_t *pool)
{
    if (step->n_unmatched > 0)
        return apr_psprintf(pool, "%d %s not match", step->n_unmatched,
                            step->n_unmatched == 1 ? "does" : "do");
    if (!is_legal(step, option))
        return "not an option here";
    if (step->stanza != NULL)
        return "not set";
    return strcmp(step->type, "peer") == 0 ? "no network holds it" : "no such stanza";
}

static const char *set_text(const conf_setting_t *setting, apr_pool_t *pool)
{
    if (setting->option->row->flags & EC_OPTION_SECRET)
        return "set (secret)";
    return apr_pstrcat(pool, "set to ", raw_value_text(&setting->raw, pool), NULL);
}

/* Is this the place of a rule that a reader may not have in mind?  Else the number of the step says enough.
 */
static const char *rule_of(const question_t *question, int used)
{
    const apr_array_header_t *steps = question->chain.steps;
    const chain_step_t *at = &APR_ARRAY_IDX(steps, used, chain_step_t);
    int is_regex = at->rule != NULL && strcmp(at->rule, "R3") == 0;
    int is_container = strcmp(at->type, "binding") == 0 || strcmp(at->type, "binding_group") == 0;

    for (int i = used + 1; is_container && i < steps->nelts; i++) {
        const chain_step_t *step = &APR_ARRAY_IDX(steps, i, chain_step_t);

        if (strcmp(step->type, "domain") == 0 && step->stanza != NULL &&
            tree_setting(step->stanza, question->option->row) != NULL)
            return "R1";
    }
    for (int i = 0; i < used && !is_regex; i++) {
        const chain_step_t *step = &APR_ARRAY_IDX(steps, i, chain_step_t);

        if (strcmp(step->type, "domain") == 0 && step->binding != NULL && step->stanza != NULL)
            return "R2";
    }
    return at->rule;
}

static int add_step(apr_array_header_t *steps, const question_t *question, int at, int is_found,
                    apr_pool_t *pool)
{
    const chain_step_t *from = &APR_ARRAY_IDX(question->chain.steps, at, chain_step_t);
    const conf_setting_t *setting =
        from->stanza != NULL ? tree_setting(from->stanza, question->option->row) : NULL;
    explain_step_t *step = apr_array_push(steps);

    memset(step, 0, sizeof(*step));
    step->where = where_text(from, pool);
    step->found = setting != NULL ? set_text(setting, pool) : missing_text(from, question->option, pool);
    if (setting == NULL)
        return is_found;
    step->file = setting->file->path;
    step->line = setting->line;
    if (!is_found) {
        step->is_used = 1;
        step->rule = rule_of(question, at);
    }
    return 1;
}

apr_array_header_t *question_steps(const question_t *question, apr_pool_t *pool)
{
    apr_array_header_t *steps =
        apr_array_make(pool, question->chain.steps->nelts + 1, sizeof(explain_step_t));
    explain_step_t *last;
    conf_eval_t result;
    int is_found = 0;

    for (int i = 0; i < question->chain.steps->nelts; i++)
        is_found = add_step(steps, question, i, is_found, pool);
    if (is_found)
        return steps;
    question_answer(&result, question, pool);
    last = apr_array_push(steps);
    *last =
        (explain_step_t){ .where = "default",
                          .found = result.text != NULL ? result.text : "there is none",
                          .rule = question->is_host && result.value != NULL && result.value->i == -1 ? "H3"
                                                                                                     : NULL,
                          .is_used = 1 };
    return steps;
}
