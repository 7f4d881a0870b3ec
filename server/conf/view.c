/* view.c - the values that apply in one place, after fallback
 * SPDX-License-Identifier: Apache-2.0
 *
 * A view has a pointer for every option of the core, in blocks; a block in which nothing differs from the top
 * level is the top level's.  All views of a
 * generation are in one hash by their chains, under a lock; the mail path keeps the views
 * it uses.  Where names are regular expressions, a bounded cache remembers which view a
 * name got (R4), because trying every pattern is what costs. */
#include "conf/view.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

struct cached {
    apr_uint64_t hash;
    apr_size_t length;
    char *names; /* group, binding and domain, each with a NUL; malloc'd */
    const conf_view_t *view;
};

struct views {
    pthread_mutex_t lock;
    apr_pool_t *pool;
    apr_hash_t *chains; /* bytes of the stanzas' addresses to conf_view_t */
    conf_view_t *global;
    apr_size_t bytes;     /* of the views in the hash, without the hash's own */
    struct cached *cache; /* a name has one place in it; NULL: no regular expressions */
    apr_size_t cache_size;
};

/* ---- making ---------------------------------------------------------------------------- */

static apr_size_t n_blocks(const conf_t *conf)
{
    return ((apr_size_t)conf->n_handles + BLOCK_VALUES - 1) / BLOCK_VALUES;
}

static apr_size_t view_size(const conf_t *conf)
{
    return sizeof(conf_view_t) + n_blocks(conf) * sizeof(const view_block_t *);
}

static void make_global(struct views *views, const conf_t *conf)
{
    view_block_t *blocks = apr_pcalloc(views->pool, n_blocks(conf) * sizeof(*blocks));
    conf_view_t *view = views->global = apr_pcalloc(views->pool, view_size(conf));

    for (int i = 0; i < conf->n_handles; i++)
        blocks[i / BLOCK_VALUES].values[i % BLOCK_VALUES] = conf->handle_defaults[i];
    for (const conf_setting_t *setting = conf->root->settings; setting != NULL; setting = setting->next) {
        int i = setting->option->handle;

        if (i >= 0)
            blocks[i / BLOCK_VALUES].values[i % BLOCK_VALUES] = &setting->value;
    }
    view->n_handles = conf->n_handles;
    for (apr_size_t i = 0; i < n_blocks(conf); i++)
        view->blocks[i] = &blocks[i];
    for (int i = 0; i < conf->n_handles; i++)
        view->digest ^= view_digest(i, view_value(view, (unsigned)i));
}

/* The first value that differs from the top level's takes the block out of the common ones. */
static void set_value(struct views *views, conf_view_t *view, int handle, const ec_value_t *value)
{
    const view_block_t **at = &view->blocks[handle / BLOCK_VALUES];
    view_block_t *block;

    if (*at == views->global->blocks[handle / BLOCK_VALUES]) {
        *at = apr_pmemdup(views->pool, *at, sizeof(**at));
        views->bytes += sizeof(**at);
    }
    block = (view_block_t *)*at; /* our own, so not constant */
    view->digest ^= view_digest(handle, view_value(view, (unsigned)handle)) ^ view_digest(handle, value);
    block->values[handle % BLOCK_VALUES] = value;
}

/* `stanzas` without the top level, where all chains end. */
static conf_view_t *make(struct views *views, const conf_t *conf, const conf_stanza_t *const *stanzas,
                         int count)
{
    conf_view_t *view = apr_pmemdup(views->pool, views->global, view_size(conf));

    views->bytes += view_size(conf);
    while (count-- > 0) { /* the most specific last, so that its values stay */
        for (const conf_setting_t *setting = stanzas[count]->settings; setting != NULL;
             setting = setting->next) {
            if (setting->option->handle >= 0)
                set_value(views, view, setting->option->handle, &setting->value);
        }
    }
    return view;
}

void views_create(conf_t *conf)
{
    struct views *views = apr_pcalloc(conf->pool, sizeof(*views));

    pthread_mutex_init(&views->lock, NULL);
    apr_pool_create_unmanaged(&views->pool);
    views->chains = apr_hash_make(views->pool);
    make_global(views, conf);
    conf->views = views;
    conf->bytes = tree_bytes(conf);
    live_add(conf);
    if (conf->has_regex) {
        views->cache_size = (apr_size_t)conf_int(views->global, CONF_O_MATCH_CACHE_SIZE);
        views->cache = calloc(views->cache_size, sizeof(*views->cache));
    }
}

void views_destroy(conf_t *conf)
{
    struct views *views = conf->views;

    if (views == NULL)
        return;
    live_remove(conf);
    for (apr_size_t i = 0; views->cache != NULL && i < views->cache_size; i++)
        free(views->cache[i].names);
    free(views->cache);
    apr_pool_destroy(views->pool);
    pthread_mutex_destroy(&views->lock);
}

/* The view of a chain; makes it when it is new. */
static const conf_view_t *view_of(conf_t *conf, const chain_t *chain)
{
    struct views *views = conf->views;
    apr_ssize_t length = (apr_ssize_t)sizeof(chain->stanzas[0]) * chain->count;
    conf_view_t *view;

    if (chain->count == 1 && chain->stanzas[0] == conf->root)
        return views->global;
    EC_ASSERT(chain->stanzas[chain->count - 1] == conf->root);
    pthread_mutex_lock(&views->lock);
    view = apr_hash_get(views->chains, chain->stanzas, length);
    if (view == NULL) {
        view = make(views, conf, chain->stanzas, chain->count - 1);
        views->bytes += (apr_size_t)length;
        apr_hash_set(views->chains, apr_pmemdup(views->pool, chain->stanzas, (apr_size_t)length), length,
                     view);
    }
    pthread_mutex_unlock(&views->lock);
    return view;
}

