/* loading.h - configurations for the tests of the conf room
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONF_LOADING_H
#define TESTS_CONF_LOADING_H

#include <string.h>

#include <apr_strings.h>
#include <check.h>

#include "conf/conf.h"

/* All problems as text: "file:line: text", warnings with "warning: " before the text, one a line. */
static inline const char *problems_text(const apr_array_header_t *problems, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; i < problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(problems, i, conf_problem_t);

        text = apr_psprintf(pool, "%s%s:%d: %s%s\n", text, problem->file, problem->line,
                            problem->is_warning ? "warning: " : "", problem->text);
    }
    return text;
}

/* Loads a text that must be right; `*warnings` may be NULL. */
static inline conf_t *load_right(const char *text, const char **warnings, apr_pool_t *pool)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    apr_status_t rv = conf_load_text(&conf, &problems, "t.conf", text, strlen(text), pool);

    ck_assert_msg(rv == APR_SUCCESS, "refused: %s\n%s", text, problems_text(problems, pool));
    if (warnings != NULL)
        *warnings = problems_text(problems, pool);
    return conf;
}

/* Loads a text that must be refused; returns the problems. */
static inline const char *load_wrong(const char *text, apr_size_t length, apr_pool_t *pool)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    apr_status_t rv = conf_load_text(&conf, &problems, "t.conf", text, length, pool);

    ck_assert_msg(rv == EC_E_CONFIG, "accepted: %s", text);
    ck_assert_ptr_null(conf);
    return problems_text(problems, pool);
}

/* What conf_eval() answers as "text from scope", or "!why". `scopes` is NULL-terminated. */
static inline const char *eval_text(conf_t *conf, const char *const *scopes, const char *option, apr_pool_t *pool)
{
    const char *why = "";
    conf_eval_t result;
    int n = 0;

    while (scopes[n] != NULL)
        n++;
    if (conf_eval(&result, conf, scopes, n, option, &why, pool) != APR_SUCCESS)
        return apr_pstrcat(pool, "!", why, NULL);
    return apr_psprintf(pool, "%s from %s", result.text != NULL ? result.text : "(unset)", result.scope);
}

#endif
