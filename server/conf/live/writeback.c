/* writeback.c - live changes into the files they belong to
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read the files as they are now; find a place for every change; load the texts that come of it in place of
 * the files; compare; only then write.  The comparison asks two things: every change that was given a place
 * is in force, and nothing else than the changes differs from the files. */
#include "conf/live/writeback.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/ask/path.h"
#include "conf/live/draft.h"
#include "conf/live/plan.h"
#include "conf/parse.h"

struct saving {
    writeback_result_t *result;
    conf_t *conf, *base;
    const conf_source_t *source;
    const char *path;
    conf_t *fresh, *saved;       /* the files before and after */
    apr_array_header_t *changes; /* from base to conf */
    char *is_saved;              /* of each change */
    apr_hash_t *meant;           /* texts of what may differ */
    const char **why;
    apr_pool_t *pool;
};

/* ---- loading --------------------------------------------------------------------------------- */

static const char *first_error(const apr_array_header_t *problems, apr_pool_t *pool)
{
    for (int i = 0; i < problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(problems, i, conf_problem_t);

        if (!problem->is_warning)
            return apr_psprintf(pool, "%s:%d: %s", problem->file, problem->line, problem->text);
    }
    return "out of memory";
}

static apr_status_t load(conf_t **conf, struct saving *s, const apr_array_header_t *files, const char *failed)
{
    struct overlay overlay = { apr_hash_make(s->pool), s->path };
    apr_array_header_t *problems = apr_array_make(s->pool, 1, sizeof(conf_problem_t));

    for (int i = 0; files != NULL && i < files->nelts; i++) {
        const disk_file_t *file = &APR_ARRAY_IDX(files, i, disk_file_t);

        apr_hash_set(overlay.texts, file->path, APR_HASH_KEY_STRING, file->text);
    }
    if (load_overlaid(conf, &problems, s->source, &overlay, s->pool) == APR_SUCCESS)
        return APR_SUCCESS;
    *conf = NULL;
    *s->why = apr_psprintf(s->pool, "%s: %s", failed, first_error(problems, s->pool));
    return EC_E_CONFIG;
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* One thing that may differ: an option in its scope, or a scope. */
static const char *name_of(const conf_stanza_t *stanza, const conf_setting_t *setting, apr_pool_t *pool)
{
    return apr_pstrcat(pool, path_text(stanza, pool), "\n",
                       setting != NULL ? setting->option->row->name : NULL, NULL);
}

static const conf_stanza_t *stanza_of(const conf_change_t *change)
{
    return change->to_stanza != NULL ? change->to_stanza : change->from_stanza;
}

static const conf_setting_t *setting_of(const conf_change_t *change)
{
    return change->to != NULL ? change->to : change->from;
}

static void note_meant(struct saving *s, const conf_change_t *change)
{
    const char *name = name_of(stanza_of(change), setting_of(change), s->pool);

    apr_hash_set(s->meant, name, APR_HASH_KEY_STRING, name);
    for (const conf_stanza_t *stanza = stanza_of(change); stanza != NULL; stanza = stanza->parent) {
        name = name_of(stanza, NULL, s->pool); /* scopes around it may have to be made */
        apr_hash_set(s->meant, name, APR_HASH_KEY_STRING, name);
    }
}

/* Do the files say it now? */
static int is_done(const conf_t *saved, const conf_change_t *change)
{
    const conf_stanza_t *like = tree_find_like(saved, stanza_of(change));
    const conf_setting_t *setting =
        setting_of(change) != NULL ? tree_setting_named(like, setting_of(change)->option->row->name) : NULL;

    if (change->kind == CONF_CHANGE_SET)
        return setting != NULL && raw_value_is_same(&setting->raw, &change->to->raw);
    if (change->kind == CONF_CHANGE_UNSET)
        return setting == NULL;
    if (change->kind == CONF_CHANGE_MOVE_STANZA)
        return 1; /* told by note_order() */
    return (like != NULL) == (change->kind == CONF_CHANGE_ADD_STANZA);
}

/* "retry_interval in domain example.com", and where the files say otherwise. */
static apr_status_t refuse(struct saving *s, const conf_change_t *change, const conf_t *saved)
{
    const conf_stanza_t *like = tree_find_like(saved, stanza_of(change));
    const conf_setting_t *setting = setting_of(change), *other;
    const char *what = tree_describe(stanza_of(change), s->pool), *where = "";

    if (setting != NULL) {
        what = apr_pstrcat(s->pool, setting->option->row->name, " in ", what, NULL);
        if ((other = tree_setting_named(like, setting->option->row->name)) != NULL)
            where = apr_psprintf(s->pool, " (%s:%d decides)", other->file->path, other->line);
    } else if (like != NULL && like->places != NULL) {
        where = apr_psprintf(s->pool, " (%s:%d decides)", like->places->file->path, like->places->line);
    }
    *s->why = apr_psprintf(s->pool,
                           "nothing was written: %s would not be after a reload what it is now%s; change it "
                           "in the files by hand",
                           what, where);
    return EC_E_CONFIG;
}

static apr_status_t compare(struct saving *s)
{
    const apr_array_header_t *differing = conf_diff(s->fresh, s->saved, s->pool);

    for (int i = 0; i < s->changes->nelts; i++) {
        const conf_change_t *change = &APR_ARRAY_IDX(s->changes, i, conf_change_t);

        note_meant(s, change);
        if (s->is_saved[i] && !is_done(s->saved, change))
            return refuse(s, change, s->saved);
    }
    for (int i = 0; i < differing->nelts; i++) {
        const conf_change_t *change = &APR_ARRAY_IDX(differing, i, conf_change_t);

        if (change->kind != CONF_CHANGE_MOVE_STANZA &&
            apr_hash_get(s->meant, name_of(stanza_of(change), setting_of(change), s->pool),
                         APR_HASH_KEY_STRING) == NULL)
            return refuse(s, change, s->saved);
    }
    return APR_SUCCESS;
}

/* ---- saving -------------------------------------------------------------------------------------- */

static plan_rules_t rules_of(const struct saving *s)
{
    const ec_value_t *local = conf_stanza_get(s->conf, NULL, "local_changes_file");
    const ec_value_t *is_only = conf_stanza_eval(s->conf, NULL, "local_changes_only");

    return (plan_rules_t){ .fresh = s->fresh,
                           .only = s->path,
                           .local = local != NULL && *local->s != '\0' ? local->s : NULL,
                           .is_local_only = is_only != NULL && is_only->i };
}

static apr_status_t make_plan(plan_t **result, struct saving *s)
{
    plan_rules_t rules = rules_of(s);
    plan_t *plan = plan_create(&rules, s->pool);

    s->is_saved = apr_pcalloc(s->pool, (apr_size_t)s->changes->nelts + 1);
    for (int i = 0; i < s->changes->nelts; i++) {
        EC_TRY(plan_change(plan, &APR_ARRAY_IDX(s->changes, i, conf_change_t), s->why));
        s->is_saved[i] = (char)plan_is_saved(plan);
        s->result->n_changes += s->is_saved[i];
        s->result->n_partly += plan_is_saved_partly(plan);
    }
    *result = plan;
    return APR_SUCCESS;
}

/* No change of ours moves a stanza in a file; where the order of the files would be another one than that in force, a
 * person has to. */
static void note_order(struct saving *s)
{
    const apr_array_header_t *differing = conf_diff(s->saved, s->conf, s->pool);
    const char *text = s->result->unsaved;

    for (int i = 0; i < differing->nelts; i++) {
        const conf_change_t *change = &APR_ARRAY_IDX(differing, i, conf_change_t);

        if (change->kind == CONF_CHANGE_MOVE_STANZA)
            text = apr_psprintf(s->pool, "%s# move %s behind %s: in the files it comes before it (%s): change that by hand\n",
                                text != NULL ? text : "", path_text(change->to_stanza, s->pool),
                                path_text(change->behind, s->pool), conf_stanza_place(change->from_stanza, s->pool));
    }
    s->result->unsaved = text;
}

static apr_status_t save(struct saving *s)
{
    apr_array_header_t *files;
    plan_t *plan;

    EC_TRY(load(&s->fresh, s, NULL, "the files as they are now can not be loaded, so nothing was written"));
    EC_TRY(make_plan(&plan, s));
    files = plan_finish(plan);
    s->result->unsaved = plan_unsaved(plan);
    EC_TRY(load(&s->saved, s, files, "what would be written can not be loaded, so nothing was written"));
    EC_TRY(compare(s));
    note_order(s);
    EC_TRY(disk_replace((const disk_file_t *)(const void *)files->elts, files->nelts, s->why, s->pool));
    for (int i = 0; i < files->nelts; i++)
        APR_ARRAY_PUSH(s->result->written, const char *) =
            apr_pstrdup(s->pool, APR_ARRAY_IDX(files, i, disk_file_t).path);
    return APR_SUCCESS;
}

/* Is the file that everything went to one that the configuration loads?  If not, its files do not say the
 * changes. */
static int is_loaded(const struct saving *s)
{
    apr_array_header_t *problems;
    conf_t *plain;
    int is_it;

    if (s->path == NULL)
        return 1;
    if (conf_load(&plain, &problems, s->source, s->pool) != APR_SUCCESS)
        return 0;
    is_it = conf_diff(plain, s->saved, s->pool)->nelts == 0;
    conf_unref(plain);
    return is_it;
}

apr_status_t writeback_save(writeback_result_t *result, conf_t *conf, const conf_source_t *source,
                            const char *path, const char **why, apr_pool_t *pool)
{
    struct saving s = { .result = result,
                        .conf = conf,
                        .base = conf_files_of(conf),
                        .source = source,
                        .path = path,
                        .meant = apr_hash_make(pool),
                        .why = why,
                        .pool = pool };
    apr_status_t rv;

    memset(result, 0, sizeof(*result));
    result->written = apr_array_make(pool, 4, sizeof(const char *));
    if (path != NULL && path[0] != '/') {
        *why = apr_psprintf(pool, "%s: the path must be absolute, because the server's folder is not yours",
                            path);
        return EC_E_SYNTAX;
    }
    s.changes = conf_diff(s.base, conf, pool);
    rv = save(&s);
    if (rv == APR_SUCCESS && is_loaded(&s)) {
        result->files = result->unsaved == NULL ? conf_ref(conf) : NULL;
        if (result->files == NULL && conf_diff(s.base, s.fresh, pool)->nelts == 0)
            result->files = conf_ref(s.saved);
    }
    conf_unref(s.saved);
    conf_unref(s.fresh);
    return rv;
}
