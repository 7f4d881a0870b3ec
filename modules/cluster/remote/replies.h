/* replies.h - replies to commands that nobody waits for, until they are fetched
 * SPDX-License-Identifier: Apache-2.0
 *
 * One reply for each command and node: a later request with the same words takes the place of an earlier one.
 * The oldest go when there are too many.  The same bytes are the file.  One thread. */
#ifndef CLUSTER_REMOTE_REPLIES_H
#define CLUSTER_REMOTE_REPLIES_H

#include "cluster/remote/asking.h"

enum {
    REPLIES_MAX = 4096,
    REPLIES_BYTES_MAX = 32 * 1024 * 1024,
    REPLIES_FILE_MAX = REPLIES_BYTES_MAX + 1024 * 1024
};

struct reply {
    struct reply *next;   /* older first */
    apr_time_t when;      /* it came, or was asked for */
    apr_uint64_t request; /* which request it is to; 0: of an earlier life of the manager */
    enum asking_end end;
    const char *command, *node, *subcluster;
    unsigned char *bytes; /* tree.h; NULL without an answer */
    apr_size_t length;
};

typedef struct {
    struct reply *first, *last;
    int count;
    apr_size_t bytes;
    apr_uint64_t latest,
        flushed; /* requests: the latest one; replies to this one and to those before it are thrown away */
} replies_t;

/** An empty one is all zero.  What is stored is copied; a reply is borrowed until the next change. */

/** A reply is awaited: what this node has said to these words before goes. */
void replies_expect(replies_t *replies, const char *command, apr_uint64_t request,
                    const struct asking_node *node, apr_time_t now);
/** It has come, or will not come.  Nothing happens when a later request has taken its place. */
void replies_store(replies_t *replies, const char *command, apr_uint64_t request,
                   const struct asking_node *node, apr_time_t now);
/** The next behind `previous` (NULL: the first) that is to `command` (NULL: any), of `node` and in
 * `subcluster` (NULL: any). */
const struct reply *replies_next(const replies_t *replies, const struct reply *previous, const char *command,
                                 const char *node, const char *subcluster);
void replies_clear(replies_t *replies);

void replies_write(const replies_t *replies, wire_writer_t *writer);
/** Into an empty one.  Returns whether all was understood; what was before the damage is there. */
int replies_read(replies_t *replies, const void *bytes, apr_size_t length);

#endif
