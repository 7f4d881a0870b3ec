/* conn.h - a connection to the server: opening, bytes, ending
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPLOAD_CONN_H
#define SMTPLOAD_CONN_H

#include "load.h"

/** Start to connect; a failure is handled like one that comes later. */
void conn_open(struct conn *conn);

/** Send conn->command. */
void conn_send_command(struct conn *conn);

/** Send conn->message. */
void conn_send_message(struct conn *conn);

/** Is everything given to the kernel? */
bool conn_is_flushed(const struct conn *conn);

/** The connection is of no more use: count what was under way, then open it again, later, or not at all.
 * `why` is for the user. */
void conn_fail(struct conn *conn, const char *why);

/** The server would not let us in: like a failed connect. */
void conn_refused(struct conn *conn, const char *why);

/** Close without complaint; opens again when there is more to send. */
void conn_end(struct conn *conn);

/** Close for good. */
void conn_close(struct conn *conn);

/** Deadlines and retries of all connections. */
void conn_tick(struct load *load, int64_t now);

#endif
