/* plan.c - which file takes a change
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the table in config-language.md section 10.2 are plan_set() from top to bottom.  One thing is
 * added to them: a place is passed over when a definition in a read-only file comes behind it and would
 * override it. */
#include "conf/live/plan.h"

#include <string.h>

#include <apr_strings.h>

#include "conf/ask/path.h"

enum { BEHIND_ALL = 0x7fffffff };

/* A file that can take changes, or the reason why it can not. */
struct target {
    conf_file_t new_file; /* stands for one that is not there yet */
    const conf_file_t *file;
    const char *obstacle; /* NULL: writable */
    int is_opened;
    disk_file_t disk;
    edit_t *edit;
};

struct plan {
    plan_rules_t rules;
    apr_pool_t *pool;
    apr_hash_t *targets;         /* const conf_file_t * to struct target * */
    apr_array_header_t *opened;  /* of struct target *, in order */
    struct target *only, *local; /* NULL: none */
    struct target *none;         /* a text for what has no file */
    apr_array_header_t *notes;   /* of const char *: comments on what has no file */
    int is_saved, is_partly; /* the latest change: wholly; some file changes for it though not */
};

/* ---- files -------------------------------------------------------------------------------------- */

static const char *why_read_only(const conf_file_t *file, apr_pool_t *pool)
{
    if (file->is_live)
        return "it is no file";
    if (file->is_multiple)
        return "it is included more than once";
    if (file->is_readonly)
        return "it is included by readonly_include";
    return disk_why_not(file->path, pool);
}

static struct target *target_of(plan_t *plan, const conf_file_t *file)
{
    struct target *target = apr_hash_get(plan->targets, &file, sizeof(file));

    if (target != NULL)
        return target;
    target = apr_pcalloc(plan->pool, sizeof(*target));
    target->file = file;
    target->obstacle = why_read_only(file, plan->pool);
    apr_hash_set(plan->targets, apr_pmemdup(plan->pool, &file, sizeof(file)), sizeof(file), target);
    return target;
}

static struct target *new_target(plan_t *plan, const char *path)
{
    struct target *target = apr_pcalloc(plan->pool, sizeof(*target));

    target->new_file.path = path;
    target->new_file.order = BEHIND_ALL;
    target->new_file.stanza = plan->rules.fresh->root;
    target->file = &target->new_file;
    return target;
}

/* The file at this path among those that were read, or one that is to be made. */
static struct target *find_target(plan_t *plan, const char *path)
{
    const apr_array_header_t *files = plan->rules.fresh->files;
    struct target *target;
    struct stat status;

    if (stat(path, &status) == 0) {
        struct conf_stamp stamp = include_stamp(&status);

        for (int i = 0; i < files->nelts; i++) {
            const conf_file_t *file = APR_ARRAY_IDX(files, i, const conf_file_t *);

            if (file->stamp.device == stamp.device && file->stamp.inode == stamp.inode)
                return target_of(plan, file);
        }
    }
    target = new_target(plan, path);
    target->obstacle = disk_why_not(path, plan->pool);
    return target;
}

plan_t *plan_create(const plan_rules_t *rules, apr_pool_t *pool)
{
    plan_t *plan = apr_pcalloc(pool, sizeof(*plan));

    plan->rules = *rules;
    plan->pool = pool;
    plan->targets = apr_hash_make(pool);
    plan->opened = apr_array_make(pool, 4, sizeof(struct target *));
    plan->notes = apr_array_make(pool, 4, sizeof(const char *));
    plan->none = new_target(plan, "");
    plan->none->is_opened = 1;
    plan->none->edit = edit_open("", 0, pool);
    if (rules->local != NULL)
        plan->local = find_target(plan, rules->local);
    if (rules->only != NULL)
        plan->only = find_target(plan, rules->only);
    else if (rules->is_local_only)
        plan->only = plan->local;
    return plan;
}

