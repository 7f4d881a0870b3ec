/* file.h - module files: found, loaded, checked, their options registered
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULE_FILE_H
#define MODULE_FILE_H

#include <apr_tables.h>
#include <ec/module.h>

/** Start libltdl.  `path` as in loader.h, never NULL.  Keeps both. */
apr_status_t module_files_start(const char *path, apr_pool_t *pool);

/** The module `name` (any case) that is in force; load it if there is none, and register its options.  `*why` in `scratch`. */
apr_status_t module_file_load(const ec_module_t **module, const char *name, const char **why, apr_pool_t *scratch);

/** Which file of its module this is: the first that was loaded, the second ..., and when. */
typedef struct {
    int number;
    apr_time_t when;
} module_load_t;
/** NULL for one that was never loaded.  Any thread. */
const module_load_t *module_file_load_of(const ec_module_t *module);

/** Path of the file that this module was loaded from, when what stands there now is another one, or nothing; else NULL.
 * Reads the disk; any thread. */
const char *module_file_changed(const ec_module_t *module);
/** A sentence in `scratch` that says why it goes on although that is so; NULL when it is not so. */
const char *module_file_stays(const ec_module_t *module, apr_pool_t *scratch);

/** A file that has taken the place of a loaded one and can not be used. */
typedef struct {
    const ec_module_t *module; /* that goes on */
    const char *path, *why;
} module_refusal_t;
/** Load what has taken the place of the loaded files, each beside the old one, and put it on trial (conf_try()).  Returns
 * an array of module_refusal_t in `pool`.  Blocks on the disk; any thread, one at a time. */
apr_array_header_t *module_files_try(apr_pool_t *pool);
/** `module` is the one in force of its name from now on: returns the one that was before, or NULL when it was itself. */
const ec_module_t *module_file_use(const ec_module_t *module);

/** An instance of it was set up: it need not be tried elsewhere any more (trial.h).  Any thread. */
void module_file_has_run(const ec_module_t *module);
int module_file_is_new(const ec_module_t *module);
/** The folders. */
const char *module_files_path(void);

/** Is this struct one that we can use?  NULL, or a sentence in `scratch` that says why not. */
const char *module_file_check(const ec_module_t *module, const char *name, apr_pool_t *scratch);

/** May `name` be part of a file name: letters, digits, underscore; no longer than 64. */
int module_name_is_safe(const char *name);
#endif
