/* stream.c - buffered bytes over a socket: input, life and death
 * SPDX-License-Identifier: Apache-2.0
 *
 *   readiness -> read_in -> on_input -> (writes are queued) -> flush, same callback
 *   writes from elsewhere -> end-of-turn list -> flush
 *
 * Where a callback of the owner has run, the stream may be gone: `gone` points at a
 * variable of the frame that called back, and functions that call back return 0 when
 * there is no stream any more.
 *
 * A paused stream keeps its watch: a peer that waits for an answer sends nothing, so
 * taking the watch away and putting it back would be two system calls per message for
 * nothing.  Only an event that arrives while paused takes it away.
 * Thread: the loop's. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_portable.h>

#include "io/stream_private.h"

enum { READS_PER_EVENT = 4 }; /* so that one busy peer does not hold up the loop */

static void drop_output(stream_t *stream)
{
    io_block_t *block;

    while ((block = stream->out) != NULL) {
        stream->out = block->next;
        io_block_put(stream->shared, block);
    }
    stream->pending = 0;
}

static void release(stream_t *stream)
{
    if (stream->gone != NULL) {
        *stream->gone = 1;
    }
    ec_watch_stop(&stream->watch);
    ec_timer_cancel(&stream->deadline);
    util_list_remove(&stream->turn);
    stream_drop_input(stream);
    drop_output(stream);
}

static apr_status_t on_pool_end(void *data)
{
    release(data);
    return APR_SUCCESS;
}

void stream_destroy(stream_t *stream)
{
    apr_pool_cleanup_kill(stream->pool, stream, on_pool_end);
    release(stream);
    apr_socket_close(stream->socket);
}

void stream_drop_input(stream_t *stream)
{
    if (stream->in != NULL) {
        io_block_put(stream->shared, stream->in);
        stream->in = NULL;
    }
}

/* Closing it then sends a reset. */
static void make_abrupt(stream_t *stream)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void end_finishing(stream_t *stream, apr_status_t rv)
{
    stream_done_fn *done = stream->done;
    void *baton = stream->done_baton;

    if (done != NULL && rv != APR_EOF) {
        make_abrupt(stream);
    }
    apr_pool_destroy(stream->pool);
    if (done != NULL) {
        done(baton, rv);
    }
}

int stream_die(stream_t *stream, apr_status_t rv)
{
    if (stream->is_finishing) {
        /* A peer that is gone has ended, too. */
        end_finishing(stream, rv == APR_TIMEUP || rv == APR_EACCES ? rv : APR_EOF);
        return 0;
    }
    ec_watch_stop(&stream->watch);
    ec_timer_cancel(&stream->deadline);
    util_list_remove(&stream->turn);
    stream_drop_input(stream);
    stream->is_dead = 1;
    if (rv != APR_EOF && rv != APR_TIMEUP) {
        stream->is_broken = 1;
    }
    stream->calls->on_closed(stream->baton, rv);
    return 0;
}

/* ---- watching ----------------------------------------------------------------------- */

static int wants_read(const stream_t *stream)
{
    if (stream->is_finishing) {
        return stream->is_shut;
    }
    return !stream->is_paused && (stream->in == NULL || stream->in->len < stream->limit);
}

void stream_watch(stream_t *stream)
{
    int mask = (wants_read(stream) ? EC_READ : 0) | (stream->is_blocked ? EC_WRITE : 0);

    if (stream->watch.loop == NULL) {
        stream->status =
            ec_watch_start(&stream->watch, stream->loop, stream->socket, mask, stream_on_ready, stream);
    } else {
        stream->status = ec_watch_set(&stream->watch, mask);
    }
    if (stream->status != APR_SUCCESS) {
        stream_mark(stream); /* told to the owner at the end of the turn */
    }
}

/* ---- input -------------------------------------------------------------------------- */

/* Gives the owner what is there.  0: the stream is gone. */
static int deliver(stream_t *stream)
{
    int is_gone = 0;
    io_block_t *in = stream->in;
    apr_size_t used;

    stream->wants_input = 0;
    if (in == NULL || stream->is_paused || stream->is_finishing) {
        return 1;
    }
    stream->gone = &is_gone;
    used = stream->calls->on_input(stream->baton, in->data, in->len);
    if (is_gone) {
        return 0;
    }
    stream->gone = NULL;
    if (stream->in == NULL) {
        return 1; /* it is finishing: the input was dropped */
    }
    EC_ASSERT(used <= in->len);
    in->data += used;
    in->len -= used;
    if (in->len == 0) {
        stream_drop_input(stream);
    }
    return 1;
}

