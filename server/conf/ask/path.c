/* path.c - a scope as it is typed, to the stanza it names
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the tables decide what is a scope, never the configuration at hand: the same words mean the same
 * whether a stanza exists or not.  Any thread. */
#include "conf/ask/path.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* Words that are being read. */
struct reading {
    conf_path_t *path;
    const char *const *words;
    int n, at;
    const char **why;
    apr_pool_t *pool;
};

static const conf_scope_t *scope_here(const conf_path_t *path)
{
    return path->n > 0 ? path->step[path->n - 1].scope : scope_global;
}

static const char *type_here(const conf_path_t *path)
{
    return path->n > 0 ? path->step[path->n - 1].type : scope_global->name;
}

/* A scope of this name that may stand in `parent`, or NULL. */
static const conf_scope_t *find_below(const conf_scope_t *parent, const char *type)
{
    const conf_scope_t *scope = options_scope_in(parent, type);

    if (scope == NULL && parent == scope_global)
        scope = scope_find_documented_module(type);
    return scope != NULL && scope_allows_parent(scope, parent) ? scope : NULL;
}

/* ---- refusing ------------------------------------------------------------------------------ */

/* "global, domain": where the option is legal. */
static const char *list_scopes(const conf_option_t *option, apr_pool_t *pool)
{
    const char *text = "";

    for (; option != NULL; option = option->next) {
        for (int i = 0; scope_at(i) != NULL; i++) {
            if (option->scopes & scope_bit(scope_at(i)))
                text = apr_pstrcat(pool, text, *text != '\0' ? ", " : "", scope_at(i)->name, NULL);
        }
    }
    return text;
}

static apr_status_t refuse_word(const struct reading *reading, const char *word)
{
    const conf_scope_t *misplaced = options_scope(word);
    const conf_option_t *elsewhere = options_find_anywhere(word);
    struct nearest nearest;

    if (elsewhere != NULL) {
        *reading->why = apr_psprintf(
            reading->pool, "option \"%s\" is not legal in scope \"%s\"; it belongs in: %s",
            elsewhere->row->name, type_here(reading->path), list_scopes(elsewhere, reading->pool));
        return EC_E_NOT_FOUND;
    }
    if (misplaced != NULL && *misplaced->parents != '\0') {
        *reading->why =
            apr_psprintf(reading->pool, "scope \"%s\" is not legal in scope \"%s\"; it belongs in: %s",
                         misplaced->name, type_here(reading->path), misplaced->parents);
        return EC_E_NOT_FOUND;
    }
    nearest_start(&nearest, word);
    options_offer_names(&nearest, scope_here(reading->path));
    options_offer_types(&nearest, scope_here(reading->path));
    *reading->why =
        apr_psprintf(reading->pool, "\"%.80s\" is not an option of scope \"%s\" and not a scope%s", word,
                     type_here(reading->path), nearest_text(&nearest, reading->pool));
    return EC_E_NOT_FOUND;
}

