/* clone.c - a copy of a configuration's tree that stands on its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * Structs are copied whole and their pointers then mended, so that what a later room adds
 * to one of them comes along. */
#include "conf/live/clone.h"

#include <apr_strings.h>

static conf_place_t *copy_places(conf_place_t **last, const conf_place_t *from, apr_pool_t *pool)
{
    conf_place_t *first = NULL, **at = &first;

    *last = NULL;
    for (; from != NULL; from = from->next) {
        *at = *last = apr_pmemdup(pool, from, sizeof(*from));
        at = &(*at)->next;
    }
    return first;
}

static conf_shadowed_t *copy_shadowed(const conf_shadowed_t *from, apr_pool_t *pool)
{
    conf_shadowed_t *first = NULL, **at = &first;

    for (; from != NULL; from = from->earlier) {
        *at = apr_pmemdup(pool, from, sizeof(*from));
        at = &(*at)->earlier;
    }
    return first;
}

static void copy_raw(raw_value_t *raw, apr_pool_t *pool)
{
    raw->text = apr_pmemdup(pool, raw->length > 0 ? raw->text : "", raw->length > 0 ? raw->length : 1);
    raw->room = raw->length;
}

static void copy_settings(conf_stanza_t *to, const conf_stanza_t *from, apr_pool_t *pool)
{
    conf_setting_t **at = &to->settings;

    for (const conf_setting_t *old = from->settings; old != NULL; old = old->next) {
        conf_setting_t *setting = apr_pmemdup(pool, old, sizeof(*old));

        copy_raw(&setting->raw, pool);
        setting->shadowed = copy_shadowed(old->shadowed, pool);
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
    conf_stanza_t *parent = to->parent;

    if (from->regex == NULL)
        return;
    to->regex = pcre2_code_copy(from->regex);
    EC_ASSERT(to->regex != NULL);
    apr_pool_cleanup_register(pool, to->regex, free_regex, apr_pool_cleanup_null);
    if (parent->last_regex == NULL)
        parent->first_regex = to;
    else
        parent->last_regex->next_regex = to;
    parent->last_regex = to;
}

static void copy_contents(conf_t *conf, conf_stanza_t *to, const conf_stanza_t *from)
{
    to->network = from->network;
    to->places = copy_places(&to->last_place, from->places, conf->pool);
    copy_settings(to, from, conf->pool);
    for (const conf_stanza_t *child = from->first; child != NULL; child = child->next) {
        conf_stanza_t *copy = tree_add(conf, to, child->scope, child->type, child->name, child->written);

        copy_regex(copy, child, conf->pool);
        copy_contents(conf, copy, child);
    }
}

void clone_tree(conf_t *to, const conf_t *from)
{
    to->has_regex = from->has_regex;
    apr_array_cat(to->files, from->files);
    copy_contents(to, to->root, from->root);
}
