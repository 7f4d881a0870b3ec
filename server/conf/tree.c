/* tree.c - the tree of a generation: stanzas, settings, and finding them
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/tree.h"
#include "conf/kind.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

conf_t *tree_create(void)
{
    apr_pool_t *pool;
    conf_t *conf;

    if (apr_pool_create_unmanaged(&pool) != APR_SUCCESS)
        return NULL;
    conf = apr_pcalloc(pool, sizeof(*conf));
    conf->pool = pool;
    conf->files = apr_array_make(pool, 4, sizeof(const conf_file_t *));
    conf->grouped_bindings = apr_hash_make(pool);
    conf->defaults = apr_hash_make(pool);
    conf->n_slots = 256;
    conf->slots = calloc(conf->n_slots, sizeof(*conf->slots));
    conf->root = apr_pcalloc(pool, sizeof(*conf->root));
    conf->root->owner = conf;
    conf->root->scope = scope_global;
    conf->root->type = scope_global->name;
    conf->root->name = conf->root->written = "";
    return conf;
}

void tree_destroy(conf_t *conf)
{
    conf_t *files_of = conf->files_of;

    free(conf->slots);
    apr_pool_destroy(conf->pool);
    conf_unref(files_of);
}

/* ---- finding stanzas ------------------------------------------------------------------- */

static apr_uint64_t hash_text(apr_uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
    } while (*text++ != '\0');
    return hash;
}

static apr_uint64_t hash_key(const conf_stanza_t *parent, const char *type, const char *name)
{
    apr_uint64_t hash = hash_text(hash_text(0xcbf29ce484222325ULL ^ (apr_uintptr_t)parent, type), name);

    return hash ^ hash >> 29;
}

/* The slot that holds the stanza, or the empty one where it would be. */
static conf_stanza_t **find_slot(const conf_t *conf, apr_uint64_t hash, const conf_stanza_t *parent,
                                 const char *type, const char *name)
{
    unsigned mask = conf->n_slots - 1;

    for (unsigned at = (unsigned)hash & mask;; at = (at + 1) & mask) {
        const conf_stanza_t *stanza = conf->slots[at];

        if (stanza == NULL || (stanza->hash == hash && stanza->parent == parent &&
                               strcmp(stanza->name, name) == 0 && strcmp(stanza->type, type) == 0))
            return &conf->slots[at];
    }
}

static void grow_index(conf_t *conf)
{
    conf_stanza_t **old = conf->slots;
    unsigned n_old = conf->n_slots;

    conf->n_slots *= 2;
    conf->slots = calloc(conf->n_slots, sizeof(*conf->slots));
    if (conf->slots == NULL)
        abort();
    for (unsigned i = 0; i < n_old; i++) {
        if (old[i] != NULL)
            *find_slot(conf, old[i]->hash, old[i]->parent, old[i]->type, old[i]->name) = old[i];
    }
    free(old);
}

conf_stanza_t *tree_find(const conf_t *conf, const conf_stanza_t *parent, const char *type, const char *name)
{
    return *find_slot(conf, hash_key(parent, type, name), parent, type, name);
}

const conf_stanza_t *tree_find_like(const conf_t *conf, const conf_stanza_t *stanza)
{
    const conf_stanza_t *parent;

    if (stanza->parent == NULL)
        return conf->root;
    parent = tree_find_like(conf, stanza->parent);
    return parent != NULL ? tree_find(conf, parent, stanza->type, stanza->name) : NULL;
}

/* ---- filling ------------------------------------------------------------------------------ */

static conf_siblings_t *find_siblings(const conf_stanza_t *parent, const char *type)
{
    conf_siblings_t *same = parent->siblings;

    while (same != NULL && strcasecmp(same->type, type) != 0)
        same = same->next;
    return same;
}

/* Where a stanza stands in the lists of its siblings; NULL: before all that are in the list. */
struct position {
    conf_stanza_t *before, *before_same, *before_module, *before_regex;
};

static void link_same(conf_t *conf, conf_stanza_t *stanza, conf_stanza_t *before)
{
    conf_stanza_t *parent = stanza->parent;
    conf_siblings_t *same = find_siblings(parent, stanza->type);

    if (same == NULL) {
        same = apr_pcalloc(conf->pool, sizeof(*same));
        same->type = stanza->type;
        same->next = parent->siblings;
        parent->siblings = same;
    }
    stanza->next_same = before != NULL ? before->next_same : same->first;
    *(before != NULL ? &before->next_same : &same->first) = stanza;
    if (same->last == before)
        same->last = stanza;
}

