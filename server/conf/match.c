/* match.c - names against regular expression stanzas, with bounded work
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread: any; what PCRE2 writes to belongs to the thread. */
#include "conf/view.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MATCH_STEPS_MAX = 100000, MATCH_DEPTH_MAX = 1000, MATCH_HEAP_KIB = 1024 };

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

int match_pattern(const pcre2_code *regex, const char *name)
{
    struct matcher *matcher = own_matcher();

    return matcher != NULL &&
           pcre2_match(regex, (PCRE2_SPTR)name, strlen(name), 0, 0, matcher->data, matcher->context) >= 0;
}

int match_regex(const conf_stanza_t *stanza, const char *name)
{
    return match_pattern(stanza->regex, name);
}
