/* clone.c - a copy of a configuration's tree that stands on its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structs are copied whole and their pointers then mended, so that what a later room adds
 * to one of them comes along. */
#include "conf/live/clone.h"

#include <apr_strings.h>

/* The files of the old tree and what stands for them in the new one, which must outlive the old. */
struct files {
    apr_pool_t *pool;
    apr_hash_t *copies; /* const conf_file_t * to conf_file_t * */
    const conf_file_t *last, *last_copy;
};

static conf_file_t *copy_file(struct files *files, const conf_file_t *old)
{
    conf_file_t *file = apr_pmemdup(files->pool, old, sizeof(*old));

    file->path = apr_pstrdup(files->pool, old->path);
    file->stanza = NULL;
    apr_hash_set(files->copies, apr_pmemdup(files->pool, &old, sizeof(old)), sizeof(old), file);
    return file;
}

static const conf_file_t *copy_of(struct files *files, const conf_file_t *file)
{
    const conf_file_t *copy;

    if (file == files->last)
        return files->last_copy;
    copy = apr_hash_get(files->copies, &file, sizeof(file));
    if (copy == NULL && file->autoload != AUTOLOAD_NONE) /* it stands for no file and is in no list */
        copy = copy_file(files, file);
    files->last = file;
    return files->last_copy = copy != NULL ? copy : file; /* a constant one */
}

static void copy_files(struct files *files, conf_t *to, const conf_t *from)
{
    files->pool = to->pool;
    files->copies = apr_hash_make(to->pool);
    for (int i = 0; i < from->files->nelts; i++) {
        conf_file_t *file = copy_file(files, APR_ARRAY_IDX(from->files, i, const conf_file_t *));

        file->includer = file->includer != NULL ? copy_of(files, file->includer) : NULL;
        APR_ARRAY_PUSH(to->files, const conf_file_t *) = file;
        files->last = NULL;
    }
}

static conf_place_t *copy_places(conf_place_t **last, const conf_place_t *from, struct files *files,
                                 apr_pool_t *pool)
{
    conf_place_t *first = NULL, **at = &first;

    *last = NULL;
    for (; from != NULL; from = from->next) {
        *at = *last = apr_pmemdup(pool, from, sizeof(*from));
        (*at)->file = copy_of(files, from->file);
        at = &(*at)->next;
    }
    return first;
}

static conf_shadowed_t *copy_shadowed(const conf_shadowed_t *from, struct files *files, apr_pool_t *pool)
{
    conf_shadowed_t *first = NULL, **at = &first;

    for (; from != NULL; from = from->earlier) {
        *at = apr_pmemdup(pool, from, sizeof(*from));
        (*at)->file = copy_of(files, from->file);
        at = &(*at)->earlier;
    }
    return first;
}

static void copy_raw(raw_value_t *raw, apr_pool_t *pool)
{
    raw->text = apr_pmemdup(pool, raw->length > 0 ? raw->text : "", raw->length > 0 ? raw->length : 1);
    raw->room = raw->length;
}

static void copy_settings(conf_stanza_t *to, const conf_stanza_t *from, struct files *files, apr_pool_t *pool)
{
    conf_setting_t **at = &to->settings;

    for (const conf_setting_t *old = from->settings; old != NULL; old = old->next) {
        conf_setting_t *setting = apr_pmemdup(pool, old, sizeof(*old));

        copy_raw(&setting->raw, pool);
        setting->shadowed = copy_shadowed(old->shadowed, files, pool);
        setting->file = copy_of(files, old->file);
        setting->value = (ec_value_t){ 0 };
        *at = to->last_setting = setting;
        at = &setting->next;
    }
}

static apr_status_t free_regex(void *regex)
{
    pcre2_code_free(regex);
    return APR_SUCCESS;
}

static void copy_regex(conf_stanza_t *to, const conf_stanza_t *from, apr_pool_t *pool)
{
    pcre2_code *regex;

    if (from->regex == NULL)
        return;
    regex = pcre2_code_copy(from->regex);
    EC_ASSERT(regex != NULL);
    apr_pool_cleanup_register(pool, regex, free_regex, apr_pool_cleanup_null);
    tree_add_regex(to, regex);
}

static void copy_contents(conf_t *conf, conf_stanza_t *to, const conf_stanza_t *from, struct files *files)
{
    to->network = from->network;
    to->places = copy_places(&to->last_place, from->places, files, conf->pool);
    copy_settings(to, from, files, conf->pool);
    for (const conf_stanza_t *child = from->first; child != NULL; child = child->next) {
        conf_stanza_t *copy = tree_add(conf, to, child->scope, child->type, child->name, child->written);

        copy_regex(copy, child, conf->pool);
        copy_contents(conf, copy, child, files);
    }
}

void clone_tree(conf_t *to, const conf_t *from)
{
    struct files files = { NULL, NULL, NULL, NULL };

    to->has_regex = from->has_regex;
    to->n_read = from->n_read;
    copy_files(&files, to, from);
    copy_contents(to, to->root, from->root, &files);
}
