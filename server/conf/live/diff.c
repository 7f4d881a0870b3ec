/* diff.c - what differs between two configurations
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two walks: one over the old tree for what is gone, one over the new for what is there.
 * A stanza's other side is found by the tree's index, so the cost is that of reading both. */
#include "conf/live/diff.h"

#include <string.h>

#include <apr_strings.h>

struct walk {
    const conf_t *from, *to;
    apr_array_header_t *changes;
};

/* A list of one is the same as its only item. */
static int is_same_value(const raw_value_t *a, const raw_value_t *b)
{
    if (a->kind != b->kind && (a->count != 1 || b->count != 1 || a->kind == RAW_DICT || b->kind == RAW_DICT))
        return 0;
    return a->count == b->count && a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static void add(struct walk *walk, conf_change_kind_t kind, const conf_stanza_t *from_stanza,
                const conf_stanza_t *to_stanza, const conf_setting_t *from, const conf_setting_t *to)
{
    APR_ARRAY_PUSH(walk->changes, conf_change_t) = (conf_change_t){ kind, from_stanza, to_stanza, from, to };
}

static void find_gone(struct walk *walk, const conf_stanza_t *from, const conf_stanza_t *to)
{
    for (const conf_setting_t *setting = from->settings; setting != NULL; setting = setting->next) {
        if (tree_setting_named(to, setting->option->row->name) == NULL)
            add(walk, CONF_CHANGE_UNSET, from, to, setting, NULL);
    }
    for (const conf_stanza_t *child = from->first; child != NULL; child = child->next) {
        const conf_stanza_t *other = tree_find(walk->to, to, child->type, child->name);

        if (other == NULL)
            add(walk, CONF_CHANGE_REMOVE_STANZA, child, NULL, NULL, NULL);
        else
            find_gone(walk, child, other);
    }
}

/* `from` is NULL inside a stanza that is new. */
static void find_new(struct walk *walk, const conf_stanza_t *from, const conf_stanza_t *to)
{
    for (const conf_setting_t *setting = to->settings; setting != NULL; setting = setting->next) {
        const conf_setting_t *old = from != NULL ? tree_setting_named(from, setting->option->row->name) : NULL;

        if (old == NULL || !is_same_value(&old->raw, &setting->raw))
            add(walk, CONF_CHANGE_SET, from, to, old, setting);
    }
    for (const conf_stanza_t *child = to->first; child != NULL; child = child->next) {
        const conf_stanza_t *other = from != NULL ? tree_find(walk->from, from, child->type, child->name) : NULL;

        if (other == NULL)
            add(walk, CONF_CHANGE_ADD_STANZA, NULL, child, NULL, NULL);
        find_new(walk, other, child);
    }
}

apr_array_header_t *conf_diff(const conf_t *from, const conf_t *to, apr_pool_t *pool)
{
    struct walk walk = { from, to, apr_array_make(pool, 16, sizeof(conf_change_t)) };

    find_gone(&walk, from->root, to->root);
    find_new(&walk, from->root, to->root);
    return walk.changes;
}

/* ---- what needs a restart -------------------------------------------------------------------- */

static const char *setting_text(const conf_setting_t *setting, apr_pool_t *pool)
{
    return setting != NULL ? raw_value_text(&setting->raw, pool) : NULL;
}

/* Was or is it set to what it would be anyway? */
static int is_default_anyway(const conf_setting_t *one, const conf_setting_t *other)
{
    const conf_setting_t *set = one != NULL ? one : other;
    const char *deflt = set->option->row->deflt;

    return (one == NULL || other == NULL) && deflt != NULL && set->raw.kind == RAW_SCALAR &&
           strcmp(set->raw.text, deflt) == 0;
}

static void warn(apr_array_header_t *problems, const conf_setting_t *from, const conf_setting_t *to, apr_pool_t *pool)
{
    const conf_setting_t *where = to != NULL ? to : from;
    conf_problem_t *problem;
    const char *text;

    if (!(where->option->row->flags & EC_OPTION_RESTART) || is_default_anyway(from, to))
        return;
    text = where->option->row->flags & EC_OPTION_SECRET ? "another value" : to != NULL ? setting_text(to, pool) : "its default";
    problem = apr_array_push(problems);
    *problem = (conf_problem_t){ .file = apr_pstrdup(pool, where->file->path), .line = where->line, .is_warning = 1, .kind = CONF_PROBLEM_RESTART };
    problem->text = apr_psprintf(pool, "option \"%s\" changes to %.200s when the server is started again, not before",
                                 where->option->row->name, text);
}

static void warn_removed(apr_array_header_t *problems, const conf_stanza_t *stanza, apr_pool_t *pool)
{
    for (const conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next)
        warn(problems, setting, NULL, pool);
    for (const conf_stanza_t *child = stanza->first; child != NULL; child = child->next)
        warn_removed(problems, child, pool);
}

void diff_warn_restart(apr_array_header_t *problems, const conf_t *from, const conf_t *to, apr_pool_t *pool)
{
    const apr_array_header_t *changes = conf_diff(from, to, pool);

    for (int i = 0; i < changes->nelts; i++) {
        const conf_change_t *change = &APR_ARRAY_IDX(changes, i, conf_change_t);

        if (change->kind == CONF_CHANGE_REMOVE_STANZA)
            warn_removed(problems, change->from_stanza, pool);
        else if (change->kind != CONF_CHANGE_ADD_STANZA)
            warn(problems, change->from, change->to, pool);
    }
}