/* Room for more input, at most up to the limit; 0 when there is none. */
static apr_size_t make_room(stream_t *stream)
{
    io_block_t *in = stream->in;

    if (in == NULL) {
        stream->in = io_block_get(stream->shared, stream->limit);
        return stream->limit;
    }
    if (in->len >= stream->limit) {
        return 0;
    }
    if (in->room < stream->limit) {
        io_block_t *larger = io_block_get(stream->shared, stream->limit);

        memcpy(larger->bytes, in->data, in->len);
        larger->len = in->len;
        io_block_put(stream->shared, in);
        stream->in = larger;
    } else if (in->data != in->bytes) {
        memmove(in->bytes, in->data, in->len);
        in->data = in->bytes;
    }
    return stream->limit - in->len;
}

static int read_failed(stream_t *stream, apr_status_t rv)
{
    if (stream->in->len == 0) {
        stream_drop_input(stream);
    }
    if (rv == APR_EAGAIN) {
        return 1;
    }
    /* A peer may end its side and still read: what was answered goes out first. */
    if (rv == APR_EOF && stream->out != NULL && !stream->is_blocked && stream_send(stream) != APR_SUCCESS) {
        stream->is_broken = 1;
    }
    return stream_die(stream, rv);
}

static int read_in(stream_t *stream)
{
    for (int i = 0; i < READS_PER_EVENT && wants_read(stream); i++) {
        apr_size_t room = make_room(stream);
        apr_size_t n = room;
        apr_status_t rv = stream->ops->read(stream->io, stream->in->bytes + stream->in->len, &n);

        if (rv != APR_SUCCESS) {
            return read_failed(stream, rv);
        }
        stream->in->len += n;
        if (!deliver(stream)) {
            return 0;
        }
        if (n < room) {
            break;
        }
    }
    return 1;
}

/* A finishing stream reads only to see the end of the peer, so that the last answer is not
 * lost by a reset. */
static int read_away(stream_t *stream)
{
    io_block_t *scratch = io_block_get(stream->shared, IO_BLOCK_SIZE);
    apr_size_t n = scratch->room;
    apr_status_t rv = stream->ops->read(stream->io, scratch->bytes, &n);

    io_block_put(stream->shared, scratch);
    if (rv == APR_SUCCESS || rv == APR_EAGAIN) {
        return 1;
    }
    return stream_die(stream, rv);
}

/* 0: the stream is gone. */
static int handle_ready(stream_t *stream, int ready)
{
    if ((ready & EC_WRITE) && stream->is_blocked) {
        stream->is_blocked = 0;
        if (!stream_flush(stream)) {
            return 0;
        }
    }
    if (stream->is_finishing) {
        return stream->is_shut && (ready & EC_READ) ? read_away(stream) : 1;
    }
    if (stream->wants_input && !deliver(stream)) {
        return 0;
    }
    return (ready & EC_READ) && !stream->is_finishing ? read_in(stream) : 1;
}

/* What the owner has written during its callbacks leaves at their end, without a place on the list.  0: the
 * stream is gone. */
static int end_event(stream_t *stream)
{
    if (!stream->is_finishing) {
        if (!stream_flush(stream)) {
            return 0;
        }
        stream_watch(stream);
    }
    stream->in_event = 0;
    if (stream->out != NULL && !stream->is_blocked) {
        stream_mark(stream); /* written by on_drained, just now */
    }
    return 1;
}

void stream_on_ready(void *baton, int ready)
{
    stream_t *stream = baton;

    if (ready == 0) {
        ec_watch_stop(&stream->watch); /* broken while paused: reading tells, after the pause */
        return;
    }
    stream->in_event = 1;
    if (handle_ready(stream, ready)) {
        (void)end_event(stream);
    }
}

/* ---- the end of a turn -------------------------------------------------------------- */

static void finish_step(stream_t *stream)
{
    if (stream->is_broken || stream->status != APR_SUCCESS) {
        (void)stream_die(stream, APR_EOF);
    } else if (stream->out != NULL) {
        (void)stream_flush(stream);
    } else if (!stream->is_shut) {
        stream_shut(stream);
    }
}

