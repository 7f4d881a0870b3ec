/* format.h - from an event to a line that is a JSON object
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure.  Each writes one line without newline into `line` (EC_LINE_MAX bytes) and returns its
 * length: 0 when it does not fit, which the server's limits do not allow to happen. */
#ifndef JSON_LOGGER_FORMAT_H
#define JSON_LOGGER_FORMAT_H

#include <ec/bounce.h>
#include <ec/event.h>
#include <ec/logline.h>

apr_size_t format_json_reception(char *line, const ec_event_t *event);
apr_size_t format_json_delivery(char *line, const ec_event_t *event);
/** `type`: "transient_failure" or "permanent_failure". */
apr_size_t format_json_failure(char *line, const char *type, const ec_event_t *event, const ec_bounce_class_t *class);
apr_size_t format_json_rejection(char *line, const ec_rejection_t *rejection);
apr_size_t format_json_heartbeat(char *line, apr_time_t when);
#endif
