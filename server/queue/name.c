/* name.c - which queue a recipient belongs to: its binding and routing domain, and the hash that gives the
 * loop SPDX-License-Identifier: Apache-2.0
 *
 * The routing domain is the recipient's, or the gateway of its scope (message-flow.md F1).  Asking the
 * configuration takes a lock, so every loop remembers its last answers; they hold for one generation.
 * Thread: the owner of the cache. */
#include "queue/inside.h"

#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/text.h"

enum { NAMES = 1024, NAME_ROOM = 256 };

struct name {
    apr_uint64_t key;         /* 0: empty */
    const binding_t *binding; /* with `asked`: of whom this is the answer */
    queue_name_t answer;      /* domain points at `text` */
    char asked[NAME_ROOM], text[NAME_ROOM];
};

struct name_cache {
    apr_uint64_t generation;
    struct name *slot[NAMES];
};

apr_uint64_t name_hash(const binding_t *binding, const char *domain)
{
    return util_hash(util_hash_seed() ^ binding->hash, domain, strlen(domain));
}

name_cache_t *name_cache_create(void)
{
    name_cache_t *cache = calloc(1, sizeof *cache);

    EC_ASSERT(cache != NULL);
    return cache;
}

static void forget(name_cache_t *cache)
{
    for (int i = 0; i < NAMES; i++) {
        if (cache->slot[i] != NULL) {
            cache->slot[i]->key = 0;
        }
    }
}

void name_cache_destroy(name_cache_t *cache)
{
    for (int i = 0; cache != NULL && i < NAMES; i++) {
        free(cache->slot[i]);
    }
    free(cache);
}

static void copy_cut(char *to, const char *from)
{
    apr_size_t n = strnlen(from, NAME_ROOM - 1);

    memcpy(to, from, n);
    to[n] = '\0';
}

static void ask(struct name *name, conf_t *conf, const binding_t *binding, const char *domain)
{
    const conf_view_t *view = conf_outbound(conf, binding->group, binding->name, domain);
    const char *gateway = conf_str(view, CONF_O_GATEWAY);

    copy_cut(name->asked, domain);
    name->binding = binding;
    name->answer.is_gateway = gateway != NULL && gateway[0] != '\0';
    copy_cut(name->text, name->answer.is_gateway ? gateway : domain);
    util_text_lower(name->text, strlen(name->text));
    name->answer.domain = name->text;
    name->answer.hash = name_hash(binding, name->text);
    if (name->answer.is_gateway) {
        view = conf_outbound(conf, binding->group, binding->name, name->text); /* what its queue will obey */
    }
    name->answer.is_suspended = conf_int(view, CONF_O_SUSPEND_DELIVERY) != 0;
}

queue_name_t name_resolve(name_cache_t *cache, conf_t *conf, const binding_t *binding, const char *domain)
{
    apr_uint64_t key = name_hash(binding, domain) | 1;
    struct name **slot = &cache->slot[(key >> 1) % NAMES];

    if (cache->generation != conf_generation(conf)) {
        forget(cache);
        cache->generation = conf_generation(conf);
    }
    if (*slot == NULL) {
        *slot = calloc(1, sizeof **slot);
        EC_ASSERT(*slot != NULL);
    }
    if ((*slot)->key != key || (*slot)->binding != binding || strcmp((*slot)->asked, domain) != 0) {
        ask(*slot, conf, binding, domain);
        (*slot)->key = key;
    }
    return (*slot)->answer;
}
