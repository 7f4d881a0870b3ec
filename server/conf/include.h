/* include.h - where configuration files are looked for (config-language.md section 4)
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_INCLUDE_H
#define CONF_INCLUDE_H

#include <sys/stat.h>

#include <apr_tables.h>

#include "conf/tree.h"

struct search_path {
    apr_array_header_t *folders; /* of const char *, in order */
};

/** The search path of this source: its own, the environment's, or the documented default, with
 * {NODENAME} and {SUBCLUSTER} replaced. */
void search_path_make(struct search_path *path, const conf_source_t *source, apr_pool_t *pool);

/** Find `name` for the main file: as it is given, then along the path when it has no folder part. */
apr_status_t search_main(const char **found, const struct search_path *path, const char *name,
                         const char **why, apr_pool_t *pool);
/** Find `name` included by the file `includer`: beside it, then along the path. */
apr_status_t search_include(const char **found, const struct search_path *path, const char *name,
                            const char *includer, const char **why, apr_pool_t *pool);

/** Is it a folder?  Then `*files` are the regular files in it, in lexical order, those with a dot in front
 * left out. */
apr_status_t include_list(apr_array_header_t **files, int *is_folder, const char *path, const char **why,
                          apr_pool_t *pool);

/* An open file, and what tells it apart from others. */
struct include_file {
    int fd;           /* -1: `text` */
    const char *text;
    struct conf_stamp stamp;
};
/** What tells this state of a file from others. */
struct conf_stamp include_stamp(const struct stat *status);
/** Regular files of allowed length only. */
apr_status_t include_open(struct include_file *file, const char *path, const char **why, apr_pool_t *pool);

#endif
