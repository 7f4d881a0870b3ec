/* message.h - batches, messages and bodies
 * SPDX-License-Identifier: Apache-2.0
 *
 * A *batch* is what one reception brought: sender, body, and one *message* per
 * recipient (message-flow.md A1: n recipients are n messages with n ids and one batch
 * id).  The batch is shared by its messages, so a message to many has one body in
 * memory and on disk.
 * A batch is built on one loop; once it is stored it is immutable and may be read by
 * any thread that holds a reference. */
#ifndef EC_MESSAGE_H
#define EC_MESSAGE_H

#include <apr_time.h>
#include <ec/id.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_batch ec_batch_t;

enum {
    EC_BATCH_8BIT = 1,        /* BODY=8BITMIME was declared */
    EC_BATCH_INTERNAL = 2     /* made by this server (bounces) */
};

/** Hold a batch beyond the call that showed it, and let go of it.  Any thread. */
ec_batch_t *ec_batch_ref(ec_batch_t *batch);
void ec_batch_unref(ec_batch_t *batch);

/** What is known of it.  Texts live as long as the batch. */
ec_id_t ec_batch_id(const ec_batch_t *batch);
ec_id_t ec_batch_connection(const ec_batch_t *batch);      /* inbound connection; null for internal mail */
apr_time_t ec_batch_received(const ec_batch_t *batch);     /* wall time, microseconds */
const char *ec_batch_sender(const ec_batch_t *batch);      /* "" is the null sender; without <> */
const char *ec_batch_source(const ec_batch_t *batch);      /* peer address text; "" for internal mail */
const char *ec_batch_protocol(const ec_batch_t *batch);    /* "esmtp", "internal", ... (log-formats.md 2.1) */
apr_size_t ec_batch_size(const ec_batch_t *batch);         /* bytes of the message, as stored */
int ec_batch_flags(const ec_batch_t *batch);

/** Its recipients, numbered from 0.  Each is a message of its own, with an id of its own. */
int ec_batch_recipients(const ec_batch_t *batch);
const char *ec_batch_recipient(const ec_batch_t *batch, int i);       /* local@domain as given */
const char *ec_batch_domain(const ec_batch_t *batch, int i);          /* where it is routed, lower case */
ec_id_t ec_batch_message_id(const ec_batch_t *batch, int i);
/** By which binding of which group it was to leave when it was stored; before that what was set last, else "default".
 * A queue's own are in ec/out.h: they differ after the binding has left the configuration. */
const char *ec_batch_binding(const ec_batch_t *batch, int i);
const char *ec_batch_binding_group(const ec_batch_t *batch, int i);

/* ---- changing it: until it is stored, so in the hooks up to message_spool; then EC_E_DENIED ------- */

enum { EC_BATCH_RECIPIENTS_MAX = 100000 };

/** The sender, "" for the null sender.  EC_E_SYNTAX for what is no local@domain (quoted local parts with spaces are
 * none here), EC_E_TOO_LONG, EC_E_LIMIT for too many recipients.  Copies. */
apr_status_t ec_batch_set_sender(ec_batch_t *batch, const char *sender);
apr_status_t ec_batch_add_recipient(ec_batch_t *batch, const char *recipient);
/** Take recipient `i` away; those behind it move up by one.  When none is left at the end of data the client is
 * told so and nothing is stored; message_spool may not take the last one away (EC_E_DENIED). */
apr_status_t ec_batch_remove_recipient(ec_batch_t *batch, int i);
/** Send recipient `i` where mail for `domain` goes, whatever its address says: the domain's options, gateway and routes
 * hold for it.  Stored with the message. */
apr_status_t ec_batch_set_route(ec_batch_t *batch, int i, const char *domain);
/** Send recipient `i` by a binding, or by one of the bindings of a group, whatever its context says; the last word
 * counts.  Which names the configuration has is looked up when the last hook has run: mail for one that it has
 * not goes by the default binding, and that is logged once.  Stored with the message.  EC_E_SYNTAX for an empty
 * name or one with spaces, EC_E_TOO_LONG beyond 255 bytes.  Copies. */
apr_status_t ec_batch_set_binding(ec_batch_t *batch, int i, const char *name);
apr_status_t ec_batch_set_binding_group(ec_batch_t *batch, int i, const char *name);

/* ---- its bytes ------------------------------------------------------------------------------------- */

/** Visit the stored message (header, empty line, body; CRLF lines; not dot-stuffed) from `offset`:
 * sets `*data`, `*len` to bytes that stay valid while the batch is held; *len 0 at the end.
 * A body on disk (ec_batch_is_large) is not reachable this way: APR_ENOTIMPL. */
apr_status_t ec_batch_peek(const ec_batch_t *batch, apr_size_t offset, const char **data, apr_size_t *len);
/** Is its body a file on disk (large_message_threshold)? */
int ec_batch_is_large(const ec_batch_t *batch);
/** Copy bytes from `offset`; *len is the room, then what was read (0 at the end).  Blocks on disk for
 * large ones: run it as a job. */
apr_status_t ec_batch_read(const ec_batch_t *batch, apr_size_t offset, void *buffer, apr_size_t *len);

/** The first header field `name` (any case), unfolded into `buffer` of `room` bytes and cut to it; 0 when there is none
 * in the first 64 KiB, or when the body is not in memory.  Never blocks. */
int ec_batch_header(const ec_batch_t *batch, const char *name, char *buffer, apr_size_t room);

#ifdef __cplusplus
}
#endif
#endif
