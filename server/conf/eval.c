/* eval.c - one value, asked for by name: what it is and where it comes from
 * SPDX-License-Identifier: Apache-2.0
 *
 * For consoles.  The scopes that are named need not exist: what would apply to a domain
 * nobody wrote a stanza for is a fair question. */
#include "conf/view.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* The question, sorted. */
struct asked {
    conf_t *conf;
    const conf_scope_t *scope; /* the most specific one named */
    const char *group, *binding, *domain, *host, *peer, *pathway;
    const conf_stanza_t *stanza; /* walked down by names as far as they exist */
    const conf_stanza_t *listener, *listen;
    int is_outbound, is_inbound;
    const char **why;
    apr_pool_t *pool;
};

static int is_listener(const conf_scope_t *scope)
{
    size_t length = strlen(scope->name);

    return length > 9 && strcmp(scope->name + length - 9, "_listener") == 0;
}

static void sort_scope(struct asked *asked, const conf_scope_t *scope, const char *name)
{
    const struct {
        const char *type;
        const char **field;
        int is_outbound, is_inbound;
    } fields[] = {
        { "binding_group", &asked->group, 1, 0 }, { "binding", &asked->binding, 1, 0 },
        { "domain", &asked->domain, 1, 0 },       { "host", &asked->host, 0, 0 },
        { "peer", &asked->peer, 0, 1 },           { "pathway", &asked->pathway, 0, 1 },
    };

    for (apr_size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(scope->name, fields[i].type) == 0) {
            *fields[i].field = name;
            asked->is_outbound |= fields[i].is_outbound;
            asked->is_inbound |= fields[i].is_inbound;
        }
    }
    if (is_listener(scope))
        asked->listener = asked->stanza;
    if (strcmp(scope->name, "listen") == 0)
        asked->listen = asked->stanza;
    asked->is_inbound |= is_listener(scope) || strcmp(scope->name, "listen") == 0;
}

static apr_status_t add_scope(struct asked *asked, const char *type, const char *name)
{
    const conf_scope_t *scope = options_scope_in(asked->scope, type);

    if (scope != NULL && (strcasecmp(type, "global") == 0 || strcasecmp(type, "module") == 0))
        return APR_SUCCESS;
    if (scope == NULL) {
        *asked->why = apr_psprintf(asked->pool, "\"%.80s\" is not a scope", type);
        return EC_E_NOT_FOUND;
    }
    if ((name = scope_name(scope, name, asked->why, asked->pool)) == NULL) {
        *asked->why = apr_psprintf(asked->pool, "%s: %s", scope->name, *asked->why);
        return EC_E_SYNTAX;
    }
    if (asked->stanza != NULL)
        asked->stanza = tree_find(asked->conf, asked->stanza, scope->name, name);
    asked->scope = scope;
    sort_scope(asked, scope, name);
    return APR_SUCCESS;
}

static void make_chain(chain_t *chain, const struct asked *asked)
{
    if (asked->host != NULL)
        chain_host(chain, asked->conf, asked->group, asked->binding, asked->host);
    else if (asked->is_outbound)
        chain_outbound(chain, asked->conf, asked->group, asked->binding, asked->domain);
    else if (asked->is_inbound && asked->pathway == NULL)
        chain_inbound(chain, asked->conf, asked->listener, asked->listen, asked->peer);
    else {
        if (asked->pathway != NULL)
            chain_pathway(chain, asked->conf, asked->pathway);
        chain_single(chain, asked->conf,
                     asked->pathway == NULL && asked->stanza != NULL ? asked->stanza : asked->conf->root);
    }
}

static const conf_setting_t *search(const chain_t *chain, const char *name, const conf_stanza_t **where)
{
    for (int i = 0; i < chain->count; i++) {
        for (const conf_setting_t *setting = chain->stanzas[i]->settings; setting != NULL;
             setting = setting->next) {
            if (strcasecmp(setting->option->row->name, name) == 0) {
                *where = chain->stanzas[i];
                return setting;
            }
        }
    }
    return NULL;
}

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
static void answer_default(conf_eval_t *result, const struct asked *asked, const conf_option_t *option)
{
    static const ec_value_t unlimited = { .i = -1, .s = "-1" };

    result->value = apr_hash_get(asked->conf->defaults, &option->row, sizeof(option->row));
    result->text = default_text(option->row, result->value, asked->pool);
    result->scope = "default";
    if (asked->host != NULL && option->handle == CONF_O_MAX_OUTBOUND_CONNECTIONS) {
        result->value = &unlimited;
        result->text = unlimited.s;
    }
}

static void answer_setting(conf_eval_t *result, const conf_setting_t *setting, const conf_stanza_t *where,
                           apr_pool_t *pool)
{
    result->option = setting->option->row;
    result->value = &setting->value;
    result->text =
        setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : raw_value_text(&setting->raw, pool);
    result->scope = tree_describe(where, pool);
    result->file = setting->file->path;
    result->line = setting->line;
}

static apr_status_t refuse_option(const struct asked *asked, const char *name)
{
    struct nearest nearest;

    nearest_start(&nearest, name);
    options_offer_names(&nearest, asked->scope);
    *asked->why = apr_psprintf(asked->pool, "\"%.80s\" is not an option of scope \"%s\"%s%s%s", name,
                               asked->scope->name, nearest.best != NULL ? "; did you mean \"" : "",
                               nearest.best != NULL ? nearest.best : "", nearest.best != NULL ? "\"?" : "");
    return EC_E_NOT_FOUND;
}

apr_status_t conf_eval(conf_eval_t *result, conf_t *conf, const char *const *scopes, int n_scopes,
                       const char *option, const char **why, apr_pool_t *pool)
{
    struct asked asked = {
        .conf = conf, .scope = scope_global, .stanza = conf->root, .why = why, .pool = pool
    };
    const conf_stanza_t *where = NULL;
    const conf_setting_t *setting;
    const conf_option_t *known;
    chain_t chain;

    memset(result, 0, sizeof(*result));
    for (int i = 0; i + 1 < n_scopes; i += 2)
        EC_TRY(add_scope(&asked, scopes[i], scopes[i + 1]));
    if ((known = options_find(asked.scope, option)) == NULL)
        return refuse_option(&asked, option);
    result->option = known->row;
    chain_init(&chain);
    make_chain(&chain, &asked);
    setting = search(&chain, option, &where);
    chain_free(&chain);
    if (setting != NULL)
        answer_setting(result, setting, where, pool);
    else
        answer_default(result, &asked, known);
    return APR_SUCCESS;
}
