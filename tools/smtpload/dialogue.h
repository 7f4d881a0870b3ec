/* dialogue.h - the SMTP dialogue from the client's side
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPLOAD_DIALOGUE_H
#define SMTPLOAD_DIALOGUE_H

#include "load.h"

/** A connect has begun. */
void dialogue_start(struct conn *conn);

/** A line of a reply that is not its last one. */
void dialogue_more(struct conn *conn, const char *text, size_t length);

/** A reply's last line; `line` is all of it, `length` without its line end. */
void dialogue_reply(struct conn *conn, int code, const char *line, size_t length);

/** The connection is gone: count the message that was under way. */
void dialogue_abandon(struct conn *conn);

/** --rate lets an idle connection go on, or the run is over. */
void dialogue_wake(struct conn *conn);

/** Has the server not greeted yet? */
bool dialogue_is_connecting(const struct conn *conn);

/** Is QUIT sent? */
bool dialogue_is_quitting(const struct conn *conn);

#endif