/* Ready for edits.  The file must be the one whose positions the tree has. */
static apr_status_t open_target(plan_t *plan, struct target *target, const char **why)
{
    if (target->is_opened)
        return APR_SUCCESS;
    if (target->obstacle != NULL) {
        *why = apr_psprintf(plan->pool, "%s can not be written: %s", target->file->path, target->obstacle);
        return EC_E_CONFIG;
    }
    target->disk.path = target->file->path;
    if (target->file != &target->new_file) {
        EC_TRY(disk_read(&target->disk, target->file->path, why, plan->pool));
        if (memcmp(&target->disk.stamp, &target->file->stamp, sizeof(target->disk.stamp)) != 0) {
            *why = apr_psprintf(plan->pool, "%s was changed by somebody else in this moment: try again",
                                target->file->path);
            return EC_E_CONFIG;
        }
    }
    target->edit = edit_open(target->disk.old_text != NULL ? target->disk.old_text : "",
                             target->disk.old_length, plan->pool);
    target->is_opened = 1;
    APR_ARRAY_PUSH(plan->opened, struct target *) = target;
    return APR_SUCCESS;
}

/* ---- the tree of the files ----------------------------------------------------------------------- */

/* May this file be changed, by the rules that are in force? */
static int may_change(plan_t *plan, const conf_file_t *file)
{
    const struct target *target = target_of(plan, file);

    return plan->only != NULL ? target == plan->only : target->obstacle == NULL;
}

/* ---- notes ------------------------------------------------------------------------------------------ */

static const char *plain(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ')
            *at = '?';
    }
    return copy;
}

static void note(plan_t *plan, const char *what, const char *path, const char *about)
{
    APR_ARRAY_PUSH(plan->notes, const char *) =
        plain(apr_pstrcat(plan->pool, what, *path != '\0' ? " " : "", path, about, NULL), plan->pool);
    plan->is_saved = 0;
}

/* Why a definition stays in a file, and what to do. */
static const char *stays(plan_t *plan, const conf_file_t *file, int line)
{
    const struct target *target = target_of(plan, file);
    const char *reason = target->obstacle != NULL
                             ? target->obstacle
                             : apr_psprintf(plan->pool, "changes go to %s, which can not take it away",
                                            plan->only->file->path);

    return apr_psprintf(plan->pool, ": still in %s:%d (%s): take it away there by hand", file->path, line,
                        reason);
}

/* ---- adding ------------------------------------------------------------------------------------------ */

/* The stanza's last place in the file. */
static const conf_place_t *last_place(const conf_stanza_t *stanza, const conf_file_t *file)
{
    const conf_place_t *found = NULL;

    for (const conf_place_t *place = stanza != NULL ? stanza->places : NULL; place != NULL;
         place = place->next) {
        if (place->file == file && place->span.end > 0)
            found = place;
    }
    return found;
}

/* Where in the file something can be added to `stanza` that comes behind `after`: in the stanza itself, or in
 * a new one inside the nearest that is there.  NULL: nowhere. */
static apr_status_t find_block(edit_block_t **block, plan_t *plan, struct target *target,
                               const conf_stanza_t *stanza, unsigned after, const char **why)
{
    const conf_stanza_t *like = tree_find_like(plan->rules.fresh, stanza);
    const conf_place_t *place = last_place(like, target->file);
    edit_block_t *outer;

    *block = NULL;
    if (place != NULL && place->order >= after) {
        EC_TRY(open_target(plan, target, why));
        *block = edit_place(target->edit, place);
        return APR_SUCCESS;
    }
    if (like != NULL && like == target->file->stanza) {
        if (target->file->order < after)
            return APR_SUCCESS;
        EC_TRY(open_target(plan, target, why));
        *block = edit_end(target->edit);
        return APR_SUCCESS;
    }
    if (stanza->parent == NULL)
        return APR_SUCCESS;
    EC_TRY(find_block(&outer, plan, target, stanza->parent, after, why));
    if (outer != NULL && edit_add_stanza(block, outer, stanza->type, stanza->written) != APR_SUCCESS)
        *block = NULL;
    return APR_SUCCESS;
}

/* Is the scope instance defined in this file, with room behind `after`? */
static int is_defined_in(const conf_stanza_t *like, const conf_file_t *file, unsigned after)
{
    const conf_place_t *place;

    if (file->stanza == like)
        return file->order >= after;
    place = last_place(like, file);
    return place != NULL && (place->order >= after || (file->includer == NULL && file->order >= after));
}

/* First writable file in load order in which the scope instance is defined; else Local_Changes_File; else the
 * main file; else none. */
static struct target *choose(plan_t *plan, const conf_stanza_t *like, unsigned after)
{
    const apr_array_header_t *files = plan->rules.fresh->files;
    const conf_file_t *main = APR_ARRAY_IDX(files, 0, const conf_file_t *);

