/* plain.c - stream operations without encryption
 * SPDX-License-Identifier: Apache-2.0
 *
 * System calls on the bare descriptor: APR's calls would poll by themselves and can not
 * tell how much a vector write took without an error. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/stream_ops.h"

static apr_status_t would_block_or(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK ? APR_EAGAIN : error;
}

static apr_status_t plain_read(void *io, char *buffer, apr_size_t *len)
{
    const int *fd = io;
    ssize_t n;

    do {
        n = recv(*fd, buffer, *len, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        *len = (apr_size_t)n;
        return APR_SUCCESS;
    }
    *len = 0;
    return n == 0 ? APR_EOF : would_block_or(errno);
}

static apr_status_t plain_writev(void *io, const struct iovec *vec, int n_vec, apr_size_t *written)
{
    const int *fd = io;
    /* sendmsg, not writev: a peer that has gone is an error here and no SIGPIPE for the process */
    const struct msghdr message = { .msg_iov = (struct iovec *)(apr_uintptr_t)vec,
                                    .msg_iovlen = (size_t)n_vec };
    ssize_t n;

    do {
        n = sendmsg(*fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    *written = n < 0 ? 0 : (apr_size_t)n;
    return n < 0 ? would_block_or(errno) : APR_SUCCESS;
}

static apr_status_t plain_shutdown(void *io)
{
    const int *fd = io;

    return shutdown(*fd, SHUT_WR) == 0 ? APR_SUCCESS : errno;
}

const struct stream_ops stream_plain_ops = { plain_read, plain_writev, plain_shutdown };
