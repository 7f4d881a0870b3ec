/* show.c - walking a configuration, for the three forms
 * SPDX-License-Identifier: Apache-2.0
 *
 * Settings stand before children, both in order of definition.  All memory of one setting is cleared before
 * the next, so that a configuration of any size needs that of its longest value. */
#include "conf/ask/show_private.h"

#include <string.h>

#include <apr_strings.h>

void show_put_bytes(shower_t *shower, const char *bytes, apr_size_t length)
{
    if (shower->rv == APR_SUCCESS && length > 0)
        shower->rv = shower->write(shower->baton, bytes, length);
}

void show_put(shower_t *shower, const char *text)
{
    show_put_bytes(shower, text, strlen(text));
}

void show_indent(shower_t *shower)
{
    for (int i = 0; i < shower->depth; i++)
        show_put(shower, "    ");
}

const char *show_path(const conf_file_t *file, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, file->path);

    for (char *at = path; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    return path;
}

int show_is_hidden(const shower_t *shower, const conf_setting_t *setting)
{
    return (setting->option->row->flags & EC_OPTION_SECRET) && !(shower->flags & SHOW_SECRETS);
}

static const show_format_t *const formats[] = { &show_format_text, &show_format_xml, &show_format_json };

static void show_settings(shower_t *shower, const show_format_t *format, const conf_stanza_t *stanza)
{
    for (const conf_setting_t *setting = stanza->settings; setting != NULL && shower->rv == APR_SUCCESS;
         setting = setting->next) {
        apr_pool_clear(shower->scratch);
        format->setting(shower, setting);
    }
}

static void show_stanza(shower_t *shower, const show_format_t *format, const conf_stanza_t *stanza,
                        int is_placeholder)
{
    apr_pool_clear(shower->scratch);
    if (is_placeholder) {
        format->placeholder(shower, stanza);
        return;
    }
    format->open(shower, stanza);
    show_settings(shower, format, stanza);
    format->between(shower, stanza);
    for (const conf_stanza_t *child = stanza->first; child != NULL && shower->rv == APR_SUCCESS;
         child = child->next)
        show_stanza(shower, format, child, !(shower->flags & SHOW_CHILDREN));
    apr_pool_clear(shower->scratch);
    format->close(shower, stanza);
}

apr_status_t show_write(const conf_t *conf, const conf_stanza_t *stanza, show_form_t form, int flags,
                        show_write_fn *write, void *baton)
{
    shower_t shower = { .write = write, .baton = baton, .flags = flags };

    EC_TRY(apr_pool_create(&shower.scratch, NULL));
    show_stanza(&shower, formats[form], stanza != NULL ? stanza : conf->root, 0);
    apr_pool_destroy(shower.scratch);
    return shower.rv;
}

/* ---- one text ------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    apr_size_t length, room;
    apr_pool_t *pool;
};

static apr_status_t add(void *baton, const char *bytes, apr_size_t length)
{
    struct text *text = baton;

    if (text->length + length >= text->room) {
        char *bigger = apr_palloc(text->pool, text->room = (text->length + length) * 2 + 1024);

        if (text->length > 0)
            memcpy(bigger, text->bytes, text->length);
        text->bytes = bigger;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
    return APR_SUCCESS;
}

const char *show_text(const conf_t *conf, const conf_stanza_t *stanza, show_form_t form, int flags,
                      apr_pool_t *pool)
{
    struct text text = { .pool = pool };

    add(&text, "", 0);
    show_write(conf, stanza, form, flags, add, &text);
    return text.bytes;
}
