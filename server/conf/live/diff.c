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
    APR_ARRAY_PUSH(walk->changes, conf_change_t) = (conf_change_t){ kind, from_stanza, to_stanza, from, to, NULL };
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

/* ---- order ------------------------------------------------------------------------------------- */

/* Of patterns the order counts, and of modules; what comes without being written has its place by rule. */
static int is_ordered(const conf_stanza_t *stanza, int is_module)
{
    if (is_module)
        return tree_autoload(stanza) == AUTOLOAD_NONE && (stanza->scope->flags & SCOPE_NO_EFFECT) == 0;
    return stanza->regex != NULL;
}

static const conf_stanza_t *next_of(const conf_stanza_t *stanza, int is_module)
{
    return is_module ? stanza->next_module : stanza->next_same;
}

struct rank {
    const conf_stanza_t *stanza; /* in `from` */
    unsigned rank;
};

static apr_hash_t *rank_all(const conf_stanza_t *stanza, int is_module, apr_pool_t *pool)
{
    apr_hash_t *ranks = apr_hash_make(pool);
    unsigned n = 0;

    for (; stanza != NULL; stanza = next_of(stanza, is_module)) {
        if (is_ordered(stanza, is_module)) {
            struct rank *rank = apr_palloc(pool, sizeof(*rank));

            *rank = (struct rank){ stanza, n++ };
            apr_hash_set(ranks, &rank->stanza, sizeof(rank->stanza), rank);
        }
    }
    return ranks;
}

/* Of a list in `from` and the same list in `to`: what was before another one and is behind it. */
static void find_moved_in(struct walk *walk, const conf_stanza_t *from, const conf_stanza_t *to, int is_module)
{
    apr_pool_t *pool = walk->changes->pool;
    apr_hash_t *ranks = NULL;
    const conf_stanza_t *behind = NULL, *parent = from != NULL ? from->parent : NULL;
    unsigned highest = 0;

    for (; parent != NULL && to != NULL; to = next_of(to, is_module)) {
        const conf_stanza_t *old = is_ordered(to, is_module) ? tree_find(walk->from, parent, to->type, to->name) : NULL;
        const struct rank *rank;

        if (old != NULL && ranks == NULL)
            ranks = rank_all(from, is_module, pool);
        if (old == NULL || (rank = apr_hash_get(ranks, &old, sizeof(old))) == NULL)
            continue;
        if (behind != NULL && rank->rank < highest) {
            add(walk, CONF_CHANGE_MOVE_STANZA, old, to, NULL, NULL);
            APR_ARRAY_IDX(walk->changes, walk->changes->nelts - 1, conf_change_t).behind = behind;
        } else {
            highest = rank->rank;
            behind = to;
        }
    }
}

static void find_moved(struct walk *walk, const conf_stanza_t *from, const conf_stanza_t *to)
{
    for (const conf_siblings_t *same = to->first_regex != NULL ? to->siblings : NULL; same != NULL; same = same->next)
        find_moved_in(walk, conf_next(walk->from, from, same->type, NULL), same->first, 0);
    if (to->parent == NULL)
        find_moved_in(walk, walk->from->first_module, walk->to->first_module, 1);
}

/* ---- what is there ----------------------------------------------------------------------------- */

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
    if (from != NULL)
        find_moved(walk, from, to);
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
        else if (change->kind == CONF_CHANGE_SET || change->kind == CONF_CHANGE_UNSET)
            warn(problems, change->from, change->to, pool);
    }
}