static void run_turn(stream_t *stream)
{
    if (stream->is_finishing) {
        finish_step(stream);
        return;
    }
    if (stream->is_dead) {
        return; /* the owner has not decided yet between finish and destroy */
    }
    if (stream->status != APR_SUCCESS) {
        (void)stream_die(stream, stream->status);
        return;
    }
    stream->in_event = 1;
    if (!stream->wants_input || deliver(stream)) {
        (void)end_event(stream);
    }
}

static void on_turn(void *baton)
{
    io_loop_t *shared = baton;
    util_list_t now;
    util_link_t *link;

    shared->is_posted = 0;
    util_list_init(&now);
    while ((link = util_list_take_first(&shared->turn)) != NULL) {
        util_list_add_last(&now, link);
    }
    while ((link = util_list_take_first(&now)) != NULL) {
        run_turn(UTIL_OWNER(link, stream_t, turn));
    }
}

void stream_mark(stream_t *stream)
{
    io_loop_t *shared = stream->shared;

    if (!util_link_is_linked(&stream->turn)) {
        util_list_add_last(&shared->turn, &stream->turn);
    }
    if (!shared->is_posted) {
        shared->is_posted = 1;
        ec_loop_post(shared->loop, &shared->post, on_turn, shared);
    }
}

/* ---- life --------------------------------------------------------------------------- */

apr_status_t stream_create(stream_t **result, ec_loop_t *loop, apr_socket_t *socket,
                           const stream_calls_t *calls, void *baton, apr_pool_t *pool)
{
    stream_t *stream = apr_pcalloc(pool, sizeof *stream);
    apr_os_sock_t fd;
    int flags;

    EC_TRY(apr_os_sock_get(&fd, socket));
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
        return errno;
    }
    stream->loop = loop;
    stream->shared = io_loop_of(loop);
    stream->pool = pool;
    stream->socket = socket;
    stream->fd = fd;
    stream->ops = &stream_plain_ops;
    stream->io = &stream->fd;
    stream->calls = calls;
    stream->baton = baton;
    stream->limit = IO_BLOCK_SIZE;
    EC_TRY(ec_watch_start(&stream->watch, loop, socket, EC_READ, stream_on_ready, stream));
    apr_pool_cleanup_register(pool, stream, on_pool_end, apr_pool_cleanup_null);
    *result = stream;
    return APR_SUCCESS;
}

void stream_set_input_limit(stream_t *stream, apr_size_t bytes)
{
    stream->limit = bytes;
}

void stream_pause(stream_t *stream)
{
    stream->is_paused = 1;
}

void stream_resume(stream_t *stream)
{
    if (!stream->is_paused || stream->is_dead) {
        stream->is_paused = 0;
        return;
    }
    stream->is_paused = 0;
    if (stream->in != NULL) {
        stream->wants_input = 1;
        stream_mark(stream);
    }
    stream_watch(stream);
}

static void on_deadline(void *baton)
{
    (void)stream_die(baton, APR_TIMEUP);
}

void stream_deadline(stream_t *stream, apr_interval_time_t delay)
{
    if (delay == 0 || stream->is_dead) {
        ec_timer_cancel(&stream->deadline);
    } else {
        ec_timer_start(&stream->deadline, stream->loop, delay, on_deadline, stream);
    }
}

void stream_finish(stream_t *stream, apr_interval_time_t grace)
{
    stream->is_finishing = 1;
    stream->is_paused = 0;
    stream_drop_input(stream);
    ec_timer_start(&stream->deadline, stream->loop, grace, on_deadline, stream);
    stream_mark(stream);
}

void stream_finish_then(stream_t *stream, apr_interval_time_t grace, stream_done_fn *done, void *baton)
{
    stream->done = done;
    stream->done_baton = baton;
    stream_finish(stream, grace);
}

void stream_abandon_then(stream_t *stream, apr_interval_time_t grace, stream_done_fn *done, void *baton)
{
    drop_output(stream);
    stream->is_blocked = 0; /* nothing is to be written that would have to wait */
    stream_finish_then(stream, grace, done, baton);
}

void stream_reset(stream_t *stream)
{
    make_abrupt(stream);
    if (stream->is_finishing) {
        apr_pool_destroy(stream->pool);
    } else {
        stream_destroy(stream);
    }
}

void stream_set_permit(stream_t *stream, int (*may_send)(void *baton), void *baton)
{
    stream->may_send = may_send;
    stream->permit_baton = baton;
}

apr_socket_t *stream_socket(const stream_t *stream)
{
    return stream->socket;
}