static apr_status_t refuse_depth(const struct reading *reading)
{
    *reading->why = apr_psprintf(reading->pool, "more than %d scopes within each other", PATH_STEPS_MAX);
    return EC_E_SYNTAX;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int is_option(const struct reading *reading, int at, const conf_scope_t *scope)
{
    return at < reading->n && options_find(scope, reading->words[at]) != NULL;
}

/* Is the word a scope, if it could be an option as well? */
static int is_meant_as_scope(const struct reading *reading, int at, const conf_scope_t *parent)
{
    if (find_below(parent, reading->words[at]) == NULL)
        return 0;
    if (!is_option(reading, at, parent))
        return 1;
    return at + 1 < reading->n && strcmp(reading->words[at + 1], "=") != 0;
}

/* Does the word behind an optionally named type name it, or is it an option or a scope within? */
static int is_optional_name(const struct reading *reading, const conf_scope_t *scope)
{
    int at = reading->at;

    if (scope->flags & SCOPE_OPEN)
        return at + 1 < reading->n;
    if (is_option(reading, at, scope))
        return is_option(reading, at + 1, scope);
    return !is_meant_as_scope(reading, at, scope);
}

static int has_name(const struct reading *reading, const conf_scope_t *scope)
{
    if (reading->at == reading->n)
        return 0;
    if (scope->naming == SCOPE_NAMED || reading->words[reading->at][0] == '\0')
        return 1;
    return scope->naming == SCOPE_OPTIONAL && is_optional_name(reading, scope);
}

static const char *type_of(const conf_scope_t *scope, const char *word, apr_pool_t *pool)
{
    char *lower;

    if (!(scope->flags & SCOPE_OPEN))
        return scope->name;
    lower = apr_pstrdup(pool, word);
    for (char *at = lower; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return lower;
}

static apr_status_t read_step(struct reading *reading, const conf_scope_t *scope)
{
    path_step_t *step = &reading->path->step[reading->path->n];
    const char *why = "";

    step->scope = scope;
    step->type = type_of(scope, reading->words[reading->at++], reading->pool);
    step->written = has_name(reading, scope) ? reading->words[reading->at++] : "";
    if (scope->naming == SCOPE_NAMED && *step->written == '\0') {
        *reading->why =
            apr_psprintf(reading->pool, "scope \"%s\" needs a name: %s NAME", step->type, step->type);
        return EC_E_SYNTAX;
    }
    if (scope->naming == SCOPE_ANONYMOUS && *step->written != '\0') {
        *reading->why = apr_psprintf(reading->pool, "scope \"%s\" has no name, found \"%.80s\"", step->type,
                                     step->written);
        return EC_E_SYNTAX;
    }
    if ((step->name = scope_name(scope, step->written, &why, reading->pool)) == NULL) {
        *reading->why = apr_psprintf(reading->pool, "%s \"%.80s\": %s", step->type, step->written, why);
        return EC_E_SYNTAX;
    }
    reading->path->n++;
    return APR_SUCCESS;
}

static void skip_global(struct reading *reading)
{
    if (reading->n == 0 || strcasecmp(reading->words[0], scope_global->name) != 0)
        return;
    reading->at = reading->n > 1 && reading->words[1][0] == '\0' ? 2 : 1;
}

apr_status_t path_read(conf_path_t *path, const char *const *words, int n, const char **why, apr_pool_t *pool)
{
    struct reading reading = { .path = path, .words = words, .n = n, .why = why, .pool = pool };

    memset(path, 0, sizeof(*path));
    skip_global(&reading);
    while (reading.at < n && is_meant_as_scope(&reading, reading.at, scope_here(path))) {
        if (path->n == PATH_STEPS_MAX)
            return refuse_depth(&reading);
        EC_TRY(read_step(&reading, find_below(scope_here(path), words[reading.at])));
    }
    path->n_words = reading.at;
    if (reading.at < n && !(scope_here(path)->flags & SCOPE_OPEN) &&
        !is_option(&reading, reading.at, scope_here(path)))
        return refuse_word(&reading, words[reading.at]);
    return APR_SUCCESS;
}

/* ---- finding and writing ------------------------------------------------------------------- */

const conf_stanza_t *path_find(const conf_t *conf, const conf_path_t *path)
{
    const conf_stanza_t *stanza = conf->root;

    for (int i = 0; i < path->n && stanza != NULL; i++)
        stanza = tree_find(conf, stanza, path->step[i].type, path->step[i].name);
    return stanza;
}

/* As the console splits words: in quotes, a backslash goes before a quote and before itself. */
static const char *word_text(const char *word, apr_pool_t *pool)
{
    char *text, *to;

    if (*word != '\0' && strpbrk(word, " \t\r\n\"") == NULL)
        return word;
    text = to = apr_palloc(pool, strlen(word) * 2 + 3);
    *to++ = '"';
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\')
            *to++ = '\\';
        *to++ = *word;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

const char *path_text(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    const char *above, *name;

    if (stanza->parent == NULL)
        return "";
    above = path_text(stanza->parent, pool);
    name = stanza->scope->naming == SCOPE_NAMED || *stanza->written != '\0' ? word_text(stanza->written, pool)
                                                                            : NULL;
    return apr_pstrcat(pool, above, *above != '\0' ? " " : "", stanza->type, name != NULL ? " " : "",
                       name != NULL ? name : "", NULL);
}
