/* to_file.c - lines into a file or a FIFO
 * SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor is non-blocking: that changes nothing for a regular file, and with a
 * FIFO or a terminal that nobody reads the writer waits in poll(), where it can still be
 * told to end. */
#include "log/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

static apr_status_t parse(destination_t *to, const char *rest, const char **why)
{
    int is_uri = strcmp(rest, to->name) != 0;

    if (is_uri && rest[0] != '/') {
        *why = "a file needs an absolute path: file:///path";
        return EC_E_CONFIG;
    }
    to->name = apr_pstrdup(to->pool, rest);
    return APR_SUCCESS;
}

/* What was asked for a new file; the umask must not have its way with it. */
static apr_status_t dress(const destination_t *to, int fd, const struct stat *st)
{
    if ((to->uid != (uid_t)-1 && to->uid != st->st_uid) || (to->gid != (gid_t)-1 && to->gid != st->st_gid)) {
        if (fchown(fd, to->uid, to->gid) != 0) {
            return errno;
        }
    }
    if ((st->st_mode & 0777) != (mode_t)to->mode && fchmod(fd, (mode_t)to->mode) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

static apr_status_t open_path(int *fd, const destination_t *to)
{
    struct stat st;
    int opened =
        open(to->name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, (mode_t)to->mode);

    if (opened < 0) {
        *fd = -1;
        return errno == ENXIO ? EAGAIN : errno; /* a FIFO that nobody reads yet */
    }
    if (fstat(opened, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_uid == geteuid()) {
        apr_status_t rv = dress(to, opened, &st);

        if (rv != APR_SUCCESS) {
            close(opened);
            return rv;
        }
    }
    *fd = opened;
    return APR_SUCCESS;
}

static apr_status_t open_file(destination_t *to)
{
    return open_path(&to->fd, to);
}

static apr_status_t write_file(destination_t *to, const char *data, size_t length, size_t *taken)
{
    ssize_t n = write(to->fd, data, length);

    *taken = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EINTR ? APR_SUCCESS : errno;
}

static void close_file(destination_t *to)
{
    if (to->fd >= 0) {
        close(to->fd);
        to->fd = -1;
    }
}

static apr_status_t reopen_file(destination_t *to)
{
    int fd;
    apr_status_t rv = open_path(&fd, to);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        return rv;
    }
    close_file(to);
    to->fd = fd;
    return APR_SUCCESS;
}

const destination_ops_t destination_file = {
    .scheme = "file",
    .parse = parse,
    .open = open_file,
    .write = write_file,
    .reopen = reopen_file,
    .close = close_file,
};
