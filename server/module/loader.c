/* loader.c - which instances there are, and how one set of them replaces another
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two sets: `current` is in force, `prepared` is what a new generation wants (kept
 * instances are in both).  Commit swaps them and lets go of what only the old one had,
 * when nobody can be inside it any more: a turn of every loop for hooks, the last answer
 * for commands. */
#include "module/loader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "config.h"
#include "control/control.h"
#include "hook/hook.h"
#include "module/commands.h"
#include "module/file.h"
#include "module/instance.h"
#include "module/manifest.h"
#include "module/service.h"
#include "util/role.h"

struct set {
    int n, room;
    module_instance_t **item;
};

static struct {
    apr_pool_t *pool;
    apr_pool_t *why_pool; /* texts of the latest failures */
    ec_log_t *log;
    struct set current, prepared;
    struct set leaving; /* replaced, and somebody is still inside */
    int is_prepared;
} state;

/* ---- sets ------------------------------------------------------------------------------ */

static void set_add(struct set *set, module_instance_t *instance)
{
    if (set->n == set->room) {
        set->room = set->room > 0 ? set->room * 2 : 16;
        set->item = realloc(set->item, (size_t)set->room * sizeof set->item[0]);
        EC_ASSERT(set->item != NULL);
    }
    set->item[set->n++] = instance;
}

static void set_clear(struct set *set)
{
    free(set->item);
    *set = (struct set){ 0 };
}

static int set_has(const struct set *set, const module_instance_t *instance)
{
    for (int i = 0; i < set->n; i++) {
        if (set->item[i] == instance) {
            return 1;
        }
    }
    return 0;
}

static void set_remove(struct set *set, const module_instance_t *instance)
{
    for (int i = 0; i < set->n; i++) {
        if (set->item[i] == instance) {
            set->item[i] = set->item[--set->n];
            return;
        }
    }
}

static module_instance_t *set_find(const struct set *set, const ec_module_t *module, const char *name)
{
    for (int i = 0; i < set->n; i++) {
        if (set->item[i]->module == module && strcmp(set->item[i]->info.name, name) == 0) {
            return set->item[i];
        }
    }
    return NULL;
}

void module_each(module_each_fn *each, void *baton)
{
    for (int i = 0; i < state.current.n; i++) {
        each(baton, state.current.item[i]);
    }
    for (int i = 0; i < state.leaving.n; i++) {
        each(baton, state.leaving.item[i]);
    }
}

module_instance_t *module_find(const char *prefix)
{
    for (int i = 0; i < state.current.n; i++) {
        if (strcasecmp(state.current.item[i]->prefix, prefix) == 0) {
            return state.current.item[i];
        }
    }
    return NULL;
}

/* ---- files --------------------------------------------------------------------------- */

apr_status_t module_loader_start(const char *path, ec_log_t *log, apr_pool_t *pool)
{
    const char *from_environment = getenv("EC_MODULE_PATH");

    state.pool = pool;
    state.log = log;
    if (path == NULL) {
        path = from_environment != NULL && from_environment[0] != '\0' ? from_environment : EC_MODULEDIR;
    }
    EC_TRY(apr_pool_create(&state.why_pool, NULL));
    module_commands_add();
    module_manifests_read(path, log, pool);
    return module_files_start(apr_pstrdup(pool, path), pool);
}

/* What went wrong on this thread: several configurations may be read at once. */
static const char *keep_reason(const char *text)
{
    static _Thread_local char kept[512];

    return apr_cpystrn(kept, text, sizeof kept), kept;
}

