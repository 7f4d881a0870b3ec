/* options.c - which option may stand in which scope: the tables of core and modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * All names are in one hash; rows of one name hang behind each other and are told apart
 * by their scopes.  A row that works goes before one that is only documented, so that a
 * module takes over an option by registering it. */
#include "conf/options.h"
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

/* A stanza that a module brought. */
typedef struct {
    conf_scope_t scope;
    conf_option_t *options; /* one a row, in the table's order */
    const char *owner;
} module_scope_t;

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    apr_allocator_t *allocator;
    apr_pool_t *pool;    /* lives as long as the process */
    apr_hash_t *names;   /* lower case to the first conf_option_t */
    apr_hash_t *modules; /* stanza type to module_scope_t */
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

static int is_taken(const ec_option_t *row)
{
    const conf_option_t *other = apr_hash_get(registry.names, row->name, APR_HASH_KEY_STRING);
    const char *bad;
    apr_uint64_t scopes = scope_set(row->scopes, &bad, registry.pool);

    for (; other != NULL; other = other->next) {
        if (!is_documented_only(other) && (other->scopes & scopes) != 0)
            return 1;
    }
    return 0;
}

static int count_rows(const ec_option_t *table)
{
    int count = 0;

    while (table != NULL && table[count].name != NULL)
        count++;
    return count;
}

static apr_status_t register_stanza(const char *type, const ec_option_t *table, const char *owner)
{
    int count = count_rows(table);
    const conf_scope_t *core = scope_find(type);
    module_scope_t *module;

    if (apr_hash_get(registry.modules, type, APR_HASH_KEY_STRING) != NULL ||
        (core != NULL && !(core->flags & SCOPE_NO_EFFECT)))
        return EC_E_CONFIG;
    module = apr_pcalloc(registry.pool, sizeof(*module));
    module->scope = (conf_scope_t){ .name = apr_pstrdup(registry.pool, type),
                                    .parents = "global",
                                    .naming = SCOPE_OPTIONAL,
                                    .kind = NAME_TEXT,
                                    .flags = SCOPE_MODULE,
                                    .table = table };
    module->owner = owner;
    module->options = apr_pcalloc(registry.pool, sizeof(conf_option_t) * (apr_size_t)(count + 1));
    for (int i = 0; i < count; i++)
        module->options[i] = (conf_option_t){ .row = &table[i], .handle = -1, .owner = owner };
    apr_hash_set(registry.modules, module->scope.name, APR_HASH_KEY_STRING, module);
    return APR_SUCCESS;
}

static apr_status_t register_announced(const ec_option_t *table, const char *owner)
{
    for (const ec_option_t *row = table; row->name != NULL; row++) {
        if (is_taken(row))
            return EC_E_CONFIG;
    }
    for (const ec_option_t *row = table; row->name != NULL; row++)
        insert(make_option(row, -1, owner));
    return APR_SUCCESS;
}

apr_status_t conf_register(const char *scope, const ec_option_t *table, const char *owner)
{
    apr_status_t rv;
    char type[128];

    if (scope == NULL && table == NULL)
        return APR_SUCCESS;
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++)
        EC_TRY(check_row(row, scope));
    lock();
    owner = apr_pstrdup(registry.pool, owner);
    rv = scope != NULL ? register_stanza(lower(scope, type, sizeof(type)), table, owner)
                       : register_announced(table, owner);
    unlock();
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
        const module_scope_t *module = apr_hash_this_val(i);

        if (strcmp(module->owner, owner) == 0)
            apr_hash_set(registry.modules, module->scope.name, APR_HASH_KEY_STRING, NULL);
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
    const module_scope_t *module;

    lock();
    module = apr_hash_get(registry.modules, lower(type, name, sizeof(name)), APR_HASH_KEY_STRING);
    unlock();
    return module != NULL ? &module->scope : scope_find(type);
}

static const conf_option_t *find_in_module(const conf_scope_t *scope, const char *name)
{
    const module_scope_t *module = apr_hash_get(registry.modules, scope->name, APR_HASH_KEY_STRING);

    for (const conf_option_t *option = module != NULL ? module->options : NULL;
         option != NULL && option->row != NULL; option++) {
        if (strcasecmp(option->row->name, name) == 0)
            return option;
    }
    return NULL;
}

const conf_option_t *options_find(const conf_scope_t *scope, const char *name)
{
    const conf_option_t *option;
    char key[128];

    lock();
    option = scope->flags & SCOPE_MODULE ? find_in_module(scope, name) : NULL;
    if (option == NULL) {
        option = apr_hash_get(registry.names, lower(name, key, sizeof(key)), APR_HASH_KEY_STRING);
        while (option != NULL && !(option->scopes & scope_bit(scope)))
            option = option->next;
    }
    unlock();
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

void options_offer_names(struct nearest *nearest, const conf_scope_t *scope)
{
    const module_scope_t *module;

    lock();
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.names); i != NULL;
         i = apr_hash_next(i)) {
        for (const conf_option_t *option = apr_hash_this_val(i); option != NULL; option = option->next) {
            if (option->scopes & scope_bit(scope))
                nearest_offer(nearest, option->row->name);
        }
    }
    module =
        scope->flags & SCOPE_MODULE ? apr_hash_get(registry.modules, scope->name, APR_HASH_KEY_STRING) : NULL;
    for (const conf_option_t *option = module != NULL ? module->options : NULL;
         option != NULL && option->row != NULL; option++)
        nearest_offer(nearest, option->row->name);
    unlock();
}

void options_offer_types(struct nearest *nearest)
{
    lock();
    for (int i = 0; scope_at(i) != NULL; i++) {
        if (*scope_at(i)->parents != '\0')
            nearest_offer(nearest, scope_at(i)->name);
    }
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.modules); i != NULL;
         i = apr_hash_next(i))
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
        for (const conf_option_t *option = ((const module_scope_t *)apr_hash_this_val(i))->options;
             option->row != NULL; option++)
            each(baton, option);
    }
    unlock();
}
