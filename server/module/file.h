/* file.h - module files: found, loaded, checked, their options registered
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULE_FILE_H
#define MODULE_FILE_H

#include <ec/module.h>

/** Start libltdl.  `path` as in loader.h, never NULL.  Keeps both. */
apr_status_t module_files_start(const char *path, apr_pool_t *pool);

/** The loaded module `name` (any case), or NULL.  Any thread. */
const ec_module_t *module_file_find(const char *name);

/** Load it if it is not, and register its options.  `*why` in `scratch`. */
apr_status_t module_file_load(const ec_module_t **module, const char *name, const char **why, apr_pool_t *scratch);

/** Path of the file that this module was loaded from, when what stands there now is another one, or nothing; else NULL.  What
 * was loaded goes on.  Reads the disk; any thread. */
const char *module_file_changed(const ec_module_t *module);

/** Is this struct one that we can use?  NULL, or a sentence in `scratch` that says why not. */
const char *module_file_check(const ec_module_t *module, const char *name, apr_pool_t *scratch);

/** May `name` be part of a file name: letters, digits, underscore; no longer than 64. */
int module_name_is_safe(const char *name);
#endif
