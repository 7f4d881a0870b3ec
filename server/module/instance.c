/* instance.c - one stanza's module at work
 * SPDX-License-Identifier: Apache-2.0 */
#include "module/instance.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "module/options.h"
#include "util/slot.h"

static const char *server_name(const conf_t *conf, apr_pool_t *pool)
{
    const char *configured = conf_str(conf_global(conf), CONF_O_HOSTNAME);
    char name[256] = "localhost";

    if (configured != NULL && configured[0] != '\0') {
        return apr_pstrdup(pool, configured);
    }
    gethostname(name, sizeof name - 1);
    return apr_pstrdup(pool, name);
}

static int stanza_level(const conf_t *conf, const conf_stanza_t *stanza)
{
    const ec_value_t *level = conf_stanza_get(conf, stanza, "debug_level");

    return level != NULL && level->s != NULL ? ec_log_level_parse(level->s) : -1;
}

void module_instance_set_level(module_instance_t *instance, int level)
{
    instance->level = level;
    if (level >= 0) {
        ec_log_set_level(instance->info.log, (ec_log_level_t)level);
    } else {
        ec_log_follow(instance->info.log);
    }
}

apr_int64_t module_instance_memory(const module_instance_t *instance)
{
    return (apr_int64_t)(sizeof *instance + instance->module->self_size + 2 * strlen(instance->values)) +
           util_slot_bytes(instance->module->name, instance->info.name);
}

module_instance_t *module_instance_create(const ec_module_t *module, const conf_t *conf,
                                          const conf_stanza_t *stanza, ec_log_t *log)
{
    const ec_value_t *enabled = conf_stanza_get(conf, stanza, "enabled");
    const char *name = conf_stanza_name(stanza);
    module_instance_t *instance;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create(&pool, NULL) ==
              APR_SUCCESS); /* the global allocator has a lock: any thread may use it */
    instance = apr_pcalloc(pool, sizeof *instance);
    instance->pool = pool;
    instance->module = module;
    instance->owner.holds = 1;
    instance->prefix = name[0] != '\0' ? apr_pstrcat(pool, module->name, ":", name, NULL) : module->name;
    instance->where = apr_pstrdup(pool, conf_stanza_place(stanza, pool));
    instance->is_enabled = enabled == NULL || enabled->i != 0;
    instance->self = apr_pcalloc(pool, module->self_size);
    module_options_set(instance->self, module->options, conf, stanza, pool);
    instance->info = (ec_instance_t){
        .module = module->name,
        .name = apr_pstrdup(pool, name),
        .log = ec_log_child(log, pool, "%s", instance->prefix),
        .pool = pool,
        .hostname = server_name(conf, pool),
        .stanza = stanza,
        .is_hires = conf_int(conf_global(conf), CONF_O_LOG_HIRES_TIMESTAMP) != 0,
    };
    module_instance_set_level(instance, stanza_level(conf, stanza));
    instance->values = module_options_text(module->options, conf, stanza, pool);
    return instance;
}

int module_instance_is_same(const module_instance_t *a, const module_instance_t *b)
{
    return a->module == b->module && strcmp(a->info.name, b->info.name) == 0 &&
           strcmp(a->values, b->values) == 0 && strcmp(a->info.hostname, b->info.hostname) == 0 &&
           a->info.is_hires == b->info.is_hires;
}

/* ---- held by the module ---------------------------------------------------------------- */

static hook_owner_t *owner_of(const ec_instance_t *info)
{
    return &((module_instance_t *)(void *)((char *)info - offsetof(module_instance_t, info)))->owner;
}

void ec_instance_hold(const ec_instance_t *info)
{
    hook_hold(owner_of(info));
}

void ec_instance_release(const ec_instance_t *info)
{
    hook_release(owner_of(info));
}

/* ---- life --------------------------------------------------------------------------- */

static void explain(const module_instance_t *instance, const char *verb, const char **why,
                    apr_pool_t *scratch)
{
    *why = apr_psprintf(scratch, "%s: %s can not %s: %s", instance->where, instance->prefix, verb,
                        *why != NULL ? *why : "it does not say why");
}

apr_status_t module_instance_try_init(module_instance_t *instance, const char **why)
{
    apr_status_t rv = APR_SUCCESS;

    if (instance->module->init != NULL) {
        rv = instance->module->init(instance->self, &instance->info, why);
    }
    instance->info.stanza = NULL; /* the generation it belongs to may go */
    return rv;
}

apr_status_t module_instance_init(module_instance_t *instance, const char **why, apr_pool_t *scratch)
{
    const char *reason = NULL;
    apr_status_t rv = module_instance_try_init(instance, &reason);

    if (rv != APR_SUCCESS) {
        explain(instance, "be set up", &reason, scratch);
        *why = reason;
    }
    return rv;
}

apr_status_t module_instance_start(module_instance_t *instance, const char **why, apr_pool_t *scratch)
{
    const char *reason = NULL;
    apr_status_t rv = APR_SUCCESS;

    if (instance->module->start != NULL) {
        rv = instance->module->start(instance->self, &reason);
    }
    if (rv != APR_SUCCESS) {
        explain(instance, "start", &reason, scratch);
        *why = reason;
    }
    return rv;
}

void module_instance_stop(module_instance_t *instance)
{
    if (instance->module->stop != NULL) {
        instance->module->stop(instance->self);
    }
    module_instance_destroy(instance);
}

void module_instance_destroy(module_instance_t *instance)
{
    apr_pool_destroy(instance->pool);
}
