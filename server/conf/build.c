/* build.c - what the statements of a configuration do to the tree
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every value is checked where it stands, also one that a later value replaces: an error
 * must not wait until somebody removes the later line. */
#include "conf/kind.h"
#include "conf/parse.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* ---- once-only warnings ---------------------------------------------------------------- */

static void warn_no_effect(struct parser *parser, const char *what, const char *name, int line)
{
    const char *key = apr_pstrcat(parser->scratch, what, " ", name, NULL);

    if (apr_hash_get(parser->warned, key, APR_HASH_KEY_STRING) != NULL)
        return;
    key = apr_pstrdup(parser->problems.pool, key);
    apr_hash_set(parser->warned, key, APR_HASH_KEY_STRING, key);
    parse_warning(parser, line, "%s \"%s\" is accepted but has no effect yet", what, name);
}

/* ---- options ------------------------------------------------------------------------------ */

/* "global, domain": where the option is legal. */
static const char *list_scopes(struct parser *parser, const conf_option_t *option)
{
    apr_uint64_t scopes = 0;
    const char *text = "";

    for (; option != NULL; option = option->next)
        scopes |= option->scopes;
    for (int i = 0; scope_at(i) != NULL; i++) {
        if (scopes & scope_bit(scope_at(i)))
            text = apr_pstrcat(parser->problems.pool, text, *text != '\0' ? ", " : "", scope_at(i)->name, NULL);
    }
    return text;
}

static void refuse_option(struct parser *parser, const conf_stanza_t *stanza, const char *name, int line)
{
    const conf_option_t *elsewhere = options_find_anywhere(name);
    struct nearest nearest;
    const char *missing = "";

    if (options_scope(name) != NULL && elsewhere == NULL) {
        parse_error_of(parser, MISPLACED_OPTION, line, "\"%s\" is a stanza, not an option: write %s { ... }", name, name);
        return;
    }
    if (strcasecmp(name, "include") == 0 || strcasecmp(name, "readonly_include") == 0) {
        const char *file = parser->value.kind == RAW_SCALAR ? problem_quote(&parser->problems, parser->value.text) : "file";

        parse_error_of(parser, UNKNOWN_OPTION, line, "\"%s\" is not an option: write %s \"%s\", without \"=\"", name, name, file);
        return;
    }
    nearest_start(&nearest, name);
    options_offer_names(&nearest, stanza->scope);
    if (elsewhere == NULL && !(stanza->scope->flags & SCOPE_MODULE))
        missing = apr_pstrcat(parser->problems.pool, ": missing capability ",
                              autoload_capability(stanza->scope, name, parser->problems.pool), NULL);
    if (elsewhere != NULL)
        parse_error_of(parser, MISPLACED_OPTION, line, "option \"%s\" is not legal in scope \"%s\"; it belongs in: %s%s", name,
                    stanza->type, list_scopes(parser, elsewhere), nearest_text(&nearest, parser->problems.pool));
    else
        parse_error_of(parser, UNKNOWN_OPTION, line, "unknown option \"%s\" in scope \"%s\"%s%s", name, stanza->type,
                       missing, nearest_text(&nearest, parser->problems.pool));
}

/* Of a module's own options one warning each: another module may have one of the same name. */
static void warn_option(struct parser *parser, const conf_stanza_t *stanza, const char *name, int line)
{
    const struct conf_kind *kind = stanza->scope->module;

    warn_no_effect(parser, "option",
                   kind != NULL ? apr_pstrcat(parser->scratch, stanza->type, ".", name, NULL) : name, line);
}

void build_option(struct parser *parser, conf_stanza_t *stanza, const char *name, int line)
{
    const conf_option_t *option;
    const char *why = "out of memory";
    int errors = parser->problems.errors;
    ec_value_t value;

    if (stanza == NULL)
        return;
    if ((option = autoload_option(parser, stanza, name, line)) == NULL) {
        if (errors == parser->problems.errors)
            refuse_option(parser, stanza, name, line);
        return;
    }
    if (value_make(&value, option->row, &parser->value, &why, parser->scratch) != APR_SUCCESS) {
        const char *text = raw_value_text(&parser->value, parser->scratch);

        parse_error_of(parser, WRONG_VALUE, line, "option \"%s\": %s, found %s", option->row->name, why,
                    option->row->flags & EC_OPTION_SECRET ? "something else"
                                                          : problem_quote(&parser->problems, text));
        return;
    }
    if (option->row->flags & EC_OPTION_NO_EFFECT)
        warn_option(parser, stanza, option->row->name, line);
    tree_set(parser->conf, stanza, option, &parser->value, parser->frame->file, line, parse_span(parser));
}

