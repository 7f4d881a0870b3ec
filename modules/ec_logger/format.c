/* format.c - from an event to a line of mainlog or rejectlog
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields are separated by '@'.  Inside a field '@', backslash and control characters are
 * escaped as acctlog documents it; the last field of T and P is free text that readers
 * take whole, so there only control characters are escaped. */
#include "format.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *text;
    apr_size_t length;
} line_t;

static void add_char(line_t *line, char c)
{
    if (line->length < FORMAT_LINE - 1) {
        line->text[line->length++] = c;
    }
}

static void add(line_t *line, const char *text)
{
    for (; *text != '\0'; text++) {
        add_char(line, *text);
    }
}

/* A byte that may not stand in a line as it is. */
static void add_control(line_t *line, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char names[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

    add_char(line, '\\');
    if (c < sizeof names && names[c] != 0) {
        add_char(line, names[c]);
    } else {
        add_char(line, 'x');
        add_char(line, hex[c >> 4]);
        add_char(line, hex[c & 15]);
    }
}

/* `special` characters get a backslash. */
static void add_escaped(line_t *line, const char *text, apr_size_t length, const char *special)
{
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7f) {
            add_control(line, c);
            continue;
        }
        if (strchr(special, c) != NULL) {
            add_char(line, '\\');
        }
        add_char(line, (char)c);
    }
}

static void add_time(line_t *line, apr_time_t when, int is_hires)
{
    char text[32];

    if (is_hires) {
        snprintf(text, sizeof text, "%016lld", (long long)when);
    } else {
        snprintf(text, sizeof text, "%lld", (long long)apr_time_sec(when));
    }
    add(line, text);
}

static apr_size_t finish(line_t *line)
{
    line->text[line->length] = '\0';
    return line->length;
}

/* ---- fields -------------------------------------------------------------------------- */

static void field_bytes(line_t *line, const char *text, apr_size_t length)
{
    add_char(line, '@');
    add_escaped(line, text, length, "@\\");
}

static void field(line_t *line, const char *text)
{
    field_bytes(line, text, strlen(text));
}

static void field_id(line_t *line, ec_id_t id)
{
    char text[EC_ID_TEXT];

    field(line, ec_id_text(id, text));
}

static void field_int(line_t *line, long long n)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", n);
    field(line, text);
}

static void field_seconds(line_t *line, apr_interval_time_t t)
{
    char text[40];

    if (t < 0) { /* the wall clock was set back meanwhile */
        t = 0;
    }
    snprintf(text, sizeof text, "%lld.%06lld", (long long)apr_time_sec(t), (long long)apr_time_usec(t));
    field(line, text);
}

/* Two fields: local part and domain. */
static void field_address(line_t *line, const char *address)
{
    const char *at = strrchr(address, '@');

    field_bytes(line, address, at != NULL ? (apr_size_t)(at - address) : strlen(address));
    field(line, at != NULL ? at + 1 : "");
}

static void begin(line_t *line, char *text, const ec_event_t *event, const char *type, int is_hires)
{
    line->text = text;
    line->length = 0;
    add_time(line, event->when, is_hires);
    field_id(line, event->id);
    field_id(line, event->batch_id);
    field_id(line, event->connection);
    field(line, type);
}

/* ---- mainlog ------------------------------------------------------------------------- */

apr_size_t format_reception(char *text, const ec_event_t *event, int is_hires)
{
    line_t line;

    begin(&line, text, event, "R", is_hires);
    field_address(&line, event->recipient);
    field_address(&line, event->sender);
    field(&line, event->address[0] != '\0' ? event->address : "unknown");
    field_int(&line, (long long)event->size);
    field(&line, event->protocol);
    field(&line, event->group);
    field(&line, event->binding);
    return finish(&line);
}

apr_size_t format_delivery(char *text, const ec_event_t *event, int is_hires)
{
    line_t line;

    begin(&line, text, event, "D", is_hires);
    field(&line, event->domain);
    field_int(&line, (long long)event->size);
    field(&line, event->group);
    field(&line, event->binding);
    field_int(&line, event->retries);
    field_seconds(&line, event->age);
    field(&line, event->address);
    return finish(&line);
}

apr_size_t format_failure(char *text, char type, const ec_event_t *event, int is_hires)
{
    const char name[] = { type, '\0' };
    line_t line;

    begin(&line, text, event, name, is_hires);
    field(&line, event->domain);
    field_int(&line, (long long)event->size);
    field(&line, event->group);
    field(&line, event->binding);
    field_int(&line, event->stage);
    field_int(&line, event->retries);
    field_seconds(&line, event->age);
    field(&line, event->address);
    add_char(&line, '@');
    add_escaped(&line, event->text, strlen(event->text), "");
    return finish(&line);
}

apr_size_t format_heartbeat(char *text, apr_time_t when, int is_hires)
{
    line_t line = { text, 0 };

    add_time(&line, when, is_hires);
    add(&line, "@@@@M");
    return finish(&line);
}

/* ---- rejectlog ------------------------------------------------------------------------ */

/* log-formats.md section 11 */
static const char *const states[] = {
    "just connected",
    "sending banner",
    "awaiting ehlo/helo",
    "sending ehlo/helo response",
    "awaiting mailfrom",
    "sending mailfrom response",
    "awaiting rcptto",
    "sending rcptto response",
    "data phase",
    "reading body",
    "sending body response",
    "async body handler",
    "async body response",
    "relaying denied",
    "extension 1",
    "extension 2",
    "extension 3",
    "extension 4",
    "concurrency limit",
    "rcptto list response",
    "rcptto list final response",
    "esmtp setup phase",
};
enum { STATES = sizeof states / sizeof states[0] };

static void item(line_t *line, const char *key, const char *value)
{
    add_char(line, ' ');
    add(line, key);
    add(line, "=\"");
    add_escaped(line, value, strlen(value), "\"\\");
    add_char(line, '"');
}

apr_size_t format_rejection(char *text, const ec_rejection_t *rejection, int is_hires)
{
    line_t line = { text, 0 };
    char id[EC_ID_TEXT], code[24];

    add_time(&line, rejection->when, is_hires);
    add_char(&line, ':');
    item(&line, "R", rejection->remote);
    item(&line, "L", rejection->local);
    item(&line, "C", ec_id_text(rejection->connection, id));
    item(&line, "PATH", "");
    item(&line, "PATH_GRP", "");
    item(&line, "P",
         rejection->state >= 0 && rejection->state < STATES ? states[rejection->state] : "unknown");
    snprintf(code, sizeof code, " E=%d M=", rejection->code);
    add(&line, code);
    add_escaped(&line, rejection->module, strlen(rejection->module), " \\");
    add(&line, " CTXCONN=[] CTXMESS=[] ");
    add_escaped(&line, rejection->text, strlen(rejection->text), "");
    return finish(&line);
}

apr_size_t format_reject_heartbeat(char *text, apr_time_t when, int is_hires)
{
    line_t line = { text, 0 };

    add_time(&line, when, is_hires);
    add(&line, ": Marker 1");
    return finish(&line);
}

apr_size_t format_panic(char *text, apr_time_t when, const char *message, int is_hires)
{
    line_t line = { text, 0 };

    add_time(&line, when, is_hires);
    add_char(&line, ':');
    add_escaped(&line, message, strlen(message), "");
    return finish(&line);
}
