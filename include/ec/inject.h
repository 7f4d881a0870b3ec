/* inject.h - a message of one's own
 * SPDX-License-Identifier: Apache-2.0
 *
 *     ec_batch_t *batch = ec_batch_create();
 *     ec_batch_set_sender(batch, "robot@here.example");
 *     ec_batch_add_recipient(batch, "somebody@there.example");
 *     ec_header_add(batch, "From", "Robot <robot@here.example>");
 *     ec_header_add(batch, "Subject", "Gr\303\274\303\237e");
 *     ec_batch_append(batch, text, strlen(text));
 *     ec_instance_hold(self->instance);              (in on_injected: ec_instance_release())
 *     ec_batch_inject(batch, on_injected, self);
 *
 * Date and Message-ID are added where they are missing. */
#ifndef EC_INJECT_H
#define EC_INJECT_H

#include <ec/header.h>
#include <ec/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An empty batch with one reference; protocol "internal", EC_BATCH_INTERNAL.  On a loop. */
ec_batch_t *ec_batch_create(void);

/** Append to the body.  Lines may end in LF or CR LF, they are kept with CR LF; a CR alone is dropped.  The first call ends
 * the header: fields are still added in front of it by ec_header_*.  EC_E_DENIED for a batch that is not one's own;
 * ENOSPC and others from the disk, above large_message_threshold. */
apr_status_t ec_batch_append(ec_batch_t *batch, const void *data, apr_size_t len);

/** `rv`: APR_SUCCESS when the message is on disk and in its queue, counted as generated. */
typedef void ec_injected_fn(void *baton, apr_status_t rv);
/** Store it and send it on its way.  Takes the reference.  Hooks message_spool, message_route, message_accepted and
 * log_reception see it.  `done` (may be NULL) runs once on the calling loop, never inside this call; keeps `baton` (an
 * instance is held for that, see ec_instance_hold()).
 * EC_E_SYNTAX without a recipient; EC_E_BUSY before the server has started and when it has ended; EC_E_SPOOL_FAILED and others from the disk. */
void ec_batch_inject(ec_batch_t *batch, ec_injected_fn *done, void *baton);

#ifdef __cplusplus
}
#endif
#endif
