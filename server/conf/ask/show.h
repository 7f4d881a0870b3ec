/* show.h - a configuration as text, XML or JSON
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text is what a file would say: loading it gives the same configuration.  Values of EC_OPTION_SECRET rows
 * are written only when asked for. */
#ifndef CONF_ASK_SHOW_H
#define CONF_ASK_SHOW_H

#include "conf/tree.h"

typedef enum { SHOW_TEXT, SHOW_XML, SHOW_JSON } show_form_t;

enum {
    SHOW_CHILDREN = 1, /* stanzas below it with their contents; else as placeholders: Type "name" { ... } */
    SHOW_ORIGIN = 2,   /* where each value comes from: a comment in text, attributes in XML, fields in JSON */
    SHOW_SECRETS = 4
};

/** Called with a piece of the output; pieces are not NUL-ended.  Anything but APR_SUCCESS ends it. */
typedef apr_status_t show_write_fn(void *baton, const char *bytes, apr_size_t length);
/** `stanza` NULL: the whole configuration.  Memory does not grow with its size. */
apr_status_t show_write(const conf_t *conf, const conf_stanza_t *stanza, show_form_t form, int flags,
                        show_write_fn *write, void *baton);
/** The same as one text, in `pool`. */
const char *show_text(const conf_t *conf, const conf_stanza_t *stanza, show_form_t form, int flags,
                      apr_pool_t *pool);

#endif
