/* stream_private.h - the stream's struct, shared by stream.c and output.c only
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IO_STREAM_PRIVATE_H
#define IO_STREAM_PRIVATE_H

#include "io/block.h"
#include "io/stream.h"
#include "io/stream_ops.h"

struct stream {
    ec_loop_t *loop;
    io_loop_t *shared;
    apr_pool_t *pool;
    apr_socket_t *socket;
    int fd;
    const struct stream_ops *ops;
    void *io; /* what the operations work on */
    const stream_calls_t *calls;
    void *baton;
    ec_watch_t watch;
    ec_timer_t deadline;
    util_link_t turn; /* in the list for the end of the turn */
    int *gone;        /* set to 1 when the stream is destroyed; see stream.c */
    io_block_t *in;   /* unconsumed input, NULL when there is none */
    apr_size_t limit;
    io_block_t *out, *out_last;
    apr_size_t pending;
    apr_status_t status; /* of the watch, when it could not be set */
    int (*may_send)(void *baton); /* NULL: always */
    void *permit_baton;
    stream_done_fn *done; /* of one that finishes, or NULL */
    void *done_baton;
    unsigned is_paused : 1;
    unsigned wants_input : 1; /* resumed with input that was not seen yet */
    unsigned is_blocked : 1;  /* the kernel takes no more output for now */
    unsigned is_dead : 1;     /* on_closed has run */
    unsigned is_broken : 1;   /* no output is possible */
    unsigned is_finishing : 1;
    unsigned is_shut : 1;  /* our side has ended */
    unsigned in_event : 1; /* inside its own callbacks: what is written leaves at their end */
};

/** Put on the list for the end of the turn. */
void stream_mark(stream_t *stream);
/** The one callback of the watch. */
void stream_on_ready(void *baton, int ready);
/** Make the watch fit what is wanted now. */
void stream_watch(stream_t *stream);
/** Tell the owner, or, when finishing, end.  Returns 0: nothing of the stream may be touched after it. */
int stream_die(stream_t *stream, apr_status_t rv);
void stream_drop_input(stream_t *stream);

/** Write until all is gone or the kernel is full; APR_SUCCESS for both. */
apr_status_t stream_send(stream_t *stream);
/** As stream_send(), with on_drained or the death that follows.  0: the stream is gone. */
int stream_flush(stream_t *stream);
/** Everything is written: end our side. */
void stream_shut(stream_t *stream);

#endif
