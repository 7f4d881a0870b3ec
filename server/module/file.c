/* file.c - module files: found, loaded, checked
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file is never unloaded: its tables are known to the configuration, threads may be in its code, and a reload must
 * not depend on what stands on disk meanwhile.  One that has taken a loaded one's place on disk is loaded beside it; which
 * of them is in force is said by the generation in force (conf_use()).  The lock is for reloads, which read the
 * configuration on a pool thread while the master loop looks modules up; it is never held while a process of its own tries
 * a file (trial.h): who loads has the second lock, too, so that nobody else does meanwhile. */
#include "module/file.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ltdl.h>

#include <apr_strings.h>

#include "conf/conf.h"
#include "module/manifest.h"
#include "module/trial.h"
#include "util/text.h"

enum { NAME_MAX_LENGTH = 64, REQUIRE_DEPTH_MAX = 8 };

struct file {
    struct file *next;
    const ec_module_t *module; /* NULL: it can not be used */
    const char *refused;       /* ... and this is why */
    const char *path;
    struct stat stat;          /* of what was loaded */
    int is_in_force;
    int has_run;               /* an instance of it was set up in this process */
    module_load_t load;
};

static struct {
    pthread_mutex_t loading;   /* taken first */
    pthread_mutex_t lock;
    apr_pool_t *pool;
    const char *path;
    struct file *files; /* newest first */
    int n_beside;       /* files that were opened beside others of their path */
} state = { .loading = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER };

int module_name_is_safe(const char *name)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX_LENGTH && strspn(name, safe) == length;
}

apr_status_t module_files_start(const char *path, apr_pool_t *pool)
{
    EC_TRY(apr_pool_create(&state.pool, pool)); /* its own: other threads allocate in it, with the lock */
    state.path = path;
    return lt_dlinit() == 0 ? APR_SUCCESS : EC_E_MODULE;
}

static const ec_module_t *find_locked(const char *name)
{
    for (struct file *file = state.files; file != NULL; file = file->next) {
        if (file->is_in_force && strcasecmp(file->module->name, name) == 0) {
            return file->module;
        }
    }
    return NULL;
}

static struct file *file_of_locked(const ec_module_t *module)
{
    struct file *file = state.files;

    while (file != NULL && file->module != module) {
        file = file->next;
    }
    return file;
}

static const struct file *file_of(const ec_module_t *module)
{
    const struct file *file;

    pthread_mutex_lock(&state.lock);
    file = file_of_locked(module);
    pthread_mutex_unlock(&state.lock);
    return file; /* never freed, and only its being in force changes */
}

/* ---- what stands on disk ------------------------------------------------------------ */

