/* writeback.h - live changes into the files they belong to (config-language.md section 10.2)
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only what changed differs afterwards: comments, order and white space of everything else stay byte for byte.
 * What would be written is loaded before a byte of it reaches a file, and must mean what is in force.  Each file is
 * replaced by renaming a complete, synced copy with the same owner and mode. */
#ifndef CONF_LIVE_WRITEBACK_H
#define CONF_LIVE_WRITEBACK_H

#include <ec/command.h>

#include "conf/conf.h"

typedef struct {
    apr_array_header_t *written; /* const char *: files that were changed */
    int n_changes, n_partly;     /* that were saved; of which a part was saved, and the rest is in `unsaved` */
    const char *unsaved;         /* text of what has no writable file; NULL: everything is saved */
    conf_t *files;               /* what the files say now, for conf_files_saved(), with one reference; NULL: as before */
} writeback_result_t;

/** Save what differs between `conf` and its files.  Reads `source` anew: files that were edited meanwhile keep those edits.
 * `path` not NULL (absolute): everything that differs goes to this one file, made if missing.  On failure no file has
 * changed and `*why` says which file and what to do.  Blocks on files: not on a loop. */
apr_status_t writeback_save(writeback_result_t *result, conf_t *conf, const conf_source_t *source, const char *path,
                            const char **why, apr_pool_t *pool);

extern const ec_command_t writeback_commands[]; /* config writeback, write config */

#endif
