/* outbox.c - messages that wait for their turn in the control group
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A piece, and its pause: 6.4 MB a second, a fraction of what the ring carries. */
static const apr_interval_time_t pause_piece = 5000, pause_busy = 20000;

struct letter {
    struct letter *next;
    apr_uint64_t id;
    int is_request; /* then the bytes are the message */
    wire_writer_t bytes;
    apr_size_t offset; /* sent so far */
};

struct outbox {
    pthread_mutex_t lock;
    char node[REMOTE_NAME_MAX + 1], subcluster[REMOTE_NAME_MAX + 1];
    struct letter *first, **last;
    apr_size_t bytes;
    apr_time_t due; /* not before */
};

static void copy_name(char to[REMOTE_NAME_MAX + 1], const char *name)
{
    apr_size_t length = strnlen(name, REMOTE_NAME_MAX);

    memcpy(to, name, length);
    to[length] = '\0';
}

outbox_t *outbox_create(const char *node, const char *subcluster)
{
    outbox_t *outbox = calloc(1, sizeof(*outbox));

    EC_ASSERT(outbox != NULL);
    pthread_mutex_init(&outbox->lock, NULL);
    copy_name(outbox->node, node);
    copy_name(outbox->subcluster, subcluster);
    outbox->last = &outbox->first;
    return outbox;
}

static struct letter *take(outbox_t *outbox)
{
    struct letter *letter = outbox->first;

    outbox->first = letter->next;
    if (outbox->first == NULL)
        outbox->last = &outbox->first;
    letter->next = NULL;
    return letter;
}

static void put(outbox_t *outbox, struct letter *letter)
{
    *outbox->last = letter;
    outbox->last = &letter->next;
}

static void end(outbox_t *outbox, struct letter *letter)
{
    outbox->bytes -= letter->bytes.length;
    wire_free(&letter->bytes);
    free(letter);
}

void outbox_destroy(outbox_t *outbox)
{
    while (outbox->first != NULL)
        end(outbox, take(outbox));
    pthread_mutex_destroy(&outbox->lock);
    free(outbox);
}

static struct letter *make_letter(apr_uint64_t id, int is_request)
{
    struct letter *letter = calloc(1, sizeof(*letter));

    EC_ASSERT(letter != NULL);
    letter->id = id;
    letter->is_request = is_request;
    return letter;
}

static void add(outbox_t *outbox, struct letter *letter)
{
    pthread_mutex_lock(&outbox->lock);
    if (!letter->is_request && outbox->bytes + letter->bytes.length > OUTBOX_BYTES_MAX) {
        wire_free(&letter->bytes);
        remote_tree_write_error(
            &letter->bytes, "too many answers wait to be sent by this node; ask again later, or for less");
    }
    outbox->bytes += letter->bytes.length;
    put(outbox, letter);
    pthread_mutex_unlock(&outbox->lock);
}

void outbox_add_request(outbox_t *outbox, const struct remote_request *request)
{
    struct letter *letter = make_letter(request->id, 1);

    remote_write_request(&letter->bytes, request);
    add(outbox, letter);
}

void outbox_add_reply(outbox_t *outbox, apr_uint64_t id, wire_writer_t *bytes)
{
    struct letter *letter = make_letter(id, 0);

    letter->bytes = *bytes;
    memset(bytes, 0, sizeof(*bytes));
    add(outbox, letter);
}

/* Returns whether it was sent. */
static int send_piece(outbox_t *outbox, struct letter *letter, outbox_send_fn *say, void *baton)
{
    apr_size_t left = letter->bytes.length - letter->offset;
    struct remote_piece piece = {
        .id = letter->id,
        .node = outbox->node,
        .subcluster = outbox->subcluster,
        .total = letter->bytes.length,
        .offset = letter->offset,
        .data = letter->bytes.data + letter->offset,
        .length = left < REMOTE_PIECE ? left : REMOTE_PIECE,
    };
    wire_writer_t writer = { 0 };
    apr_status_t rv;

    if (letter->is_request) {
        piece.length = left;
        rv = say(baton, letter->bytes.data, letter->bytes.length);
    } else {
        remote_write_piece(&writer, &piece);
        rv = say(baton, writer.data, writer.length);
        wire_free(&writer);
    }
    if (rv == APR_SUCCESS)
        letter->offset += piece.length;
    return rv == APR_SUCCESS;
}

void outbox_turn(outbox_t *outbox, outbox_send_fn *say, void *baton, apr_time_t now)
{
    pthread_mutex_lock(&outbox->lock);
    if (outbox->first != NULL && outbox->due <= now) {
        int is_sent = send_piece(outbox, outbox->first, say, baton);
        struct letter *letter = is_sent ? take(outbox) : NULL;

        if (letter != NULL && letter->offset == letter->bytes.length)
            end(outbox, letter);
        else if (letter != NULL)
            put(outbox, letter);
        outbox->due = now + (is_sent ? pause_piece : pause_busy);
    }
    pthread_mutex_unlock(&outbox->lock);
}

apr_time_t outbox_next(outbox_t *outbox)
{
    apr_time_t next;

    pthread_mutex_lock(&outbox->lock);
    next = outbox->first != NULL ? outbox->due + 1 : 0;
    pthread_mutex_unlock(&outbox->lock);
    return next;
}