static int is_module(const conf_stanza_t *stanza)
{
    return stanza->parent->parent == NULL && (stanza->scope->flags & SCOPE_MODULE) != 0;
}

static void link_module(conf_t *conf, conf_stanza_t *stanza, conf_stanza_t *before)
{
    stanza->next_module = before != NULL ? before->next_module : conf->first_module;
    *(before != NULL ? &before->next_module : &conf->first_module) = stanza;
    if (conf->last_module == before)
        conf->last_module = stanza;
}

static void link_regex(conf_stanza_t *stanza, conf_stanza_t *before)
{
    conf_stanza_t *parent = stanza->parent;

    stanza->next_regex = before != NULL ? before->next_regex : parent->first_regex;
    *(before != NULL ? &before->next_regex : &parent->first_regex) = stanza;
    if (parent->last_regex == before)
        parent->last_regex = stanza;
}

static void link_child(conf_t *conf, conf_stanza_t *stanza, const struct position *at)
{
    conf_stanza_t *parent = stanza->parent;

    stanza->next = at->before != NULL ? at->before->next : parent->first;
    *(at->before != NULL ? &at->before->next : &parent->first) = stanza;
    if (parent->last == at->before)
        parent->last = stanza;
    link_same(conf, stanza, at->before_same);
    if (is_module(stanza))
        link_module(conf, stanza, at->before_module);
    if (stanza->regex != NULL)
        link_regex(stanza, at->before_regex);
}

static struct position end_of(const conf_t *conf, const conf_stanza_t *parent, const char *type)
{
    const conf_siblings_t *same = find_siblings(parent, type);

    return (struct position){ parent->last, same != NULL ? same->last : NULL, conf->last_module, parent->last_regex };
}

void tree_add_regex(conf_stanza_t *stanza, pcre2_code *regex)
{
    stanza->regex = regex;
    link_regex(stanza, stanza->parent->last_regex);
}

static int is_grouped(const conf_stanza_t *stanza)
{
    return strcmp(stanza->type, "binding") == 0 && stanza->parent->parent != NULL;
}

/* Of several groups with a binding of this name the first one counts. */
static void note_grouped(conf_t *conf, conf_stanza_t *stanza)
{
    const conf_stanza_t *other = apr_hash_get(conf->grouped_bindings, stanza->name, APR_HASH_KEY_STRING);

    conf->has_grouped_twice |= other != NULL;
    if (other == NULL || stanza->parent->number < other->parent->number)
        apr_hash_set(conf->grouped_bindings, stanza->name, APR_HASH_KEY_STRING, stanza);
}

conf_stanza_t *tree_add(conf_t *conf, conf_stanza_t *parent, const conf_scope_t *scope, const char *type,
                        const char *name, const char *written)
{
    apr_uint64_t hash = hash_key(parent, type, name);
    conf_stanza_t **slot = find_slot(conf, hash, parent, type, name), *stanza = *slot;
    struct position end;

    if (stanza != NULL)
        return stanza;
    stanza = *slot = apr_pcalloc(conf->pool, sizeof(*stanza));
    stanza->scope = scope;
    stanza->type = strcmp(scope->name, type) == 0 ? scope->name : apr_pstrdup(conf->pool, type);
    stanza->name = *name != '\0' ? apr_pstrdup(conf->pool, name) : "";
    stanza->written = strcmp(name, written) == 0 ? stanza->name : apr_pstrdup(conf->pool, written);
    stanza->parent = parent;
    stanza->depth = parent->depth + 1;
    stanza->hash = hash;
    stanza->number = conf->n_made++;
    end = end_of(conf, parent, stanza->type);
    link_child(conf, stanza, &end);
    conf->has_hosts |= strcmp(type, "host") == 0;
    if (is_grouped(stanza))
        note_grouped(conf, stanza);
    if (++conf->n_stanzas > conf->n_slots / 2)
        grow_index(conf);
    return stanza;
}

conf_place_t *tree_add_place(conf_t *conf, conf_stanza_t *stanza, const conf_file_t *file, int line)
{
    conf_place_t *place;

    if (stanza->n_places >= TREE_PLACES_MAX) {
        place = stanza->last_place;
        *place = (conf_place_t){ .file = file, .line = line };
        return place;
    }
    place = apr_pcalloc(conf->pool, sizeof(*place));
    stanza->n_places++;
    place->file = file;
    place->line = line;
    if (stanza->last_place == NULL)
        stanza->places = place;
    else
        stanza->last_place->next = place;
    stanza->last_place = place;
    return place;
}

