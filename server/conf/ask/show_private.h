/* show_private.h - what the forms of show.h share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_ASK_SHOW_PRIVATE_H
#define CONF_ASK_SHOW_PRIVATE_H

#include "conf/ask/show.h"

typedef struct {
    show_write_fn *write;
    void *baton;
    int flags;
    int depth;           /* of stanzas that are open */
    int is_first;        /* JSON: nothing stands before it in its object or array */
    apr_status_t rv;     /* the first failure ends it */
    apr_pool_t *scratch; /* of one setting */
} shower_t;

typedef struct {
    void (*open)(shower_t *shower, const conf_stanza_t *stanza);
    void (*setting)(shower_t *shower, const conf_setting_t *setting);
    void (*between)(shower_t *shower, const conf_stanza_t *stanza); /* settings and children */
    void (*placeholder)(shower_t *shower, const conf_stanza_t *stanza);
    void (*close)(shower_t *shower, const conf_stanza_t *stanza);
} show_format_t;

extern const show_format_t show_format_text, show_format_xml, show_format_json;

void show_put_bytes(shower_t *shower, const char *bytes, apr_size_t length);
void show_put(shower_t *shower, const char *text);
void show_indent(shower_t *shower);
/** Its path, fit to stand in a comment. */
const char *show_path(const conf_file_t *file, apr_pool_t *pool);
int show_is_hidden(const shower_t *shower, const conf_setting_t *setting);

#endif
