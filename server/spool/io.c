/* io.c - whole writes and reads
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "spool/io.h"

static apr_int64_t free_bytes(const char *dir)
{
    struct statvfs fs;

    return statvfs(dir, &fs) != 0 ? -1 : (apr_int64_t)fs.f_bavail * (apr_int64_t)fs.f_frsize;
}

const spool_io_t spool_io_system = { pwritev, fdatasync, free_bytes, APR_USEC_PER_SEC };

/* Leave out the first `bytes`; returns how many of the `n` parts are finished. */
static int advance(struct iovec *iov, int n, apr_size_t bytes)
{
    int i = 0;

    while (i < n && bytes >= iov[i].iov_len) {
        bytes -= iov[i].iov_len;
        i++;
    }
    if (i < n) {
        iov[i].iov_base = (char *)iov[i].iov_base + bytes;
        iov[i].iov_len -= bytes;
    }
    return i;
}

apr_status_t spool_io_write(const spool_io_t *io, int fd, struct iovec *iov, int n, apr_size_t offset)
{
    while (n > 0) {
        ssize_t written = io->pwritev(fd, iov, n < IOV_MAX ? n : IOV_MAX, (off_t)offset);
        int finished;

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno;
        }
        finished = advance(iov, n, (apr_size_t)written);
        if (written == 0 && finished == 0) {
            return APR_ENOSPC;
        }
        iov += finished;
        n -= finished;
        offset += (apr_size_t)written;
    }
    return APR_SUCCESS;
}

apr_status_t spool_io_zero(const spool_io_t *io, int fd, apr_size_t offset, apr_size_t length)
{
    static const char zeros[1024 * 1024];

    while (length > 0) {
        apr_size_t n = length < sizeof zeros ? length : sizeof zeros;
        struct iovec iov = { (void *)zeros, n };

        EC_TRY(spool_io_write(io, fd, &iov, 1, offset));
        offset += n;
        length -= n;
    }
    return APR_SUCCESS;
}

apr_status_t spool_io_read(int fd, void *buffer, apr_size_t *length, apr_size_t offset)
{
    apr_size_t want = *length, got = 0;

    *length = 0;
    while (got < want) {
        ssize_t n = pread(fd, (char *)buffer + got, want - got, (off_t)(offset + got));

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            break;
        }
        got += n > 0 ? (apr_size_t)n : 0;
    }
    *length = got;
    return APR_SUCCESS;
}

apr_status_t spool_io_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0) {
        return errno;
    }
    if (fsync(fd) != 0 && errno != EINVAL) { /* some file systems know no such thing */
        rv = errno;
    }
    close(fd);
    return rv;
}