/* ---- stanzas --------------------------------------------------------------------------------- */

static void refuse_type(struct parser *parser, const conf_stanza_t *parent, const char *type, int line)
{
    struct nearest nearest;

    if (options_find(parent->scope, type) != NULL) {
        parse_error_of(parser, MISPLACED_STANZA, line, "\"%s\" is an option, not a stanza: write %s = value", type, type);
        return;
    }
    nearest_start(&nearest, type);
    options_offer_types(&nearest, parent->scope);
    parse_error_of(parser, UNKNOWN_STANZA, line, "unknown stanza \"%s\" in scope \"%s\"%s", type, parent->type,
                nearest_text(&nearest, parser->problems.pool));
}

/* A reason that names another module, `module "x"`, gets the place where that one was asked for: both ends of a conflict. */
static const char *place_of_module(struct parser *parser, const char *why)
{
    const char *at = why != NULL ? strstr(why, "module \"") : NULL;
    const conf_stanza_t *stanza;
    const char *name;

    if (at == NULL)
        return "";
    at += strlen("module \"");
    name = apr_pstrmemdup(parser->scratch, at, strcspn(at, "\""));
    if ((stanza = conf_next(parser->conf, NULL, name, NULL)) == NULL || conf_stanza_file(stanza) == NULL)
        return "";
    return apr_psprintf(parser->problems.pool, " (%s:%d)", conf_stanza_file(stanza), conf_stanza_line(stanza));
}

/* A table's stanza, one that a module brings when asked, or one that is only documented. */
static const conf_scope_t *find_scope(struct parser *parser, const conf_stanza_t *parent, const char *type,
                                      int line)
{
    const conf_scope_t *scope = options_scope_in(parent->scope, type);
    const char *why = NULL;
    apr_status_t rv = EC_E_NOT_FOUND;

    if (scope == NULL && parent->parent == NULL && parser->source != NULL &&
        parser->source->need_module != NULL) {
        rv = parser->source->need_module(parser->source->baton, apr_pstrdup(parser->scratch, type), &why);
        if (rv == APR_SUCCESS)
            scope = options_scope(type);
        parser->has_new_module |= scope != NULL;
    }
    if (scope != NULL)
        return scope;
    if (rv != APR_SUCCESS && rv != EC_E_NOT_FOUND) {
        parse_error_of(parser, MODULE, line, "module \"%s\" can not be loaded: %s%s", type,
                       why != NULL ? why : "no reason given", place_of_module(parser, why));
        return NULL;
    }
    if (parent->parent == NULL)
        scope = scope_find_documented_module(type);
    if (scope == NULL)
        refuse_type(parser, parent, type, line);
    return scope;
}

static int is_naming_right(struct parser *parser, const conf_scope_t *scope, const char *type,
                           const char *instance, int line)
{
    if (scope->naming == SCOPE_NAMED && instance == NULL)
        parse_error_of(parser, WRONG_NAME, line, "stanza \"%s\" needs a name: write %s \"name\" { ... }", type, type);
    else if (scope->naming == SCOPE_ANONYMOUS && instance != NULL)
        parse_error_of(parser, WRONG_NAME, line, "stanza \"%s\" takes no name, found \"%s\"", type,
                    problem_quote(&parser->problems, instance));
    else
        return 1;
    return 0;
}

static pcre2_code *compile_regex(struct parser *parser, const conf_stanza_t *stanza, int line)
{
    size_t length = strlen(stanza->written) - 2; /* scope_name() bounds it */
    PCRE2_UCHAR message[120];
    PCRE2_SIZE offset;
    pcre2_code *regex;
    int error;

    regex =
        pcre2_compile((PCRE2_SPTR)stanza->written + 1, length, PCRE2_CASELESS, &error, &offset, NULL);
    if (regex != NULL)
        return regex;
    pcre2_get_error_message(error, message, sizeof(message));
    parse_error_of(parser, WRONG_NAME, line, "%s %s is not a regular expression: %s at character %d", stanza->type,
                problem_quote(&parser->problems, stanza->written), (const char *)message, (int)offset + 1);
    return NULL;
}

