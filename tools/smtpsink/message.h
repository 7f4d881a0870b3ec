/* message.h - one message on its way in: envelope, size, and for --record its header and digest
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPSINK_MESSAGE_H
#define SMTPSINK_MESSAGE_H

#include "sink.h"

void message_sender(struct conn *conn, const char *address);
void message_recipient(struct conn *conn, const char *address);

/** DATA was answered with 354: what follows is text. */
void message_start(struct conn *conn);

/** Use text up to the end of data or of the input; sets *is_complete, returns how much was used. */
size_t message_input(struct conn *conn, const char *data, size_t length, bool *is_complete);

/** What forbids the message that is complete now, as a reply line; NULL when nothing does. */
const char *message_objection(const struct conn *conn);

/** Count the message, which is about to be answered with 2xx, and make its record line. */
void message_accept(struct conn *conn);

/** Forget the transaction. */
void message_reset(struct conn *conn);

void message_free(struct conn *conn);

#endif
