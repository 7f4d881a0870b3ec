/* bindings.c - which bindings and binding groups a configuration has
 * SPDX-License-Identifier: Apache-2.0
 *
 * A binding outside of groups is in the group "default".  Who names a binding without its group means the one
 * outside of groups, else the first in a group (as for options, chain.c). */
#include "conf/tree.h"

#include <string.h>

static const char name_default[] = "default";

const conf_stanza_t *conf_binding_group(const conf_t *conf, const char *name)
{
    return tree_find(conf, conf->root, "binding_group", name);
}

const conf_stanza_t *conf_binding(const conf_t *conf, const char *group, const char *name)
{
    const conf_stanza_t *found = NULL, *in;

    if (group == NULL || strcmp(group, name_default) == 0)
        found = tree_find(conf, conf->root, "binding", name);
    if (found == NULL && group == NULL)
        found = apr_hash_get(conf->grouped_bindings, name, APR_HASH_KEY_STRING);
    if (found == NULL && group != NULL && (in = conf_binding_group(conf, group)) != NULL)
        found = tree_find(conf, in, "binding", name);
    return found;
}

const char *conf_binding_owner(const conf_stanza_t *binding)
{
    return strcmp(binding->parent->type, "binding_group") == 0 ? binding->parent->name : name_default;
}
