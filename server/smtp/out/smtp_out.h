/* smtp_out.h - delivery over SMTP and LMTP: the transport of the queues
 * SPDX-License-Identifier: Apache-2.0
 *
 *   queue opens a session -> route -> connect -> banner, EHLO -> take an attempt -> MAIL, RCPT, DATA ->
 *   mark -> body, dot -> results -> settled -> next attempt ... -> idle -> QUIT
 *
 * The drawing of the states is in session.h.  Everything of a session happens on its queue's loop. */
#ifndef SMTP_OUT_SMTP_OUT_H
#define SMTP_OUT_SMTP_OUT_H

#include <ec/command.h>
#include "queue/queue.h"

/** For queue_set_transport(). */
extern const queue_transport_t smtp_out_transport;

/** "show outbound": the sessions of all loops. */
extern const ec_command_t smtp_out_commands[];
#endif
