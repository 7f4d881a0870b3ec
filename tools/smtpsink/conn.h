/* conn.h - a connection's bytes in and out, its pauses and its end
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPSINK_CONN_H
#define SMTPSINK_CONN_H

#include "sink.h"

/** Accept what waits at the listeners that have reported; part of a turn, after conn_send_all. */
void conn_accept_all(struct sink *sink);

/** Go on with the pauses that are over; returns milliseconds to the next one, -1 when there is none. */
int conn_resume_due(struct sink *sink);

/** Write the record lines, then send every answer made in this turn, and free what is closed. */
void conn_send_all(struct sink *sink);

/** Close and free every connection, without a word. */
void conn_end_all(struct sink *sink);

/** Answer; sent at the end of the turn. */
void conn_reply(struct conn *conn, const char *line);

/** Use no more input until `delay_us` have passed, then go on with conn->stage. */
void conn_pause(struct conn *conn, int64_t delay_us);

/** Never answer again, but notice when the client goes. */
void conn_hang(struct conn *conn);

/** Close without another byte; with `reset` the client sees RST. */
void conn_drop(struct conn *conn, bool reset);

/** Close when the answers made so far are sent. */
void conn_finish(struct conn *conn);

/** May more input be used now? */
bool conn_is_blocked(const struct conn *conn);

#endif
