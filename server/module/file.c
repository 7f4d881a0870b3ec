/* file.c - module files: found, loaded, checked
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file is never unloaded: its tables are known to the configuration, and a reload must
 * not depend on what stands on disk meanwhile.  The lock is for reloads, which read the
 * configuration on a pool thread while the master loop looks modules up. */
#include "module/file.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ltdl.h>

#include <apr_strings.h>

#include "conf/conf.h"
#include "module/manifest.h"
#include "util/text.h"

enum { NAME_MAX_LENGTH = 64, REQUIRE_DEPTH_MAX = 8 };

struct file {
    struct file *next;
    const ec_module_t *module;
    const char *path;
    struct stat stat; /* of what was loaded */
};

static struct {
    pthread_mutex_t lock;
    apr_pool_t *pool;
    const char *path;
    struct file *files;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

int module_name_is_safe(const char *name)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX_LENGTH && strspn(name, safe) == length;
}

apr_status_t module_files_start(const char *path, apr_pool_t *pool)
{
    state.pool = pool;
    state.path = path;
    return lt_dlinit() == 0 ? APR_SUCCESS : EC_E_MODULE;
}

static const ec_module_t *find_locked(const char *name)
{
    for (struct file *file = state.files; file != NULL; file = file->next) {
        if (strcasecmp(file->module->name, name) == 0) {
            return file->module;
        }
    }
    return NULL;
}

const ec_module_t *module_file_find(const char *name)
{
    const ec_module_t *module;

    pthread_mutex_lock(&state.lock);
    module = find_locked(name);
    pthread_mutex_unlock(&state.lock);
    return module;
}

static const struct file *file_of(const ec_module_t *module)
{
    const struct file *file;

    pthread_mutex_lock(&state.lock);
    for (file = state.files; file != NULL && file->module != module; file = file->next) {
    }
    pthread_mutex_unlock(&state.lock);
    return file; /* never freed nor changed */
}

const char *module_file_changed(const ec_module_t *module)
{
    const struct file *file = file_of(module);
    struct stat now;

    if (file == NULL) {
        return NULL;
    }
    if (stat(file->path, &now) == 0 && now.st_dev == file->stat.st_dev && now.st_ino == file->stat.st_ino &&
        now.st_size == file->stat.st_size && now.st_mtim.tv_sec == file->stat.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == file->stat.st_mtim.tv_nsec) {
        return NULL;
    }
    return file->path;
}

/* ---- checks ------------------------------------------------------------------------ */

static const char *check_options(const ec_module_t *module, apr_pool_t *scratch)
{
    for (const ec_option_t *row = module->options; row != NULL && row->name != NULL; row++) {
        if (row->offset >= module->self_size) {
            return apr_psprintf(scratch, "its option %s lies outside of its instance struct", row->name);
        }
    }
    return NULL;
}

const char *module_file_check(const ec_module_t *module, const char *name, apr_pool_t *scratch)
{
    if (module->api > EC_MODULE_API) {
        return apr_psprintf(scratch, "it needs module API %u and this server has %u: it wants a newer server",
                            module->api, (unsigned)EC_MODULE_API);
    }
    if (module->api != EC_MODULE_API) {
        return apr_psprintf(scratch, "it was built for module API %u and this server has %u: build it again",
                            module->api, (unsigned)EC_MODULE_API);
    }
    if (module->struct_size != sizeof(ec_module_t)) {
        return apr_psprintf(scratch, "its description has %u bytes and this server's %u: build it again",
                            module->struct_size, (unsigned)sizeof(ec_module_t));
    }
    if (module->name == NULL || strcasecmp(module->name, name) != 0) {
        return apr_psprintf(scratch, "it calls itself \"%s\"", module->name != NULL ? module->name : "");
    }
    return check_options(module, scratch);
}

/* ---- loading ----------------------------------------------------------------------- */

