/* mimetype.c - Content-Type, Content-Disposition and their parameters
 * SPDX-License-Identifier: Apache-2.0 (RFC 2045 5.1, RFC 2183, RFC 2231 4)
 *
 * Lenient: whatever is no value leads to the default, as RFC 2045 5.2 wants it. */
#include "message/mimetype.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include <ec/header.h>

#include "message/decode.h"
#include "message/utf8.h"
#include "util/text.h"

enum { NAME_ROOM = 512, TEXT_ROOM = 1024 };

static const char space[] = " \t";

void mime_header_init(mime_header_t *header, apr_pool_t *pool)
{
    *header = (mime_header_t){ pool, "", "", "", "", "", "", "", "" };
}

static char *lower(char *text)
{
    util_text_lower(text, strlen(text));
    return text;
}

/* ---- parameters ---------------------------------------------------------------------------------- */

/* A token or a quoted string at *at; in place. */
static char *take_value(char **at)
{
    char *from = *at, *to, *value = from;

    if (*from != '"') {
        from += strcspn(from, " \t;");
        *at = from + (*from != '\0');
        *from = '\0';
        return value;
    }
    value = to = ++from;
    while (*from != '\0' && *from != '"') {
        from += *from == '\\' && from[1] != '\0';
        *to++ = *from++;
    }
    *at = from + (*from == '"');
    *to = '\0';
    return value;
}

/* name=value at *at, behind semicolons; words without "=" are gone over.  0 at the end. */
static int next_param(char **at, char **name, char **value)
{
    for (;;) {
        char *p = *at + strspn(*at, " \t;"), *end = p + strcspn(p, "= \t;");

        *name = p;
        p = end + strspn(end, space);
        if (*p == '=' && end > *name) {
            p += 1 + strspn(p + 1, space);
            *end = '\0';
            lower(*name);
            *at = p;
            *value = take_value(at);
            return 1;
        }
        if (*p == '\0') {
            return 0;
        }
        *at = p + (*p == '=');
    }
}

/* RFC 2231: charset'language'text with %XX */
static const char *extended(const char *value, apr_pool_t *pool)
{
    const char *language = strchr(value, '\''), *text = language != NULL ? strchr(language + 1, '\'') : NULL;
    char bytes[TEXT_ROOM], out[TEXT_ROOM];
    util_text_t to;
    apr_size_t n = 0;

    if (text == NULL) {
        return "";
    }
    for (text++; *text != '\0' && n + 1 < sizeof bytes; text++) {
        int byte = *text == '%' && text[1] != '\0' ? decode_hex(text[1], text[2]) : -1;

        bytes[n++] = byte >= 0 ? (char)byte : *text;
        text += byte >= 0 ? 2 : 0;
    }
    util_text_init(&to, out, sizeof out);
    message_utf8_add(&to, apr_pstrndup(pool, value, (apr_size_t)(language - value)), bytes, n);
    return apr_pstrdup(pool, out);
}

/* Not allowed by RFC 2047 5, and done everywhere: encoded words in a file name. */
static const char *decoded(const char *value, apr_pool_t *pool)
{
    char out[TEXT_ROOM];

    (void)ec_header_decode(value, out, sizeof out);
    return apr_pstrdup(pool, out);
}

static void set_once(const char **to, const char *value)
{
    if ((*to)[0] == '\0') {
        *to = value;
    }
}

static void type_param(mime_header_t *header, const char *name, char *value)
{
    if (strcmp(name, "boundary") == 0) {
        set_once(&header->boundary, apr_pstrdup(header->pool, value));
    } else if (strcmp(name, "charset") == 0) {
        set_once(&header->charset, lower(apr_pstrdup(header->pool, value)));
    } else if (strcmp(name, "name") == 0) {
        set_once(&header->name, decoded(value, header->pool));
    } else if (strcmp(name, "name*") == 0) {
        header->name = extended(value, header->pool);
    }
}

static void disposition_param(mime_header_t *header, const char *name, char *value)
{
    if (strcmp(name, "filename") == 0) {
        set_once(&header->file, decoded(value, header->pool));
    } else if (strcmp(name, "filename*") == 0) {
        header->file = extended(value, header->pool);
    }
}

static void params(mime_header_t *header, char *at, void (*each)(mime_header_t *, const char *, char *))
{
    char *name, *value;

    while (next_param(&at, &name, &value)) {
        each(header, name, value);
    }
}

/* ---- fields ----------------------------------------------------------------------------------------- */

/* The word at the beginning, lower case; *rest is what follows. */
static char *first_word(mime_header_t *header, char *value, char **rest)
{
    apr_size_t length = strcspn(value, " \t;");

    *rest = value + length;
    return lower(apr_pstrndup(header->pool, value, length));
}

static void take_type(mime_header_t *header, char *value)
{
    char *rest, *type = first_word(header, value, &rest);
    char *slash = strchr(type, '/');

    if (slash != NULL && slash != type && slash[1] != '\0') {
        header->type = type;
        params(header, rest, type_param);
    } else {
        header->type = "text/plain"; /* RFC 2045 5.2 */
    }
}

static void take_encoding(mime_header_t *header, char *value)
{
    char *rest;

    header->encoding = first_word(header, value, &rest);
}

static void take_disposition(mime_header_t *header, char *value)
{
    char *rest;

    header->disposition = first_word(header, value, &rest);
    params(header, rest, disposition_param);
}

static void take_id(mime_header_t *header, char *value)
{
    char *rest, *id = value + (*value == '<');

    rest = id + strcspn(id, "> \t");
    header->id = apr_pstrndup(header->pool, id, (apr_size_t)(rest - id));
}

static const struct {
    const char *name;
    size_t have; /* the field of the struct that says that it was there */
    void (*take)(mime_header_t *header, char *value);
} fields[] = {
    { "Content-Type", offsetof(mime_header_t, type), take_type },
    { "Content-Transfer-Encoding", offsetof(mime_header_t, encoding), take_encoding },
    { "Content-Disposition", offsetof(mime_header_t, disposition), take_disposition },
    { "Content-ID", offsetof(mime_header_t, id), take_id },
};

void mime_header_field(mime_header_t *header, char *field)
{
    char *colon = strchr(field, ':'), *value;
    apr_size_t length;

    if (colon == NULL) {
        return;
    }
    for (length = (apr_size_t)(colon - field); length > 0 && strchr(space, field[length - 1]) != NULL; length--) {
    }
    value = colon + 1 + strspn(colon + 1, space);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *have = *(const char **)(void *)((char *)header + fields[i].have);

        if (have[0] == '\0' && util_text_equal_nocase(field, length, fields[i].name, strlen(fields[i].name))) {
            fields[i].take(header, value);
        }
    }
}

void mime_header_finish(mime_header_t *header, ec_part_t *part)
{
    part->type = header->type[0] != '\0' ? header->type : "text/plain";
    part->charset = header->charset;
    if (part->charset[0] == '\0' && strncmp(part->type, "text/", 5) == 0) {
        part->charset = "us-ascii";
    }
    part->encoding = header->encoding[0] != '\0' ? header->encoding : "7bit";
    part->disposition = header->disposition;
    part->file = header->file[0] != '\0' ? header->file : header->name;
    part->id = header->id;
}
