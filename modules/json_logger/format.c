/* format.c - from an event to a line that is a JSON object
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are written as they are, values are escaped.  A time is a number: seconds since 1970
 * with six decimals. */
#include "format.h"

#include <string.h>

#include <ec/context.h>

static void key(ec_line_t *line, const char *name)
{
    if (line->length > 1) {
        ec_line_char(line, ',');
    }
    ec_line_char(line, '"');
    ec_line_text(line, name);
    ec_line_text(line, "\":");
}

static void text_of(ec_line_t *line, const char *name, const char *value)
{
    key(line, name);
    ec_line_char(line, '"');
    ec_line_json(line, value, strlen(value));
    ec_line_char(line, '"');
}

enum { ROOM_BEHIND = 2048 }; /* for all that follows a text of the other side */

/* A text of the other side may be long, and each of its bytes may become six: it is cut rather than the object lost. */
static void reply_of(ec_line_t *line, const char *value)
{
    apr_size_t size = line->size;

    key(line, "reply");
    ec_line_char(line, '"');
    if (line->length + ROOM_BEHIND < size) {
        line->size -= ROOM_BEHIND;
        ec_line_json(line, value, strlen(value));
        line->size = size;
    }
    ec_line_char(line, '"');
}

static void number(ec_line_t *line, const char *name, apr_int64_t value)
{
    key(line, name);
    ec_line_int(line, value);
}

static void seconds(ec_line_t *line, const char *name, apr_interval_time_t value)
{
    key(line, name);
    ec_line_seconds(line, value, 6);
}

static void id(ec_line_t *line, const char *name, ec_id_t value)
{
    char text[EC_ID_TEXT];

    text_of(line, name, ec_id_text(value, text));
}

static void begin(ec_line_t *line, char *text, const char *type, apr_time_t when)
{
    ec_line_begin(line, text, EC_LINE_MAX);
    ec_line_char(line, '{');
    text_of(line, "type", type);
    seconds(line, "time", when);
}

/* Half an object is worse than none. */
static apr_size_t end(ec_line_t *line)
{
    ec_line_char(line, '}');
    if (line->length + 1 == line->size) {
        line->length = 0;
    }
    return ec_line_end(line);
}

static void begin_event(ec_line_t *line, char *text, const char *type, const ec_event_t *event)
{
    begin(line, text, type, event->when);
    id(line, "id", event->id);
    id(line, "batch", event->batch_id);
    id(line, "connection", event->connection);
    text_of(line, "sender", event->sender);
    text_of(line, "recipient", event->recipient);
    text_of(line, "domain", event->domain);
    text_of(line, "binding_group", event->group);
    text_of(line, "binding", event->binding);
    number(line, "message_size", (apr_int64_t)event->message_size);
}

/* Most clients are on none. */
static void add_pathway(ec_line_t *line, const char *pathway, const char *group)
{
    if (pathway != NULL) {
        text_of(line, "pathway", pathway);
    }
    if (group != NULL) {
        text_of(line, "pathway_group", group);
    }
}

apr_size_t format_json_reception(char *text, const ec_event_t *event)
{
    const ec_batch_t *batch = event->batch;
    ec_line_t line;

    begin_event(&line, text, "reception", event);
    text_of(&line, "protocol", event->protocol);
    text_of(&line, "source", event->address);
    if (batch != NULL) {
        add_pathway(&line, ec_batch_context_get(batch, EC_CONTEXT_CONN, "pathway"),
                    ec_batch_context_get(batch, EC_CONTEXT_CONN, "pathway_group"));
    }
    return end(&line);
}

static void add_attempt(ec_line_t *line, const ec_event_t *event)
{
    number(line, "retries", event->retries);
    seconds(line, "age", event->age);
    text_of(line, "server", event->address);
    number(line, "bytes_sent", (apr_int64_t)event->size);
}

apr_size_t format_json_delivery(char *text, const ec_event_t *event)
{
    ec_line_t line;

    begin_event(&line, text, "delivery", event);
    add_attempt(&line, event);
    return end(&line);
}

apr_size_t format_json_failure(char *text, const char *type, const ec_event_t *event, const ec_bounce_class_t *class)
{
    ec_line_t line;

    begin_event(&line, text, type, event);
    add_attempt(&line, event);
    number(&line, "stage", event->stage);
    text_of(&line, "stage_name", ec_stage_name(event->stage));
    reply_of(&line, event->text);
    number(&line, "class", class->code);
    text_of(&line, "class_name", class->name);
    text_of(&line, "category", class->category);
    return end(&line);
}

apr_size_t format_json_rejection(char *text, const ec_rejection_t *rejection)
{
    ec_line_t line;

    begin(&line, text, "rejection", rejection->when);
    id(&line, "connection", rejection->connection);
    text_of(&line, "remote", rejection->remote);
    text_of(&line, "local", rejection->local);
    number(&line, "state", rejection->state);
    text_of(&line, "state_name", ec_reception_state_name(rejection->state));
    if (rejection->batch != NULL) {
        id(&line, "batch", ec_batch_id(rejection->batch));
    }
    text_of(&line, "sender", rejection->batch != NULL ? ec_batch_sender(rejection->batch) : "");
    text_of(&line, "recipient", rejection->recipient);
    number(&line, "code", rejection->code);
    text_of(&line, "module", rejection->module);
    reply_of(&line, rejection->text);
    if (rejection->conn != NULL) {
        add_pathway(&line, ec_conn_context_get(rejection->conn, "pathway"),
                    ec_conn_context_get(rejection->conn, "pathway_group"));
    }
    return end(&line);
}

apr_size_t format_json_heartbeat(char *text, apr_time_t when)
{
    ec_line_t line;

    begin(&line, text, "heartbeat", when);
    return end(&line);
}
