/* documented.c - modules that the documentation describes
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stanza of a module that is not built is let in with a warning; its options are checked like any other, so that a
 * mistyped one is found now and not on the day when the module comes.  Made once, then never changed: any thread. */
#include "conf/kind.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#include <apr_hash.h>
#include <apr_strings.h>

/* Inner kinds have `parents`, modules do not. */
static const struct entry {
    const char *name, *parents;
    scope_naming_t naming;
    int flags;
    const char *options;
} entries[] = {
#define DOCUMENTED_MODULE(name, flags, options)           { name, NULL, SCOPE_OPTIONAL, flags, options },
#define DOCUMENTED_INNER(name, parents, naming, options) { name, parents, naming, 0, options },
#include "conf/documented_modules.def"
#undef DOCUMENTED_MODULE
#undef DOCUMENTED_INNER
};

enum { ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]) };

static const struct {
    const char *word;
    ec_type_t type;
} types[] = {
    { "int", EC_TYPE_INT },      { "bool", EC_TYPE_BOOL }, { "time", EC_TYPE_INTERVAL }, { "size", EC_TYPE_SIZE },
    { "float", EC_TYPE_FLOAT },  { "list", EC_TYPE_LIST }, { "dict", EC_TYPE_DICT },     { "perms", EC_TYPE_PERMS },
    { "endpoint", EC_TYPE_SOCKADDR },
};

static apr_allocator_t *allocator; /* both live as long as the process */
static apr_pool_t *pool;
static apr_hash_t *modules;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static ec_option_t make_row(char *word)
{
    ec_option_t row = { .name = word,
                        .type = EC_TYPE_STRING,
                        .help = "Documented; has no effect yet.",
                        .flags = EC_OPTION_NO_EFFECT };
    char *colon = strchr(word, ':');

    if (colon == NULL)
        return row;
    *colon = '\0';
    for (apr_size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].word, colon + 1) == 0) {
            row.type = types[i].type;
            return row;
        }
    }
    EC_ASSERT(!"a word for a type that documented_modules.def has and documented.c has not");
    return row;
}

static const ec_option_t *make_table(const char *options)
{
    char *last, *copy = apr_pstrdup(pool, options);
    ec_option_t *table = apr_pcalloc(pool, sizeof(*table) * (strlen(options) / 2 + 2));
    int count = 0;

    for (char *word = apr_strtok(copy, " ", &last); word != NULL; word = apr_strtok(NULL, " ", &last))
        table[count++] = make_row(word);
    return table;
}

static void start(void)
{
    conf_kind_t *outer = NULL, *last = NULL;

    apr_allocator_create(&allocator);
    apr_pool_create_unmanaged_ex(&pool, NULL, allocator);
    modules = apr_hash_make(pool);
    for (int i = 0; i < ENTRY_COUNT; i++) {
        const struct entry *entry = &entries[i];
        int is_inner = entry->parents != NULL;
        conf_kind_t *kind = kind_make(entry->name, is_inner ? entry->parents : "global", entry->naming,
                                      entry->flags | (is_inner ? SCOPE_INNER : SCOPE_NO_EFFECT),
                                      make_table(entry->options), is_inner ? outer->owner : entry->name, pool);

        if (is_inner) {
            kind->outer = outer;
            last->inner = kind;
        } else {
            outer = kind->outer = kind;
            apr_hash_set(modules, kind->scope.name, APR_HASH_KEY_STRING, kind);
        }
        last = kind;
    }
}

const conf_kind_t *documented_module(const char *type)
{
    char name[128];
    apr_size_t i = 0;

    for (; type[i] != '\0' && i + 1 < sizeof(name); i++)
        name[i] = (char)(type[i] >= 'A' && type[i] <= 'Z' ? type[i] - 'A' + 'a' : type[i]);
    name[i] = '\0';
    pthread_once(&once, start);
    return apr_hash_get(modules, name, (apr_ssize_t)i);
}

const conf_kind_t *documented_like(const conf_kind_t *kind)
{
    const conf_kind_t *like = documented_module(kind->outer->scope.name);

    if (kind == kind->outer || like == NULL)
        return like;
    for (like = like->inner; like != NULL; like = like->inner) {
        if (strcmp(like->scope.name, kind->scope.name) == 0 && strcmp(like->scope.parents, kind->scope.parents) == 0)
            return like;
    }
    return NULL;
}

const conf_scope_t *scope_find_documented_module(const char *name)
{
    const conf_kind_t *kind = documented_module(name);

    return kind != NULL ? &kind->scope : NULL;
}

void documented_each(void (*each)(void *baton, const conf_option_t *option), void *baton)
{
    pthread_once(&once, start);
    for (apr_hash_index_t *i = apr_hash_first(pool, modules); i != NULL; i = apr_hash_next(i)) {
        for (const conf_kind_t *kind = apr_hash_this_val(i); kind != NULL; kind = kind->inner) {
            for (const conf_option_t *option = kind->options; option->row != NULL; option++)
                each(baton, option);
        }
    }
}