static apr_status_t free_regex(void *regex)
{
    pcre2_code_free(regex);
    return APR_SUCCESS;
}

static int add_regex(struct parser *parser, conf_stanza_t *stanza, int line)
{
    pcre2_code *regex;

    if ((regex = compile_regex(parser, stanza, line)) == NULL)
        return 0;
    apr_pool_cleanup_register(parser->conf->pool, regex, free_regex, apr_pool_cleanup_null);
    tree_add_regex(stanza, regex);
    parser->conf->has_regex = 1;
    return 1;
}

/* What only a new stanza needs.  Returns whether its name is of use. */
static int begin_stanza(struct parser *parser, conf_stanza_t *stanza, int line)
{
    if (stanza->scope->kind == NAME_NETWORK)
        cidr_parse(&stanza->network, stanza->name);
    if (stanza->scope->kind == NAME_DOMAIN && scope_name_is_regex(stanza->name))
        return add_regex(parser, stanza, line);
    return 1;
}

/* The default binding and group are there without being declared, so options in them count. */
static int has_effect(const conf_scope_t *scope, const char *name)
{
    if (!(scope->flags & SCOPE_NO_EFFECT))
        return 1;
    return (scope->kind == NAME_BINDING || scope->kind == NAME_GROUP) && strcmp(name, "default") == 0;
}

static const char *type_of(struct parser *parser, const conf_scope_t *scope, const char *type)
{
    char *lower;

    if (!(scope->flags & SCOPE_OPEN))
        return scope->name;
    lower = apr_pstrdup(parser->scratch, type);
    for (char *at = lower; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return lower;
}

static conf_stanza_t *open_stanza(struct parser *parser, conf_stanza_t *parent, const conf_scope_t *scope,
                                  const char *type, const char *name, const char *written, int line)
{
    unsigned before = parser->conf->n_stanzas;
    conf_stanza_t *stanza;

    if (before >= TREE_STANZAS_MAX) {
        parse_error_of(parser, LIMIT, line, "more than %d stanzas", TREE_STANZAS_MAX);
        return NULL;
    }
    stanza = tree_add(parser->conf, parent, scope, type, name, written);
    parser->place = tree_add_place(parser->conf, stanza, parser->frame->file, line);
    parser->place->span = parse_span(parser);
    parser->place->body = parser->place->span.end;
    if (before != parser->conf->n_stanzas && !begin_stanza(parser, stanza, line))
        return NULL;
    return stanza;
}

/* A stanza that is refused: what stands in it is looked at all the same, so that everything is told at once.  Nobody else
 * sees it, because the whole is refused. */
static conf_stanza_t *stray_stanza(struct parser *parser, conf_stanza_t *parent, const conf_scope_t *scope,
                                   const char *type, const char *written)
{
    if (scope->flags & SCOPE_OPEN || parent->depth >= TREE_DEPTH_MAX)
        return NULL;
    return tree_add(parser->conf, parent, scope, type_of(parser, scope, type), written, written);
}

conf_stanza_t *build_stanza(struct parser *parser, conf_stanza_t *parent, const char *type,
                            const char *instance, int line)
{
    const conf_scope_t *scope = find_scope(parser, parent, type, line);
    const char *written = instance != NULL ? instance : "", *name, *why = "";
    conf_stanza_t *stanza;

    if (scope == NULL)
        return NULL;
    if (!is_naming_right(parser, scope, type, instance, line))
        return stray_stanza(parser, parent, scope, type, written);
    if (!scope_allows_parent(scope, parent->scope)) {
        parse_error_of(parser, MISPLACED_STANZA, line, "stanza \"%s\" is not legal in scope \"%s\"; it belongs in: %s", type,
                    parent->type, scope->parents);
        return stray_stanza(parser, parent, scope, type, written);
    }
    if ((name = scope_name(scope, written, &why, parser->scratch)) == NULL) {
        parse_error_of(parser, WRONG_NAME, line, "%s \"%s\": %s", type, problem_quote(&parser->problems, written), why);
        return stray_stanza(parser, parent, scope, type, written);
    }
    type = type_of(parser, scope, type);
    if (!has_effect(scope, name))
        warn_no_effect(parser, scope->flags & SCOPE_MODULE ? "module" : "stanza", type, line);
    stanza = open_stanza(parser, parent, scope, type, name, written, line);
    return scope->flags & SCOPE_OPEN ? NULL : stanza;
}
