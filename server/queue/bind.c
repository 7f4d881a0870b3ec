/* bind.c - by which binding a message leaves
 * SPDX-License-Identifier: Apache-2.0
 *
 * What counts, in this order: the binding or group that a hook has set for the recipient; the variables
 * `binding` and `binding_group` of the message, then of the connection; the default binding.  Of a group the
 * bindings are taken in turn; those whose queue for the domain is suspended are left out while another is
 * not (message-flow.md E2); a hook may choose instead.  Recipients of one batch for one domain that stand
 * side by side share the choice, so that they can share a transaction.
 *
 * Which names there are is looked up once by each loop in each generation of the configuration. */
#include "queue/inside.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "hook/hook.h"
#include "util/hash.h"

enum { KNOWN = 1024, UNKNOWN_MOST = 1000, WARNED_MOST = 1000, REFUSED = 2 /* word of default_binding */ };

/* What a name is in this generation: a binding, or the members of a group. */
struct known {
    struct known *next;
    apr_uint64_t key;
    int is_group, n;
    _Atomic apr_uint32_t *turn; /* of a group */
    const char *name;           /* behind the members */
    binding_t *member[];        /* of a binding: itself; of a name that there is not: none */
};

struct bind_cache {
    apr_uint64_t generation;
    int n_unknown; /* names come from outside: no more than so many are kept that mean nothing */
    struct known *bucket[KNOWN];
};

/* ---- names that nothing has ------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    int n;
    struct warned {
        struct warned *next;
        char name[];
    } * first;
} warned = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* 1 for each name once in the life of the process. */
static int is_news(const char *name)
{
    apr_size_t length = strlen(name) + 1;
    struct warned *old;

    pthread_mutex_lock(&warned.lock);
    for (old = warned.first; old != NULL && strcmp(old->name, name) != 0; old = old->next) {
    }
    if (old != NULL || warned.n >= WARNED_MOST) {
        pthread_mutex_unlock(&warned.lock);
        return 0;
    }
    old = malloc(sizeof *old + length);
    EC_ASSERT(old != NULL);
    memcpy(old->name, name, length);
    old->next = warned.first;
    warned.first = old;
    warned.n++;
    pthread_mutex_unlock(&warned.lock);
    return 1;
}

static void warn(const char *name, int is_group)
{
    char key[BINDING_NAME_MAX + 8];

    apr_snprintf(key, sizeof key, "%s %s", is_group ? "group" : "name", name);
    if (is_news(key)) {
        ec_log(
            queue_room_log, EC_LOG_WARNING,
            is_group
                ? "there is no binding in this binding_group, its mail leaves by the default binding name=%s"
                : "there is no binding of this name, its mail leaves by the default binding name=%s",
            name);
    }
}

/* ---- what names are ------------------------------------------------------------------------------- */

bind_cache_t *bind_cache_create(void)
{
    bind_cache_t *cache = calloc(1, sizeof *cache);

    EC_ASSERT(cache != NULL);
    return cache;
}

static void forget(bind_cache_t *cache)
{
    for (int i = 0; i < KNOWN; i++) {
        for (struct known *known = cache->bucket[i], *next; known != NULL; known = next) {
            next = known->next;
            free(known);
        }
        cache->bucket[i] = NULL;
    }
    cache->n_unknown = 0;
}

void bind_cache_destroy(bind_cache_t *cache)
{
    if (cache != NULL) {
        forget(cache);
        free(cache);
    }
}

/* Bindings of a group; with `member` NULL they are only counted. */
static int members(binding_t **member, conf_t *conf, const char *group)
{
    const conf_stanza_t *in = conf_binding_group(conf, group), *next = NULL;
    int n = 0;

    while (in != NULL && (next = conf_next(conf, in, "binding", next)) != NULL) {
        if (member != NULL) {
            member[n] = binding_of(group, conf_stanza_name(next));
        }
        n++;
    }
    next = NULL;
    while (strcmp(group, binding_default.group) == 0 &&
           (next = conf_next(conf, NULL, "binding", next)) != NULL) {
        if (strcmp(conf_stanza_name(next), binding_default.name) != 0) {
            if (member != NULL) {
                member[n] = binding_of(group, conf_stanza_name(next));
            }
            n++;
        }
    }
    return n;
}

static struct known *learn(conf_t *conf, const char *name, int is_group)
{
    apr_size_t length = strlen(name) + 1;
    binding_t *binding = is_group ? NULL : bind_named(conf, name);
    int n = is_group ? members(NULL, conf, name) : binding != NULL;
    struct known *known = malloc(sizeof *known + (apr_size_t)n * sizeof(binding_t *) + length);

    EC_ASSERT(known != NULL);
    *known = (struct known){ .is_group = is_group, .n = n };
    known->name = memcpy(known->member + n, name, length);
    if (n == 0) {
        warn(name, is_group);
    } else if (is_group) {
        members(known->member, conf, name);
        known->turn = binding_turn(name);
    } else {
        known->member[0] = binding;
    }
    return known;
}

