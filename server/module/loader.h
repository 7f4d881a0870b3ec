/* loader.h - modules: from a stanza to a running instance
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stanza of ecelerity.conf whose type is the name of a module file makes an instance:
 * its options are set from the stanza, its hooks come into force in the order of the
 * stanzas.  On reload an instance whose stanza says the same as before, of the same file of its
 * module, is kept as it is; all others are made anew beside the old ones and take over in one step. */
#ifndef MODULE_LOADER_H
#define MODULE_LOADER_H

#include <ec/module.h>
#include "conf/conf.h"

/** `path`: colon-separated folders, each searched for NAME.so and NAME/NAME.so (and the same below .libs, where libtool builds); NULL: the
 * environment's EC_MODULE_PATH, else the installed folder.  Also adds the commands "module list" and "module hooks".
 * Keeps `log` and `pool`.  Once, at start. */
apr_status_t module_loader_start(const char *path, ec_log_t *log, apr_pool_t *pool);

/** For conf_source_t.need_module: load the file, check API and struct size, register its options.
 * The file stays loaded.  `*why` lives until this thread's next call.  EC_E_NOT_FOUND: there is no such file.
 * Any thread. */
apr_status_t module_need(void *baton, const char *name, const char **why);

/** For conf_source_t.need_option: load the first module that announces the option and can be loaded. */
apr_status_t module_need_option(void *baton, const char *scope, const char *option, const char **why);
/** For conf_source_t.requirements: what the module's manifest requires. */
const char *const *module_requirements(void *baton, const char *name);

struct module_trial;
/** For a reload, around the loading of the configuration on one thread: files that have taken the place of loaded ones
 * are loaded, and what is loaded in between is bound to them.  Nobody else sees them before module_commit() of such a
 * configuration.  `pool` is kept.  One reload at a time.  Blocks on the disk; any thread. */
struct module_trial *module_trial_begin(apr_pool_t *pool);
/** Errors in `problems` for what could not be used of the files that `conf` needs (NULL: that it might need): it must be
 * refused then, with EC_E_CONFIG.  The same thread; ends the trial. */
apr_status_t module_trial_end(struct module_trial *trial, const conf_t *conf, apr_array_header_t *problems);

/** A warning in `problems` for each module of `conf` that is not what stands on disk now: it is resident, its file was written
 * over, or is gone.  Any thread. */
void module_warn_changed(apr_array_header_t *problems, const conf_t *conf, apr_pool_t *pool);

/** Make instances for the module stanzas of `conf`, in order: options, init.  Those of the generation in force whose
 * stanza and file did not change are kept.  All or nothing: on failure what was made is stopped again, and the old ones run on.
 * Does not keep `conf`.  `*why` (file, line, sentence) lives until the next call.  Master loop, as all below. */
apr_status_t module_prepare(conf_t *conf, const char **why);
/** Put what was prepared in force: new instances are started, hooks and commands swapped; old instances are stopped
 * when every loop has passed a turn and the last answer of their commands is given.  When a new one does not start,
 * everything stays as it was before module_prepare(). */
apr_status_t module_commit(const char **why);
void module_rollback(void);
/** Stop all instances in reverse order: for the end, when no loop runs any more. */
void module_stop_all(void);
#endif
