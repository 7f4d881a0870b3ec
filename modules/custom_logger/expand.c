/* expand.c - the macros: what each writes
 * SPDX-License-Identifier: Apache-2.0
 * log-formats.md section 8.2. */
#include <string.h>

#include "format.h"

enum { HEADER_MAX = 4096 };

static const char *const stage_names[STAGES] = { "reception", "delivery", "transient_failure", "permanent_failure",
                                                 "rejection" };

static int is_failure(const record_t *record)
{
    return record->stage == STAGE_TRANSIENT_FAILURE || record->stage == STAGE_PERMANENT_FAILURE;
}

static int is_inbound(const record_t *record)
{
    return record->stage == STAGE_RECEPTION || record->stage == STAGE_REJECTION;
}

/* A text from outside. */
static void add(ec_line_t *line, const record_t *record, const char *text)
{
    sanitize_add(record->sanitize, line, text, strlen(text));
}

/* ---- ids ------------------------------------------------------------------------------------ */

static void message_id(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_id(line, record->event->id);
}

static void batch_id(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_id(line, record->event->batch_id);
}

static void in_connection(ec_line_t *line, const record_t *record, const step_t *step)
{
    const ec_event_t *event = record->event;

    ec_line_id(line, is_inbound(record) || event->batch == NULL ? event->connection : ec_batch_connection(event->batch));
}

static void out_connection(ec_line_t *line, const record_t *record, const step_t *step)
{
    if (!is_inbound(record)) {
        ec_line_id(line, record->event->connection);
    }
}

/* ---- addresses -------------------------------------------------------------------------------- */

static void local_part(ec_line_t *line, const record_t *record, const char *address)
{
    const char *at = strrchr(address, '@');

    sanitize_add(record->sanitize, line, address, at != NULL ? (apr_size_t)(at - address) : strlen(address));
}

static void domain_part(ec_line_t *line, const record_t *record, const char *address)
{
    const char *at = strrchr(address, '@');

    add(line, record, at != NULL ? at + 1 : "");
}

static void sender_local(ec_line_t *line, const record_t *record, const step_t *step)
{
    local_part(line, record, record->event->sender);
}

static void sender_domain(ec_line_t *line, const record_t *record, const step_t *step)
{
    domain_part(line, record, record->event->sender);
}

static void recipient_local(ec_line_t *line, const record_t *record, const step_t *step)
{
    local_part(line, record, record->event->recipient);
}

static void recipient_domain(ec_line_t *line, const record_t *record, const step_t *step)
{
    domain_part(line, record, record->event->recipient);
}

static void routing_domain(ec_line_t *line, const record_t *record, const step_t *step)
{
    add(line, record, record->event->domain);
}

static void host(ec_line_t *line, const record_t *record, const step_t *step)
{
    add(line, record, record->event->address);
}

/* ---- message and way ---------------------------------------------------------------------------- */

static void binding(ec_line_t *line, const record_t *record, const step_t *step)
{
    add(line, record, record->event->binding);
}

static void group(ec_line_t *line, const record_t *record, const step_t *step)
{
    add(line, record, record->event->group);
}

static void size(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_int(line, (apr_int64_t)record->event->message_size);
}

static void protocol(ec_line_t *line, const record_t *record, const step_t *step)
{
    const ec_event_t *event = record->event;

    add(line, record, event->batch != NULL ? ec_batch_protocol(event->batch) : event->protocol);
}

static void header(ec_line_t *line, const record_t *record, const step_t *step)
{
    char value[HEADER_MAX];

    if (record->event->batch != NULL && ec_batch_header(record->event->batch, step->argument, value, sizeof value)) {
        add(line, record, value);
    }
}

/* ---- results -------------------------------------------------------------------------------------- */

static const ec_bounce_class_t *class_of(const record_t *record)
{
    return ec_bounce_classify(record->event->text, record->event->domain);
}

static void class_name(ec_line_t *line, const record_t *record, const step_t *step)
{
    if (is_failure(record)) {
        ec_line_text(line, class_of(record)->name);
    }
}

static void class_code(ec_line_t *line, const record_t *record, const step_t *step)
{
    if (is_failure(record)) {
        ec_line_int(line, class_of(record)->code);
    }
}

static void reply(ec_line_t *line, const record_t *record, const step_t *step)
{
    add(line, record, record->event->text);
}

static void attempts(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_int(line, record->event->retries + !is_inbound(record));
}

