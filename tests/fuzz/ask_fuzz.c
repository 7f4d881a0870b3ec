/* ask_fuzz.c - any words behind "config explain": a reason, or steps of which one is used
 * SPDX-License-Identifier: Apache-2.0
 *
 * Words are separated by NUL bytes or line ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "conf/ask/explain.h"
#include "conf/ask/path.h"

enum { WORDS_MAX = 64 };

static const char text[] =
    "retry_interval = 1 domain d { retry_interval = 3 } domain \"/^x/\" { max_retries = none }\n"
    "binding b { domain d { idle_timeout = 5 } host mx { max_outbound_connections = 7 } }\n"
    "binding_group g { binding in { host mx { } } domain d { } }\n"
    "esmtp_listener { peer 10.0.0.0/8 { pathway = p } listen :25 { peer ::1 { } } }\n"
    "pathway p { require_ehlo = true } pathway_group pg { pathway p { } } security { user = u }\n";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

static conf_t *load(apr_pool_t *pool)
{
    apr_array_header_t *problems;
    conf_t *conf;

    if (conf_load_text(&conf, &problems, "t.conf", text, sizeof(text) - 1, pool) != APR_SUCCESS)
        abort();
    return conf;
}

static void explain(conf_t *conf, const char *const *words, int n, apr_pool_t *pool)
{
    const char *why = NULL;
    apr_array_header_t *steps;
    question_t question;
    conf_eval_t result;
    int n_used = 0;

    if (question_open(&question, conf, words, n, 1, &why, pool) != APR_SUCCESS) {
        if (why == NULL)
            abort();
        return;
    }
    question_answer(&result, &question, pool);
    steps = question_steps(&question, pool);
    for (int i = 0; i < steps->nelts; i++)
        n_used += APR_ARRAY_IDX(steps, i, explain_step_t).is_used;
    if (n_used != 1)
        abort();
    question_close(&question);
}

/* What path_text() writes of a stanza is read as that stanza. */
static void find(conf_t *conf, const char *const *words, int n, apr_pool_t *pool)
{
    const conf_stanza_t *stanza;
    const char *why = NULL;
    conf_path_t path;

    if (path_read(&path, words, n, &why, pool) == APR_SUCCESS && (stanza = path_find(conf, &path)) != NULL)
        path_text(stanza, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *words[WORDS_MAX];
    apr_pool_t *pool;
    char *copy, *end;
    conf_t *conf;
    int n = 0;

    apr_pool_create(&pool, NULL);
    copy = size > 0 ? apr_pstrmemdup(pool, (const char *)data, size) : apr_pstrdup(pool, "");
    for (end = copy + size; copy <= end && n < WORDS_MAX; copy += strlen(copy) + 1) {
        copy[strcspn(copy, "\n")] = '\0';
        words[n++] = copy;
    }
    conf = load(pool);
    explain(conf, words, n, pool);
    find(conf, words, n, pool);
    conf_unref(conf);
    apr_pool_destroy(pool);
    return 0;
}
