/* output.c - queued output of a stream
 * SPDX-License-Identifier: Apache-2.0
 *
 * A list of blocks; small writes are packed into the last one, so a turn's answers
 * leave as one vector.  Blocks go back to the loop as soon as they are written. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/stream_private.h"

enum { VECTORS = 32 };

static void append_block(stream_t *stream, io_block_t *block)
{
    if (stream->out == NULL) {
        stream->out = block;
    } else {
        stream->out_last->next = block;
    }
    stream->out_last = block;
}

static apr_size_t room_in(io_block_t *block)
{
    return block == NULL || block->room == 0
               ? 0
               : (apr_size_t)(block->bytes + block->room - (block->data + block->len));
}

/* Output is sent at the end of the callback, or, outside of the stream's own, of the turn. */
static void mark_output(stream_t *stream)
{
    if (!stream->in_event) {
        stream_mark(stream);
    }
}

void stream_write(stream_t *stream, const void *data, apr_size_t len)
{
    const char *from = data;

    if (stream->is_broken || len == 0) {
        return;
    }
    stream->pending += len;
    while (len > 0) {
        io_block_t *last = stream->out == NULL ? NULL : stream->out_last;
        apr_size_t n = room_in(last);

        if (n == 0) {
            last = io_block_get(stream->shared, IO_BLOCK_SIZE);
            append_block(stream, last);
            n = last->room;
        }
        if (n > len) {
            n = len;
        }
        memcpy(last->bytes + (last->data - last->bytes) + last->len, from, n);
        last->len += n;
        from += n;
        len -= n;
    }
    mark_output(stream);
}

void stream_write_static(stream_t *stream, const void *data, apr_size_t len)
{
    io_block_t *block;

    if (stream->is_broken || len == 0) {
        return;
    }
    block = malloc(sizeof *block);
    EC_ASSERT(block != NULL);
    *block = (io_block_t){ .data = data, .len = len };
    append_block(stream, block);
    stream->pending += len;
    mark_output(stream);
}

void stream_printf(stream_t *stream, const char *format, ...)
{
    char small[1024];
    char *text = small;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    EC_ASSERT(n >= 0);
    if ((size_t)n >= sizeof small) {
        text = malloc((size_t)n + 1);
        EC_ASSERT(text != NULL);
        va_start(args, format);
        (void)vsnprintf(text, (size_t)n + 1, format, args);
        va_end(args);
    }
    stream_write(stream, text, (apr_size_t)n);
    if (text != small) {
        free(text);
    }
}

apr_size_t stream_pending(const stream_t *stream)
{
    return stream->pending;
}

static void take_written(stream_t *stream, apr_size_t written)
{
    io_block_t *block;

    stream->pending -= written;
    while (written > 0) {
        block = stream->out;
        if (written < block->len) {
            block->data += written;
            block->len -= written;
            return;
        }
        written -= block->len;
        stream->out = block->next;
        io_block_put(stream->shared, block);
    }
}

apr_status_t stream_send(stream_t *stream)
{
    if (stream->may_send != NULL && stream->out != NULL && !stream->may_send(stream->permit_baton)) {
        return APR_EACCES;
    }
    while (stream->out != NULL) {
        struct iovec vec[VECTORS];
        apr_size_t written = 0;
        apr_status_t rv;
        int n = 0;

        for (const io_block_t *block = stream->out; block != NULL && n < VECTORS; block = block->next) {
            vec[n].iov_base = (void *)(apr_uintptr_t)block->data;
            vec[n].iov_len = block->len;
            n++;
        }
        rv = stream->ops->writev(stream->io, vec, n, &written);
        if (rv == APR_EAGAIN) {
            stream->is_blocked = 1;
            return APR_SUCCESS;
        }
        EC_TRY(rv);
        take_written(stream, written);
    }
    return APR_SUCCESS;
}

/* Output of a stream whose owner has gone. */
static int flush_last(stream_t *stream)
{
    if (stream->out == NULL && !stream->is_shut) {
        stream_shut(stream);
    } else {
        stream_watch(stream);
    }
    return 1;
}

int stream_flush(stream_t *stream)
{
    int had_waited = stream->watch.loop != NULL && (stream->watch.mask & EC_WRITE);
    int is_gone = 0;
    apr_status_t rv;

    if (!stream->is_blocked && (rv = stream_send(stream)) != APR_SUCCESS) {
        return stream_die(stream, rv);
    }
    if (stream->is_finishing) {
        return flush_last(stream);
    }
    if (!had_waited || stream->out != NULL || stream->calls->on_drained == NULL) {
        return 1;
    }
    stream_watch(stream);
    stream->gone = &is_gone;
    stream->calls->on_drained(stream->baton);
    if (is_gone) {
        return 0;
    }
    stream->gone = NULL;
    return 1;
}

void stream_shut(stream_t *stream)
{
    stream->is_shut = 1;
    if (stream->ops->shutdown(stream->io) != APR_SUCCESS) {
        stream->is_broken = 1;
        stream_mark(stream);
        return;
    }
    stream_watch(stream);
}
