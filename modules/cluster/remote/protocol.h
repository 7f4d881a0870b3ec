/* protocol.h - requests and replies among the consoles of a cluster
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two kinds of messages in the control group, each a byte (its kind) and a block:
 *   request  id, target, its name, the words of the command
 *   reply    id, name and subcluster of the node, length of the whole, offset, a piece of it (tree.h)
 * Replies of one node to one request come in order, without gaps.  Whoever reads a block passes over what a
 * newer version has added behind the fields that it knows. Pure; any thread. */
#ifndef CLUSTER_REMOTE_PROTOCOL_H
#define CLUSTER_REMOTE_PROTOCOL_H

#include <apr_pools.h>

#include "cluster/remote/tree.h"

enum { REMOTE_REQUEST = 'q', REMOTE_REPLY = 'r' };

enum {
    REMOTE_PIECE = 32 * 1024,       /* of a reply, in one message */
    REMOTE_WORDS_MAX = 1024,        /* as a console takes them */
    REMOTE_COMMAND_MAX = 64 * 1024, /* bytes of all words */
    REMOTE_NAME_MAX = 63
};

#define REMOTE_TARGETS(X)              X(ALL, "all") X(NODE, "node") X(SUBCLUSTER, "subcluster")
#define REMOTE_TARGET_ENUM(name, text) REMOTE_##name,
enum remote_target { REMOTE_TARGETS(REMOTE_TARGET_ENUM) REMOTE_TARGET_COUNT };
#undef REMOTE_TARGET_ENUM

struct remote_request {
    apr_uint64_t id; /* made by the one who asks; its upper half is random for the process */
    enum remote_target target;
    const char *name; /* of a node or a subcluster; "" for all */
    int n;
    const char *const *words;
};

struct remote_piece {
    apr_uint64_t id;
    const char *node, *subcluster;
    apr_size_t total, offset;
    const void *data; /* borrowed from the message */
    apr_size_t length;
};

void remote_write_request(wire_writer_t *writer, const struct remote_request *request);
void remote_write_piece(wire_writer_t *writer, const struct remote_piece *piece);
/** Texts are copied into `pool`.  Returns NULL, or what is wrong. */
const char *remote_read_request(struct remote_request *request, const void *data, apr_size_t length,
                                apr_pool_t *pool);
const char *remote_read_piece(struct remote_piece *piece, const void *data, apr_size_t length,
                              apr_pool_t *pool);
/** The id alone, without looking at the rest; 0 when there is none. */
apr_uint64_t remote_peek_id(const void *data, apr_size_t length);

/** Is a node of this name and subcluster meant? */
int remote_is_meant(const struct remote_request *request, const char *node, const char *subcluster);

#endif
