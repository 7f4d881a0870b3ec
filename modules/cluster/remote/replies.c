/* replies.c - replies that are kept until they are fetched
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/replies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char magic[] = "ecelerity replies 1\n";

static apr_size_t size_of(const struct reply *reply)
{
    return sizeof *reply + reply->length + strlen(reply->command) + strlen(reply->node) +
           strlen(reply->subcluster) + 3;
}

/* ---- one more, one less ---------------------------------------------------------------------------------
 */

static void free_reply(struct reply *reply)
{
    free((char *)reply->command);
    free((char *)reply->node);
    free((char *)reply->subcluster);
    free(reply->bytes);
    free(reply);
}

static void remove_at(replies_t *replies, struct reply **at, struct reply *before)
{
    struct reply *reply = *at;

    *at = reply->next;
    if (replies->last == reply)
        replies->last = before;
    replies->count--;
    replies->bytes -= size_of(reply);
    free_reply(reply);
}

static void trim(replies_t *replies)
{
    while (replies->count > REPLIES_MAX || replies->bytes > REPLIES_BYTES_MAX)
        remove_at(replies, &replies->first, NULL);
}

/* Takes `reply`. */
static void append(replies_t *replies, struct reply *reply)
{
    if (replies->last != NULL)
        replies->last->next = reply;
    else
        replies->first = reply;
    replies->last = reply;
    replies->count++;
    replies->bytes += size_of(reply);
    trim(replies);
}

static char *copy(const char *text)
{
    char *result = strdup(text);

    EC_ASSERT(result != NULL);
    return result;
}

static struct reply *create(const char *command, const char *node, const char *subcluster)
{
    struct reply *reply = calloc(1, sizeof *reply);

    EC_ASSERT(reply != NULL);
    reply->command = copy(command);
    reply->node = copy(node);
    reply->subcluster = copy(subcluster);
    return reply;
}

static void set_bytes(struct reply *reply, const void *bytes, apr_size_t length)
{
    reply->bytes = malloc(length > 0 ? length : 1);
    EC_ASSERT(reply->bytes != NULL);
    memcpy(reply->bytes, bytes, length);
    reply->length = length;
}

/* ---- what the manager does -------------------------------------------------------------------------------
 */

static void drop(replies_t *replies, const char *command, const char *node)
{
    struct reply *before = NULL;

    for (struct reply **at = &replies->first; *at != NULL; before = *at, at = &(*at)->next) {
        if (strcasecmp((*at)->node, node) == 0 && strcmp((*at)->command, command) == 0) {
            remove_at(replies, at, before);
            return;
        }
    }
}

void replies_expect(replies_t *replies, const char *command, apr_uint64_t request,
                    const struct asking_node *node, apr_time_t now)
{
    struct reply *reply = create(command, node->name, node->subcluster);

    drop(replies, command, node->name);
    reply->when = now;
    reply->request = request;
    replies->latest = request > replies->latest ? request : replies->latest;
    append(replies, reply);
}

static int is_later_there(const replies_t *replies, const char *command, const char *node,
                          apr_uint64_t request)
{
    const struct reply *reply = replies_next(replies, NULL, command, node, NULL);

    return reply != NULL && reply->request > request;
}

void replies_store(replies_t *replies, const char *command, apr_uint64_t request,
                   const struct asking_node *node, apr_time_t now)
{
    struct reply *reply;

    if (request <= replies->flushed || is_later_there(replies, command, node->name, request))
        return;
    drop(replies, command, node->name);
    reply = create(command, node->name, node->subcluster);
    reply->when = now;
    reply->request = request;
    reply->end = node->end;
    if (node->end == ASKING_ANSWERED)
        set_bytes(reply, node->bytes.data, node->bytes.length);
    append(replies, reply);
}

const struct reply *replies_next(const replies_t *replies, const struct reply *previous, const char *command,
                                 const char *node, const char *subcluster)
{
    const struct reply *reply = previous != NULL ? previous->next : replies->first;

    while (reply != NULL && ((command != NULL && strcmp(reply->command, command) != 0) ||
                             (node != NULL && strcasecmp(reply->node, node) != 0) ||
                             (subcluster != NULL && strcasecmp(reply->subcluster, subcluster) != 0)))
        reply = reply->next;
    return reply;
}

void replies_clear(replies_t *replies)
{
    while (replies->first != NULL)
        remove_at(replies, &replies->first, NULL);
    replies->flushed = replies->latest;
}

/* ---- the file
 * ------------------------------------------------------------------------------------------------ */

static void write_text(wire_writer_t *writer, const char *text)
{
    wire_write_bytes(writer, text, strlen(text));
}

void replies_write(const replies_t *replies, wire_writer_t *writer)
{
    wire_write_raw(writer, magic, sizeof magic - 1);
    for (const struct reply *reply = replies->first; reply != NULL; reply = reply->next) {
        apr_size_t began = wire_block_begin(writer);

        wire_write(writer, (apr_uint64_t)reply->when);
        wire_write(writer, (apr_uint64_t)reply->end);
        write_text(writer, reply->command);
        write_text(writer, reply->node);
        write_text(writer, reply->subcluster);
        wire_write_bytes(writer, reply->bytes, reply->length);
        wire_block_end(writer, began);
    }
}

static char *read_text(wire_reader_t *reader, apr_size_t max)
{
    apr_size_t length;
    const char *bytes = wire_read_bytes(reader, &length, max);
    char *text = strndup(bytes, length);

    EC_ASSERT(text != NULL);
    return text;
}

static int read_one(replies_t *replies, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);
    struct reply *reply = calloc(1, sizeof *reply);
    const void *bytes;
    apr_size_t length;

    EC_ASSERT(reply != NULL);
    reply->when = (apr_time_t)wire_read_max(&block, APR_INT64_MAX);
    reply->end = (enum asking_end)wire_read_max(&block, ASKING_END_COUNT - 1);
    reply->command = read_text(&block, REMOTE_COMMAND_MAX + REMOTE_WORDS_MAX);
    reply->node = read_text(&block, REMOTE_NAME_MAX);
    reply->subcluster = read_text(&block, REMOTE_NAME_MAX);
    bytes = wire_read_bytes(&block, &length, TREE_BYTES_MAX);
    if (block.is_bad) {
        free_reply(reply);
        return 0;
    }
    if (reply->end == ASKING_ANSWERED)
        set_bytes(reply, bytes, length);
    else if (reply->end == ASKING_WAITING)
        reply->end = ASKING_ENDED;
    append(replies, reply);
    return 1;
}

int replies_read(replies_t *replies, const void *bytes, apr_size_t length)
{
    wire_reader_t reader = wire_reader(bytes, length);

    if (length < sizeof magic - 1 || memcmp(bytes, magic, sizeof magic - 1) != 0)
        return 0;
    reader.at += sizeof magic - 1;
    while (wire_has_more(&reader)) {
        if (!read_one(replies, &reader))
            return 0;
    }
    return !reader.is_bad;
}
