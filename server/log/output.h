/* output.h - where a finished log line goes: standard error, sinks, recent lines
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_OUTPUT_H
#define LOG_OUTPUT_H

#include <ec/log.h>

/** Longest text of a message, its NUL included.  With time and level it still is less than
 * PIPE_BUF, so that one write of a line is whole or not at all. */
enum { LOG_TEXT = 3968 };

/** A context with the prefix of `log` and the level of the root, for what outlives `log`. */
ec_log_t *log_context_copy(const ec_log_t *log, apr_pool_t *pool);

/** Give a line to all outputs.  Any thread. */
void log_output(ec_log_level_t level, apr_time_t when, const char *text);

#endif