    if (plan->only != NULL)
        return plan->only;
    for (int i = 0; like != NULL && i < files->nelts; i++) {
        const conf_file_t *file = APR_ARRAY_IDX(files, i, const conf_file_t *);

        if (is_defined_in(like, file, after) && may_change(plan, file))
            return target_of(plan, file);
    }
    if (plan->local != NULL)
        return plan->local;
    return may_change(plan, main) ? target_of(plan, main) : plan->none;
}

static apr_status_t choose_block(edit_block_t **block, plan_t *plan, const conf_stanza_t *stanza,
                                 unsigned after, const char **why)
{
    struct target *target = choose(plan, tree_find_like(plan->rules.fresh, stanza), after);

    EC_TRY(find_block(block, plan, target, stanza, after, why));
    if (*block == NULL && target != plan->none) {
        target = plan->none;
        EC_TRY(find_block(block, plan, target, stanza, 0, why));
    }
    if (target == plan->none)
        plan->is_saved = 0;
    return APR_SUCCESS;
}

/* A stanza that the files have not, with what is in it, must come behind those of its like when it is a pattern or a
 * module: there it is in force. */
static unsigned behind_siblings(plan_t *plan, const conf_stanza_t *stanza)
{
    const conf_stanza_t *parent, *sibling = NULL;
    unsigned after = 0;
    int is_module;

    if (stanza->parent == NULL || tree_find_like(plan->rules.fresh, stanza) != NULL)
        return 0;
    if ((parent = tree_find_like(plan->rules.fresh, stanza->parent)) == NULL)
        return behind_siblings(plan, stanza->parent);
    is_module = parent->parent == NULL && stanza->scope->flags & SCOPE_MODULE;
    while ((is_module || stanza->regex != NULL) &&
           (sibling = conf_next(plan->rules.fresh, parent, is_module ? NULL : stanza->type, sibling)) != NULL) {
        int counts = is_module ? sibling->scope->flags & SCOPE_MODULE : sibling->regex != NULL;

        if (counts && sibling->places != NULL && sibling->places->order > after)
            after = sibling->places->order;
    }
    return after;
}

/* ---- changes ------------------------------------------------------------------------------------------ */

static const char *option_path(const conf_stanza_t *stanza, const char *option, apr_pool_t *pool)
{
    const char *path = path_text(stanza, pool);

    return apr_pstrcat(pool, path, *path != '\0' ? " " : "", option, NULL);
}

static apr_status_t plan_set(plan_t *plan, const conf_stanza_t *stanza, const conf_setting_t *setting,
                             const char **why)
{
    const char *name = setting->option->row->name;
    const conf_setting_t *old = tree_setting_named(tree_find_like(plan->rules.fresh, stanza), name);
    apr_status_t rv = EC_E_SYNTAX;
    edit_block_t *block;

    if (old != NULL && raw_value_is_same(&old->raw, &setting->raw))
        return APR_SUCCESS; /* somebody has written it by hand */
    if (old != NULL && may_change(plan, old->file)) {
        struct target *target = target_of(plan, old->file);

        EC_TRY(open_target(plan, target, why));
        rv = edit_value(target->edit, old->span, &setting->raw);
    } else {
        EC_TRY(choose_block(&block, plan, stanza, old != NULL ? old->order : behind_siblings(plan, stanza), why));
        if (!plan->is_saved && (setting->option->row->flags & EC_OPTION_SECRET)) {
            note(plan, "set", option_path(stanza, name, plan->pool),
                 ": secret, not shown: no writable file takes it");
            return APR_SUCCESS;
        }
        if (block != NULL)
            rv = edit_add_setting(block, name, &setting->raw);
    }
    if (rv != APR_SUCCESS)
        note(plan, "set", option_path(stanza, name, plan->pool),
             ": the value or the name of its scope can not be written in a file");
    return APR_SUCCESS;
}

static apr_status_t remove_one(plan_t *plan, const conf_file_t *file, int line, conf_span_t span,
                               const char *what, const char **why)
{
    struct target *target = target_of(plan, file);

    if (!may_change(plan, file)) {
        note(plan, "unset", what, stays(plan, file, line));
        return APR_SUCCESS;
    }
    EC_TRY(open_target(plan, target, why));
    edit_remove(target->edit, span);
    plan->is_partly = 1;
    return APR_SUCCESS;
}

