/* manifest.h - what modules say about themselves before they are loaded: NAME.ecm beside NAME.so
 * SPDX-License-Identifier: Apache-2.0
 *
 *     [module]
 *     msys.provides = config.Global:Opt config.Global:Domain.Opt
 *     msys.requires = other
 *
 * Items are separated by spaces or commas; a key may be repeated; `:auto` behind an item is what tools write.
 * Read once, at start; then any thread may ask. */
#ifndef MODULE_MANIFEST_H
#define MODULE_MANIFEST_H

#include <apr_pools.h>
#include <ec/log.h>

enum { MANIFEST_BYTES_MAX = 65536, MANIFEST_ITEMS_MAX = 4096 };

typedef struct {
    const char *module;            /* lower case */
    const char *const *provides;   /* "domain opt": innermost scope and option in lower case; up to NULL */
    const char *const *requires;   /* modules, lower case; up to NULL */
} module_manifest_t;

/** Read all manifests in the folders of `path` (colon-separated, as in loader.h), folder by folder and by name within
 * one; the first of a name wins.  One that can not be read is reported and left out.  Keeps nothing but `pool`. */
void module_manifests_read(const char *path, ec_log_t *log, apr_pool_t *pool);
/** Understand one.  NULL and `*why` when it is not of the form above. */
const module_manifest_t *module_manifest_parse(const char *name, const char *text, apr_size_t length, const char **why,
                                               apr_pool_t *pool);
/** The i-th module that announces this option in this scope (both in any case), in order of reading; NULL behind the
 * last. */
const module_manifest_t *module_manifest_provider(const char *scope, const char *option, int i);
/** By the module's name (any case), or NULL. */
const module_manifest_t *module_manifest_find(const char *module);
#endif
