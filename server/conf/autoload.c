/* autoload.c - modules that a configuration needs without naming them (config-language.md section 6)
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who uses an option that a module announces gets the module, with an empty stanza; who has a module's stanza gets
 * those that this module requires.  A stanza that the files write themselves, also further down, is the one that counts:
 * so the empty ones are made when all is read.  Required modules come before all others, because a module may use them
 * from its start; announced ones come last. */
#include "conf/parse.h"

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

enum { AUTOLOAD_MAX = 1000 }; /* modules brought by one load */

/* "Global", "Binding_Group": a scope as capabilities write it. */
static const char *capability_scope(const conf_scope_t *scope, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, scope->name);

    for (char *at = name; *at != '\0'; at++) {
        if (at == name || at[-1] == '_')
            *at = (char)toupper((unsigned char)*at);
    }
    return name;
}

const char *autoload_capability(const conf_scope_t *scope, const char *option, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "config.", capability_scope(scope, pool), ":", option, NULL);
}

static void want(struct parser *parser, const char *module, const char *file, int line)
{
    struct autoload *wanted;

    if (apr_hash_get(parser->autoloaded, module, APR_HASH_KEY_STRING) != NULL ||
        apr_hash_count(parser->autoloaded) >= AUTOLOAD_MAX)
        return;
    wanted = apr_palloc(parser->problems.pool, sizeof(*wanted));
    wanted->module = apr_pstrdup(parser->problems.pool, module);
    wanted->file = file;
    wanted->line = line;
    apr_hash_set(parser->autoloaded, wanted->module, APR_HASH_KEY_STRING, wanted);
    APR_ARRAY_PUSH(parser->autoload_order, struct autoload *) = wanted;
}

const conf_option_t *autoload_option(struct parser *parser, const conf_stanza_t *stanza, const char *name, int line)
{
    const conf_option_t *option = options_find(stanza->scope, name);
    const conf_source_t *source = parser->source;
    const char *why = NULL;
    apr_status_t rv = EC_E_NOT_FOUND;

    if ((option == NULL || option->row->flags & EC_OPTION_NO_EFFECT) && source != NULL &&
        source->need_option != NULL && !(stanza->scope->flags & SCOPE_MODULE)) {
        rv = source->need_option(source->baton, stanza->scope->name, name, &why);
        if (rv == APR_SUCCESS)
            option = options_find(stanza->scope, name);
        else if (rv != EC_E_NOT_FOUND)
            parse_error_of(parser, MODULE, line, "option \"%s\": no module that announces it can be loaded: %s", name,
                           why != NULL ? why : "no reason given");
    }
    if (option != NULL && option->handle >= CONF_O_COUNT)
        want(parser, option->owner, parser->frame->file->path, line);
    return option;
}

/* ---- when all is read ---------------------------------------------------------------------- */

static const conf_stanza_t *find_module(const conf_t *conf, const char *module)
{
    const conf_scope_t *scope = options_scope(module);

    return scope != NULL ? conf_next(conf, NULL, scope->name, NULL) : NULL;
}

/* An empty stanza; it stands in no file, only its place says why it is there. */
static void add_stanza(struct parser *parser, const struct autoload *wanted, int is_first)
{
    conf_t *conf = parser->conf;
    const conf_scope_t *scope = options_scope(wanted->module);
    conf_stanza_t *stanza;
    conf_file_t *file;

    if (scope == NULL || !(scope->flags & SCOPE_MODULE) || find_module(conf, wanted->module) != NULL)
        return;
    file = apr_pcalloc(conf->pool, sizeof(*file));
    file->path = apr_pstrcat(conf->pool, wanted->file, " (autoload)", NULL);
    file->is_live = 1;
    file->autoload = is_first ? AUTOLOAD_FIRST : AUTOLOAD_LAST;
    stanza = tree_add(conf, conf->root, scope, scope->name, "", "");
    tree_add_place(conf, stanza, file, wanted->line);
    if (is_first)
        tree_move_before(conf, stanza, conf->root->first);
}

/* What `module` requires, and what that requires, nearest need last so that it is put in front last. */
static void require(struct parser *parser, apr_array_header_t *order, const char *module, const char *file, int line)
{
    const conf_source_t *source = parser->source;
    const char *const *name = source->requirements(source->baton, module);

    for (; name != NULL && *name != NULL; name++) {
        struct autoload *wanted;

        if (apr_hash_get(parser->autoloaded, *name, APR_HASH_KEY_STRING) != NULL)
            continue;
        want(parser, *name, file, line);
        wanted = apr_hash_get(parser->autoloaded, *name, APR_HASH_KEY_STRING);
        if (wanted == NULL)
            return; /* too many */
        require(parser, order, *name, file, line);
        APR_ARRAY_PUSH(order, struct autoload *) = wanted;
    }
}

void autoload_finish(struct parser *parser)
{
    apr_array_header_t *required = apr_array_make(parser->problems.pool, 4, sizeof(struct autoload *));
    int n_used = parser->autoload_order->nelts;

    if (parser->source != NULL && parser->source->requirements != NULL) {
        const conf_stanza_t *stanza = NULL;

        for (int i = 0; i < n_used; i++) {
            const struct autoload *used = APR_ARRAY_IDX(parser->autoload_order, i, struct autoload *);

            require(parser, required, used->module, used->file, used->line);
        }
        while ((stanza = conf_next(parser->conf, NULL, NULL, stanza)) != NULL) {
            if (stanza->scope->flags & SCOPE_MODULE)
                require(parser, required, stanza->type, conf_stanza_file(stanza), conf_stanza_line(stanza));
        }
    }
    for (int i = required->nelts - 1; i >= 0; i--)
        add_stanza(parser, APR_ARRAY_IDX(required, i, struct autoload *), 1);
    for (int i = 0; i < n_used; i++)
        add_stanza(parser, APR_ARRAY_IDX(parser->autoload_order, i, struct autoload *), 0);
}
