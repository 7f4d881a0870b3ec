/* format.c - from an event to a line of mainlog or rejectlog
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields are separated by '@'.  Inside a field '@', backslash and control characters are
 * escaped as acctlog documents it; the last field of T and P is free text that readers
 * take whole, so there only control characters are escaped. */
#include "format.h"

#include <string.h>

/* ---- fields -------------------------------------------------------------------------- */

static void field_bytes(ec_line_t *line, const char *text, apr_size_t length)
{
    ec_line_char(line, '@');
    ec_line_escaped(line, text, length, "@\\");
}

static void field(ec_line_t *line, const char *text)
{
    field_bytes(line, text, strlen(text));
}

static void field_id(ec_line_t *line, ec_id_t id)
{
    ec_line_char(line, '@');
    ec_line_id(line, id);
}

static void field_int(ec_line_t *line, apr_int64_t n)
{
    ec_line_char(line, '@');
    ec_line_int(line, n);
}

static void field_seconds(ec_line_t *line, apr_interval_time_t span)
{
    ec_line_char(line, '@');
    ec_line_seconds(line, span, 6);
}

/* Two fields: local part and domain. */
static void field_address(ec_line_t *line, const char *address)
{
    const char *at = strrchr(address, '@');

    field_bytes(line, address, at != NULL ? (apr_size_t)(at - address) : strlen(address));
    field(line, at != NULL ? at + 1 : "");
}

static void begin(ec_line_t *line, char *text, const ec_event_t *event, const char *type, int is_hires)
{
    ec_line_begin(line, text, EC_LINE_MAX);
    ec_line_time(line, event->when, is_hires);
    field_id(line, event->id);
    field_id(line, event->batch_id);
    field_id(line, event->connection);
    field(line, type);
}

/* ---- mainlog ------------------------------------------------------------------------- */

apr_size_t format_reception(char *text, const ec_event_t *event, int is_hires)
{
    ec_line_t line;

    begin(&line, text, event, "R", is_hires);
    field_address(&line, event->recipient);
    field_address(&line, event->sender);
    field(&line, event->address[0] != '\0' ? event->address : "unknown");
    field_int(&line, (apr_int64_t)event->size);
    field(&line, event->protocol);
    field(&line, event->group);
    field(&line, event->binding);
    return ec_line_end(&line);
}

apr_size_t format_delivery(char *text, const ec_event_t *event, int is_hires)
{
    ec_line_t line;

    begin(&line, text, event, "D", is_hires);
    field(&line, event->domain);
    field_int(&line, (apr_int64_t)event->size);
    field(&line, event->group);
    field(&line, event->binding);
    field_int(&line, event->retries);
    field_seconds(&line, event->age);
    field(&line, event->address);
    return ec_line_end(&line);
}

apr_size_t format_failure(char *text, char type, const ec_event_t *event, int is_hires)
{
    const char name[] = { type, '\0' };
    ec_line_t line;

    begin(&line, text, event, name, is_hires);
    field(&line, event->domain);
    field_int(&line, (apr_int64_t)event->size);
    field(&line, event->group);
    field(&line, event->binding);
    field_int(&line, event->stage);
    field_int(&line, event->retries);
    field_seconds(&line, event->age);
    field(&line, event->address);
    ec_line_char(&line, '@');
    ec_line_escaped(&line, event->text, strlen(event->text), "");
    return ec_line_end(&line);
}

apr_size_t format_heartbeat(char *text, apr_time_t when, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, when, is_hires);
    ec_line_text(&line, "@@@@M");
    return ec_line_end(&line);
}

/* ---- rejectlog ------------------------------------------------------------------------ */

static void item(ec_line_t *line, const char *key, const char *value)
{
    ec_line_char(line, ' ');
    ec_line_text(line, key);
    ec_line_text(line, "=\"");
    ec_line_escaped(line, value, strlen(value), "\"\\");
    ec_line_char(line, '"');
}

apr_size_t format_rejection(char *text, const ec_rejection_t *rejection, int is_hires)
{
    ec_line_t line;
    char id[EC_ID_TEXT];

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, rejection->when, is_hires);
    ec_line_char(&line, ':');
    item(&line, "R", rejection->remote);
    item(&line, "L", rejection->local);
    item(&line, "C", ec_id_text(rejection->connection, id));
    item(&line, "PATH", "");
    item(&line, "PATH_GRP", "");
    item(&line, "P", ec_reception_state_name(rejection->state));
    ec_line_text(&line, " E=");
    ec_line_int(&line, rejection->code);
    ec_line_text(&line, " M=");
    ec_line_escaped(&line, rejection->module, strlen(rejection->module), " \\");
    ec_line_text(&line, " CTXCONN=[] CTXMESS=[] ");
    ec_line_escaped(&line, rejection->text, strlen(rejection->text), "");
    return ec_line_end(&line);
}

apr_size_t format_reject_heartbeat(char *text, apr_time_t when, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, when, is_hires);
    ec_line_text(&line, ": Marker 1");
    return ec_line_end(&line);
}

apr_size_t format_panic(char *text, apr_time_t when, const char *message, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, when, is_hires);
    ec_line_char(&line, ':');
    ec_line_escaped(&line, message, strlen(message), "");
    return ec_line_end(&line);
}
