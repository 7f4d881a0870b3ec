/* counters.h - what the sink counts, and where it says so
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPSINK_COUNTERS_H
#define SMTPSINK_COUNTERS_H

#include "sink.h"

/** A connection is there, a connection is gone: counters and the --trace-connections line. */
void counters_open(struct sink *sink, struct conn *conn);
void counters_close(struct sink *sink, struct conn *conn);

/** A --trace-connections line about this connection; `extra` is a column more, or NULL. */
void counters_trace(const struct conn *conn, const char *what, const char *extra);

/** Print to --count-file (replaced whole), or to stdout when there is none. */
void counters_publish(const struct sink *sink);

/** Print to stdout. */
void counters_print(const struct sink *sink);

#endif