static int is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int is_same_file(const struct stat *a, const struct stat *b)
{
    return is_same_inode(a, b) && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

const char *module_file_changed(const ec_module_t *module)
{
    const struct file *file = file_of(module);
    struct stat now;

    return file == NULL || (stat(file->path, &now) == 0 && is_same_file(&now, &file->stat)) ? NULL : file->path;
}

const char *module_file_stays(const ec_module_t *module, apr_pool_t *scratch)
{
    const struct file *file = file_of(module);
    const char *what = "is not the one that was loaded, which goes on; the new one is used when the server is started again";
    struct stat now;

    if (file == NULL || (stat(file->path, &now) == 0 && is_same_file(&now, &file->stat))) {
        return NULL;
    }
    if (stat(file->path, &now) != 0) {
        what = "is gone; what was loaded goes on";
    } else if (is_same_inode(&now, &file->stat)) {
        what = "was written over, or touched, while it is in use; what was loaded goes on: put the new file there by renaming it, "
               "as \"ecxs -i\" does";
    } else if (!module->is_resident) {
        what = "was replaced after it was looked at; what was loaded goes on until the next reload";
    }
    return apr_psprintf(scratch, "the file of module \"%s\" %s: %s", module->name, what, file->path);
}

const module_load_t *module_file_load_of(const ec_module_t *module)
{
    const struct file *file = file_of(module);

    return file != NULL ? &file->load : NULL;
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
static apr_status_t register_options(const ec_module_t *module, int is_beside, const char **why, apr_pool_t *scratch)
{
    const conf_tables_t tables = { .scope = module->name, .owner = module->name, .options = module->options,
                                   .stanzas = module->stanzas, .module = module, .is_beside = is_beside };

    return conf_register_tables(&tables, why, scratch);
}

static struct file *add_file(const char *path, const struct stat *stat_, const ec_module_t *module)
{
    struct file *file = apr_pcalloc(state.pool, sizeof *file);

    *file = (struct file){ .next = state.files, .module = module, .path = apr_pstrdup(state.pool, path), .stat = *stat_,
                           .load = { 1, apr_time_now() } };
    for (const struct file *other = state.files; module != NULL && other != NULL; other = other->next) {
        file->load.number += other->module != NULL && strcasecmp(other->module->name, module->name) == 0;
    }
    state.files = file;
    return file;
}

/* Loading runs code of the file.  NULL: it may. */
static const char *try_elsewhere(const char *name, apr_pool_t *scratch)
{
    const char *why;

    pthread_mutex_unlock(&state.lock);
    why = trial_of_file(name, state.path, scratch);
    pthread_mutex_lock(&state.lock);
    return why;
}

/* Open, check, register; `spelled` is the path as the linker shall see it.  Both locks are held. */
static apr_status_t open_module(struct file **file, const char *path, const char *spelled, const char *name, int is_beside,
                                const char **why, apr_pool_t *scratch)
{
    const ec_module_t *module;
    const char *reason = NULL;
    lt_dlhandle handle;
    struct stat before, after;

    if (stat(path, &before) != 0) {
        *why = apr_psprintf(scratch, "the file %s is gone", path);
        return EC_E_MODULE;
    }
    if ((reason = try_elsewhere(name, scratch)) != NULL) {
        *why = reason;
        return EC_E_MODULE; /* what it hangs on may be cured: the next reload tries again */
    }
    if ((handle = open_bound(spelled, why, scratch)) == NULL) {
        return EC_E_MODULE;
    }
    if ((module = lt_dlsym(handle, "ec_module_export")) == NULL) {
        *why = apr_psprintf(scratch, "%s is not a module: it exports no ec_module_export (EC_MODULE() is missing)", path);
    } else if ((reason = module_file_check(module, name, scratch)) != NULL ||
               register_options(module, is_beside, &reason, scratch) != APR_SUCCESS) {
        *why = apr_psprintf(scratch, "the module %s can not be used: %s", path, reason);
    } else if (is_beside && (stat(path, &after) != 0 || !is_same_file(&before, &after))) {
        *why = apr_psprintf(scratch, "the file %s was replaced while it was loaded; reload again", path);
        return EC_E_MODULE; /* registered, so it stays; nobody uses it */
    } else {
        *file = add_file(path, &before, module);
        return APR_SUCCESS;
    }
    lt_dlclose(handle);
    if (is_beside) { /* the next reload need not load it again */
        add_file(path, &before, NULL)->refused = apr_pstrdup(state.pool, *why);
    }
    return EC_E_MODULE;
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
    const char *path = find_file(name, scratch);
    struct file *file;

    if (path == NULL) {
        *why = apr_psprintf(scratch, "there is no module %s.so in %s", name, state.path);
        return EC_E_NOT_FOUND;
    }
    EC_TRY(load_requirements(name, depth, why, scratch));
    EC_TRY(open_module(&file, path, path, name, 0, why, scratch));
    file->is_in_force = 1;
    *result = file->module;
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
    *module = find_locked(lower);
    pthread_mutex_unlock(&state.lock);
    if (*module != NULL) {
        return APR_SUCCESS;
    }
    pthread_mutex_lock(&state.loading);
    pthread_mutex_lock(&state.lock);
    if ((*module = find_locked(lower)) == NULL) {
        rv = load_locked(module, lower, 0, why, scratch);
    }
    pthread_mutex_unlock(&state.lock);
    pthread_mutex_unlock(&state.loading);
    return rv;
}

/* ---- files that have taken the place of loaded ones -------------------------------------- */

/* libltdl and the linker know an open file by its path as it is spelled; after that the linker looks at the inode.  So
 * a file that has taken another one's place is opened under a spelling that was never used. */
static const char *spell(const char *path, apr_pool_t *scratch)
{
    const char *base = strrchr(path, '/') + 1;
    apr_size_t n = (apr_size_t)++state.n_beside * 2, folder = (apr_size_t)(base - path);
    char *spelled = apr_palloc(scratch, strlen(path) + n + 1);

    memcpy(spelled, path, folder);
    for (apr_size_t i = 0; i < n; i += 2) {
        memcpy(spelled + folder + i, "./", 2);
    }
    strcpy(spelled + folder + n, base);
    return spelled;
}

/* What is known of the file that stands there now. */
static struct file *find_known(const char *path, const struct stat *now)
{
    struct file *file = state.files;

    while (file != NULL && !(strcmp(file->path, path) == 0 && is_same_inode(&file->stat, now))) {
        file = file->next;
    }
    return file;
}

/* The file that stands where `old` was loaded from, loaded; NULL without a reason in `*why`: `old` shall go on. */
static struct file *load_beside(const struct file *old, const char **why, apr_pool_t *scratch)
{
    struct file *file;
    struct stat now;

    if (old->module->is_resident || stat(old->path, &now) != 0 || is_same_file(&now, &old->stat)) {
        return NULL;
    }
    if ((file = find_known(old->path, &now)) != NULL) {
        if (!is_same_file(&now, &file->stat)) {
            return NULL; /* written over: the linker would give us the old code */
        }
        *why = file->refused;
        return file->module != NULL ? file : NULL;
    }
    if (strlen(old->path) + (apr_size_t)state.n_beside * 2 + 4 > PATH_MAX) {
        *why = apr_psprintf(scratch, "%s: %d files have taken the place of others; start the server again", old->path,
                            state.n_beside);
        return NULL;
    }
    *why = "out of memory";
    if (open_module(&file, old->path, spell(old->path, scratch), old->module->name, 1, why, scratch) != APR_SUCCESS) {
        return NULL;
    }
    *why = NULL;
    return file;
}

/* Returns why not, or NULL. */
static const char *try_one(const struct file *old, apr_pool_t *scratch)
{
    const char *why = NULL;
    struct file *file = load_beside(old, &why, scratch);

    if (file != NULL && conf_try(file->module, &why, scratch) == APR_SUCCESS) {
        return NULL;
    }
    conf_try_no_more(old->module);
    return file != NULL ? apr_psprintf(scratch, "the module %s can not be used: %s", file->path, why) : why;
}

apr_array_header_t *module_files_try(apr_pool_t *pool)
{
    apr_array_header_t *refusals = apr_array_make(pool, 2, sizeof(module_refusal_t));

    pthread_mutex_lock(&state.loading);
    pthread_mutex_lock(&state.lock);
    for (const struct file *file = state.files; file != NULL; file = file->next) {
        const char *why = file->is_in_force ? try_one(file, pool) : NULL;

        if (why != NULL) {
            APR_ARRAY_PUSH(refusals, module_refusal_t) = (module_refusal_t){ file->module, file->path, why };
        }
    }
    pthread_mutex_unlock(&state.lock);
    pthread_mutex_unlock(&state.loading);
    return refusals;
}

const ec_module_t *module_file_use(const ec_module_t *module)
{
    const ec_module_t *old = NULL;

    pthread_mutex_lock(&state.lock);
    if (conf_use(module)) {
        old = find_locked(module->name);
        file_of_locked(old)->is_in_force = 0;
        file_of_locked(module)->is_in_force = 1;
    }
    pthread_mutex_unlock(&state.lock);
    return old;
}

void module_file_has_run(const ec_module_t *module)
{
    pthread_mutex_lock(&state.lock);
    file_of_locked(module)->has_run = 1;
    pthread_mutex_unlock(&state.lock);
}

int module_file_is_new(const ec_module_t *module)
{
    const struct file *file;
    int is_new;

    pthread_mutex_lock(&state.lock);
    file = file_of_locked(module);
    is_new = file != NULL && !file->has_run;
    pthread_mutex_unlock(&state.lock);
    return is_new;
}

const char *module_files_path(void)
{
    return state.path;
}
