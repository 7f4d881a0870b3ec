/* stream_ops.h - how bytes leave and enter a stream: the seam where TLS comes in
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table of operations over a socket.  All are non-blocking: APR_EAGAIN says that
 * nothing could be done now and that the loop shall watch for it. */
#ifndef IO_STREAM_OPS_H
#define IO_STREAM_OPS_H

#include <sys/uio.h>

#include <apr.h>
#include <apr_errno.h>

struct stream_ops {
    /** *len is the room, then what was read (at least 1).  APR_EOF: the peer has ended its side. */
    apr_status_t (*read)(void *io, char *buffer, apr_size_t *len);
    /** *written may be less than the sum. */
    apr_status_t (*writev)(void *io, const struct iovec *vec, int n, apr_size_t *written);
    /** No more output; the peer sees the end after what was written. */
    apr_status_t (*shutdown)(void *io);
};

/** Plain bytes; `io` is a pointer to the descriptor (int). */
extern const struct stream_ops stream_plain_ops;

#endif
