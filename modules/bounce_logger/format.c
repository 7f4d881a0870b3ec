/* format.c - from a failure to a line of the bouncelog
 * SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

apr_size_t format_bounce(char *text, char type, const ec_event_t *event, int class, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, event->when, is_hires);
    ec_line_field_id(&line, event->id);
    ec_line_field_id(&line, event->batch_id);
    ec_line_field_id(&line, event->connection);
    ec_line_char(&line, '@');
    ec_line_char(&line, type);
    ec_line_field_address(&line, event->recipient);
    ec_line_field_address(&line, event->sender);
    ec_line_field(&line, event->group);
    ec_line_field(&line, event->binding);
    ec_line_field_int(&line, event->stage);
    ec_line_field_int(&line, class);
    ec_line_field_int(&line, (apr_int64_t)event->message_size);
    ec_line_field(&line, event->address);
    ec_line_field_last(&line, event->text);
    return ec_line_end(&line);
}

apr_size_t format_bounce_heartbeat(char *text, apr_time_t when, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, when, is_hires);
    ec_line_text(&line, "@@@@M1");
    return ec_line_end(&line);
}
