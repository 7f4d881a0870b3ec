/* options.c - which option may stand in which scope: the tables of core and modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * All names are in one hash; rows of one name hang behind each other and are told apart
 * by their scopes.  A row that works goes before one that is only documented, so that a
 * module takes over an option by registering it. */
#include "conf/kind.h"
#include "conf/value.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <apr_allocator.h>
#include <apr_hash.h>
#include <apr_strings.h>

#define W(...)   ((const char *const[]){ __VA_ARGS__, NULL })
#define W_LEVELS W("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
/* scopes with the outbound, the inbound, and the reception fallback; all that accept connections */
#define S_OUT     "global binding_group binding domain"
#define S_IN      "esmtp_listener listen peer pathway pathway_group"
#define S_CONTENT "global pathway pathway_group"
#define S_ACCEPTING                                                                              \
    "control_listener eccluster_listener ecstream_listener esmtp_listener http_listener listen " \
    "xmpp_listener"

#define CONF_OPTION(id_, name_, type_, default_, scopes_, unit_, help_, words_, min_, max_, flags_) \
    { .name = (name_),                                                                              \
      .type = EC_TYPE_##type_,                                                                      \
      .deflt = (default_),                                                                          \
      .scopes = (scopes_),                                                                          \
      .unit = (unit_),                                                                              \
      .help = (help_),                                                                              \
      .words = (words_),                                                                            \
      .min = (min_),                                                                                \
      .max = (max_),                                                                                \
      .flags = (flags_) },
static const ec_option_t core_table[] = {
#include "conf/options.def"
    { .name = NULL }
};
static const ec_option_t documented_table[] = {
#include "conf/options_documented.def"
    { .name = NULL }
};
#undef CONF_OPTION

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    apr_allocator_t *allocator;
    apr_pool_t *pool;    /* lives as long as the process */
    apr_hash_t *names;   /* lower case to the first conf_option_t */
    apr_hash_t *modules; /* stanza type to conf_kind_t */
    int n_handles;       /* given out so far; those of the core come first */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static const char *lower(const char *name, char *buf, apr_size_t size)
{
    apr_size_t i = 0;

    for (; name[i] != '\0' && i + 1 < size; i++)
        buf[i] = (char)tolower((unsigned char)name[i]);
    buf[i] = '\0';
    return buf;
}

/* ---- registering ----------------------------------------------------------------------------- */

static int is_documented_only(const conf_option_t *option)
{
    return option->row->flags & EC_OPTION_NO_EFFECT;
}

static void insert(conf_option_t *option)
{
    conf_option_t *first = apr_hash_get(registry.names, option->row->name, APR_HASH_KEY_STRING);

    if (first != NULL && is_documented_only(option) && !is_documented_only(first)) {
        while (first->next != NULL)
            first = first->next;
        first->next = option;
        return;
    }
    option->next = first; /* the key stays the first one's copy: rows may go away */
    apr_hash_set(registry.names, apr_pstrdup(registry.pool, option->row->name), APR_HASH_KEY_STRING, option);
}

static conf_option_t *make_option(const ec_option_t *row, int handle, const char *owner)
{
    conf_option_t *option = apr_pcalloc(registry.pool, sizeof(*option));
    const char *bad;

    option->row = row;
    option->handle = handle;
    option->owner = owner;
    if (row->scopes != NULL)
        option->scopes = scope_set(row->scopes, &bad, registry.pool);
    return option;
}

static void start(void)
{
    apr_allocator_create(&registry.allocator);
    apr_pool_create_unmanaged_ex(&registry.pool, NULL, registry.allocator);
    registry.names = apr_hash_make(registry.pool);
    registry.modules = apr_hash_make(registry.pool);
    registry.n_handles = CONF_O_COUNT;
    for (int i = 0; core_table[i].name != NULL; i++)
        insert(make_option(&core_table[i], i, "core"));
    for (const ec_option_t *row = documented_table; row->name != NULL; row++)
        insert(make_option(row, -1, "core"));
}

static void lock(void)
{
    pthread_once(&registry.once, start);
    pthread_mutex_lock(&registry.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&registry.lock);
}

/* Is the row free of mistakes that would show only later? */
static apr_status_t check_row(const ec_option_t *row, const char *scope)
{
    apr_status_t rv = APR_SUCCESS;
    raw_value_t raw = { 0 };
    apr_pool_t *scratch;
    ec_value_t value;
    const char *why;

    if ((row->type == EC_TYPE_ENUM || row->type == EC_TYPE_ENUM_INT) && row->words == NULL)
        return EC_E_CONFIG;
    apr_pool_create_unmanaged(&scratch);
    if (scope == NULL && (row->scopes == NULL || scope_set(row->scopes, &why, scratch) == 0))
        rv = EC_E_CONFIG;
    else if (row->deflt != NULL && value_make_default(&value, &raw, row, &why, scratch) != APR_SUCCESS)
        rv = EC_E_CONFIG;
    apr_pool_destroy(scratch);
    return rv;
}

