/* draft.c - a private copy of a configuration that is being changed
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change goes through the same functions as a statement of a file (build.c), so that it
 * means the same and is refused with the same words.  A stanza that was made on the way to
 * a value that is refused goes again. */
#include "conf/live/draft.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "conf/ask/path.h"
#include "conf/live/clone.h"
#include "conf/live/words.h"
#include "conf/parse.h"
#include "conf/view.h"

/* A change that was made. */
struct change {
    int is_unset;
    const char *const *words;
    int n;
};

struct draft {
    apr_pool_t *pool;
    conf_t *base, *conf;
    const conf_source_t *source; /* or NULL */
    int is_from_scratch;
    apr_array_header_t *changes; /* struct change */
    apr_array_header_t *texts;   /* const char * */
    apr_array_header_t *notes;   /* conf_problem_t: warnings */
};

static const conf_file_t console = { .path = "(console)", .is_live = 1 };
static const conf_file_t built_in = { .path = "(built in)", .is_live = 1 };

/* ---- build.c for one statement ------------------------------------------------------------- */

struct statement {
    struct parser parser;
    struct frame frame;
};

static void statement_begin(struct statement *statement, const struct draft *draft, const conf_file_t *file,
                            apr_pool_t *pool)
{
    conf_t *conf = draft->conf;

    memset(statement, 0, sizeof(*statement));
    parser_begin(&statement->parser, conf, draft->source, pool);
    statement->parser.frame = &statement->frame;
    statement->frame.file = file;
    conf->n_read++;
    statement->frame.identity.fd = -1;
}

/* The first error, or a sentence that there is one. */
static const char *first_error(const struct problems *problems)
{
    for (int i = 0; i < problems->list->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(problems->list, i, conf_problem_t);

        if (!problem->is_warning)
            return problem->text;
    }
    return "this can not be set";
}

/* ---- opening and closing --------------------------------------------------------------------- */

/* What every configuration has without saying so (config-language.md section 10). */
static const struct {
    const char *words[4];
    int n;
} implicit[] = {
    { { "timestampformat", "[%a %d %b %Y %H:%M:%S] " }, 2 },
    { { "threadpool", "IO", "concurrency", "50" }, 4 },
    { { "threadpool", "CPU", "concurrency", "4" }, 4 },
    { { "threadpool", "SwapIn", "concurrency", "5" }, 4 },
    { { "threadpool", "SwapOut", "concurrency", "5" }, 4 },
    { { "threadpool", "SpoolIn", "concurrency", "1" }, 4 },
};

static apr_status_t set(struct draft *draft, const conf_setting_t **result, const char *const *words, int n,
                        const conf_file_t *file, const char **why, apr_pool_t *pool);

static void make_implicit(struct draft *draft, apr_pool_t *scratch)
{
    struct statement statement;
    const char *why = "";

    for (apr_size_t i = 0; i < sizeof(implicit) / sizeof(implicit[0]); i++)
        EC_ASSERT(set(draft, NULL, implicit[i].words, implicit[i].n, &built_in, &why, scratch) == APR_SUCCESS);
    statement_begin(&statement, draft, &built_in, scratch);
    build_stanza(&statement.parser, draft->conf->root, "debug_flags", NULL, 0);
}

/* `from`: what is copied, or NULL. */
static void fill(struct draft *draft, const conf_t *from, apr_pool_t *scratch)
{
    struct statement statement;

    draft->conf->refs = 1;
    draft->conf->files_of = conf_ref(conf_files_of(draft->base));
    if (from != NULL)
        clone_tree(draft->conf, from);
    statement_begin(&statement, draft, &console, scratch);
    load_values(&statement.parser);
    load_check(&statement.parser); /* what is copied has passed it; what comes of it now are defaults */
    if (from == NULL)
        make_implicit(draft, scratch);
}

