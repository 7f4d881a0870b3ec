/* explain.h - how the value of an option was found
 * SPDX-License-Identifier: Apache-2.0
 *
 * The chains of view.h are walked once more with a trace, so that what is told is what the mail path does.  Any
 * thread that holds the configuration. */
#ifndef CONF_ASK_EXPLAIN_H
#define CONF_ASK_EXPLAIN_H

#include "conf/view.h"

/* A question: words as typed, and the chain that answers it. */
typedef struct {
    const conf_t *conf;
    const conf_option_t *option;
    const conf_scope_t *scope; /* the most specific one named */
    const char *scope_text;    /* "domain example.com in binding b", "global" */
    int is_host;               /* H3 counts */
    chain_t chain;
} question_t;

/** Read `n` words: scopes and an option.  With `is_traced` the chain notes its steps.  On failure as path_read(); else
 * the question is to be closed. */
apr_status_t question_open(question_t *question, const conf_t *conf, const char *const *words, int n, int is_traced,
                           const char **why, apr_pool_t *pool);
void question_close(question_t *question);

/** The value, after fallback. */
void question_answer(conf_eval_t *result, const question_t *question, apr_pool_t *pool);

typedef struct {
    const char *where; /* in words */
    const char *found; /* "no such stanza", "not set", "set to 5", "not an option here", "3 patterns do not match" */
    const char *file;  /* of what is set there; NULL: nothing is */
    int line;
    const char *rule; /* the rule that makes this the place; NULL */
    int is_used;
} explain_step_t;

/** Every place in order, ending with the default: array of explain_step_t in `pool`.  The one with is_used gave the
 * value; what is set behind it is hidden by it.  The question was traced. */
apr_array_header_t *question_steps(const question_t *question, apr_pool_t *pool);

#endif