static int stage_of(const record_t *record)
{
    return is_failure(record) ? (int)record->event->stage : EC_STAGE_UNKNOWN;
}

static void stage_text(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_text(line, is_failure(record) ? ec_stage_name(stage_of(record)) : stage_names[record->stage]);
}

static void stage_number(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_int(line, stage_of(record));
}

/* ---- times ------------------------------------------------------------------------------------------ */

static void when(ec_line_t *line, const record_t *record, const step_t *step)
{
    if (step->argument[0] != '\0') {
        ec_line_date(line, step->argument, record->event->when, record->is_hires);
    } else {
        ec_line_time(line, record->event->when, record->is_hires);
    }
}

static void when_decimals(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_seconds(line, record->event->when, step->number);
}

static void age(ec_line_t *line, const record_t *record, const step_t *step)
{
    ec_line_seconds(line, record->event->age, step->number >= 0 ? step->number : 2);
}

/* ---- variables ---------------------------------------------------------------------------------------- */

static void variable(ec_line_t *line, const record_t *record, ec_context_t which, const char *name)
{
    const ec_batch_t *batch = record->event->batch;
    const char *value = batch != NULL ? ec_batch_context_get(batch, which, name) : NULL;

    if (value == NULL && which == EC_CONTEXT_CONN && record->conn != NULL) {
        value = ec_conn_context_get(record->conn, name);
    }
    add(line, record, value != NULL ? value : "");
}

static void conn_variable(ec_line_t *line, const record_t *record, const step_t *step)
{
    variable(line, record, EC_CONTEXT_CONN, step->argument);
}

static void message_variable(ec_line_t *line, const record_t *record, const step_t *step)
{
    variable(line, record, EC_CONTEXT_MESS, step->argument);
}

static void pathway(ec_line_t *line, const record_t *record, const step_t *step)
{
    variable(line, record, EC_CONTEXT_CONN, "pathway");
}

static void pathway_group(ec_line_t *line, const record_t *record, const step_t *step)
{
    variable(line, record, EC_CONTEXT_CONN, "pathway_group");
}

/* What belongs to features that this server does not have yet is empty, as it is for mail that did not use them. */
static void nothing(ec_line_t *line, const record_t *record, const step_t *step)
{
}

const macro_t macros[] = {
    { "A", ARG_NONE, nothing, "authentication method" },
    { "b", ARG_NONE, binding, "binding" },
    { "B", ARG_NONE, size, "size of the message in bytes" },
    { "BI", ARG_NONE, batch_id, "batch id" },
    { "c", ARG_NONE, class_name, "name of the bounce class" },
    { "C", ARG_NONE, class_code, "code of the bounce class" },
    { "CI", ARG_NONE, in_connection, "inbound connection id" },
    { "d", ARG_NONE, routing_domain, "routing domain" },
    { "g", ARG_NONE, group, "binding group" },
    { "H", ARG_NONE, host, "address of the other side" },
    { "h", ARG_TEXT, header, "first header of this name" },
    { "i", ARG_NONE, message_id, "message id" },
    { "m", ARG_NONE, sender_local, "sender, local part" },
    { "M", ARG_NONE, sender_domain, "sender, domain" },
    { "n", ARG_NONE, reply, "reply" },
    { "N", ARG_NONE, attempts, "attempts made" },
    { "OC", ARG_NONE, out_connection, "outbound connection id" },
    { "P", ARG_NONE, pathway, "pathway" },
    { "PG", ARG_NONE, pathway_group, "pathway group" },
    { "p", ARG_NONE, protocol, "protocol of the reception" },
    { "r", ARG_NONE, recipient_local, "recipient, local part" },
    { "R", ARG_NONE, recipient_domain, "recipient, domain" },
    { "s", ARG_NONE, stage_text, "stage in words" },
    { "S", ARG_NONE, stage_number, "number of the stage" },
    { "t", ARG_TEXT_OPTIONAL, when, "seconds since 1970, or by strftime(3)" },
    { "T", ARG_NUMBER_OPTIONAL, age, "seconds since reception, with 2 or so many decimals" },
    { "U", ARG_NONE, nothing, "authenticated user" },
    { "us", ARG_NUMBER, when_decimals, "seconds since 1970 with so many decimals" },
    { "vctx_conn", ARG_TEXT, conn_variable, "variable of the connection" },
    { "vctx_mess", ARG_TEXT, message_variable, "variable of the message" },
    { NULL, ARG_NONE, NULL, NULL },
};
