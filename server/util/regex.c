/* regex.c - regular expressions whose work is bounded
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread: any; what PCRE2 writes to belongs to the thread. */
#include "util/regex.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

enum { MATCH_STEPS_MAX = 100000, MATCH_DEPTH_MAX = 1000, MATCH_HEAP_KIB = 1024 };

struct ec_regex {
    pcre2_code *code;
};

/* ---- compiling ------------------------------------------------------------------------- */

static apr_status_t free_code(void *code)
{
    pcre2_code_free(code);
    return APR_SUCCESS;
}

apr_status_t regex_create(ec_regex_t **regex, const char *pattern, const char **why, apr_pool_t *pool)
{
    PCRE2_UCHAR message[120];
    PCRE2_SIZE offset;
    int error;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &error, &offset, NULL);

    if (code == NULL) {
        pcre2_get_error_message(error, message, sizeof(message));
        *why = apr_psprintf(pool, "not a regular expression: %s at character %d", (const char *)message,
                            (int)offset + 1);
        return EC_E_SYNTAX;
    }
    apr_pool_cleanup_register(pool, code, free_code, apr_pool_cleanup_null);
    *regex = apr_palloc(pool, sizeof(**regex));
    (*regex)->code = code;
    return APR_SUCCESS;
}

/* ---- matching -------------------------------------------------------------------------- */

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_matcher(void *baton)
{
    struct matcher *matcher = baton;

    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    free(matcher);
}

static void make_key(void)
{
    pthread_key_create(&key, free_matcher);
}

static struct matcher *own_matcher(void)
{
    struct matcher *matcher;

    pthread_once(&once, make_key);
    if ((matcher = pthread_getspecific(key)) != NULL)
        return matcher;
    matcher = malloc(sizeof(*matcher));
    if (matcher == NULL)
        return NULL;
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(matcher->context, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(matcher->context, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(matcher->context, MATCH_HEAP_KIB);
    pthread_setspecific(key, matcher);
    return matcher;
}

int regex_run(const pcre2_code *code, const char *text, apr_size_t length)
{
    struct matcher *matcher = own_matcher();

    return matcher != NULL &&
           pcre2_match(code, (PCRE2_SPTR)text, length, 0, 0, matcher->data, matcher->context) >= 0;
}

int ec_regex_has(const ec_regex_t *regex, const char *text, apr_size_t length)
{
    return regex_run(regex->code, text, length);
}