/* NAME.so; in a tree that libtool builds in, what its NAME.la stands for. */
static const char *find_in(const char *folder, const char *name, apr_pool_t *scratch)
{
    const char *const ways[] = { "/", "/.libs/" };

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *path = apr_pstrcat(scratch, folder, ways[i], name, ".so", NULL);

        if (access(path, R_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

static const char *find_file(const char *name, apr_pool_t *scratch)
{
    char *folders = apr_pstrdup(scratch, state.path), *last, *folder;

    for (folder = apr_strtok(folders, ":", &last); folder != NULL; folder = apr_strtok(NULL, ":", &last)) {
        const char *path = find_in(folder, name, scratch);

        if (path == NULL) {
            path = find_in(apr_pstrcat(scratch, folder, "/", name, NULL), name, scratch);
        }
        if (path != NULL) {
            return path;
        }
    }
    return NULL;
}

static lt_dlhandle open_local(const char *path)
{
    lt_dladvise advise;
    lt_dlhandle handle = NULL;

    if (lt_dladvise_init(&advise) != 0) {
        return NULL;
    }
    if (lt_dladvise_local(&advise) == 0) {
        handle = lt_dlopenadvise(path, advise);
    }
    lt_dladvise_destroy(&advise);
    return handle;
}

/* libltdl binds functions when they are first called: one that nobody has would end the server then.  So all
 * of them are bound first; the second opening is of the same file, which stays bound. */
static lt_dlhandle open_bound(const char *path, const char **why, apr_pool_t *scratch)
{
    void *bound = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    lt_dlhandle handle;

    if (bound == NULL) {
        *why = apr_psprintf(scratch, "the module can not be loaded: %s", dlerror());
        return NULL;
    }
    if ((handle = open_local(path)) == NULL) {
        *why = apr_psprintf(scratch, "the module %s can not be loaded: %s", path, lt_dlerror());
    }
    dlclose(bound);
    return handle;
}

/* What the configuration may say about it. */
static apr_status_t register_options(const ec_module_t *module, const char **why, apr_pool_t *scratch)
{
    return conf_register_module(module->name, module->options, module->stanzas, module->name, why, scratch);
}

static apr_status_t load_locked(const ec_module_t **result, const char *name, int depth, const char **why,
                                apr_pool_t *scratch);

/* What it can not do without goes first. */
static apr_status_t load_requirements(const char *name, int depth, const char **why, apr_pool_t *scratch)
{
    const module_manifest_t *manifest = module_manifest_find(name);
    const ec_module_t *other;

    for (const char *const *item = manifest != NULL ? manifest->requires : NULL; item != NULL && *item != NULL;
         item++) {
        const char *reason = NULL;
        apr_status_t rv;

        if (find_locked(*item) != NULL) {
            continue;
        }
        if (depth >= REQUIRE_DEPTH_MAX) {
            *why = apr_psprintf(scratch, "the modules that %s requires require each other", name);
            return EC_E_MODULE;
        }
        rv = module_name_is_safe(*item) ? load_locked(&other, *item, depth + 1, &reason, scratch) : EC_E_NOT_FOUND;
        if (rv != APR_SUCCESS) {
            *why = apr_psprintf(scratch, "the module %s requires %s: %s", name, *item,
                                reason != NULL ? reason : "that is no name of a module");
            return EC_E_MODULE;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t load_locked(const ec_module_t **result, const char *name, int depth, const char **why,
                                apr_pool_t *scratch)
{
    const char *path = find_file(name, scratch), *reason;
    const ec_module_t *module;
    struct file *file;
    lt_dlhandle handle;
    struct stat stat_;

    if (path == NULL) {
        *why = apr_psprintf(scratch, "there is no module %s.so in %s", name, state.path);
        return EC_E_NOT_FOUND;
    }
    EC_TRY(load_requirements(name, depth, why, scratch));
    if (stat(path, &stat_) != 0 || (handle = open_bound(path, why, scratch)) == NULL) {
        return EC_E_MODULE;
    }
    if ((module = lt_dlsym(handle, "ec_module_export")) == NULL) {
        *why = apr_psprintf(scratch, "%s is not a module: it exports no ec_module_export (EC_MODULE() is missing)", path);
        lt_dlclose(handle);
        return EC_E_MODULE;
    }
    if ((reason = module_file_check(module, name, scratch)) != NULL) {
        *why = apr_psprintf(scratch, "the module %s can not be used: %s", path, reason);
        lt_dlclose(handle);
        return EC_E_MODULE;
    }
    if (register_options(module, &reason, scratch) != APR_SUCCESS) {
        *why = apr_psprintf(scratch, "the module %s can not be used: %s", path, reason);
        lt_dlclose(handle);
        return EC_E_MODULE;
    }
    file = apr_palloc(state.pool, sizeof *file);
    *file = (struct file){ state.files, module, apr_pstrdup(state.pool, path), stat_ };
    state.files = file;
    *result = module;
    return APR_SUCCESS;
}

apr_status_t module_file_load(const ec_module_t **module, const char *name, const char **why,
                              apr_pool_t *scratch)
{
    char *lower = apr_pstrdup(scratch, name);
    apr_status_t rv = APR_SUCCESS;

    if (!module_name_is_safe(name)) {
        *why = apr_psprintf(scratch, "a module's name has letters, digits and underscores only");
        return EC_E_NOT_FOUND;
    }
    util_text_lower(lower, strlen(lower));
    pthread_mutex_lock(&state.lock);
    if ((*module = find_locked(lower)) == NULL) {
        rv = load_locked(module, lower, 0, why, scratch);
    }
    pthread_mutex_unlock(&state.lock);
    return rv;
}
