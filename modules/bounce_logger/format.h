/* format.h - from a failure to a line of the bouncelog
 * SPDX-License-Identifier: Apache-2.0
 *
 * log-formats.md section 3.  Pure.  Writes one line without newline into `line` (EC_LINE_MAX
 * bytes) and returns its length. */
#ifndef BOUNCE_LOGGER_FORMAT_H
#define BOUNCE_LOGGER_FORMAT_H

#include <ec/event.h>
#include <ec/logline.h>

/** `type`: 'B' or 'T'; `class`: its classification code. */
apr_size_t format_bounce(char *line, char type, const ec_event_t *event, int class, int is_hires);
apr_size_t format_bounce_heartbeat(char *line, apr_time_t when, int is_hires);
#endif
