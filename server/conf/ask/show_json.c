/* show_json.c - a configuration as JSON
 * SPDX-License-Identifier: Apache-2.0
 *
 *   { "options": { "hostname": "mx.test", "relay_domains": ["a.test"], "context": { "a": "1" } },
 *     "stanzas": [ { "type": "domain", "name": "a.test", "options": { }, "stanzas": [ ] } ] }
 *
 * Values are texts as written.  With origins a value is { "value": ..., "file": ..., "line": ... }.  A secret
 * is null; a placeholder has type and name only. */
#include "conf/ask/show_private.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

static void put_string(shower_t *shower, const char *text)
{
    const char *from = text;

    show_put(shower, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        show_put_bytes(shower, from, (apr_size_t)(text - from));
        show_put(shower, c < ' ' ? apr_psprintf(shower->scratch, "\\u%04x", c) : c == '"' ? "\\\"" : "\\\\");
        from = text + 1;
    }
    show_put(shower, from);
    show_put(shower, "\"");
}

static void put_field(shower_t *shower, const char *name, const char *value)
{
    show_put(shower, apr_pstrcat(shower->scratch, "\"", name, "\": ", NULL));
    put_string(shower, value);
}

/* A new line, behind a comma unless it is the first in its object or array. */
static void next(shower_t *shower)
{
    show_put(shower, shower->is_first ? "\n" : ",\n");
    shower->is_first = 0;
    show_indent(shower);
}

static void origin(shower_t *shower, const conf_file_t *file, int line)
{
    if (!(shower->flags & SHOW_ORIGIN) || file == NULL)
        return;
    show_put(shower, ", ");
    put_field(shower, "file", file->path);
    if (!file->is_live)
        show_put(shower, apr_psprintf(shower->scratch, ", \"line\": %d", line));
}

static void head(shower_t *shower, const conf_stanza_t *stanza)
{
    put_field(shower, "type", stanza->type);
    show_put(shower, ", ");
    put_field(shower, "name", stanza->written);
    if (stanza->places != NULL)
        origin(shower, stanza->places->file, stanza->places->line);
}

static void open_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    if (shower->depth > 0)
        next(shower);
    show_put(shower, "{ ");
    if (stanza->parent != NULL) {
        head(shower, stanza);
        show_put(shower, ", ");
    }
    show_put(shower, "\"options\": {");
    shower->depth++;
    shower->is_first = 1;
}

static void between(shower_t *shower, const conf_stanza_t *stanza)
{
    show_put(shower, shower->is_first ? " }, \"stanzas\": [" : " },\n");
    if (!shower->is_first) {
        show_indent(shower);
        show_put(shower, "\"stanzas\": [");
    }
    shower->is_first = 1;
}

static void close_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    shower->depth--;
    shower->is_first = 0;
    show_put(shower, shower->depth == 0 ? " ] }\n" : " ] }");
}

static void placeholder(shower_t *shower, const conf_stanza_t *stanza)
{
    next(shower);
    show_put(shower, "{ ");
    head(shower, stanza);
    show_put(shower, " }");
}

static void put_list(shower_t *shower, const raw_value_t *raw)
{
    const char *item = raw->text;

    show_put(shower, "[");
    for (int i = 0; i < raw->count; i++, item += strlen(item) + 1) {
        show_put(shower, i > 0 ? ", " : "");
        put_string(shower, item);
    }
    show_put(shower, "]");
}

/* Of a key that was given twice the last value counts. */
static void put_dict(shower_t *shower, const raw_value_t *raw)
{
    apr_hash_t *last = apr_hash_make(shower->scratch);
    const char *key = raw->text, *value, *apart = "";

    for (int i = 0; i < raw->count; i += 2, key = value + strlen(value) + 1) {
        value = key + strlen(key) + 1;
        apr_hash_set(last, key, APR_HASH_KEY_STRING, value);
    }
    key = raw->text;
    show_put(shower, "{");
    for (int i = 0; i < raw->count; i += 2, key = value + strlen(value) + 1) {
        value = key + strlen(key) + 1;
        if (apr_hash_get(last, key, APR_HASH_KEY_STRING) != value)
            continue;
        show_put(shower, apart);
        put_string(shower, key);
        show_put(shower, ": ");
        put_string(shower, value);
        apart = ", ";
    }
    show_put(shower, "}");
}

static void put_value(shower_t *shower, const conf_setting_t *s)
{
    if (show_is_hidden(shower, s))
        show_put(shower, "null");
    else if (s->raw.kind == RAW_SCALAR)
        put_string(shower, s->raw.text);
    else if (s->raw.kind == RAW_LIST)
        put_list(shower, &s->raw);
    else
        put_dict(shower, &s->raw);
}

static void setting(shower_t *shower, const conf_setting_t *s)
{
    int has_origin = (shower->flags & SHOW_ORIGIN) && s->file != NULL;

    next(shower);
    put_string(shower, s->option->row->name);
    show_put(shower, has_origin ? ": { \"value\": " : ": ");
    put_value(shower, s);
    if (has_origin) {
        origin(shower, s->file, s->line);
        show_put(shower, " }");
    }
}

const show_format_t show_format_json = { open_stanza, setting, between, placeholder, close_stanza };