/* Who has this name in one of these scopes already, or NULL. */
static const char *taken_by(const ec_option_t *row)
{
    const conf_option_t *other = apr_hash_get(registry.names, row->name, APR_HASH_KEY_STRING);
    const char *bad;
    apr_uint64_t scopes = scope_set(row->scopes, &bad, registry.pool);

    for (; other != NULL; other = other->next) {
        if (!is_documented_only(other) && (other->scopes & scopes) != 0)
            return other->owner;
    }
    return NULL;
}

static void register_inner(conf_kind_t *outer, const ec_stanza_kind_t *kinds)
{
    static const scope_naming_t naming[] = { SCOPE_ANONYMOUS, SCOPE_NAMED, SCOPE_OPTIONAL };
    conf_kind_t **link = &outer->inner;

    for (const ec_stanza_kind_t *kind = kinds; kind != NULL && kind->name != NULL; kind++) {
        *link = kind_make(kind->name, kind->parents != NULL ? kind->parents : outer->scope.name,
                          naming[kind->naming], SCOPE_INNER, kind->options, outer->owner, registry.pool);
        (*link)->outer = outer;
        link = &(*link)->inner;
    }
}

static void register_announced(const ec_option_t *table, const char *owner)
{
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (row->scopes != NULL)
            insert(make_option(row, registry.n_handles++, owner));
    }
}

static const char *find_conflict(const char *type, const ec_option_t *table, apr_pool_t *pool)
{
    const conf_scope_t *core = type != NULL ? scope_find(type) : NULL;
    const conf_kind_t *other =
        type != NULL ? apr_hash_get(registry.modules, type, APR_HASH_KEY_STRING) : NULL;

    if (other != NULL || (core != NULL && !(core->flags & SCOPE_NO_EFFECT)))
        return apr_psprintf(pool, "there is a stanza type \"%s\" already, of %s%s%s", type,
                            other != NULL ? "module \"" : "the core", other != NULL ? other->owner : "",
                            other != NULL ? "\"" : "");
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        const char *owner = row->scopes != NULL ? taken_by(row) : NULL;

        if (owner != NULL)
            return apr_psprintf(pool, "option \"%s\" in %s belongs to %s \"%s\" already", row->name,
                                row->scopes, strcmp(owner, "core") == 0 ? "the" : "module", owner);
    }
    return NULL;
}

static const char *check_tables(const char *type, const ec_option_t *table, const ec_stanza_kind_t *kinds,
                                apr_pool_t *pool)
{
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (check_row(row, row->scopes == NULL ? type : NULL) != APR_SUCCESS)
            return apr_psprintf(pool, "its option \"%s\" has a default, words or scopes that can not be", row->name);
    }
    for (const ec_stanza_kind_t *kind = kinds; kind != NULL && kind->name != NULL; kind++) {
        for (const ec_option_t *row = kind->options; row != NULL && row->name != NULL; row++) {
            if (row->scopes != NULL || check_row(row, kind->name) != APR_SUCCESS)
                return apr_psprintf(pool, "its option \"%s\" of \"%s\" has a default, words or scopes that can not be",
                                    row->name, kind->name);
        }
    }
    return NULL;
}

apr_status_t conf_register_module(const char *scope, const ec_option_t *table, const ec_stanza_kind_t *kinds,
                                  const char *owner, const char **why, apr_pool_t *pool)
{
    char name[128];
    const char *type = scope != NULL ? lower(scope, name, sizeof(name)) : NULL;

    if ((*why = check_tables(type, table, kinds, pool)) != NULL)
        return EC_E_CONFIG;
    lock();
    if ((*why = find_conflict(type, table, pool)) == NULL) {
        owner = apr_pstrdup(registry.pool, owner);
        register_announced(table, owner);
        if (type != NULL) {
            conf_kind_t *kind = kind_make(type, "global", SCOPE_OPTIONAL, 0, table, owner, registry.pool);

            kind->outer = kind;
            register_inner(kind, kinds);
            apr_hash_set(registry.modules, kind->scope.name, APR_HASH_KEY_STRING, kind);
        }
    }
    unlock();
    return *why == NULL ? APR_SUCCESS : EC_E_CONFIG;
}

apr_status_t conf_register(const char *scope, const ec_option_t *table, const char *owner)
{
    apr_pool_t *scratch;
    apr_status_t rv;
    const char *why;

    apr_pool_create_unmanaged(&scratch);
    rv = conf_register_module(scope, table, NULL, owner, &why, scratch);
    apr_pool_destroy(scratch);
    return rv;
}

static void forget_announced(const char *owner)
{
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.names); i != NULL;
         i = apr_hash_next(i)) {
        const char *name = apr_hash_this_key(i);
        conf_option_t *first = apr_hash_this_val(i), **link = &first;

        while (*link != NULL) {
            if (strcmp((*link)->owner, owner) == 0)
                *link = (*link)->next;
            else
                link = &(*link)->next;
        }
        apr_hash_set(registry.names, name, APR_HASH_KEY_STRING, first);
    }
}