conf_setting_t *tree_setting(const conf_stanza_t *stanza, const ec_option_t *row)
{
    conf_setting_t *setting = stanza->settings;

    while (setting != NULL && setting->option->row != row)
        setting = setting->next;
    return setting;
}

conf_setting_t *tree_setting_named(const conf_stanza_t *stanza, const char *name)
{
    conf_setting_t *setting = stanza != NULL ? stanza->settings : NULL;

    while (setting != NULL && strcasecmp(setting->option->row->name, name) != 0)
        setting = setting->next;
    return setting;
}

/* A value that is set again takes the old one's room when it fits, and twice its own when not:
 * so a file that sets one option a million times needs the memory of two. */
static void keep_raw(conf_t *conf, raw_value_t *kept, const raw_value_t *raw)
{
    if (kept->room < raw->length || kept->text == NULL) {
        kept->room = kept->text == NULL ? raw->length : raw->length * 2;
        kept->text = apr_palloc(conf->pool, kept->room + 1);
    }
    if (raw->length > 0)
        memcpy(kept->text, raw->text, raw->length);
    kept->kind = raw->kind;
    kept->count = raw->count;
    kept->length = raw->length;
}

static void keep_shadowed(conf_t *conf, conf_setting_t *setting)
{
    conf_shadowed_t *shadowed = setting->shadowed;

    if (setting->n_shadowed < TREE_SHADOWED_MAX) {
        shadowed = apr_pcalloc(conf->pool, sizeof(*shadowed));
        shadowed->earlier = setting->shadowed;
        setting->shadowed = shadowed;
        setting->n_shadowed++;
    }
    shadowed->file = setting->file;
    shadowed->line = setting->line;
    shadowed->span = setting->span;
}

void tree_set(conf_t *conf, conf_stanza_t *stanza, const conf_option_t *option, const raw_value_t *raw,
              const conf_file_t *file, int line, conf_span_t span)
{
    conf_setting_t *setting = tree_setting(stanza, option->row);

    if (setting == NULL) {
        setting = apr_pcalloc(conf->pool, sizeof(*setting));
        setting->option = option;
        if (stanza->last_setting == NULL)
            stanza->settings = setting;
        else
            stanza->last_setting->next = setting;
        stanza->last_setting = setting;
    } else {
        keep_shadowed(conf, setting);
    }
    keep_raw(conf, &setting->raw, raw);
    setting->file = file;
    setting->line = line;
    setting->span = span;
    setting->order = conf->n_read;
}

static apr_size_t bytes_of(const conf_stanza_t *stanza)
{
    apr_size_t bytes = sizeof(*stanza) + strlen(stanza->name) + strlen(stanza->written);

    for (const conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next)
        bytes += sizeof(*setting) + setting->raw.room;
    for (const conf_place_t *place = stanza->places; place != NULL; place = place->next)
        bytes += sizeof(*place);
    for (const conf_stanza_t *child = stanza->first; child != NULL; child = child->next)
        bytes += bytes_of(child);
    return bytes;
}

apr_size_t tree_bytes(const conf_t *conf)
{
    return bytes_of(conf->root) + conf->n_slots * sizeof(*conf->slots);
}

/* ---- taking away --------------------------------------------------------------------------- */

int tree_unset(conf_stanza_t *stanza, const ec_option_t *row)
{
    conf_setting_t **at = &stanza->settings, *before = NULL;

    for (; *at != NULL && (*at)->option->row != row; at = &(*at)->next)
        before = *at;
    if (*at == NULL)
        return 0;
    *at = (*at)->next;
    if (*at == NULL)
        stanza->last_setting = before;
    return 1;
}

/* Those behind it move up, so that no search ends early at the hole. */
static void remove_slot(conf_t *conf, const conf_stanza_t *stanza)
{
    unsigned mask = conf->n_slots - 1, hole = (unsigned)stanza->hash & mask;

    while (conf->slots[hole] != stanza)
        hole = (hole + 1) & mask;
    for (unsigned at = (hole + 1) & mask; conf->slots[at] != NULL; at = (at + 1) & mask) {
        unsigned home = (unsigned)conf->slots[at]->hash & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            conf->slots[hole] = conf->slots[at];
            hole = at;
        }
    }
    conf->slots[hole] = NULL;
    conf->n_stanzas--;
}

