/* recent.h - the last lines of each level, for the console
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_RECENT_H
#define LOG_RECENT_H

#include <ec/log.h>

/** Copies `text`.  Any thread. */
void log_recent_add(ec_log_level_t level, apr_time_t when, const char *text);

#endif
