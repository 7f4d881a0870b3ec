/* options.c - which option may stand in which scope: the tables of core and modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * All names are in one hash; rows of one name hang behind each other and are told apart
 * by their scopes.  A row that works goes before one that is only documented, so that a
 * module takes over an option by registering it.
 *
 * A module that is replaced while the server runs registers again and keeps what it had: who looks up finds what is in
 * force, or, on a thread that loads a configuration for a reload, what is on trial beside it. */
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

typedef enum { FORMER, ON_TRIAL, IN_FORCE } stage_t;

/* What was registered at once: the tables of one file of a module. */
struct registration {
    const char *owner;
    const void *module; /* who registered it, or NULL */
    conf_kind_t *kind;  /* its own stanza, or NULL */
    stage_t stage;
    struct registration *trial; /* of one in force: what is seen in its place by who tries; or NULL */
    struct registration *next;
};

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    apr_allocator_t *allocator;
    apr_pool_t *pool;    /* lives as long as the process */
    apr_hash_t *names;   /* lower case to the first conf_option_t */
    apr_hash_t *modules; /* stanza type to the registration in force */
    struct registration *all;
    int n_handles;       /* given out so far; those of the core come first */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT };

static _Thread_local int sees_trials;

static const char *lower(const char *name, char *buf, apr_size_t size)
{
    apr_size_t i = 0;

    for (; name[i] != '\0' && i + 1 < size; i++)
        buf[i] = (char)tolower((unsigned char)name[i]);
    buf[i] = '\0';
    return buf;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static const struct registration *in_place_of(const struct registration *of)
{
    return sees_trials && of != NULL && of->trial != NULL ? of->trial : of;
}

static int is_seen(const conf_option_t *option)
{
    const struct registration *of = option->of;

    return of == NULL || (of->stage == ON_TRIAL && sees_trials) || (of->stage == IN_FORCE && in_place_of(of) == of);
}

/* The first of a chain that is seen and legal in one of the scopes (0: whatever its scopes), or NULL. */
static const conf_option_t *first_seen(const conf_option_t *option, apr_uint64_t scopes)
{
    while (option != NULL && !(is_seen(option) && (scopes == 0 || (option->scopes & scopes) != 0)))
        option = option->next;
    return option;
}

static const conf_kind_t *seen_kind(const struct registration *of)
{
    of = in_place_of(of);
    return of != NULL ? of->kind : NULL;
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

static conf_option_t *make_option(const ec_option_t *row, int handle, const char *owner, const struct registration *of)
{
    conf_option_t *option = apr_pcalloc(registry.pool, sizeof(*option));
    const char *bad;

    option->row = row;
    option->handle = handle;
    option->owner = owner;
    option->of = of;
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
        insert(make_option(&core_table[i], i, "core", NULL));
    for (const ec_option_t *row = documented_table; row->name != NULL; row++)
        insert(make_option(row, -1, "core", NULL));
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

/* Who else has this name in one of these scopes already, or is about to, or NULL. */
static const char *taken_by(const ec_option_t *row, const char *owner)
{
    const conf_option_t *other = apr_hash_get(registry.names, row->name, APR_HASH_KEY_STRING);
    const char *bad;
    apr_uint64_t scopes = scope_set(row->scopes, &bad, registry.pool);

    for (; other != NULL; other = other->next) {
        if (!is_documented_only(other) && (other->scopes & scopes) != 0 &&
            (other->of == NULL || (other->of->stage != FORMER && (owner == NULL || strcasecmp(other->owner, owner) != 0))))
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

static int is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int is_same_words(const char *const *a, const char *const *b)
{
    for (; a != NULL && b != NULL && *a != NULL && *b != NULL; a++, b++) {
        if (strcmp(*a, *b) != 0)
            return 0;
    }
    return (a == NULL || *a == NULL) && (b == NULL || *b == NULL);
}

/* Would a value of one do for who asks for the other? */
static int is_same_meaning(const ec_option_t *a, const ec_option_t *b)
{
    return a->type == b->type && a->flags == b->flags && strcmp(a->scopes, b->scopes) == 0 && a->min == b->min &&
           a->max == b->max && is_same_text(a->deflt, b->deflt) && is_same_text(a->unit, b->unit) &&
           is_same_words(a->words, b->words);
}

/* The number that an earlier file of the module has for the same option, so that old instances read new values; a new
 * one for what means something else. */
static int handle_for(const ec_option_t *row, const char *owner)
{
    const conf_option_t *other = apr_hash_get(registry.names, row->name, APR_HASH_KEY_STRING);

    for (; other != NULL; other = other->next) {
        if (other->handle >= CONF_O_COUNT && strcasecmp(other->owner, owner) == 0 && is_same_meaning(other->row, row))
            return other->handle;
    }
    return registry.n_handles++;
}

static void register_announced(const ec_option_t *table, const struct registration *of)
{
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (row->scopes != NULL)
            insert(make_option(row, handle_for(row, of->owner), of->owner, of));
    }
}

/* `owner`: whose earlier options do not count, or NULL. */
static const char *find_taken(const ec_option_t *table, const char *owner, apr_pool_t *pool)
{
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        const char *other = row->scopes != NULL ? taken_by(row, owner) : NULL;

        if (other != NULL)
            return apr_psprintf(pool, "option \"%s\" in %s belongs to %s \"%s\" already", row->name,
                                row->scopes, strcmp(other, "core") == 0 ? "the" : "module", other);
    }
    return NULL;
}

static const char *find_conflict(const char *type, const ec_option_t *table, apr_pool_t *pool)
{
    const conf_scope_t *core = type != NULL ? scope_find(type) : NULL;
    const struct registration *other =
        type != NULL ? apr_hash_get(registry.modules, type, APR_HASH_KEY_STRING) : NULL;

    if (other != NULL || (core != NULL && !(core->flags & SCOPE_NO_EFFECT)))
        return apr_psprintf(pool, "there is a stanza type \"%s\" already, of %s%s%s", type,
                            other != NULL ? "module \"" : "the core", other != NULL ? other->owner : "",
                            other != NULL ? "\"" : "");
    return find_taken(table, NULL, pool);
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

/* With the lock. */
static struct registration *add(const conf_tables_t *tables, stage_t stage)
{
    struct registration *of = apr_pcalloc(registry.pool, sizeof(*of));
    char name[128];

    *of = (struct registration){ .owner = apr_pstrdup(registry.pool, tables->owner), .module = tables->module,
                                 .stage = stage, .next = registry.all };
    registry.all = of;
    register_announced(tables->options, of);
    if (tables->scope != NULL) {
        of->kind = kind_make(lower(tables->scope, name, sizeof(name)), "global", SCOPE_OPTIONAL, 0, tables->options,
                             of->owner, registry.pool);
        of->kind->outer = of->kind;
        of->kind->module = tables->module;
        register_inner(of->kind, tables->stanzas);
    }
    return of;
}

static void put_in_force(struct registration *of)
{
    of->stage = IN_FORCE;
    of->trial = NULL;
    if (of->kind != NULL)
        apr_hash_set(registry.modules, of->kind->scope.name, APR_HASH_KEY_STRING, of);
}

apr_status_t conf_register_tables(const conf_tables_t *tables, const char **why, apr_pool_t *pool)
{
    char name[128];
    const char *type = tables->scope != NULL ? lower(tables->scope, name, sizeof(name)) : NULL;

    if ((*why = check_tables(type, tables->options, tables->stanzas, pool)) != NULL)
        return EC_E_CONFIG;
    lock();
    if (tables->is_beside)
        add(tables, FORMER);
    else if ((*why = find_conflict(type, tables->options, pool)) == NULL)
        put_in_force(add(tables, IN_FORCE));
    unlock();
    return *why == NULL ? APR_SUCCESS : EC_E_CONFIG;
}

apr_status_t conf_register(const char *scope, const ec_option_t *table, const char *owner)
{
    conf_tables_t tables = { .scope = scope, .options = table, .owner = owner };
    apr_pool_t *scratch;
    apr_status_t rv;
    const char *why;

    apr_pool_create_unmanaged(&scratch);
    rv = conf_register_tables(&tables, &why, scratch);
    apr_pool_destroy(scratch);
    return rv;
}

/* ---- one file of a module after the other ---------------------------------------------------- */

static struct registration *find_module(const void *module)
{
    struct registration *of = registry.all;

    while (of != NULL && of->module != module)
        of = of->next;
    EC_ASSERT(of != NULL && of->kind != NULL); /* conf_register_tables() had it */
    return of;
}

static void end_trial(struct registration *in_force)
{
    if (in_force->trial != NULL)
        in_force->trial->stage = FORMER;
    in_force->trial = NULL;
}

static struct registration *in_force_like(const struct registration *of)
{
    return apr_hash_get(registry.modules, of->kind->scope.name, APR_HASH_KEY_STRING);
}

apr_status_t conf_try(const void *module, const char **why, apr_pool_t *pool)
{
    struct registration *of, *old;

    lock();
    of = find_module(module);
    old = in_force_like(of);
    if (old != of) {
        end_trial(old);
        if ((*why = find_taken(of->kind->scope.table, of->owner, pool)) == NULL) {
            old->trial = of;
            of->stage = ON_TRIAL;
        }
    }
    unlock();
    return old == of || *why == NULL ? APR_SUCCESS : EC_E_CONFIG;
}

void conf_try_no_more(const void *module)
{
    lock();
    end_trial(in_force_like(find_module(module)));
    unlock();
}

void conf_see_trials(int sees)
{
    sees_trials = sees;
}

int conf_use(const void *module)
{
    struct registration *of, *old;

    lock();
    of = find_module(module);
    old = in_force_like(of);
    if (old != of) {
        end_trial(old);
        old->stage = FORMER;
        put_in_force(of);
    }
    unlock();
    return old != of;
}

/* ---- forgetting ------------------------------------------------------------------------------ */

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
    for (struct registration **at = &registry.all; *at != NULL;) {
        struct registration *of = *at;

        if (strcmp(of->owner, owner) != 0) {
            at = &of->next;
            continue;
        }
        if (of->kind != NULL && in_force_like(of) == of)
            apr_hash_set(registry.modules, of->kind->scope.name, APR_HASH_KEY_STRING, NULL);
        *at = of->next;
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
    kind = seen_kind(apr_hash_get(registry.modules, lower(type, name, sizeof(name)), APR_HASH_KEY_STRING));
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
        apr_uint64_t bit = scope_bit(scope);

        option = bit != 0 ? first_seen(apr_hash_get(registry.names, lower(name, key, sizeof(key)), APR_HASH_KEY_STRING), bit)
                          : NULL;
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
    option = first_seen(apr_hash_get(registry.names, lower(name, key, sizeof(key)), APR_HASH_KEY_STRING), 0);
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
            if (option->scopes & scope_bit(scope) && is_seen(option))
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

typedef void each_fn(void *baton, const conf_option_t *option);

/* With the lock: those that are seen, or those that are not. */
static void each_option(int seen, each_fn *each, void *baton)
{
    for (apr_hash_index_t *i = apr_hash_first(registry.pool, registry.names); i != NULL;
         i = apr_hash_next(i)) {
        for (const conf_option_t *option = apr_hash_this_val(i); option != NULL; option = option->next) {
            if (is_seen(option) == seen)
                each(baton, option);
        }
    }
    for (const struct registration *of = registry.all; of != NULL; of = of->next) {
        const conf_kind_t *kind = of->kind;

        if (kind == NULL || (seen_kind(in_force_like(of)) == kind) != seen)
            continue;
        for (; kind != NULL; kind = kind->inner) {
            for (const conf_option_t *option = kind->options; option->row != NULL; option++)
                each(baton, option);
        }
    }
}

void options_each(void (*each)(void *baton, const conf_option_t *option), void *baton)
{
    lock();
    each_option(1, each, baton);
    unlock();
}

void options_each_ever(void (*each)(void *baton, const conf_option_t *option), void *baton)
{
    lock();
    each_option(0, each, baton);
    each_option(1, each, baton);
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