static const struct known *look_up(bind_cache_t *cache, conf_t *conf, const char *name, int is_group)
{
    apr_uint64_t key = util_hash(util_hash_seed() ^ (apr_uint64_t)is_group, name, strlen(name));
    struct known **bucket = &cache->bucket[key % KNOWN], *known;

    if (cache->generation != conf_generation(conf)) {
        forget(cache);
        cache->generation = conf_generation(conf);
    }
    for (known = *bucket; known != NULL; known = known->next) {
        if (known->key == key && known->is_group == is_group && strcmp(known->name, name) == 0) {
            return known;
        }
    }
    known = learn(conf, name, is_group);
    if (known->n == 0 && ++cache->n_unknown > UNKNOWN_MOST) {
        forget(cache);
    }
    known->key = key;
    known->next = *bucket;
    *bucket = known;
    return known;
}

binding_t *bind_named(conf_t *conf, const char *name)
{
    const conf_stanza_t *stanza = conf_binding(conf, NULL, name);

    if (stanza != NULL) {
        return binding_of(conf_binding_owner(stanza), name);
    }
    return strcmp(name, binding_default.name) == 0 ? &binding_default : NULL;
}

int bind_exists(conf_t *conf, const binding_t *binding)
{
    return binding == &binding_default || conf_binding(conf, binding->group, binding->name) != NULL;
}

binding_t *bind_now(conf_t *conf, const char *group, const char *name)
{
    binding_t *named;

    if (conf_binding(conf, group, name) != NULL) {
        return binding_of(group, name);
    }
    named = bind_named(conf, name); /* it may have gone into a group, or out of one */
    return named != NULL ? named : &binding_default;
}

/* ---- the choice ------------------------------------------------------------------------------------- */

struct wish {
    const char *name; /* NULL: none */
    int is_group;
};

static const char *variable(const ec_batch_t *batch, ec_context_t which, const char *name)
{
    const char *value = context_get(&batch->context, which, name);

    return value != NULL && value[0] != '\0' && strlen(value) <= BINDING_NAME_MAX ? value : NULL;
}

static struct wish wish_of_context(const ec_batch_t *batch)
{
    static const ec_context_t kinds[] = { EC_CONTEXT_MESS, EC_CONTEXT_CONN };

    for (int i = 0; batch->context.used > 0 && i < 2; i++) {
        const char *binding = variable(batch, kinds[i], "binding");
        const char *group = variable(batch, kinds[i], "binding_group");

        if (binding != NULL || group != NULL) {
            return (struct wish){ binding != NULL ? binding : group, binding == NULL };
        }
    }
    return (struct wish){ NULL, 0 };
}

/* What a hook says, when it is a member. */
static binding_t *ask_hook(const struct known *group, ec_batch_t *batch, int rcpt)
{
    const hook_list_t *list = hook_list(EC_HOOK_binding_group_choose_binding);

    for (int i = 0; list != NULL && i < list->n; i++) {
        const hook_provider_t *provider = &list->provider[i];
        const char *name = ((ec_hook_binding_group_choose_binding_fn *)provider->fn)(provider->self, batch,
                                                                                     rcpt, group->name);

        for (int j = 0; name != NULL && j < group->n; j++) {
            if (strcmp(group->member[j]->name, name) == 0) {
                return group->member[j];
            }
        }
        if (name != NULL && strlen(name) <= BINDING_NAME_MAX) {
            warn(name, 0);
        }
    }
    return NULL;
}

static binding_t *choose(queue_set_t *set, conf_t *conf, const struct known *group, ec_batch_t *batch,
                         int rcpt)
{
    binding_t *chosen = ask_hook(group, batch, rcpt);
    apr_uint32_t turn;

    if (chosen != NULL) {
        return chosen;
    }
    turn = atomic_fetch_add_explicit(group->turn, 1, memory_order_relaxed);
    for (int i = 0; i < group->n; i++) {
        binding_t *member = group->member[(turn + (apr_uint32_t)i) % (apr_uint32_t)group->n];

        if (!name_resolve(set->names, conf, member, batch->rcpts[rcpt].domain).is_suspended) {
            return member;
        }
    }
    return group->member[turn % (apr_uint32_t)group->n];
}

static binding_t *bind_one(queue_set_t *set, conf_t *conf, ec_batch_t *batch, int rcpt, struct wish wish)
{
    const struct known *known = look_up(set->binds, conf, wish.name, wish.is_group);

    if (known->n == 0) {
        return &binding_default;
    }
    return known->is_group ? choose(set, conf, known, batch, rcpt) : known->member[0];
}

static int is_same(struct wish a, struct wish b)
{
    return a.name != NULL && b.name != NULL && a.is_group == b.is_group && strcmp(a.name, b.name) == 0;
}

int queue_bind(ec_batch_t *batch)
{
    queue_set_t *set = queue_sets[ec_loop_index(ec_loop_self())];
    conf_t *conf = conf_current();
    struct wish common = wish_of_context(batch), before = { NULL, 0 };
    int n_default = 0;

    for (int i = 0; i < batch->n_rcpts; i++) {
        batch_rcpt_t *rcpt = &batch->rcpts[i];
        struct wish wish = rcpt->wish != NULL ? (struct wish){ rcpt->wish, rcpt->is_group } : common;

        if (is_same(wish, before) && strcmp(rcpt->domain, rcpt[-1].domain) == 0) {
            rcpt->binding = rcpt[-1].binding;
        } else if (wish.name != NULL) {
            rcpt->binding = bind_one(set, conf, batch, i, wish);
        } else {
            rcpt->binding = &binding_default;
        }
        n_default += rcpt->binding == &binding_default;
        before = wish;
    }
    return n_default == 0 || conf_int(conf_global(conf), CONF_O_DEFAULT_BINDING) != REFUSED;
}
