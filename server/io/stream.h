/* stream.h - a buffered, non-blocking byte stream over a socket
 * SPDX-License-Identifier: Apache-2.0
 *
 * Protocol code sees bytes and deadlines, not sockets; TLS comes later as another table
 * of operations (struct stream_ops) under the same functions.
 * Buffers are blocks from the loop's free list and are given back whenever they are
 * empty, so an idle connection costs its structs only.
 * Thread: the loop's, for everything. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <ec/loop.h>

typedef struct stream stream_t;

/** Callbacks; none runs inside a stream_* call.  Each may destroy the stream. */
typedef struct {
    /* Input: all bytes not yet consumed.  Return how many are consumed (0..len).  Called again when
     * more arrives, and, after stream_resume(), for what was left.  When nothing is consumed and
     * `len` is the input limit, the consumer must act (the stream reads no further). */
    apr_size_t (*on_input)(void *baton, const char *data, apr_size_t len);
    /* All written bytes have been handed to the kernel (after having had to wait).  May be NULL. */
    void (*on_drained)(void *baton);
    /* The stream is dead: APR_EOF closed by the peer, APR_TIMEUP the deadline passed, else the error.
     * Runs once; unconsumed input is delivered before (a paused stream sees no end before it is resumed,
     * but its deadline passes, and output that fails ends it).  What is still queued can be sent by
     * stream_finish(), otherwise stream_destroy(). */
    void (*on_closed)(void *baton, apr_status_t rv);
} stream_calls_t;

/** Takes `socket` (made non-blocking), on success.  Keeps `calls` and `baton`.  Reading starts at once. */
apr_status_t stream_create(stream_t **stream, ec_loop_t *loop, apr_socket_t *socket,
                           const stream_calls_t *calls, void *baton, apr_pool_t *pool);
/** Closes the socket.  No callback runs afterwards.  Unsent output is lost: see stream_finish(). */
void stream_destroy(stream_t *stream);

/** Most input the stream will hold (default 16 KiB). */
void stream_set_input_limit(stream_t *stream, apr_size_t bytes);

/** Queue bytes (copied) and send what can be sent at the end of the turn, so that several
 * writes of one turn leave in one system call. */
void stream_write(stream_t *stream, const void *data, apr_size_t len);
/** As stream_write() without the copy: `data` must stay until `on_drained` or destroy. */
void stream_write_static(stream_t *stream, const void *data, apr_size_t len);
void stream_printf(stream_t *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Bytes queued and not yet taken by the kernel.  Producers of much data stop at 128 KiB and go on in
 * on_drained. */
apr_size_t stream_pending(const stream_t *stream);

/** Stop calling on_input (back pressure; the socket is not read), and go on. */
void stream_pause(stream_t *stream);
void stream_resume(stream_t *stream);

/** One deadline; each call replaces it; 0 is none.  When it passes: on_closed(APR_TIMEUP). */
void stream_deadline(stream_t *stream, apr_interval_time_t delay);

/** Send what is queued (within `grace`), shut down, wait for the peer's end (so that the last answer is not
 * lost by a reset), and close.  Takes the pool that was given to stream_create() and destroys it then: it has
 * to be the connection's own.  The owner forgets stream and pool at once: no callback runs any more. */
void stream_finish(stream_t *stream, apr_interval_time_t grace);

/** The same, and `done` runs once the socket is closed: APR_EOF, the peer has ended or is gone; else it did
 * not in time, or the stream was denied (stream_set_permit), and it was reset.  Until then stream_reset() may
 * be called.  Keeps `baton`. */
typedef void stream_done_fn(void *baton, apr_status_t rv);
void stream_finish_then(stream_t *stream, apr_interval_time_t grace, stream_done_fn *done, void *baton);
/** The same for a connection that is given up: what is queued is not sent, also not in part.  What the kernel has already may
 * still be. */
void stream_abandon_then(stream_t *stream, apr_interval_time_t grace, stream_done_fn *done, void *baton);
/** As stream_destroy(), with a reset: what the kernel still holds is not sent.  One that finishes loses its
 * pool with it. */
void stream_reset(stream_t *stream);
/** `may_send` is asked before anything is given to the kernel; when it says 0 the stream dies with
 * APR_EACCES, and nothing is sent any more.  Keeps `baton`. */
void stream_set_permit(stream_t *stream, int (*may_send)(void *baton), void *baton);

apr_socket_t *stream_socket(const stream_t *stream);
#endif
