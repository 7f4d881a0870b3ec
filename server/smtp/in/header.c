/* header.c - the header section of a message as it arrives
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields are not kept: their names are looked at as they pass, and what is missing is
 * added where the section ends, so that the body can be appended as it comes. */
#include <stdio.h>
#include <string.h>

#include "smtp/in/header.h"
#include "util/text.h"

/* Length of a field name (RFC 5322 2.2), 0 when the line is no field.  Space before the colon is obsolete but
 * legal. */
static apr_size_t name_length(const char *text, apr_size_t len)
{
    apr_size_t n = 0;
    apr_size_t colon;

    while (n < len && text[n] > ' ' && text[n] <= '~' && text[n] != ':') {
        n++;
    }
    for (colon = n; colon < len && (text[colon] == ' ' || text[colon] == '\t'); colon++) {
    }
    return colon < len && text[colon] == ':' ? n : 0;
}

static int is_field(const char *name, apr_size_t length, const char *what)
{
    return util_text_equal_nocase(name, length, what, strlen(what));
}

static void note_field(in_body_t *body, const char *name, apr_size_t length)
{
    body->fields++;
    if (is_field(name, length, "Received")) {
        if (++body->received > IN_BODY_RECEIVED_MAX) {
            in_body_refuse(body, 554, "5.4.6 Too many hops: the message is in a loop");
        }
    } else if (is_field(name, length, "Date")) {
        body->has_date = 1;
    } else if (is_field(name, length, "Message-ID")) {
        body->has_message_id = 1;
    }
}

static void add_ours(in_body_t *body, const char *line, int length)
{
    body->ours += (apr_size_t)length;
    in_body_append(body, line, (apr_size_t)length);
}

void in_header_line(in_body_t *body, const char *text, apr_size_t len, int is_whole)
{
    apr_size_t name;

    if (len == 0 && is_whole) {
        in_header_end(body);
        return;
    }
    if (len > 0 && (text[0] == ' ' || text[0] == '\t') && body->fields > 0) {
        return; /* goes on with the field before */
    }
    if ((name = name_length(text, len)) > 0) {
        note_field(body, text, name);
        return;
    }
    in_header_end(body);
    add_ours(body, "\r\n", 2);
    body->is_behind = 1;
}

void in_header_count(in_body_t *body, apr_size_t len)
{
    body->header_bytes += len + 2;
    body->header_lines += body->is_fresh;
    if (body->header_bytes > IN_BODY_HEADER_BYTES || body->header_lines > IN_BODY_HEADER_LINES) {
        in_body_refuse(body, 552, "5.3.4 Message header too big");
    }
}

static void add_date(in_body_t *body)
{
    char date[UTIL_DATE_TEXT];
    char line[UTIL_DATE_TEXT + 16];
    int n = snprintf(line, sizeof line, "Date: %s\r\n",
                     util_text_mail_date(date, ec_batch_received(body->batch)));

    add_ours(body, line, n);
}

static void add_message_id(in_body_t *body)
{
    char id[EC_ID_TEXT];
    char line[EC_ID_TEXT + 300];
    int n;

    ec_id_text(ec_batch_id(body->batch), id);
    for (char *p = id; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '.';
        }
    }
    n = snprintf(line, sizeof line, "Message-ID: <%s@%.255s>\r\n", id, body->rules->hostname);
    add_ours(body, line, n);
}

void in_header_end(in_body_t *body)
{
    const in_body_rules_t *rules = body->rules;

    body->in_header = 0;
    if (body->code != 0) {
        return;
    }
    if (body->fields == 0 && rules->needs_header) {
        in_body_refuse(body, 550, "5.6.0 Message has no header");
    }
    if (!body->has_date && rules->date == IN_RULE_REFUSE) {
        in_body_refuse(body, 550, "5.6.0 Message has no Date");
    }
    if (!body->has_date && rules->date == IN_RULE_MEND) {
        add_date(body);
    }
    if (!body->has_message_id && rules->message_id == IN_RULE_MEND) {
        add_message_id(body);
    }
    if (body->watch != NULL && body->code == 0) {
        body->watch->header(body, body->watch->baton);
    }
}
