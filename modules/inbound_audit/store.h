/* store.h - an audit series as a file
 * SPDX-License-Identifier: Apache-2.0
 *
 *     audit-series 1 connections cidr 60 10
 *     192.0.2.1 29587211 5 0 3
 *     end 1
 *
 * A line a key: the key, the number of its newest window (its beginning in seconds since 1970 by the interval), and the counts of
 * that window and those before it; what is missing at the end is 0.  In keys of series of strings all but printable ASCII,
 * space and % are %XX.  The last line has the number of keys.
 *
 * Blocks: for threads of a pool, or before the server runs. */
#ifndef INBOUND_AUDIT_STORE_H
#define INBOUND_AUDIT_STORE_H

#include <apr_pools.h>

#include <ec/series.h>

enum { STORE_BYTES_MAX = 512 * 1024 * 1024 };

/** What stands in a file, checked from beginning to end; then, if `each` is not NULL, told.  Borrows the text.  `id->name` is put
 * into `name`.  Returns NULL, or what is wrong, with `*line`.  Pure. */
const char *store_parse(const char *text, apr_size_t length, ec_series_id_t *id, char name[EC_SERIES_NAME_MAX + 1], int *line,
                        ec_series_key_fn *each, void *baton);

/** The path of a series' file in a folder. */
const char *store_path(const char *folder, const ec_series_id_t *id, apr_pool_t *pool);
/** Write all keys of this node, to a temporary file that takes the place of the old one when it is on disk.  The folder is made
 * when it is not there.  On failure `*why` is a sentence. */
apr_status_t store_write(ec_series_t *series, const char *folder, const char **why, apr_pool_t *pool);
/** Put what the file says into the series; what it does not name stays.  EC_E_CONFIG: the file is wrong, or of another series;
 * nothing of it is used. */
apr_status_t store_read(ec_series_t *series, const char *path, apr_time_t now, int *keys, const char **why, apr_pool_t *pool);

#endif
