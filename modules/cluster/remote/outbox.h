/* outbox.h - messages that wait for their turn in the control group
 * SPDX-License-Identifier: Apache-2.0
 *
 * Large replies go in pieces with a pause between them, one after the other in turn: a small one does not
 * wait for a large one, and limits, whose messages use the same ring, wait for neither. Any thread. */
#ifndef CLUSTER_REMOTE_OUTBOX_H
#define CLUSTER_REMOTE_OUTBOX_H

#include "cluster/remote/protocol.h"

enum { OUTBOX_BYTES_MAX = 16 * 1024 * 1024 };

typedef struct outbox outbox_t;

/** Copies the names, which all replies carry. */
outbox_t *outbox_create(const char *node, const char *subcluster);
void outbox_destroy(outbox_t *outbox);

void outbox_add_request(outbox_t *outbox, const struct remote_request *request);
/** Takes the bytes (tree.h).  One for which there is no room is replaced by an error. */
void outbox_add_reply(outbox_t *outbox, apr_uint64_t id, wire_writer_t *bytes);

/** Send what is due.  `say`: APR_SUCCESS, or it is tried again a little later. */
typedef apr_status_t outbox_send_fn(void *baton, const void *data, apr_size_t length);
void outbox_turn(outbox_t *outbox, outbox_send_fn *say, void *baton, apr_time_t now);
/** When outbox_turn() is due; 0: there is nothing. */
apr_time_t outbox_next(outbox_t *outbox);

#endif