/* The binding of this name in the first group, as groups stand now; `gone` is none. */
static void find_grouped(conf_t *conf, const char *name, const conf_stanza_t *gone)
{
    conf_stanza_t *found = NULL;

    for (conf_stanza_t *group = conf->root->first; group != NULL && found == NULL; group = group->next) {
        if (strcmp(group->type, "binding_group") == 0)
            found = tree_find(conf, group, "binding", name);
        if (found == gone)
            found = NULL;
    }
    apr_hash_set(conf->grouped_bindings, name, APR_HASH_KEY_STRING, NULL); /* the key may be the old one's text */
    if (found != NULL)
        apr_hash_set(conf->grouped_bindings, found->name, APR_HASH_KEY_STRING, found);
}

/* Another binding of this name inside a group takes its place. */
static void forget_grouped(conf_t *conf, const conf_stanza_t *stanza)
{
    if (apr_hash_get(conf->grouped_bindings, stanza->name, APR_HASH_KEY_STRING) == stanza)
        find_grouped(conf, stanza->name, stanza);
}

static void forget_below(conf_t *conf, conf_stanza_t *stanza)
{
    for (conf_stanza_t *child = stanza->first; child != NULL; child = child->next)
        forget_below(conf, child);
    remove_slot(conf, stanza);
    forget_grouped(conf, stanza);
}

static void unlink_child(conf_stanza_t *parent, const conf_stanza_t *stanza)
{
    conf_stanza_t **at = &parent->first, *before = NULL;

    for (; *at != stanza; at = &(*at)->next)
        before = *at;
    *at = stanza->next;
    if (parent->last == stanza)
        parent->last = before;
}

static void unlink_same(conf_stanza_t *parent, const conf_stanza_t *stanza)
{
    conf_siblings_t *same = find_siblings(parent, stanza->type);
    conf_stanza_t **at = &same->first, *before = NULL;

    for (; *at != stanza; at = &(*at)->next_same)
        before = *at;
    *at = stanza->next_same;
    if (same->last == stanza)
        same->last = before;
}

static void unlink_module(conf_t *conf, const conf_stanza_t *stanza)
{
    conf_stanza_t **at = &conf->first_module, *before = NULL;

    for (; *at != NULL && *at != stanza; at = &(*at)->next_module)
        before = *at;
    if (*at == NULL)
        return;
    *at = stanza->next_module;
    if (conf->last_module == stanza)
        conf->last_module = before;
}

static void unlink_regex(conf_stanza_t *parent, const conf_stanza_t *stanza)
{
    conf_stanza_t **at = &parent->first_regex, *before = NULL;

    for (; *at != NULL && *at != stanza; at = &(*at)->next_regex)
        before = *at;
    if (*at == NULL)
        return;
    *at = stanza->next_regex;
    if (parent->last_regex == stanza)
        parent->last_regex = before;
}

static void unlink_stanza(conf_t *conf, conf_stanza_t *stanza)
{
    unlink_child(stanza->parent, stanza);
    unlink_same(stanza->parent, stanza);
    unlink_module(conf, stanza);
    unlink_regex(stanza->parent, stanza);
}

void tree_remove(conf_t *conf, conf_stanza_t *stanza)
{
    unlink_stanza(conf, stanza);
    forget_below(conf, stanza);
}

/* ---- order ----------------------------------------------------------------------------------- */

void tree_move_before(conf_t *conf, conf_stanza_t *stanza, const conf_stanza_t *next)
{
    struct position at = { NULL, NULL, NULL, NULL };

    if (stanza == next || stanza->next == next)
        return;
    unlink_stanza(conf, stanza);
    for (conf_stanza_t *other = stanza->parent->first; other != next; other = other->next) {
        at.before = other;
        if (strcasecmp(other->type, stanza->type) == 0)
            at.before_same = other;
        if (is_module(other))
            at.before_module = other;
        if (other->regex != NULL)
            at.before_regex = other;
    }
    link_child(conf, stanza, &at);
}

conf_autoload_t tree_autoload(const conf_stanza_t *stanza)
{
    return stanza->places != NULL ? stanza->places->file->autoload : AUTOLOAD_NONE;
}

/* What the files have goes before what comes behind it there. */
static const conf_stanza_t *next_of_files(const conf_t *conf, const conf_stanza_t *stanza, const conf_stanza_t *like)
{
    const conf_stanza_t *before = NULL, *next = NULL, *in_files = like;

    while (next == NULL && (in_files = in_files->next) != NULL)
        next = tree_find(conf, stanza->parent, in_files->type, in_files->name);
    if (next != NULL)
        return next;
    for (in_files = like->parent->first; in_files != like; in_files = in_files->next) {
        const conf_stanza_t *here = tree_find(conf, stanza->parent, in_files->type, in_files->name);

        before = here != NULL ? here : before;
    }
    return before != NULL ? before->next : stanza->parent->first;
}

