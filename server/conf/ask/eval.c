/* eval.c - one value, asked for by name: what it is and where it comes from
 * SPDX-License-Identifier: Apache-2.0
 *
 * For consoles.  The scopes that are named need not exist: what would apply to a domain
 * nobody wrote a stanza for is a fair question. */
#include "conf/ask/explain.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "conf/ask/path.h"

/* ---- which chain ----------------------------------------------------------------------------- */

/* The scopes that were named, sorted by what they mean for the fallback. */
struct named {
    const char *group, *binding, *domain, *host, *peer, *pathway;
    const conf_stanza_t *listener, *listen;
    const conf_stanza_t *stanza; /* the whole path, walked down; NULL: it ends before */
    int is_outbound, is_inbound;
    int is_alone; /* the last one takes part in no fallback but its own */
};

static int is_listener(const conf_scope_t *scope)
{
    size_t length = strlen(scope->name);

    return length > 9 && strcmp(scope->name + length - 9, "_listener") == 0;
}

static void sort_step(struct named *named, const path_step_t *step)
{
    const struct {
        const char *type;
        const char **field;
        int is_outbound, is_inbound;
    } fields[] = {
        { "binding_group", &named->group, 1, 0 }, { "binding", &named->binding, 1, 0 },
        { "domain", &named->domain, 1, 0 },       { "host", &named->host, 0, 0 },
        { "peer", &named->peer, 0, 1 },           { "pathway", &named->pathway, 0, 1 },
    };

    named->is_alone = !is_listener(step->scope) && strcmp(step->type, "listen") != 0;
    for (apr_size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(step->type, fields[i].type) == 0) {
            named->is_alone = 0;
            *fields[i].field = step->name;
            named->is_outbound |= fields[i].is_outbound;
            named->is_inbound |= fields[i].is_inbound;
        }
    }
    if (is_listener(step->scope))
        named->listener = named->stanza;
    if (strcmp(step->type, "listen") == 0)
        named->listen = named->stanza;
    named->is_inbound |= is_listener(step->scope) || strcmp(step->type, "listen") == 0;
}

static struct named sort_path(const conf_t *conf, const conf_path_t *path)
{
    struct named named = { .stanza = conf->root };

    for (int i = 0; i < path->n; i++) {
        const path_step_t *step = &path->step[i];

        if (named.stanza != NULL)
            named.stanza = tree_find(conf, named.stanza, step->type, step->name);
        sort_step(&named, step);
    }
    return named;
}

/* Listeners and what else stands for itself alone has no names in its chain: say what is not there. */
static void look_in_vain(chain_t *chain, const conf_t *conf, const conf_path_t *path)
{
    const conf_stanza_t *parent = conf->root;

    for (int i = 0; i < path->n; i++) {
        const path_step_t *step = &path->step[i];
        const conf_stanza_t *stanza = parent != NULL ? tree_find(conf, parent, step->type, step->name) : NULL;

        if (stanza == NULL && strcmp(step->type, "peer") != 0)
            chain_look(chain, &(chain_step_t){ .type = step->type, .name = step->written, .parent = parent });
        parent = stanza;
    }
}

static void make_inbound_chain(chain_t *chain, const conf_t *conf, const struct named *named)
{
    if (named->pathway == NULL) {
        chain_inbound(chain, conf, named->listener, named->listen, named->peer);
        return;
    }
    chain_pathway(chain, conf, named->pathway);
    chain_single(chain, conf, conf->root);
}

static void make_chain(chain_t *chain, const conf_t *conf, const conf_path_t *path,
                       const conf_option_t *option)
{
    struct named named = sort_path(conf, path);

    if (named.is_alone) {
        look_in_vain(chain, conf, path);
        chain_single(chain, conf, named.stanza != NULL ? named.stanza : conf->root);
    } else if (named.host != NULL) {
        chain_host(chain, conf, named.group, named.binding, named.host);
        if (strcmp(option->row->name, "cluster_max_outbound_connections") == 0) /* H4 */
            chain_outbound(chain, conf, named.group, named.binding, named.domain);
    } else if (named.is_outbound) {
        chain_outbound(chain, conf, named.group, named.binding, named.domain);
    } else if (named.is_inbound) {
        if (named.pathway == NULL)
            look_in_vain(chain, conf, path);
        make_inbound_chain(chain, conf, &named);
    } else {
        chain_single(chain, conf, conf->root);
    }
}

/* ---- the question ---------------------------------------------------------------------------- */

