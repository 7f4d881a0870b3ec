/* disk.h - replace files whole, or not at all
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each file is written as a hidden copy in the same folder (hidden, so that an included folder does not load
 * it), synced, and renamed over the old one; the folder is synced as well.  After a crash a file is the old
 * one or the new one. A symbolic link stays: what it points to is replaced.  Blocks on files. */
#ifndef CONF_LIVE_DISK_H
#define CONF_LIVE_DISK_H

#include "conf/include.h"

typedef struct {
    const char *path;
    const char *text;
    apr_size_t length;
    const char *old_text; /* to go back to; NULL: the file is new, with mode 0640 */
    apr_size_t old_length;
    struct conf_stamp stamp; /* of the file that was read: another one is not replaced */
} disk_file_t;

/** Can this process replace the file, with its owner and mode kept?  Or make it, when it is not there.
 * Returns what is in the way, in `pool`, or NULL. */
const char *disk_why_not(const char *path, apr_pool_t *pool);
/** Read a whole file.  On failure `*why` is a sentence, in `pool`. */
apr_status_t disk_read(disk_file_t *file, const char *path, const char **why, apr_pool_t *pool);
/** Replace all of them.  On failure none is changed, and `*why` (in `pool`) says which one is the reason. */
apr_status_t disk_replace(const disk_file_t *files, int n, const char **why, apr_pool_t *pool);

/* One new file, written piece by piece. */
typedef struct {
    const char *path, *folder, *temporary;
    int fd;
} disk_new_t;

/** Begin a file that will replace `path` (absolute). */
apr_status_t disk_begin(disk_new_t *new, const char *path, const char **why, apr_pool_t *pool);
apr_status_t disk_write(disk_new_t *new, const char *bytes, apr_size_t length, const char **why,
                         apr_pool_t *pool);
/** Complete and sync it, still under its temporary name. */
apr_status_t disk_complete(disk_new_t *new, const char **why, apr_pool_t *pool);
/** Give it its name. */
apr_status_t disk_commit(disk_new_t *new, const char **why, apr_pool_t *pool);
/** Take it away, unless it has its name. */
void disk_abandon(disk_new_t *new);

#endif
