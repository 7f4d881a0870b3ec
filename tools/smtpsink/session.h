/* session.h - the SMTP dialogue
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPSINK_SESSION_H
#define SMTPSINK_SESSION_H

#include "sink.h"

/** A new connection: banner, unless --at or --max-connections say otherwise. */
void session_start(struct conn *conn);

/** Use as much of the input as can be used now; returns how much.  The connection may be closed by it. */
size_t session_input(struct conn *conn, const char *data, size_t length);

/** Go on with the stage that conn_pause interrupted. */
void session_resume(struct conn *conn);

/** Free what the dialogue keeps. */
void session_end(struct conn *conn);

#endif