static apr_status_t plan_unset(plan_t *plan, const conf_stanza_t *stanza, const char *name, const char **why)
{
    const conf_setting_t *old = tree_setting_named(tree_find_like(plan->rules.fresh, stanza), name);
    const char *what = option_path(stanza, name, plan->pool);

    if (old == NULL)
        return APR_SUCCESS;
    EC_TRY(remove_one(plan, old->file, old->line, old->span, what, why));
    for (const conf_shadowed_t *earlier = old->shadowed; earlier != NULL; earlier = earlier->earlier)
        EC_TRY(remove_one(plan, earlier->file, earlier->line, earlier->span, what, why));
    return APR_SUCCESS;
}

static apr_status_t plan_add(plan_t *plan, const conf_stanza_t *stanza, const char **why)
{
    edit_block_t *block;

    if (tree_find_like(plan->rules.fresh, stanza) != NULL)
        return APR_SUCCESS;
    EC_TRY(choose_block(&block, plan, stanza, behind_siblings(plan, stanza), why));
    if (block == NULL)
        note(plan, "set", path_text(stanza, plan->pool), ": its name can not be written in a file");
    return APR_SUCCESS;
}

static apr_status_t plan_remove(plan_t *plan, const conf_stanza_t *stanza, const char **why)
{
    const conf_stanza_t *like = tree_find_like(plan->rules.fresh, stanza);
    const char *what = path_text(stanza, plan->pool);

    for (const conf_place_t *place = like != NULL ? like->places : NULL; place != NULL; place = place->next)
        EC_TRY(remove_one(plan, place->file, place->line, place->span, what, why));
    return APR_SUCCESS;
}

apr_status_t plan_change(plan_t *plan, const conf_change_t *change, const char **why)
{
    plan->is_saved = 1;
    plan->is_partly = 0;
    switch (change->kind) {
    case CONF_CHANGE_SET:
        return plan_set(plan, change->to_stanza, change->to, why);
    case CONF_CHANGE_UNSET:
        return plan_unset(plan, change->from_stanza, change->from->option->row->name, why);
    case CONF_CHANGE_ADD_STANZA:
        return plan_add(plan, change->to_stanza, why);
    case CONF_CHANGE_REMOVE_STANZA:
        return plan_remove(plan, change->from_stanza, why);
    case CONF_CHANGE_MOVE_STANZA: /* nothing is moved in a file */
        plan->is_saved = 0;
        return APR_SUCCESS;
    }
    return APR_SUCCESS;
}

int plan_is_saved(const plan_t *plan)
{
    return plan->is_saved;
}

int plan_is_saved_partly(const plan_t *plan)
{
    return plan->is_partly && !plan->is_saved;
}

/* ---- the result -------------------------------------------------------------------------------------- */

apr_array_header_t *plan_finish(plan_t *plan)
{
    apr_array_header_t *files = apr_array_make(plan->pool, plan->opened->nelts + 1, sizeof(disk_file_t));

    for (int i = 0; i < plan->opened->nelts; i++) {
        struct target *target = APR_ARRAY_IDX(plan->opened, i, struct target *);

        edit_apply(&target->disk.text, &target->disk.length, target->edit);
        if (target->disk.old_text == NULL || target->disk.length != target->disk.old_length ||
            memcmp(target->disk.text, target->disk.old_text, target->disk.length) != 0)
            APR_ARRAY_PUSH(files, disk_file_t) = target->disk;
    }
    return files;
}

const char *plan_unsaved(plan_t *plan)
{
    apr_array_header_t *parts = apr_array_make(plan->pool, 8, sizeof(const char *));
    const char *text;
    apr_size_t length;

    edit_apply(&text, &length, plan->none->edit);
    APR_ARRAY_PUSH(parts, const char *) = text;
    for (int i = 0; i < plan->notes->nelts; i++) {
        APR_ARRAY_PUSH(parts, const char *) = "# ";
        APR_ARRAY_PUSH(parts, const char *) = APR_ARRAY_IDX(plan->notes, i, const char *);
        APR_ARRAY_PUSH(parts, const char *) = "\n";
    }
    return length == 0 && plan->notes->nelts == 0 ? NULL : apr_array_pstrcat(plan->pool, parts, '\0');
}
