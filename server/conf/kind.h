/* kind.h - a kind of stanza that a module has, as options.c and documented.c keep it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Never freed: generations refer to it, also when the module that brought it has been forgotten. */
#ifndef CONF_KIND_H
#define CONF_KIND_H

#include "conf/options.h"

/* Those inside of a module's own stanza hang behind it. */
struct conf_kind {
    conf_scope_t scope;
    conf_option_t *options; /* one a row, in the table's order; the last has no row */
    const char *owner;
    const void *module; /* conf_tables_t.module; NULL in inner ones */
    struct conf_kind *outer, *inner; /* the module's own stanza; the next inside of it */
};
typedef struct conf_kind conf_kind_t;

/** Make one; `table` may be NULL and rows with scopes are left out.  Keeps `parents` and `owner`. */
conf_kind_t *kind_make(const char *name, const char *parents, scope_naming_t naming, int flags,
                       const ec_option_t *table, const char *owner, apr_pool_t *pool);
/** The kind `type` (any case) that may stand in `parent`, from those inside of `outer`; NULL: none. */
const conf_kind_t *kind_find_inner(const conf_kind_t *outer, const conf_scope_t *parent, const char *type);
const conf_option_t *kind_find_option(const conf_kind_t *kind, const char *name);

/** What the documentation says of a module's stanza, and of one inside of it (NULL: not documented). */
const conf_kind_t *documented_module(const char *type);
/** The documented kind that corresponds to `kind`, which a module brought; NULL: none. */
const conf_kind_t *documented_like(const conf_kind_t *kind);
void documented_each(void (*each)(void *baton, const conf_option_t *option), void *baton);

#endif
