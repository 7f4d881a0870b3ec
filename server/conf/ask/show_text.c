/* show_text.c - a configuration as a file would say it
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/ask/show_private.h"

#include <string.h>

#include <apr_strings.h>

static void origin(shower_t *shower, const conf_file_t *file, int line)
{
    if (!(shower->flags & SHOW_ORIGIN) || file == NULL)
        return;
    show_put(shower, "    # ");
    show_put(shower, show_path(file, shower->scratch));
    if (!file->is_live)
        show_put(shower, apr_psprintf(shower->scratch, ":%d", line));
}

/* Type and name; a name that no file can say, which only a console can make, is a comment. */
static void head(shower_t *shower, const conf_stanza_t *stanza)
{
    const char *name = *stanza->written != '\0' ? raw_item_text(stanza->written, 1, shower->scratch) : "";

    show_indent(shower);
    show_put(shower, stanza->type);
    if (name == NULL)
        show_put(shower, " /* its name can not be written in a file */");
    else if (*name != '\0')
        show_put(shower, apr_pstrcat(shower->scratch, " ", name, NULL));
    show_put(shower, " {");
}

static int is_empty(const conf_stanza_t *stanza)
{
    return stanza->settings == NULL && stanza->first == NULL;
}

static void open_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    if (stanza->parent == NULL)
        return;
    head(shower, stanza);
    if (is_empty(stanza)) {
        show_put(shower, " }");
        if (stanza->scope->flags & SCOPE_OPEN)
            show_put(shower, " # contents without effect are not kept");
    }
    if (stanza->places != NULL)
        origin(shower, stanza->places->file, stanza->places->line);
    show_put(shower, "\n");
    shower->depth++;
}

static void close_stanza(shower_t *shower, const conf_stanza_t *stanza)
{
    if (stanza->parent == NULL)
        return;
    shower->depth--;
    if (is_empty(stanza))
        return;
    show_indent(shower);
    show_put(shower, "}\n");
}

static void setting(shower_t *shower, const conf_setting_t *s)
{
    const char *name = s->option->row->name;

    show_indent(shower);
    if (show_is_hidden(shower, s)) {
        show_put(shower, apr_pstrcat(shower->scratch, "# ", name, " is secret and not shown", NULL));
    } else if (!raw_value_is_sayable(&s->raw, shower->scratch)) {
        show_put(shower, apr_pstrcat(shower->scratch, "# ", name,
                                     " has a value that can not be written in a file", NULL));
    } else {
        show_put(shower, apr_pstrcat(shower->scratch, name, " = ", NULL));
        show_put(shower, raw_value_text(&s->raw, shower->scratch));
    }
    origin(shower, s->file, s->line);
    show_put(shower, "\n");
}

static void between(shower_t *shower, const conf_stanza_t *stanza)
{
}

static void placeholder(shower_t *shower, const conf_stanza_t *stanza)
{
    head(shower, stanza);
    show_put(shower, " ... }\n");
}

const show_format_t show_format_text = { open_stanza, setting, between, placeholder, close_stanza };