void conf_unregister(const char *owner)
{
    lock();
    forget_announced(owner);
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.modules); i != NULL;
         i = apr_hash_next(i)) {
        const conf_kind_t *kind = apr_hash_this_val(i);

        if (strcmp(kind->owner, owner) == 0)
            apr_hash_set(registry.modules, kind->scope.name, APR_HASH_KEY_STRING, NULL);
    }
    unlock();
}

/* ---- looking up --------------------------------------------------------------------------------- */

const ec_option_t *conf_option(conf_opt_t opt)
{
    return &core_table[opt];
}

const conf_scope_t *options_scope(const char *type)
{
    char name[128];
    const conf_kind_t *kind;

    lock();
    kind = apr_hash_get(registry.modules, lower(type, name, sizeof(name)), APR_HASH_KEY_STRING);
    unlock();
    return kind != NULL ? &kind->scope : scope_find(type);
}

const conf_scope_t *options_scope_in(const conf_scope_t *parent, const char *type)
{
    const conf_kind_t *found, *like;

    if (parent == NULL || parent->module == NULL)
        return options_scope(type);
    found = kind_find_inner(parent->module->outer, parent, type);
    if (found == NULL && (like = documented_module(parent->module->outer->scope.name)) != NULL)
        found = kind_find_inner(like, parent, type);
    return found != NULL ? &found->scope : options_scope(type);
}

const conf_option_t *options_find(const conf_scope_t *scope, const char *name)
{
    const conf_option_t *option;
    char key[128];

    option = scope->module != NULL ? kind_find_option(scope->module, name) : NULL;
    lock();
    if (option == NULL) {
        option = apr_hash_get(registry.names, lower(name, key, sizeof(key)), APR_HASH_KEY_STRING);
        while (option != NULL && !(option->scopes & scope_bit(scope)))
            option = option->next;
    }
    unlock();
    if (option == NULL && scope->module != NULL) {
        const conf_kind_t *like = documented_like(scope->module);

        option = like != NULL ? kind_find_option(like, name) : NULL;
    }
    return option;
}

const conf_option_t *options_find_anywhere(const char *name)
{
    const conf_option_t *option;
    char key[128];

    lock();
    option = apr_hash_get(registry.names, lower(name, key, sizeof(key)), APR_HASH_KEY_STRING);
    unlock();
    return option;
}

static void offer_inner_types(struct nearest *nearest, const conf_scope_t *scope)
{
    const conf_kind_t *kind = scope->module != NULL ? scope->module->outer : NULL;

    for (kind = kind != NULL ? kind->inner : NULL; kind != NULL; kind = kind->inner) {
        if (scope_allows_parent(&kind->scope, scope))
            nearest_offer(nearest, kind->scope.name);
    }
}

void options_offer_names(struct nearest *nearest, const conf_scope_t *scope)
{
    lock();
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.names); i != NULL;
         i = apr_hash_next(i)) {
        for (const conf_option_t *option = apr_hash_this_val(i); option != NULL; option = option->next) {
            if (option->scopes & scope_bit(scope))
                nearest_offer(nearest, option->row->name);
        }
    }
    for (const conf_option_t *option = scope->module != NULL ? scope->module->options : NULL;
         option != NULL && option->row != NULL; option++)
        nearest_offer(nearest, option->row->name);
    unlock();
}

void options_offer_types(struct nearest *nearest, const conf_scope_t *parent)
{
    lock();
    for (int i = 0; scope_at(i) != NULL; i++) {
        if (scope_allows_parent(scope_at(i), parent))
            nearest_offer(nearest, scope_at(i)->name);
    }
    offer_inner_types(nearest, parent);
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.modules);
         parent == scope_global && i != NULL; i = apr_hash_next(i))
        nearest_offer(nearest, apr_hash_this_key(i));
    unlock();
}

void options_each(void (*each)(void *baton, const conf_option_t *option), void *baton)
{
    lock();
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.names); i != NULL;
         i = apr_hash_next(i)) {
        for (const conf_option_t *option = apr_hash_this_val(i); option != NULL; option = option->next)
            each(baton, option);
    }
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.modules); i != NULL;
         i = apr_hash_next(i)) {
        for (const conf_kind_t *kind = apr_hash_this_val(i); kind != NULL; kind = kind->inner) {
            for (const conf_option_t *option = kind->options; option->row != NULL; option++)
                each(baton, option);
        }
    }
    unlock();
}

int options_handles(void)
{
    int n;

    lock();
    n = registry.n_handles;
    unlock();
    return n;
}

int conf_handle(const ec_option_t *row)
{
    const conf_option_t *option;

    lock();
    option = apr_hash_get(registry.names, row->name, APR_HASH_KEY_STRING);
    while (option != NULL && option->row != row)
        option = option->next;
    unlock();
    return option != NULL ? option->handle : -1;
}
