/* format.h - from an event to a line of mainlog, rejectlog, paniclog or acctlog
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure.  Each writes one line without newline into `line` (EC_LINE_MAX bytes) and returns its
 * length.  What does not fit is cut at the end; every line that the server's limits allow
 * does fit. */
#ifndef EC_LOGGER_FORMAT_H
#define EC_LOGGER_FORMAT_H

#include <ec/event.h>
#include <ec/logline.h>

/** `is_hires`: times with 16 digits, microseconds. */
apr_size_t format_reception(char *line, const ec_event_t *event, int is_hires);
apr_size_t format_delivery(char *line, const ec_event_t *event, int is_hires);
/** `type`: 'T' or 'P'. */
apr_size_t format_failure(char *line, char type, const ec_event_t *event, int is_hires);
apr_size_t format_heartbeat(char *line, apr_time_t when, int is_hires);

apr_size_t format_rejection(char *line, const ec_rejection_t *rejection, int is_hires);
apr_size_t format_reject_heartbeat(char *line, apr_time_t when, int is_hires);

/** acctlog: authorization (Z). */
apr_size_t format_access(char *line, const ec_access_event_t *event, int is_hires);

/** paniclog: "time:text". */
apr_size_t format_panic(char *line, apr_time_t when, const char *text, int is_hires);
#endif
