/* format.c - from an event to a line of mainlog or rejectlog
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields are separated by '@'.  Inside a field '@', backslash and control characters are
 * escaped as acctlog documents it; the last field of T and P is free text that readers
 * take whole, so there only control characters are escaped. */
#include "format.h"

#include <string.h>

#include <ec/context.h>

static void begin(ec_line_t *line, char *text, const ec_event_t *event, const char *type, int is_hires)
{
    ec_line_begin(line, text, EC_LINE_MAX);
    ec_line_time(line, event->when, is_hires);
    ec_line_field_id(line, event->id);
    ec_line_field_id(line, event->batch_id);
    ec_line_field_id(line, event->connection);
    ec_line_field(line, type);
}

/* ---- mainlog ------------------------------------------------------------------------- */

apr_size_t format_reception(char *text, const ec_event_t *event, int is_hires)
{
    ec_line_t line;

    begin(&line, text, event, "R", is_hires);
    ec_line_field_address(&line, event->recipient);
    ec_line_field_address(&line, event->sender);
    ec_line_field(&line, event->address[0] != '\0' ? event->address : "unknown");
    ec_line_field_int(&line, (apr_int64_t)event->size);
    ec_line_field(&line, event->protocol);
    ec_line_field(&line, event->group);
    ec_line_field(&line, event->binding);
    return ec_line_end(&line);
}

apr_size_t format_delivery(char *text, const ec_event_t *event, int is_hires)
{
    ec_line_t line;

    begin(&line, text, event, "D", is_hires);
    ec_line_field(&line, event->domain);
    ec_line_field_int(&line, (apr_int64_t)event->size);
    ec_line_field(&line, event->group);
    ec_line_field(&line, event->binding);
    ec_line_field_int(&line, event->retries);
    ec_line_char(&line, '@');
    ec_line_seconds(&line, event->age, 6);
    ec_line_field(&line, event->address);
    return ec_line_end(&line);
}

apr_size_t format_failure(char *text, char type, const ec_event_t *event, int is_hires)
{
    const char name[] = { type, '\0' };
    ec_line_t line;

    begin(&line, text, event, name, is_hires);
    ec_line_field(&line, event->domain);
    ec_line_field_int(&line, (apr_int64_t)event->size);
    ec_line_field(&line, event->group);
    ec_line_field(&line, event->binding);
    ec_line_field_int(&line, event->stage);
    ec_line_field_int(&line, event->retries);
    ec_line_char(&line, '@');
    ec_line_seconds(&line, event->age, 6);
    ec_line_field(&line, event->address);
    ec_line_field_last(&line, event->text);
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

/* ---- acctlog -------------------------------------------------------------------------- */

apr_size_t format_access(char *text, const ec_access_event_t *event, int is_hires)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    ec_line_time(&line, event->when, is_hires);
    ec_line_field(&line, "Z");
    ec_line_field(&line, event->listener);
    ec_line_field(&line, event->remote);
    ec_line_field(&line, event->user);
    ec_line_field_int(&line, event->result);
    ec_line_field(&line, event->command);
    if (event->result == 1) {
        ec_line_field(&line, event->role);
    }
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

/* ---- [key=value,key=value] */

struct list {
    ec_line_t *line;
    apr_size_t end;                /* where it has to stop: what stands behind it must find room */
    int n, is_cut;
};
enum { CONN_END = 6 * 1024, MESS_END = 12 * 1024, LIST_REST = sizeof ",...] CTXMESS=[] " };

/* Bare when it is one plain word. */
static void add_value(ec_line_t *line, const char *value)
{
    if (value[strcspn(value, " ,=[]\"\\")] == '\0') {
        ec_line_escaped(line, value, strlen(value), "");
        return;
    }
    ec_line_char(line, '"');
    ec_line_escaped(line, value, strlen(value), "\"\\");
    ec_line_char(line, '"');
}

/* Whole, or not at all: behind the first that finds no room there are only dots. */
static void add_variable(void *baton, const char *name, const char *value)
{
    struct list *list = baton;
    ec_line_t *line = list->line;
    apr_size_t before = line->length;

    if (list->is_cut) {
        return;
    }
    if (list->n++ > 0) {
        ec_line_char(line, ',');
    }
    ec_line_escaped(line, name, strlen(name), "=, ");
    ec_line_char(line, '=');
    add_value(line, value);
    if (line->length + LIST_REST > list->end) {
        list->is_cut = 1;
        line->length = before;
        ec_line_text(line, list->n > 1 ? ",..." : "...");
    }
}

static void add_contexts(ec_line_t *line, const ec_rejection_t *rejection)
{
    struct list conn = { .line = line, .end = CONN_END }, mess = { .line = line, .end = MESS_END };

    ec_line_text(line, " CTXCONN=[");
    if (rejection->conn != NULL) {
        ec_conn_context_each(rejection->conn, add_variable, &conn);
    }
    ec_line_text(line, "] CTXMESS=[");
    if (rejection->batch != NULL) {
        ec_batch_context_each(rejection->batch, EC_CONTEXT_MESS, add_variable, &mess);
    }
    ec_line_text(line, "] ");
}

static const char *conn_variable(const ec_conn_t *conn, const char *name)
{
    const char *value = conn != NULL ? ec_conn_context_get(conn, name) : NULL;

    return value != NULL ? value : "";
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
    item(&line, "PATH", conn_variable(rejection->conn, "pathway"));
    item(&line, "PATH_GRP", conn_variable(rejection->conn, "pathway_group"));
    item(&line, "P", ec_reception_state_name(rejection->state));
    ec_line_text(&line, " E=");
    ec_line_int(&line, rejection->code);
    ec_line_text(&line, " M=");
    ec_line_escaped(&line, rejection->module, strlen(rejection->module), " \\");
    add_contexts(&line, rejection);
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
