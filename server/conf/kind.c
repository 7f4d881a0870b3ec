/* kind.c - kinds of stanza that modules have: making them, and finding what is inside
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/kind.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* The rows that are legal in the stanza itself. */
static conf_option_t *own_options(const conf_kind_t *kind, const ec_option_t *table, apr_pool_t *pool)
{
    apr_size_t count = 0;
    conf_option_t *options;

    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++)
        count++;
    options = apr_pcalloc(pool, sizeof(*options) * (count + 1));
    count = 0;
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (row->scopes == NULL)
            options[count++] = (conf_option_t){ .row = row, .handle = -1, .owner = kind->owner, .kind = kind };
    }
    return options;
}

conf_kind_t *kind_make(const char *name, const char *parents, scope_naming_t naming, int flags,
                       const ec_option_t *table, const char *owner, apr_pool_t *pool)
{
    conf_kind_t *kind = apr_pcalloc(pool, sizeof(*kind));

    kind->scope = (conf_scope_t){ .name = apr_pstrdup(pool, name),
                                  .parents = parents,
                                  .naming = naming,
                                  .kind = NAME_TEXT,
                                  .flags = SCOPE_MODULE | flags,
                                  .table = table,
                                  .module = kind };
    kind->owner = owner;
    kind->options = own_options(kind, table, pool);
    return kind;
}

const conf_kind_t *kind_find_inner(const conf_kind_t *outer, const conf_scope_t *parent, const char *type)
{
    const conf_kind_t *kind = outer->inner;

    while (kind != NULL &&
           (strcasecmp(kind->scope.name, type) != 0 || !scope_allows_parent(&kind->scope, parent)))
        kind = kind->inner;
    return kind;
}

const conf_option_t *kind_find_option(const conf_kind_t *kind, const char *name)
{
    for (const conf_option_t *option = kind->options; option->row != NULL; option++) {
        if (strcasecmp(option->row->name, name) == 0)
            return option;
    }
    return NULL;
}