apr_status_t module_need(void *baton, const char *name, const char **why)
{
    const ec_module_t *module;
    const char *said = "out of memory";
    apr_pool_t *scratch;
    apr_status_t rv;

    EC_TRY(apr_pool_create_unmanaged(&scratch));
    if ((rv = module_file_load(&module, name, &said, scratch)) != APR_SUCCESS) {
        *why = keep_reason(said);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* The first provider that loads; without any, the reasons of all. */
static apr_status_t load_provider(const char *scope, const char *option, const char **reasons, apr_pool_t *scratch)
{
    const module_manifest_t *manifest;
    const ec_module_t *module;

    for (int i = 0; (manifest = module_manifest_provider(scope, option, i)) != NULL; i++) {
        const char *reason = "out of memory";

        if (module_file_load(&module, manifest->module, &reason, scratch) == APR_SUCCESS) {
            return APR_SUCCESS;
        }
        *reasons = *reasons == NULL ? reason : apr_pstrcat(scratch, *reasons, "; ", reason, NULL);
    }
    return *reasons != NULL ? EC_E_MODULE : EC_E_NOT_FOUND;
}

apr_status_t module_need_option(void *baton, const char *scope, const char *option, const char **why)
{
    const char *reasons = NULL;
    apr_pool_t *scratch;
    apr_status_t rv;

    EC_TRY(apr_pool_create_unmanaged(&scratch));
    rv = load_provider(scope, option, &reasons, scratch);
    *why = reasons != NULL ? keep_reason(reasons) : NULL;
    apr_pool_destroy(scratch);
    return rv;
}

const char *const *module_requirements(void *baton, const char *name)
{
    const module_manifest_t *manifest = module_manifest_find(name);

    return manifest != NULL ? manifest->requires : NULL;
}

/* ---- another file -------------------------------------------------------------------------- */

/* The next of a module's own stanzas that is the first of its module. */
static const conf_stanza_t *next_first(const conf_t *conf, const conf_stanza_t *stanza)
{
    do {
        stanza = conf_next_module(conf, stanza);
    } while (stanza != NULL && (conf_stanza_module(stanza) == NULL ||
                                conf_next(conf, NULL, conf_stanza_type(stanza), NULL) != stanza));
    return stanza;
}

void module_warn_changed(apr_array_header_t *problems, const conf_t *conf, apr_pool_t *pool)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = next_first(conf, stanza)) != NULL) {
        const char *text = module_file_stays(conf_stanza_module(stanza), pool);

        if (text != NULL) {
            APR_ARRAY_PUSH(problems, conf_problem_t) = (conf_problem_t){
                .file = apr_pstrdup(pool, conf_stanza_file(stanza)),
                .line = conf_stanza_line(stanza),
                .is_warning = 1,
                .kind = CONF_PROBLEM_RESTART,
                .text = text,
            };
        }
    }
}

struct module_trial {
    apr_array_header_t *refusals;
    apr_pool_t *pool;
};

struct module_trial *module_trial_begin(apr_pool_t *pool)
{
    struct module_trial *trial = apr_palloc(pool, sizeof *trial);

    trial->pool = pool;
    trial->refusals = module_files_try(pool);
    conf_see_trials(1);
    return trial;
}

/* The first stanza that needs the module; NULL: none. */
static const conf_stanza_t *needed_by(const conf_t *conf, const ec_module_t *module)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = conf_next_module(conf, stanza)) != NULL && conf_stanza_module(stanza) != module) {
    }
    return stanza;
}

apr_status_t module_trial_end(struct module_trial *trial, const conf_t *conf, apr_array_header_t *problems)
{
    apr_status_t rv = APR_SUCCESS;

    conf_see_trials(0);
    for (int i = 0; i < trial->refusals->nelts; i++) {
        const module_refusal_t *refusal = &APR_ARRAY_IDX(trial->refusals, i, module_refusal_t);
        const conf_stanza_t *stanza = conf != NULL ? needed_by(conf, refusal->module) : NULL;

        if (conf == NULL || stanza != NULL) {
            rv = EC_E_CONFIG;
            APR_ARRAY_PUSH(problems, conf_problem_t) = (conf_problem_t){
                .file = stanza != NULL ? apr_pstrdup(trial->pool, conf_stanza_file(stanza)) : refusal->path,
                .line = stanza != NULL ? conf_stanza_line(stanza) : 0,
                .kind = CONF_PROBLEM_MODULE,
                .text = apr_psprintf(trial->pool, "the new file of module \"%s\" is refused: %s", refusal->module->name,
                                     refusal->why),
            };
        }
    }
    return rv;
}

