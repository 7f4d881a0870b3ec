/* show_xml.c - a configuration as XML
 * SPDX-License-Identifier: Apache-2.0
 *
 *   <configuration>
 *     <option name="hostname">mx.test</option>
 *     <option name="relay_domains"><item>a.test</item></option>
 *     <option name="context"><entry key="a">1</entry></option>
 *     <stanza type="domain" name="a.test"> ... </stanza>
 *   </configuration>
 *
 * The elements that libxml2 would have to hold as a whole tree are written one by one.  Characters that XML
 * can not hold stand as \xNN, and then a backslash as two and escaped="backslash" on the element. */
#include "conf/ask/show_private.h"

#include <string.h>

#include <apr_strings.h>

static int needs_escape(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' && strchr("\t\n\r", *text) == NULL)
            return 1;
    }
    return 0;
}

static void put_escaped(shower_t *shower, const char *text, int is_backslash)
{
    static const char *const names[] = { ['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;", ['"'] = "&quot;",
                                         ['\n'] = "&#10;", ['\r'] = "&#13;", ['\t'] = "&#9;" };
    const char *from = text;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        const char *name = c < sizeof(names) / sizeof(names[0]) ? names[c] : NULL;

        if (name == NULL && c < ' ')
            name = apr_psprintf(shower->scratch, "\\x%02x", c);
        if (c == '\\' && is_backslash)
            name = "\\\\";
        if (name == NULL)
            continue;
        show_put_bytes(shower, from, (apr_size_t)(text - from));
        show_put(shower, name);
        from = text + 1;
    }
    show_put(shower, from);
}

static void put_attribute(shower_t *shower, const char *name, const char *value)
{
    show_put(shower, apr_pstrcat(shower->scratch, " ", name, "=\"", NULL));
    put_escaped(shower, value, needs_escape(value));
    show_put(shower, "\"");
    if (needs_escape(value))
        show_put(shower, apr_pstrcat(shower->scratch, " ", name, "_escaped=\"backslash\"", NULL));
}

static void put_content(shower_t *shower, const char *text)
{
    int is_escaped = needs_escape(text);

    show_put(shower, is_escaped ? " escaped=\"backslash\">" : ">");
    put_escaped(shower, text, is_escaped);
}

static void origin(shower_t *shower, const conf_file_t *file, int line)
{
    if (!(shower->flags & SHOW_ORIGIN) || file == NULL)
        return;
    put_attribute(shower, "file", file->path);
    if (!file->is_live)
        show_put(shower, apr_psprintf(shower->scratch, " line=\"%d\"", line));
}

static void tag(shower_t *shower, const conf_stanza_t *stanza)
{
    show_indent(shower);
    show_put(shower, "<stanza");
    put_attribute(shower, "type", stanza->type);
    if (*stanza->written != '\0')
        put_attribute(shower, "name", stanza->written);
    if (stanza->places != NULL)
        origin(shower, stanza->places->file, stanza->places->line);
}

static void open_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    if (shower->depth == 0)
        show_put(shower, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (stanza->parent == NULL)
        show_put(shower, "<configuration");
    else
        tag(shower, stanza);
    show_put(shower, ">\n");
    shower->depth++;
}

static void close_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    shower->depth--;
    show_indent(shower);
    show_put(shower, stanza->parent == NULL ? "</configuration>\n" : "</stanza>\n");
}

static void placeholder(shower_t *shower, const conf_stanza_t *stanza)
{
    tag(shower, stanza);
    show_put(shower, " contents=\"hidden\"/>\n");
}

static void put_items(shower_t *shower, const raw_value_t *raw)
{
    const char *item = raw->text;

    show_put(shower, ">");
    for (int i = 0; i < raw->count; i++, item += strlen(item) + 1) {
        show_put(shower, raw->kind == RAW_LIST ? "<item" : "<entry");
        if (raw->kind == RAW_DICT) {
            put_attribute(shower, "key", item);
            item += strlen(item) + 1;
            i++;
        }
        put_content(shower, item);
        show_put(shower, raw->kind == RAW_LIST ? "</item>" : "</entry>");
    }
}

static void setting(shower_t *shower, const conf_setting_t *s)
{
    show_indent(shower);
    show_put(shower, "<option");
    put_attribute(shower, "name", s->option->row->name);
    origin(shower, s->file, s->line);
    if (show_is_hidden(shower, s)) {
        show_put(shower, " secret=\"true\"/>\n");
        return;
    }
    if (s->raw.kind == RAW_SCALAR)
        put_content(shower, s->raw.text);
    else
        put_items(shower, &s->raw);
    show_put(shower, "</option>\n");
}

static void between(shower_t *shower, const conf_stanza_t *stanza)
{
}

const show_format_t show_format_xml = { open_stanza, setting, between, placeholder, close_stanza };
