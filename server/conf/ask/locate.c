/* locate.c - "config locate": where the stanzas of a scope are
 * SPDX-License-Identifier: Apache-2.0
 *
 * There may be many thousand: they are sought on a pool thread, which has the answer and a reference to the
 * generation meanwhile. */
#include <ec/job.h>

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "conf/ask/ask_private.h"
#include "conf/live/transaction.h"
#include "util/regex.h"

struct search {
    ec_job_t job;
    ec_answer_t *answer;
    conf_t *conf;
    const char *type;
    ec_regex_t *regex; /* NULL: all */
    ec_node_t *table;
    int n;
};

/* Colons and backslashes in a name get a backslash. */
static const char *escape(const char *name, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, strlen(name) * 2 + 1), *to = text;

    for (; *name != '\0'; name++) {
        if (*name == ':' || *name == '\\')
            *to++ = '\\';
        *to++ = *name;
    }
    *to = '\0';
    return text;
}

/* "binding:b::domain:example.com" */
static const char *location(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    const char *own = apr_pstrcat(pool, stanza->type, ":", escape(stanza->written, pool), NULL);

    if (stanza->parent->parent == NULL)
        return own;
    return apr_pstrcat(pool, location(stanza->parent, pool), "::", own, NULL);
}

static int is_wanted(const struct search *search, const conf_stanza_t *stanza)
{
    if (strcasecmp(stanza->type, search->type) != 0)
        return 0;
    return search->regex == NULL || ec_regex_has(search->regex, stanza->written, strlen(stanza->written));
}

static void put_stanza(struct search *search, const conf_stanza_t *stanza)
{
    ec_node_t *row = ec_node_row(search->table);

    ec_node_text(row, "instance", stanza->written);
    ec_node_text(row, "location", location(stanza, ec_answer_pool(search->answer)));
    ask_put_place(row, "at", conf_stanza_file(stanza), conf_stanza_line(stanza));
    search->n++;
}

static void look_below(struct search *search, const conf_stanza_t *parent)
{
    for (const conf_stanza_t *stanza = parent->first; stanza != NULL; stanza = stanza->next) {
        if (is_wanted(search, stanza))
            put_stanza(search, stanza);
        look_below(search, stanza);
    }
}

static void work(void *baton)
{
    struct search *search = baton;

    search->table = ec_node_table(ec_answer_root(search->answer), "instances");
    look_below(search, search->conf->root);
}

/* A kind inside of a module's stanza is known by being found. */
static void answer_none(ec_answer_t *answer, const char *type)
{
    struct nearest nearest;

    if (options_scope(type) != NULL || scope_find_documented_module(type) != NULL) {
        ec_node_note(ec_answer_root(answer), "No such stanza.");
        return;
    }
    nearest_start(&nearest, type);
    options_offer_types(&nearest, scope_global);
    for (int k = 0; scope_at(k) != NULL; k++)
        nearest_offer(&nearest, scope_at(k)->name);
    ec_answer_error(answer, "\"%s\" is not a scope%s", type, nearest_text(&nearest, ec_answer_pool(answer)));
}

static void finish(void *baton)
{
    struct search *search = baton;

    if (search->n == 0)
        answer_none(search->answer, search->type);
    conf_unref(search->conf);
    ec_answer_finish(search->answer);
}

void ask_locate(void *self, ec_answer_t *answer)
{
    const char *pattern = ec_answer_arg(answer, "regex"), *type = ec_answer_arg(answer, "scope");
    const char *why = "out of memory";
    struct search *search = apr_pcalloc(ec_answer_pool(answer), sizeof(*search));

    if (pattern != NULL &&
        regex_create(&search->regex, pattern, &why, ec_answer_pool(answer)) != APR_SUCCESS) {
        ec_answer_error(answer, "\"%s\": %s", pattern, why);
        return;
    }
    search->answer = answer;
    search->type = type;
    search->conf = conf_ref(transaction_conf(answer));
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("CPU"), ec_loop_at(0), &search->job, work, finish, search);
}