/* Its module is the one in force from now on. */
static void use(const module_instance_t *instance)
{
    const ec_module_t *module = instance->module, *old = module_file_use(module);
    const module_load_t *load = old != NULL ? module_file_load_of(module) : NULL;

    if (load != NULL) {
        ec_log(state.log, EC_LOG_NOTICE, "module replaced name=%s load=%d version=%s old_version=%s", module->name, load->number,
               module->version != NULL ? module->version : PACKAGE_VERSION,
               old->version != NULL ? old->version : PACKAGE_VERSION);
    }
}

/* ---- prepare --------------------------------------------------------------------------- */

/* Last step of an instance that is not wanted any more. */
static void on_unused(void *baton)
{
    module_instance_t *instance = baton;

    set_remove(&state.leaving, instance);
    ec_log(state.log, EC_LOG_INFO, "module instance stopped name=%s", instance->prefix);
    module_instance_stop(instance);
}

/* The instance for one stanza: the one in force when it says the same, else a new one. */
static apr_status_t prepare_one(const conf_t *conf, const conf_stanza_t *stanza, const ec_module_t *module,
                                const char **why)
{
    module_instance_t *wanted = module_instance_create(module, conf, stanza, state.log), *old;
    apr_status_t rv;

    wanted->owner.unused = on_unused;
    wanted->owner.baton = wanted;
    if (set_find(&state.prepared, module, wanted->info.name) != NULL) {
        *why = apr_psprintf(state.why_pool,
                            "%s: there is another instance of %s with this name; give it its own",
                            wanted->where, wanted->prefix);
        module_instance_destroy(wanted);
        return EC_E_CONFIG;
    }
    old = set_find(&state.current, module, wanted->info.name);
    if (old != NULL && module_instance_is_same(old, wanted)) {
        old->is_kept = 1;
        old->next_level = wanted->level;
        module_instance_destroy(wanted);
        set_add(&state.prepared, old);
        return APR_SUCCESS;
    }
    if ((rv = module_instance_init(wanted, why, state.why_pool)) != APR_SUCCESS) {
        module_instance_destroy(wanted);
        return rv;
    }
    module_file_has_run(module);
    set_add(&state.prepared, wanted);
    return APR_SUCCESS;
}

