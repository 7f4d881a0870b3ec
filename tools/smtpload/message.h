/* message.h - the messages that are sent
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPLOAD_MESSAGE_H
#define SMTPLOAD_MESSAGE_H

#include "load.h"

/** Make or read the text that bodies are cut from. */
void message_prepare(struct load *load);

/** Make the next message: header, pieces to send (final dot included), size, and the digest when it will be
 * recorded. */
void message_make(struct load *load, struct message *message, uint64_t number);

/** The address of a message's recipient `index`. */
void message_recipient(const struct load *load, uint64_t number, unsigned index, char mailbox[MAILBOX_MAX]);

#endif
