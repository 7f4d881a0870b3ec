/* folder.h - the directory of a journal: settings, lock, names
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything goes through the directory's descriptor, so that a journal that was removed and made again under the same
 * path is another one.  The lock is flock() on the settings: an open file's, so that two writers of one process
 * exclude each other as well, and gone with whoever held it. */
#ifndef LOG_JLOG_FOLDER_H
#define LOG_JLOG_FOLDER_H

#include <sys/types.h>

#include <apr_pools.h>

#include "log/jlog/format.h"

struct jlog_folder {
    int fd;                        /* of the directory; -1: not open */
    int lock_fd;                   /* of its settings */
    struct jlog_settings settings;
};

enum { JLOG_NAME = EC_JLOG_NAME_MAX + 32 };   /* room for the name of a file */

typedef struct {
    int mode;                      /* of the files */
    uid_t uid;                     /* (uid_t)-1: as they are made */
    gid_t gid;
    apr_uint32_t segment_size;     /* at least JLOG_SEGMENT_MIN */
} jlog_folder_options_t;

/** Open the journal at `path`.  `options` NULL: it must be there (APR_ENOENT); else it is made when there is nothing or an
 * empty directory; what stands above it must be there.  EC_E_JLOG_FOREIGN: that directory is something else; EC_E_JLOG_DAMAGED:
 * its settings are damaged. */
apr_status_t jlog_folder_open(struct jlog_folder *folder, const char *path, const jlog_folder_options_t *options);
void jlog_folder_close(struct jlog_folder *folder);
/** The sentence about a failure to open, or of what follows. */
const char *jlog_folder_why(apr_status_t rv, const char *path, apr_pool_t *pool);

/** Wait for the lock, so many milliseconds at most: EC_E_BUSY.  APR_ENOENT: the journal was removed. */
apr_status_t jlog_folder_lock(const struct jlog_folder *folder, int patience);
void jlog_folder_unlock(const struct jlog_folder *folder);

enum { JLOG_PATIENCE = 500 };

/** Was the journal removed? */
int jlog_folder_is_gone(const struct jlog_folder *folder);

/** Open a segment; with O_CREAT a new one, which gets mode and owner of the settings. */
apr_status_t jlog_folder_segment(int *fd, const struct jlog_folder *folder, apr_uint32_t number, int flags);
int jlog_folder_has_segment(const struct jlog_folder *folder, apr_uint32_t number);
apr_status_t jlog_folder_unlink_segment(const struct jlog_folder *folder, apr_uint32_t number);

/** Call for each segment, in no order. */
typedef void jlog_segment_fn(void *baton, apr_uint32_t number);
apr_status_t jlog_folder_each_segment(const struct jlog_folder *folder, jlog_segment_fn *each, void *baton);

/** Which segments there are. */
struct jlog_extent {
    int count;
    apr_uint32_t first, last;
    apr_uint32_t next;             /* the first one from `from` up; 0: none */
};
apr_status_t jlog_folder_extent(struct jlog_extent *extent, const struct jlog_folder *folder, apr_uint32_t from);

/** Call for each file whose name begins with `prefix`, with what follows that. */
typedef void jlog_folder_fn(void *baton, const char *rest);
apr_status_t jlog_folder_each(const struct jlog_folder *folder, const char *prefix, jlog_folder_fn *each, void *baton);

/** Read a small file: up to JLOG_TEXT bytes; a larger one gives JLOG_TEXT. */
apr_status_t jlog_folder_read(const struct jlog_folder *folder, const char *name, char text[JLOG_TEXT], apr_size_t *length);
/** Replace a small file: durable, and whole or not at all.  With the lock. */
apr_status_t jlog_folder_replace(const struct jlog_folder *folder, const char *name, const char *text, apr_size_t length);
/** Make changes of names durable. */
apr_status_t jlog_folder_sync(const struct jlog_folder *folder);

#endif