apr_status_t module_prepare(conf_t *conf, const char **why)
{
    const conf_stanza_t *stanza = NULL;

    EC_ASSERT(!state.is_prepared);
    apr_pool_clear(state.why_pool);
    state.is_prepared = 1;
    while ((stanza = conf_next_module(conf, stanza)) != NULL) {
        const ec_module_t *module = conf_stanza_module(stanza); /* as the generation was loaded with */
        apr_status_t rv = module != NULL ? prepare_one(conf, stanza, module, why) : APR_SUCCESS;

        if (rv != APR_SUCCESS) {
            module_rollback();
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* One that was never in force; what init or start has begun may still hold it. */
static void drop(module_instance_t *instance)
{
    if (atomic_load(&instance->owner.holds) == 1) {
        module_instance_stop(instance);
        return;
    }
    instance->is_leaving = 1;
    set_add(&state.leaving, instance);
    hook_release(&instance->owner);
}

void module_rollback(void)
{
    for (int i = state.prepared.n - 1; i >= 0; i--) {
        module_instance_t *instance = state.prepared.item[i];

        if (instance->is_kept) {
            instance->is_kept = 0;
        } else {
            drop(instance);
        }
    }
    set_clear(&state.prepared);
    state.is_prepared = 0;
}

/* ---- commit ------------------------------------------------------------------------------ */

static apr_status_t start_new(const char **why)
{
    for (int i = 0; i < state.prepared.n; i++) {
        module_instance_t *instance = state.prepared.item[i];

        if (!instance->is_kept && instance->is_enabled) { /* else no timer, thread or sink of it would be off */
            EC_TRY(module_instance_start(instance, why, state.why_pool));
        }
    }
    return APR_SUCCESS;
}

/* What is left is sessions that it has suspended, and what it has under way itself: the last of them ends it. */
static void on_commands_unused(void *baton)
{
    module_instance_t *instance = baton;

    hook_release(&instance->owner);
}

/* No loop is inside the hooks of the old set: newest first, as at the end. */
static void on_hooks_unused(void *baton)
{
    struct set *old = baton;

    for (int i = old->n - 1; i >= 0; i--) {
        control_remove(old->item[i]->self, on_commands_unused, old->item[i]);
    }
    set_clear(old);
    free(old);
}

static struct set *take_leaving(void)
{
    struct set *leaving = calloc(1, sizeof *leaving);

    EC_ASSERT(leaving != NULL);
    for (int i = 0; i < state.current.n; i++) {
        if (!set_has(&state.prepared, state.current.item[i])) {
            set_add(leaving, state.current.item[i]);
            set_add(&state.leaving, state.current.item[i]);
            state.current.item[i]->is_leaving = 1;
            service_end(&state.current.item[i]->info);
            control_hide(state.current.item[i]->self);
        }
    }
    return leaving;
}

/* Before the old ones' end, so that there is no moment without. */
static void begin_services(void)
{
    for (int i = 0; i < state.prepared.n; i++) {
        if (state.prepared.item[i]->is_enabled && !state.prepared.item[i]->is_kept)
            service_begin(&state.prepared.item[i]->info);
    }
}

static void add_commands(const module_instance_t *instance)
{
    const ec_module_t *module = instance->module;

    if (ec_is_manager() && module->manager_commands != NULL) {
        control_add(module->manager_commands, instance->self, NULL, module->name);
    } else if (module->commands != NULL) {
        control_add(module->commands, instance->self, instance->prefix, module->name);
    }
}

static hook_set_t *hooks_of_prepared(void)
{
    hook_set_t *hooks = hook_set_create();

    for (int i = 0; i < state.prepared.n; i++) {
        module_instance_t *instance = state.prepared.item[i];

        if (instance->is_enabled) {
            hook_set_add_owned(hooks, instance->module->hooks, instance->self, instance->module->name,
                               &instance->owner);
        }
        if (instance->is_kept) {
            module_instance_set_level(instance, instance->next_level);
        } else if (instance->is_enabled) {
            add_commands(instance);
        }
        instance->is_kept = 0;
    }
    return hooks;
}

apr_status_t module_commit(const char **why)
{
    struct set *leaving;
    apr_status_t rv;

    service_starting(1);
    rv = start_new(why);
    service_starting(0);
    if (rv != APR_SUCCESS) {
        module_rollback();
        return rv;
    }
    for (int i = 0; i < state.prepared.n; i++) {
        use(state.prepared.item[i]);
    }
    begin_services();
    leaving = take_leaving();
    hook_install(hooks_of_prepared(), on_hooks_unused, leaving);
    set_clear(&state.current);
    state.current = state.prepared;
    state.prepared = (struct set){ 0 };
    state.is_prepared = 0;
    return APR_SUCCESS;
}

void module_stop_all(void)
{
    hook_clear();
    for (int i = state.current.n - 1; i >= 0; i--) {
        control_hide(state.current.item[i]->self);
        module_instance_stop(state.current.item[i]);
    }
    set_clear(&state.current);
    while (state.leaving.n > 0) { /* sessions that were never resumed: nobody will now */
        module_instance_stop(state.leaving.item[--state.leaving.n]);
    }
    set_clear(&state.leaving);
}
