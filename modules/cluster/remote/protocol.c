/* protocol.c - requests and replies among the consoles of a cluster
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/protocol.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* ---- writing ------------------------------------------------------------------------------------ */

static apr_size_t begin(wire_writer_t *writer, int kind, apr_uint64_t id)
{
    unsigned char byte = (unsigned char)kind;
    apr_size_t began;

    wire_write_raw(writer, &byte, 1);
    began = wire_block_begin(writer);
    wire_write_fixed(writer, id);
    return began;
}

static void write_name(wire_writer_t *writer, const char *name)
{
    wire_write_bytes(writer, name, strnlen(name, REMOTE_NAME_MAX));
}

void remote_write_request(wire_writer_t *writer, const struct remote_request *request)
{
    apr_size_t began = begin(writer, REMOTE_REQUEST, request->id);

    wire_write(writer, (apr_uint64_t)request->target);
    write_name(writer, request->name);
    wire_write(writer, (apr_uint64_t)request->n);
    for (int i = 0; i < request->n; i++)
        wire_write_bytes(writer, request->words[i], strlen(request->words[i]));
    wire_block_end(writer, began);
}

void remote_write_piece(wire_writer_t *writer, const struct remote_piece *piece)
{
    apr_size_t began = begin(writer, REMOTE_REPLY, piece->id);

    write_name(writer, piece->node);
    write_name(writer, piece->subcluster);
    wire_write(writer, piece->total);
    wire_write(writer, piece->offset);
    wire_write_bytes(writer, piece->data, piece->length);
    wire_block_end(writer, began);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static const char *read_text(wire_reader_t *reader, apr_size_t max, apr_pool_t *pool)
{
    apr_size_t length;
    const char *bytes = wire_read_bytes(reader, &length, max);

    return apr_pstrmemdup(pool, bytes, length);
}

/* Behind the kind: the block, at its id. */
static wire_reader_t open_block(const void *data, apr_size_t length)
{
    wire_reader_t reader = wire_reader(data, length);

    if (length == 0)
        reader.is_bad = 1;
    else
        reader.at++;
    return wire_read_block(&reader);
}

apr_uint64_t remote_peek_id(const void *data, apr_size_t length)
{
    wire_reader_t block = open_block(data, length);

    return wire_read_fixed(&block);
}

static const char *const *read_words(wire_reader_t *block, int n, apr_pool_t *pool)
{
    const char **words = apr_pcalloc(pool, (apr_size_t)(n + 1) * sizeof *words);
    apr_size_t bytes = 0;

    for (int i = 0; i < n; i++) {
        words[i] = read_text(block, REMOTE_COMMAND_MAX - bytes, pool);
        bytes += strlen(words[i]);
    }
    return words;
}

const char *remote_read_request(struct remote_request *request, const void *data, apr_size_t length,
                                apr_pool_t *pool)
{
    wire_reader_t block = open_block(data, length);

    request->id = wire_read_fixed(&block);
    request->target = (enum remote_target)wire_read_max(&block, REMOTE_TARGET_COUNT - 1);
    request->name = read_text(&block, REMOTE_NAME_MAX, pool);
    request->n = (int)wire_read_max(&block, REMOTE_WORDS_MAX);
    request->words = read_words(&block, request->n, pool);
    if (block.is_bad)
        return "a request that is damaged, or larger than it may be";
    return request->n > 0 ? NULL : "a request without a command";
}

const char *remote_read_piece(struct remote_piece *piece, const void *data, apr_size_t length,
                              apr_pool_t *pool)
{
    wire_reader_t block = open_block(data, length);

    piece->id = wire_read_fixed(&block);
    piece->node = read_text(&block, REMOTE_NAME_MAX, pool);
    piece->subcluster = read_text(&block, REMOTE_NAME_MAX, pool);
    piece->total = (apr_size_t)wire_read_max(&block, TREE_BYTES_MAX);
    piece->offset = (apr_size_t)wire_read_max(&block, TREE_BYTES_MAX);
    piece->data = wire_read_bytes(&block, &piece->length, REMOTE_PIECE);
    if (block.is_bad || piece->total == 0 || piece->length == 0 || piece->length > piece->total ||
        piece->offset > piece->total - piece->length)
        return "a reply that is damaged, or larger than it may be";
    return piece->node[0] != '\0' ? NULL : "a reply of a node without a name";
}

int remote_is_meant(const struct remote_request *request, const char *node, const char *subcluster)
{
    switch (request->target) {
    case REMOTE_NODE:
        return strcasecmp(request->name, node) == 0;
    case REMOTE_SUBCLUSTER:
        return strcasecmp(request->name, subcluster) == 0;
    default:
        return 1;
    }
}
