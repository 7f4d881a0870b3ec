/* chain.c - the order in which scopes are asked for a value
 * SPDX-License-Identifier: Apache-2.0
 *
 * config-language.md sections 8 (outbound), 8.2 (hosts) and 9 (inbound), each written
 * down in its order.  Where the documentation leaves the order open it is decided here:
 * a binding group goes before the global domain stanza; of several peer networks only the
 * most specific one speaks; a pathway comes after the listener. */
#include "conf/view.h"

#include <stdlib.h>
#include <string.h>

void chain_init(chain_t *chain)
{
    chain->stanzas = chain->few;
    chain->count = 0;
    chain->room = CHAIN_FEW;
}

void chain_free(chain_t *chain)
{
    if (chain->stanzas != chain->few)
        free(chain->stanzas);
}

static void add(chain_t *chain, const conf_stanza_t *stanza)
{
    if (stanza == NULL)
        return;
    if (chain->count == chain->room) {
        size_t size = sizeof(*chain->stanzas) * (size_t)chain->room;
        const conf_stanza_t **bigger = malloc(size * 2);

        if (bigger == NULL)
            abort();
        memcpy(bigger, chain->stanzas, size);
        chain_free(chain);
        chain->stanzas = bigger;
        chain->room *= 2;
    }
    chain->stanzas[chain->count++] = stanza;
}

/* ---- outbound ----------------------------------------------------------------------------- */

/* R3: the exact stanza, then every pattern that matches, in order of declaration. */
static void add_named(chain_t *chain, const conf_t *conf, const conf_stanza_t *container, const char *type,
                      const char *name)
{
    if (container == NULL || name == NULL)
        return;
    add(chain, tree_find(conf, container, type, name));
    for (const conf_stanza_t *stanza = container->first_regex; stanza != NULL; stanza = stanza->next_regex) {
        if (strcmp(stanza->type, type) == 0 && match_regex(stanza, name))
            add(chain, stanza);
    }
}

struct containers {
    const conf_stanza_t *group, *binding, *group_binding; /* binding: at the top level */
};

static struct containers find_containers(const conf_t *conf, const char *group, const char *binding)
{
    struct containers found = { NULL, NULL, NULL };

    if (group != NULL)
        found.group = tree_find(conf, conf->root, "binding_group", group);
    if (binding != NULL)
        found.binding = tree_find(conf, conf->root, "binding", binding);
    if (binding != NULL && found.group != NULL)
        found.group_binding = tree_find(conf, found.group, "binding", binding);
    /* who names only the binding means the group that holds it */
    if (binding != NULL && group == NULL && found.binding == NULL) {
        found.group_binding = apr_hash_get(conf->grouped_bindings, binding, APR_HASH_KEY_STRING);
        found.group = found.group_binding != NULL ? found.group_binding->parent : NULL;
    }
    return found;
}

void chain_outbound(chain_t *chain, const conf_t *conf, const char *group, const char *binding,
                    const char *domain)
{
    struct containers in = find_containers(conf, group, binding);

    add_named(chain, conf, in.group_binding, "domain", domain); /* 1 */
    add_named(chain, conf, in.binding, "domain", domain);       /* 2 */
    add_named(chain, conf, in.group, "domain", domain);         /* 3 */
    add(chain, in.group_binding);                               /* 4 */
    add(chain, in.binding);
    add(chain, in.group);                                 /* 5 */
    add_named(chain, conf, conf->root, "domain", domain); /* 6 */
    add(chain, conf->root);                               /* 7 */
}

/* H2 and H3: hosts have a chain of their own, which does not end at the top level. */
void chain_host(chain_t *chain, const conf_t *conf, const char *group, const char *binding, const char *host)
{
    struct containers in = find_containers(conf, group, binding);

    add_named(chain, conf, in.group_binding, "host", host);
    add_named(chain, conf, in.group, "host", host);
    add_named(chain, conf, in.binding, "host", host);
    add_named(chain, conf, conf->root, "host", host);
}

/* ---- inbound -------------------------------------------------------------------------------- */

static const conf_stanza_t *find_peer(const conf_t *conf, const conf_stanza_t *container, const cidr_t *address)
{
    const conf_stanza_t *best = NULL;

    for (const conf_stanza_t *stanza = conf_next(conf, container, "peer", NULL); stanza != NULL;
         stanza = stanza->next_same) {
        if (cidr_contains(&stanza->network, address) &&
            (best == NULL || stanza->network.bits > best->network.bits))
            best = stanza;
    }
    return best;
}

static const char *pathway_of(const chain_t *chain)
{
    const ec_option_t *row = conf_option(CONF_O_PATHWAY);

    for (int i = 0; i < chain->count; i++) {
        const conf_setting_t *setting = tree_setting(chain->stanzas[i], row);

        if (setting != NULL)
            return setting->value.s;
    }
    return NULL;
}

void chain_pathway(chain_t *chain, const conf_t *conf, const char *pathway)
{
    const conf_stanza_t *group = NULL, *grouped = NULL;

    while ((group = conf_next(conf, NULL, "pathway_group", group)) != NULL) {
        if ((grouped = tree_find(conf, group, "pathway", pathway)) != NULL)
            break;
    }
    add(chain, grouped);
    add(chain, tree_find(conf, conf->root, "pathway", pathway));
    add(chain, group);
}

void chain_inbound(chain_t *chain, const conf_t *conf, const conf_stanza_t *listener,
                   const conf_stanza_t *listen, const char *peer)
{
    cidr_t address;
    int has_address = peer != NULL && cidr_parse(&address, peer);
    const char *pathway;

    if (has_address && listen != NULL)
        add(chain, find_peer(conf, listen, &address)); /* 1 */
    add(chain, listen);                          /* 2 */
    if (has_address && listener != NULL)
        add(chain, find_peer(conf, listener, &address)); /* 3 */
    add(chain, listener);                          /* 4 */
    if ((pathway = pathway_of(chain)) != NULL)
        chain_pathway(chain, conf, pathway); /* 5 */
    add(chain, conf->root);                  /* 6 */
}

void chain_single(chain_t *chain, const conf_t *conf, const conf_stanza_t *stanza)
{
    add(chain, stanza);
    if (stanza != conf->root)
        add(chain, conf->root);
}
