/* store.h - the file of replies (control_cache)
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is written as a whole beside the old one and takes its place when it is on disk, so it is always whole.
 * What changes while one is being written goes into the next. Thread: the master loop; writing is a job. */
#ifndef CLUSTER_REMOTE_STORE_H
#define CLUSTER_REMOTE_STORE_H

#include <ec/log.h>

#include "cluster/remote/replies.h"

typedef struct store_file store_file_t;

/** Keeps `log`. */
store_file_t *store_file_create(ec_log_t *log);
/** Into empty replies.  A file that is damaged is set aside, with what could be read in `replies`.  `path`
 * NULL: nothing. */
void store_file_load(store_file_t *store, replies_t *replies, const char *path);
/** Soon; `path` NULL: never. */
void store_file_save(store_file_t *store, const replies_t *replies, const char *path);
/** Frees.  `replies` are written before that if a file was asked for that is not there yet, or `is_changed`.
 */
void store_file_close(store_file_t *store, const replies_t *replies, const char *path, int is_changed);

#endif
