/* loader.h - modules: from a stanza to a running instance
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULE_LOADER_H
#define MODULE_LOADER_H

#include <ec/module.h>
#include "conf/conf.h"

/** `path`: colon-separated folders searched for NAME.so (then NAME.la); NULL: the installed one. */
apr_status_t module_loader_start(const char *path, ec_log_t *log, apr_pool_t *pool);

/** For conf_source_t.need_module: load the file, check API and struct size, register its options.
 * The file stays loaded. */
apr_status_t module_need(void *baton, const char *name, const char **why);

/** Make instances for the module stanzas of `conf`, in order: options, init.  Those of the generation in force whose
 * stanza did not change are kept; all or nothing: on failure what was made is stopped again, and the old ones run on. */
apr_status_t module_prepare(conf_t *conf, const char **why);
/** Put what was prepared in force: hooks and commands are swapped, new ones started, old ones stopped. */
apr_status_t module_commit(const char **why);
void module_rollback(void);
/** Stop all instances in reverse order. */
void module_stop_all(void);
#endif