static const char *describe_path(const conf_path_t *path, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = path->n - 1; i >= 0; i--)
        text = apr_pstrcat(pool, text, *text != '\0' ? " in " : "", path->step[i].type,
                           *path->step[i].written != '\0' ? " " : "", path->step[i].written, NULL);
    return *text != '\0' ? text : scope_global->name;
}

static apr_status_t refuse_rest(const conf_path_t *path, const char *const *words, int n, const char **why,
                                apr_pool_t *pool)
{
    if (path->n_words >= n)
        *why = apr_psprintf(pool, "which option of %s?", describe_path(path, pool));
    else
        *why = apr_psprintf(pool, "\"%.80s\" is an option of %s; nothing may follow it, found \"%.80s\"",
                            words[path->n_words], describe_path(path, pool), words[path->n_words + 1]);
    return EC_E_SYNTAX;
}

apr_status_t question_open(question_t *question, const conf_t *conf, const char *const *words, int n,
                           int is_traced, const char **why, apr_pool_t *pool)
{
    conf_path_t path;

    EC_TRY(path_read(&path, words, n, why, pool));
    if (path.n_words != n - 1)
        return refuse_rest(&path, words, n, why, pool);
    memset(question, 0, sizeof(*question));
    question->conf = conf;
    question->scope = path.n > 0 ? path.step[path.n - 1].scope : scope_global;
    question->scope_text = describe_path(&path, pool);
    if ((question->option = options_find(question->scope, words[n - 1])) == NULL) {
        *why = apr_psprintf(pool, "nothing is known of the options of %s: no module of this name is loaded",
                            question->scope_text);
        return EC_E_NOT_FOUND;
    }
    chain_init(&question->chain);
    if (is_traced)
        chain_trace(&question->chain, pool);
    question->is_host = path.n > 0 && strcmp(path.step[path.n - 1].type, "host") == 0;
    make_chain(&question->chain, conf, &path, question->option);
    return APR_SUCCESS;
}

void question_close(question_t *question)
{
    chain_free(&question->chain);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static const char *default_text(const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    raw_value_t raw = { .kind = RAW_SCALAR, .count = 1 };
    ec_value_t scratch;
    const char *why;

    if (row->deflt != NULL && value_make_default(&scratch, &raw, row, &why, pool) == APR_SUCCESS)
        return raw_value_text(&raw, pool);
    if (value == NULL || value->s == NULL)
        return NULL;
    raw.text = apr_pstrdup(pool, value->s);
    return raw_value_text(&raw, pool);
}

/* H3: a host without a limit of its own has none. */
static void answer_default(conf_eval_t *result, const question_t *question, apr_pool_t *pool)
{
    static const ec_value_t unlimited = { .i = -1, .s = "-1" };
    const ec_option_t *row = question->option->row;

    result->value = apr_hash_get(question->conf->defaults, &row, sizeof(row));
    result->text = default_text(row, result->value, pool);
    result->scope = "default";
    if (question->is_host && question->option->handle == CONF_O_MAX_OUTBOUND_CONNECTIONS) {
        result->value = &unlimited;
        result->text = unlimited.s;
    }
}

static void answer_setting(conf_eval_t *result, const conf_setting_t *setting, const conf_stanza_t *where,
                           apr_pool_t *pool)
{
    result->value = &setting->value;
    result->text =
        setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : raw_value_text(&setting->raw, pool);
    result->scope = tree_describe(where, pool);
    result->file = setting->file->path;
    result->line = setting->line;
}

void question_answer(conf_eval_t *result, const question_t *question, apr_pool_t *pool)
{
    const ec_option_t *row = question->option->row;
    const conf_setting_t *setting = NULL;

    memset(result, 0, sizeof(*result));
    result->option = row;
    for (int i = 0; i < question->chain.count && setting == NULL; i++) {
        if ((setting = tree_setting(question->chain.stanzas[i], row)) != NULL)
            answer_setting(result, setting, question->chain.stanzas[i], pool);
    }
    if (setting == NULL)
        answer_default(result, question, pool);
}

apr_status_t conf_eval(conf_eval_t *result, conf_t *conf, const char *const *scopes, int n_scopes,
                       const char *option, const char **why, apr_pool_t *pool)
{
    const char **words = apr_palloc(pool, sizeof(*words) * ((apr_size_t)n_scopes + 1));
    question_t question;

    memset(result, 0, sizeof(*result));
    for (int i = 0; i < n_scopes; i++)
        words[i] = scopes[i];
    words[n_scopes] = option;
    EC_TRY(question_open(&question, conf, words, n_scopes + 1, 0, why, pool));
    question_answer(result, &question, pool);
    question_close(&question);
    return APR_SUCCESS;
}