apr_status_t draft_open(draft_t **result, conf_t *base, int is_from_scratch)
{
    apr_pool_t *pool, *scratch;
    struct draft *draft;

    EC_TRY(apr_pool_create_unmanaged(&pool));
    draft = apr_pcalloc(pool, sizeof(*draft));
    draft->pool = pool;
    draft->changes = apr_array_make(pool, 8, sizeof(struct change));
    draft->texts = apr_array_make(pool, 8, sizeof(const char *));
    draft->notes = apr_array_make(pool, 8, sizeof(conf_problem_t));
    draft->is_from_scratch = is_from_scratch;
    if ((draft->conf = tree_create()) == NULL || apr_pool_create(&scratch, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return APR_ENOMEM;
    }
    draft->base = conf_ref(base);
    fill(draft, is_from_scratch ? NULL : base, scratch);
    apr_pool_destroy(scratch);
    *result = draft;
    return APR_SUCCESS;
}

apr_status_t draft_reopen(draft_t *draft, const conf_t *finished)
{
    apr_pool_t *scratch;

    EC_ASSERT(draft->conf == NULL);
    EC_TRY(apr_pool_create(&scratch, draft->pool));
    if ((draft->conf = tree_create()) != NULL)
        fill(draft, finished, scratch);
    apr_pool_destroy(scratch);
    return draft->conf != NULL ? APR_SUCCESS : APR_ENOMEM;
}

void draft_close(draft_t *draft)
{
    if (draft == NULL)
        return;
    conf_unref(draft->conf);
    conf_unref(draft->base);
    apr_pool_destroy(draft->pool);
}

void draft_use(draft_t *draft, const conf_source_t *source)
{
    draft->source = source;
}

conf_t *draft_conf(draft_t *draft)
{
    return draft->conf;
}

conf_t *draft_base(draft_t *draft)
{
    return draft->base;
}

int draft_is_from_scratch(const draft_t *draft)
{
    return draft->is_from_scratch;
}

conf_t *conf_files_of(conf_t *conf)
{
    conf_t *files_of = conf->files_of;

    return files_of != NULL ? files_of : conf;
}

static apr_status_t release(void *conf)
{
    conf_unref(conf);
    return APR_SUCCESS;
}

void conf_files_saved(conf_t *conf, conf_t *saved)
{
    conf_t *old = conf->files_of;

    if (old != NULL) /* somebody may have borrowed it */
        apr_pool_cleanup_register(conf->pool, old, release, apr_pool_cleanup_null);
    conf->files_of = saved == NULL || saved == conf ? NULL : conf_ref(saved);
}

/* ---- remembering -------------------------------------------------------------------------------- */

static void remember(struct draft *draft, int is_unset, const char *const *words, int n, const char *text)
{
    const char **copy = apr_palloc(draft->pool, sizeof(*copy) * (apr_size_t)(n + 1));

    for (int i = 0; i < n; i++)
        copy[i] = apr_pstrdup(draft->pool, words[i]);
    copy[n] = NULL;
    APR_ARRAY_PUSH(draft->changes, struct change) = (struct change){ is_unset, copy, n };
    APR_ARRAY_PUSH(draft->texts, const char *) = apr_pstrdup(draft->pool, text);
}

static const char *command(const char *verb, const conf_stanza_t *stanza, const char *rest, apr_pool_t *pool)
{
    const char *path = path_text(stanza, pool);

    return apr_pstrcat(pool, verb, *path != '\0' ? " " : "", path, *rest != '\0' ? " " : "", rest, NULL);
}

static const char *set_command(const conf_stanza_t *stanza, const conf_setting_t *setting, apr_pool_t *pool)
{
    const char *value =
        setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : words_of_value(&setting->raw, pool);

    return command("set", stanza, apr_pstrcat(pool, setting->option->row->name, " = ", value, NULL), pool);
}

const apr_array_header_t *draft_replay(const draft_t *draft)
{
    return draft->texts;
}

const apr_array_header_t *draft_warnings(const draft_t *draft)
{
    return draft->notes;
}

/* ---- where ------------------------------------------------------------------------------------------ */

static apr_status_t explain_module(apr_status_t rv, const char *word, const char **why, apr_pool_t *pool)
{
    if (rv == APR_SUCCESS || rv == EC_E_NOT_FOUND)
        return APR_SUCCESS;
    *why = apr_psprintf(pool, "the module for \"%.80s\" can not be loaded: %s", word, *why != NULL ? *why : "no reason given");
    return rv;
}

/* A first word that no table knows may be the stanza of a module: its table has to be there before words have a
 * meaning. */
static apr_status_t bring_stanza(const struct draft *draft, const char *const *words, int n, const char **why,
                                 apr_pool_t *pool)
{
    int at = n > 0 && strcasecmp(words[0], scope_global->name) == 0;
    const conf_source_t *source = draft->source;

    if (at >= n || source == NULL || source->need_module == NULL || options_scope(words[at]) != NULL ||
        options_find_anywhere(words[at]) != NULL)
        return APR_SUCCESS;
    return explain_module(source->need_module(source->baton, words[at], why), words[at], why, pool);
}

/* Where path_read() went no further there may be an option that a module announces. */
static apr_status_t bring_option(const struct draft *draft, const conf_path_t *path, const char *word,
                                 const char **why, apr_pool_t *pool)
{
    const conf_scope_t *scope = path->n > 0 ? path->step[path->n - 1].scope : scope_global;
    const conf_source_t *source = draft->source;

    if (source == NULL || source->need_option == NULL || scope->flags & SCOPE_MODULE)
        return APR_SUCCESS;
    return explain_module(source->need_option(source->baton, scope->name, word, why), word, why, pool);
}

static apr_status_t read_path(const struct draft *draft, conf_path_t *path, const char *const *words, int n,
                              const char **why, apr_pool_t *pool)
{
    apr_status_t rv;

    EC_TRY(bring_stanza(draft, words, n, why, pool));
    rv = path_read(path, words, n, why, pool);
    if (rv != EC_E_NOT_FOUND || path->n_words >= n)
        return rv;
    EC_TRY(bring_option(draft, path, words[path->n_words], why, pool));
    return path_read(path, words, n, why, pool);
}

/* ---- set ------------------------------------------------------------------------------------------- */

/* Takes away the uppermost stanza of the path that was not there before. */
static void undo(conf_t *conf, const conf_path_t *path, int n_there)
{
    conf_path_t first = *path;
    conf_stanza_t *made;

    if (n_there == path->n)
        return;
    first.n = n_there + 1;
    made = (conf_stanza_t *)path_find(conf, &first);
    if (made != NULL)
        tree_remove(conf, made);
}

/* How many of the path's stanzas there are. */
static int count_there(const conf_t *conf, const conf_path_t *path)
{
    conf_path_t part = *path;

    while (part.n > 0 && path_find(conf, &part) == NULL)
        part.n--;
    return part.n;
}

/* Makes what is missing; NULL when a stanza is refused. */
static conf_stanza_t *open_path(struct parser *parser, const conf_path_t *path, const conf_t *files)
{
    conf_stanza_t *stanza = parser->conf->root;

    for (int i = 0; i < path->n && stanza != NULL; i++) {
        const path_step_t *step = &path->step[i];
        conf_stanza_t *there = tree_find(parser->conf, stanza, step->type, step->name);

        stanza = there != NULL ? there
                               : build_stanza(parser, stanza, step->type, *step->written != '\0' ? step->written : NULL, 0);
        if (stanza != NULL && there == NULL)
            tree_put_in_order(parser->conf, stanza, files);
    }
    return stanza;
}

static void keep_warnings(struct draft *draft, const struct problems *problems)
{
    for (int i = 0; i < problems->list->nelts; i++) {
        conf_problem_t problem = APR_ARRAY_IDX(problems->list, i, conf_problem_t);

        problem.file = console.path;
        problem.text = apr_pstrdup(draft->pool, problem.text);
        APR_ARRAY_PUSH(draft->notes, conf_problem_t) = problem;
    }
}

/* The value has its room in the tree now, so its type can be made there. */
static apr_status_t make_value(const conf_setting_t **result, conf_t *conf, conf_stanza_t *stanza,
                               const ec_option_t *row, const char **why)
{
    conf_setting_t *setting = tree_setting(stanza, row);

    *result = setting;
    return value_make(&setting->value, row, &setting->raw, why, conf->pool);
}

/* What no file can say could be set and not be saved. */
static int is_sayable(const conf_path_t *path, const raw_value_t *raw, const char **why, apr_pool_t *pool)
{
    *why = "this can not be written in a file: a control character, broken UTF-8, or a backslash where it hides a quote";
    for (int i = 0; i < path->n; i++) {
        if (raw_item_text(path->step[i].written, 1, pool) == NULL)
            return 0;
    }
    return raw == NULL || raw_value_is_sayable(raw, pool);
}

/* An option at the end of a path that can be gone. */
static apr_status_t set_at(struct draft *draft, const conf_setting_t **result, const conf_path_t *path,
                           const words_t *words, const conf_file_t *file, const char **why, apr_pool_t *pool)
{
    const conf_scope_t *scope = path->n > 0 ? path->step[path->n - 1].scope : scope_global;
    const conf_option_t *option = options_find(scope, words->option);
    int n_there = count_there(draft->conf, path);
    struct statement statement;
    conf_stanza_t *stanza;

    statement_begin(&statement, draft, file, pool);
    EC_TRY(words_value(&statement.parser.value, words, option != NULL ? option->row : NULL, why, pool));
    if (!is_sayable(path, &statement.parser.value, why, pool))
        return EC_E_SYNTAX;
    stanza = open_path(&statement.parser, path, draft->conf->files_of);
    if (stanza != NULL)
        build_option(&statement.parser, stanza, words->option, 0);
    if (stanza == NULL || statement.parser.problems.errors > 0) {
        *why = scope->flags & SCOPE_OPEN ? "what this stanza holds is not known, so nothing can be set in it"
                                         : first_error(&statement.parser.problems);
        undo(draft->conf, path, n_there);
        return EC_E_SYNTAX;
    }
    autoload_finish(&statement.parser);
    keep_warnings(draft, &statement.parser.problems);
    option = options_find(scope, words->option); /* a module may have taken it over */
    return make_value(result, draft->conf, stanza, option->row, why);
}

/* "domain example.org {}": the stanza alone, as a file would have it.  EC_E_NOT_FOUND: these words mean something else. */
static apr_status_t set_stanza(struct draft *draft, const char *const *words, int n, const char **why, apr_pool_t *pool)
{
    struct statement statement;
    conf_path_t path;
    int n_there;

    if (n < 2 || strcmp(words[n - 1], "{}") != 0)
        return EC_E_NOT_FOUND;
    EC_TRY(read_path(draft, &path, words, n - 1, why, pool));
    if (path.n_words != n - 1 || path.n == 0)
        return EC_E_NOT_FOUND;
    n_there = count_there(draft->conf, &path);
    statement_begin(&statement, draft, &console, pool);
    if (!is_sayable(&path, NULL, why, pool))
        return EC_E_SYNTAX;
    open_path(&statement.parser, &path, draft->conf->files_of);
    if (statement.parser.problems.errors > 0) {
        *why = first_error(&statement.parser.problems);
        undo(draft->conf, &path, n_there);
        return EC_E_SYNTAX;
    }
    autoload_finish(&statement.parser);
    keep_warnings(draft, &statement.parser.problems);
    remember(draft, 0, words, n, command("set", path_find(draft->conf, &path), "{}", pool));
    return APR_SUCCESS;
}

static apr_status_t set(struct draft *draft, const conf_setting_t **result, const char *const *words, int n,
                        const conf_file_t *file, const char **why, apr_pool_t *pool)
{
    const conf_setting_t *setting;
    conf_path_t path;
    words_t rest;

    EC_TRY(read_path(draft, &path, words, n, why, pool));
    EC_TRY(words_read(&rest, words + path.n_words, n - path.n_words, why, pool));
    EC_TRY(set_at(draft, &setting, &path, &rest, file, why, pool));
    if (file == &console)
        remember(draft, 0, words, n, set_command(path_find(draft->conf, &path), setting, pool));
    if (result != NULL)
        *result = setting;
    return APR_SUCCESS;
}

apr_status_t draft_set(draft_t *draft, const char *const *words, int n, const conf_setting_t **setting,
                       const char **why, apr_pool_t *pool)
{
    const char *const *split = words_split_equals(words, &n, pool);
    apr_status_t rv = set_stanza(draft, split, n, why, pool);

    if (setting != NULL)
        *setting = NULL;
    return rv != EC_E_NOT_FOUND ? rv : set(draft, setting, split, n, &console, why, pool);
}

/* ---- unset ---------------------------------------------------------------------------------------- */

static int is_implicit(const conf_setting_t *setting)
{
    return setting->file == &built_in;
}

static int holds_implicit(const conf_stanza_t *stanza)
{
    for (const conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next) {
        if (is_implicit(setting))
            return 1;
    }
    return stanza->places != NULL && stanza->places->file == &built_in;
}

static apr_status_t refuse_implicit(const struct draft *draft, const char **why)
{
    if (!draft->is_from_scratch)
        return APR_SUCCESS;
    *why = "every configuration has this; it can be set to something else and not be taken away";
    return EC_E_SYNTAX;
}

static apr_status_t unset_option(struct draft *draft, conf_stanza_t *stanza, const conf_path_t *path, const char *name,
                                 const char **why, apr_pool_t *pool)
{
    const conf_scope_t *scope = path->n > 0 ? path->step[path->n - 1].scope : scope_global;
    const conf_option_t *option = options_find(scope, name);
    const conf_setting_t *setting = option != NULL && stanza != NULL ? tree_setting(stanza, option->row) : NULL;

    if (setting == NULL) {
        *why = apr_psprintf(pool, "option \"%.80s\" is not set in this scope", name);
        return EC_E_NOT_FOUND;
    }
    if (is_implicit(setting))
        EC_TRY(refuse_implicit(draft, why));
    tree_unset(stanza, option->row);
    return APR_SUCCESS;
}

static apr_status_t unset_scope(struct draft *draft, conf_stanza_t *stanza, const char **why)
{
    if (stanza == NULL) {
        *why = "there is no such scope";
        return EC_E_NOT_FOUND;
    }
    if (stanza->parent == NULL) {
        *why = "the whole top level is never unset: name an option or a scope";
        return EC_E_SYNTAX;
    }
    if (holds_implicit(stanza))
        EC_TRY(refuse_implicit(draft, why));
    tree_remove(draft->conf, stanza);
    return APR_SUCCESS;
}

apr_status_t draft_unset(draft_t *draft, const char *const *words, int n, const char **why, apr_pool_t *pool)
{
    const char *text, *name = "";
    conf_stanza_t *stanza;
    conf_path_t path;

    EC_TRY(read_path(draft, &path, words, n, why, pool));
    if (n - path.n_words > 1) {
        *why = apr_psprintf(pool, "nothing follows the option that is unset, found \"%.80s\"", words[path.n_words + 1]);
        return EC_E_SYNTAX;
    }
    stanza = (conf_stanza_t *)path_find(draft->conf, &path);
    if (n > path.n_words)
        name = words[path.n_words];
    text = stanza != NULL ? command("unset", stanza, name, pool) : "";
    if (*name != '\0')
        EC_TRY(unset_option(draft, stanza, &path, name, why, pool));
    else
        EC_TRY(unset_scope(draft, stanza, why));
    remember(draft, 1, words, n, text);
    return APR_SUCCESS;
}

/* ---- the end, or again ------------------------------------------------------------------------------ */

apr_status_t draft_repeat(draft_t *draft, const draft_t *from, const char **failed, const char **why, apr_pool_t *pool)
{
    for (int i = 0; i < from->changes->nelts; i++) {
        const struct change *change = &APR_ARRAY_IDX(from->changes, i, struct change);
        apr_status_t rv = change->is_unset ? draft_unset(draft, change->words, change->n, why, pool)
                                           : draft_set(draft, change->words, change->n, NULL, why, pool);

        if (rv == EC_E_NOT_FOUND && change->is_unset)
            continue; /* somebody else has taken it away */
        if (rv != APR_SUCCESS) {
            *failed = APR_ARRAY_IDX(from->texts, i, const char *);
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t draft_finish(conf_t **conf, apr_array_header_t **problems, draft_t *draft, apr_pool_t *pool)
{
    struct statement statement;

    statement_begin(&statement, draft, &console, pool);
    load_defaults(draft->conf); /* a change may have brought a module with options of its own */
    load_check(&statement.parser);
    *problems = statement.parser.problems.list;
    if (statement.parser.problems.errors > 0)
        return EC_E_CONFIG;
    views_create(draft->conf);
    *conf = draft->conf;
    draft->conf = NULL;
    return APR_SUCCESS;
}
