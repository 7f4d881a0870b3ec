/* header.c - header fields for modules: reading them, and writing the section anew
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/header.h>

#include <stdlib.h>
#include <string.h>

#include "message/head.h"

enum { FIELD_MAX = 128 * 1024, NAME_MAX_LENGTH = 76 };

/* ---- reading ------------------------------------------------------------------------------ */

/* The n-th of this name, from the end when n is -1. */
static int find(const head_t *head, const char *name, int n, head_field_t *found)
{
    const char *at = head->text, *stop = head->text + head->length;
    head_field_t field;
    int is_found = 0;

    for (; head_field(at, stop, &field); at = field.end) {
        if (!head_is_named(&field, name)) {
            continue;
        }
        *found = field;
        is_found = n == 0 || n == -1;
        if (n-- == 0) {
            return 1;
        }
        n += n == -2; /* -1 stays -1 */
    }
    return is_found;
}

apr_status_t ec_header_get(const ec_batch_t *batch, const char *name, int n, char *buffer, apr_size_t room)
{
    apr_status_t rv = EC_E_NOT_FOUND;
    head_field_t field;
    head_t head;

    EC_ASSERT(room > 0);
    buffer[0] = '\0';
    EC_TRY(head_read(&head, batch));
    if (find(&head, name, n, &field)) {
        rv = head_value(&field, buffer, room) ? APR_SUCCESS : EC_E_TOO_LONG;
    }
    head_free(&head);
    return rv;
}

apr_status_t ec_header_get_text(const ec_batch_t *batch, const char *name, int n, char *buffer, apr_size_t room)
{
    char *value = malloc(FIELD_MAX);
    apr_status_t rv, decoded;

    EC_ASSERT(value != NULL);
    buffer[0] = '\0';
    rv = ec_header_get(batch, name, n, value, FIELD_MAX);
    if (rv == APR_SUCCESS || rv == EC_E_TOO_LONG) {
        decoded = ec_header_decode(value, buffer, room);
        rv = rv == APR_SUCCESS ? decoded : rv;
    }
    free(value);
    return rv;
}

apr_status_t ec_header_each(const ec_batch_t *batch, ec_header_each_fn *each, void *baton)
{
    char *value, *name;
    head_field_t field;
    head_t head;

    EC_TRY(head_read(&head, batch));
    value = malloc(head.length + 1);
    EC_ASSERT(value != NULL);
    for (const char *at = head.text; head_field(at, head.text + head.length, &field); at = field.end) {
        head_value(&field, value, head.length + 1);
        name = strndup(field.start, (apr_size_t)(field.name_end - field.start));
        EC_ASSERT(name != NULL);
        if (each(baton, name, value) != 0) {
            at = NULL;
        }
        free(name);
        if (at == NULL) {
            break;
        }
    }
    free(value);
    head_free(&head);
    return APR_SUCCESS;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The section as it shall be; grows as it is written. */
struct text {
    char *data;
    apr_size_t length, room;
};

static void text_add(struct text *text, const char *data, apr_size_t length)
{
    if (text->length + length > text->room) {
        text->room = (text->length + length) * 2;
        text->data = realloc(text->data, text->room);
        EC_ASSERT(text->data != NULL);
    }
    if (length > 0) {
        memcpy(text->data + text->length, data, length);
        text->length += length;
    }
}

/* A section whose last line has no end (a message that is a header only) gets one. */
static void text_end_line(struct text *text)
{
    if (text->length > 0 && text->data[text->length - 1] != '\n') {
        text_add(text, "\r\n", 2);
    }
}

typedef enum { PUT_FIRST, PUT_LAST, PUT_INSTEAD, PUT_NOTHING } put_t;

/* The fields of `head`, with `field` where `how` says; returns how many of `name` there were. */
static int rewrite(struct text *to, const head_t *head, const char *name, const char *line, put_t how)
{
    const char *at = head->text, *stop = head->text + head->length;
    head_field_t field;
    int n = 0;

    if (how == PUT_FIRST) {
        text_add(to, line, strlen(line));
    }
    for (; head_field(at, stop, &field); at = field.end) {
        if (how != PUT_INSTEAD && how != PUT_NOTHING) {
            text_add(to, field.start, (apr_size_t)(field.end - field.start));
        } else if (!head_is_named(&field, name)) {
            text_add(to, field.start, (apr_size_t)(field.end - field.start));
        } else if (n++ == 0 && how == PUT_INSTEAD) {
            text_add(to, line, strlen(line));
        }
    }
    text_add(to, at, (apr_size_t)(stop - at)); /* what is no field stays where it was */
    if (how == PUT_LAST || (how == PUT_INSTEAD && n == 0)) {
        text_end_line(to);
        text_add(to, line, strlen(line));
    }
    return n;
}

static apr_status_t change(ec_batch_t *batch, const char *name, const char *line, put_t how)
{
    struct text text = { 0 };
    apr_status_t rv = APR_SUCCESS;
    head_t head;
    int n;

    EC_TRY(head_read(&head, batch));
    n = rewrite(&text, &head, name, line, how);
    if (how == PUT_NOTHING && n == 0) {
        rv = EC_E_NOT_FOUND;
    } else if (text.length > EC_HEADER_SECTION_MAX) {
        rv = EC_E_TOO_LONG;
    } else {
        rv = head_replace(batch, head.length, text.data, text.length);
    }
    free(text.data);
    head_free(&head);
    return rv;
}

static apr_status_t put(ec_batch_t *batch, const char *name, const char *value, put_t how)
{
    apr_status_t rv;
    char *line;

    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    line = malloc(FIELD_MAX);
    EC_ASSERT(line != NULL);
    rv = ec_header_format(name, value, line, FIELD_MAX);
    if (rv == APR_SUCCESS) {
        rv = change(batch, name, line, how);
    }
    free(line);
    return rv;
}

apr_status_t ec_header_add(ec_batch_t *batch, const char *name, const char *value)
{
    return put(batch, name, value, PUT_LAST);
}

apr_status_t ec_header_prepend(ec_batch_t *batch, const char *name, const char *value)
{
    return put(batch, name, value, PUT_FIRST);
}

apr_status_t ec_header_set(ec_batch_t *batch, const char *name, const char *value)
{
    return put(batch, name, value, PUT_INSTEAD);
}

apr_status_t ec_header_remove(ec_batch_t *batch, const char *name)
{
    return batch->is_sealed ? EC_E_DENIED : change(batch, name, "", PUT_NOTHING);
}