/* A new module goes before those that autoload.c puts behind all others. */
static const conf_stanza_t *next_of_new(const conf_t *conf, const conf_stanza_t *stanza)
{
    const conf_stanza_t *next = NULL;

    for (const conf_stanza_t *at = is_module(stanza) ? conf->first_module : NULL; at != NULL; at = at->next_module) {
        if (at != stanza && tree_autoload(at) != AUTOLOAD_LAST)
            next = NULL;
        else if (at != stanza && next == NULL)
            next = at;
    }
    return next;
}

void tree_put_in_order(conf_t *conf, conf_stanza_t *stanza, const conf_t *files)
{
    const conf_stanza_t *like = tree_find_like(files, stanza);

    tree_move_before(conf, stanza, like != NULL ? next_of_files(conf, stanza, like) : next_of_new(conf, stanza));
    if (is_grouped(stanza) && conf->has_grouped_twice)
        find_grouped(conf, stanza->name, NULL);
}

/* ---- words ----------------------------------------------------------------------------------- */

const char *tree_describe(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    const char *text = "";

    if (stanza->parent == NULL)
        return "global";
    for (; stanza->parent != NULL; stanza = stanza->parent)
        text = apr_pstrcat(pool, text, *text != '\0' ? " in " : "", stanza->type,
                           *stanza->name != '\0' ? " " : "", stanza->name, NULL);
    return text;
}

/* ---- reading (conf.h) ------------------------------------------------------------------------ */

const conf_stanza_t *conf_next(const conf_t *conf, const conf_stanza_t *parent, const char *type,
                               const conf_stanza_t *previous)
{
    const conf_siblings_t *same;

    if (parent == NULL)
        parent = conf->root;
    if (type == NULL)
        return previous == NULL ? parent->first : previous->next;
    if (previous != NULL)
        return previous->next_same;
    same = find_siblings(parent, type);
    return same != NULL ? same->first : NULL;
}

const conf_stanza_t *conf_next_module(const conf_t *conf, const conf_stanza_t *previous)
{
    return previous == NULL ? conf->first_module : previous->next_module;
}

const char *conf_stanza_type(const conf_stanza_t *stanza)
{
    return stanza->type;
}

const char *conf_stanza_name(const conf_stanza_t *stanza)
{
    return stanza->name;
}

const char *conf_stanza_file(const conf_stanza_t *stanza)
{
    return stanza->places != NULL ? stanza->places->file->path : NULL;
}

int conf_stanza_line(const conf_stanza_t *stanza)
{
    return stanza->places != NULL ? stanza->places->line : 0;
}

const char *conf_stanza_place(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    if (conf_stanza_line(stanza) == 0)
        return stanza->places != NULL ? stanza->places->file->path : "(built in)";
    return apr_psprintf(pool, "%s:%d", conf_stanza_file(stanza), conf_stanza_line(stanza));
}

const conf_stanza_t *conf_stanza_parent(const conf_stanza_t *stanza)
{
    return stanza->parent;
}

const conf_t *conf_stanza_owner(const conf_stanza_t *stanza)
{
    while (stanza->parent != NULL)
        stanza = stanza->parent;
    return stanza->owner;
}

const void *conf_stanza_module(const conf_stanza_t *stanza)
{
    return stanza->scope->module != NULL ? stanza->scope->module->module : NULL;
}

const ec_option_t *conf_stanza_table(const conf_stanza_t *stanza)
{
    return stanza->scope->table;
}

const ec_value_t *conf_stanza_get(const conf_t *conf, const conf_stanza_t *stanza, const char *option)
{
    const conf_setting_t *setting = tree_setting_named(stanza != NULL ? stanza : conf->root, option);

    return setting != NULL ? &setting->value : NULL;
}

const ec_value_t *conf_stanza_eval(const conf_t *conf, const conf_stanza_t *stanza, const char *option)
{
    const ec_value_t *value = conf_stanza_get(conf, stanza, option);
    const conf_option_t *known;

    if (value != NULL)
        return value;
    known = options_find(stanza != NULL ? stanza->scope : scope_global, option);
    if (known == NULL)
        known = options_find_anywhere(option);
    return known != NULL ? apr_hash_get(conf->defaults, &known->row, sizeof(known->row)) : NULL;
}
