/* io.h - the calls by which the log is written, so that tests can make them fail
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOOL_IO_H
#define SPOOL_IO_H

#include <sys/types.h>
#include <sys/uio.h>

#include <apr.h>
#include <apr_time.h>

#include "spool/spool.h"

/** As the system calls of these names: -1 and errno. */
typedef struct {
    ssize_t (*pwritev)(int fd, const struct iovec *iov, int n, off_t offset);
    int (*fdatasync)(int fd);
    apr_int64_t (*free_bytes)(const char *dir);   /* for us on this file system; -1: can not be told */
    apr_interval_time_t retry;                    /* after a failure, until the next attempt */
} spool_io_t;

extern const spool_io_t spool_io_system;

/** spool_open() with other calls; keeps `io`. */
apr_status_t spool_open_io(spool_t **spool, const spool_options_t *options, const spool_io_t *io,
                           ec_log_t *log, const char **why, apr_pool_t *pool);

/** Write all of `iov` (which is changed) at `offset`, however many calls that takes. */
apr_status_t spool_io_write(const spool_io_t *io, int fd, struct iovec *iov, int n, apr_size_t offset);
/** `length` zeros at `offset`. */
apr_status_t spool_io_zero(const spool_io_t *io, int fd, apr_size_t offset, apr_size_t length);
/** Read up to `*length` bytes; *length tells how many there were before the end. */
apr_status_t spool_io_read(int fd, void *buffer, apr_size_t *length, apr_size_t offset);
/** Make a change of names in `dir` durable. */
apr_status_t spool_io_sync_dir(const char *dir);

#endif