unsigned views_count(const conf_t *conf, apr_size_t *bytes)
{
    struct views *views = conf->views;
    unsigned count;

    pthread_mutex_lock(&views->lock);
    count = apr_hash_count(views->chains);
    *bytes = views->bytes + view_size(conf) + n_blocks(conf) * sizeof(view_block_t);
    pthread_mutex_unlock(&views->lock);
    return count;
}

/* ---- the cache of matched names ---------------------------------------------------------- */

enum { NAMES_MAX = 1024 };

/* All three names in one key; returns its length, or 0 when it is too long to be kept. */
static apr_size_t join_names(char *key, const char *const *names, int count)
{
    apr_size_t length = 0;

    for (int i = 0; i < count; i++) {
        const char *name = names[i] != NULL ? names[i] : "";
        apr_size_t size = strlen(name) + 1;

        if (length + size + 1 > NAMES_MAX)
            return 0;
        key[length++] = names[i] != NULL;
        memcpy(key + length, name, size);
        length += size;
    }
    return length;
}

static apr_uint64_t hash_bytes(const char *bytes, apr_size_t length)
{
    apr_uint64_t hash = 0xcbf29ce484222325ULL;

    while (length-- > 0)
        hash = (hash ^ (unsigned char)*bytes++) * 0x100000001b3ULL;
    return hash ^ hash >> 29;
}

static const conf_view_t *recall(struct views *views, const char *key, apr_size_t length, apr_uint64_t hash)
{
    const struct cached *cached = &views->cache[hash % views->cache_size];
    const conf_view_t *view = NULL;

    pthread_mutex_lock(&views->lock);
    if (cached->view != NULL && cached->hash == hash && cached->length == length &&
        memcmp(cached->names, key, length) == 0)
        view = cached->view;
    pthread_mutex_unlock(&views->lock);
    return view;
}

static void remember(struct views *views, const char *key, apr_size_t length, apr_uint64_t hash,
                     const conf_view_t *view)
{
    struct cached *cached = &views->cache[hash % views->cache_size];
    char *names = malloc(length), *old;

    if (names == NULL)
        return;
    memcpy(names, key, length);
    pthread_mutex_lock(&views->lock);
    old = cached->names;
    *cached = (struct cached){ .hash = hash, .length = length, .names = names, .view = view };
    pthread_mutex_unlock(&views->lock);
    free(old);
}

/* ---- views (conf.h) ------------------------------------------------------------------------ */

const conf_view_t *conf_global(const conf_t *conf)
{
    return conf->views->global;
}

const conf_view_t *conf_outbound(conf_t *conf, const char *group, const char *binding, const char *domain)
{
    const char *const names[] = { group, binding, domain };
    struct views *views = conf->views;
    char key[NAMES_MAX];
    const conf_view_t *view = NULL;
    apr_size_t length = 0;
    apr_uint64_t hash = 0;
    chain_t chain;

    if (views->cache != NULL && (length = join_names(key, names, 3)) > 0) {
        hash = hash_bytes(key, length);
        if ((view = recall(views, key, length, hash)) != NULL)
            return view;
    }
    chain_init(&chain);
    chain_outbound(&chain, conf, group, binding, domain);
    view = view_of(conf, &chain);
    chain_free(&chain);
    if (length > 0)
        remember(views, key, length, hash, view);
    return view;
}

const conf_view_t *conf_inbound(conf_t *conf, const conf_stanza_t *listen, const char *peer)
{
    const conf_view_t *view;
    chain_t chain;

    chain_init(&chain);
    chain_inbound(&chain, conf, listen != NULL ? listen->parent : NULL, listen, peer);
    view = view_of(conf, &chain);
    chain_free(&chain);
    return view;
}

const conf_stanza_t *conf_inbound_origin(const conf_t *conf, const conf_stanza_t *listen, const char *peer,
                                         conf_opt_t opt)
{
    return conf_inbound_origin_of(conf, listen, peer, conf_option(opt)->name);
}

const conf_stanza_t *conf_inbound_origin_of(const conf_t *conf, const conf_stanza_t *listen, const char *peer,
                                            const char *option)
{
    const conf_stanza_t *origin = NULL;
    chain_t chain;

    chain_init(&chain);
    chain_inbound(&chain, conf, listen != NULL ? listen->parent : NULL, listen, peer);
    for (int i = 0; i < chain.count && origin == NULL; i++)
        origin = tree_setting_named(chain.stanzas[i], option) != NULL ? chain.stanzas[i] : NULL;
    chain_free(&chain);
    return origin;
}

const ec_value_t *conf_get(const conf_view_t *view, conf_opt_t opt)
{
    return view_value(view, opt);
}

const ec_value_t *conf_get_handle(const conf_view_t *view, int handle)
{
    return handle >= 0 && handle < view->n_handles ? view_value(view, (unsigned)handle) : NULL;
}

apr_int64_t conf_int(const conf_view_t *view, conf_opt_t opt)
{
    const ec_value_t *value = view_value(view, opt);

    return value != NULL ? value->i : 0;
}

apr_interval_time_t conf_interval(const conf_view_t *view, conf_opt_t opt)
{
    const char *unit = conf_option(opt)->unit;
    apr_interval_time_t step = unit != NULL && strcmp(unit, "milliseconds") == 0 ? 1000 : APR_USEC_PER_SEC;

    return conf_int(view, opt) * step;
}

const char *conf_str(const conf_view_t *view, conf_opt_t opt)
{
    const ec_value_t *value = view_value(view, opt);

    return value != NULL ? value->s : NULL;
}
