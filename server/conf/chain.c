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
    chain->steps = NULL;
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

const conf_setting_t *chain_setting(const chain_t *chain, const ec_option_t *row, const conf_stanza_t **stanza)
{
    for (int i = 0; i < chain->count; i++) {
        const conf_setting_t *setting = tree_setting(chain->stanzas[i], row);

        if (setting != NULL) {
            if (stanza != NULL)
                *stanza = chain->stanzas[i];
            return setting;
        }
    }
    return NULL;
}

void chain_trace(chain_t *chain, apr_pool_t *pool)
{
    chain->steps = apr_array_make(pool, 16, sizeof(chain_step_t));
}

static inline void look(chain_t *chain, const chain_step_t *step)
{
    if (chain->steps != NULL)
        APR_ARRAY_PUSH(chain->steps, chain_step_t) = *step;
    add(chain, step->stanza);
}

void chain_look(chain_t *chain, const chain_step_t *step)
{
    look(chain, step);
}

static void look_global(chain_t *chain, const conf_t *conf, const char *rule)
{
    look(chain, &(chain_step_t){ .rule = rule, .type = scope_global->name, .stanza = conf->root });
}

/* ---- outbound ----------------------------------------------------------------------------- */

struct containers {
    const conf_stanza_t *group, *binding, *group_binding; /* binding: at the top level */
    const char *group_name, *binding_name;                /* as asked for; NULL: not at all */
};

static struct containers find_containers(const conf_t *conf, const char *group, const char *binding)
{
    struct containers found = { NULL, NULL, NULL, group, binding };

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
        found.group_name = found.group != NULL ? found.group->name : NULL;
    }
    return found;
}

/* R3: the exact stanza, then every pattern that matches, in order of declaration.  `step` says in what and
 * what for. */
static void look_named(chain_t *chain, const conf_t *conf, const conf_stanza_t *container, chain_step_t step)
{
    int n_unmatched = 0;

    if (step.name == NULL)
        return;
    step.stanza = container != NULL ? tree_find(conf, container, step.type, step.name) : NULL;
    look(chain, &step);
    step.rule = "R3";
    for (const conf_stanza_t *at = container != NULL ? container->first_regex : NULL; at != NULL;
         at = at->next_regex) {
        if (strcmp(at->type, step.type) != 0)
            continue;
        step.stanza = at;
        if (match_regex(at, step.name))
            look(chain, &step);
        else
            n_unmatched++;
    }
    if (n_unmatched > 0 && chain->steps != NULL) {
        step.stanza = NULL;
        step.n_unmatched = n_unmatched;
        look(chain, &step);
    }
}

static void look_in_group_binding(chain_t *chain, const conf_t *conf, const struct containers *in,
                                  const char *rule, const char *type, const char *name)
{
    if (in->group_name != NULL && in->binding_name != NULL)
        look_named(chain, conf, in->group_binding,
                   (chain_step_t){ .rule = rule,
                                   .type = type,
                                   .name = name,
                                   .binding = in->binding_name,
                                   .group = in->group_name });
}

static void look_in_binding(chain_t *chain, const conf_t *conf, const struct containers *in, const char *rule,
                            const char *type, const char *name)
{
    if (in->binding_name != NULL)
        look_named(chain, conf, in->binding,
                   (chain_step_t){ .rule = rule, .type = type, .name = name, .binding = in->binding_name });
}

static void look_in_group(chain_t *chain, const conf_t *conf, const struct containers *in, const char *rule,
                          const char *type, const char *name)
{
    if (in->group_name != NULL)
        look_named(chain, conf, in->group,
                   (chain_step_t){ .rule = rule, .type = type, .name = name, .group = in->group_name });
}

static void look_at_containers(chain_t *chain, const struct containers *in)
{
    if (in->group_name != NULL && in->binding_name != NULL)
        look(chain, &(chain_step_t){ .rule = "8.4",
                                     .type = "binding",
                                     .name = in->binding_name,
                                     .group = in->group_name,
                                     .stanza = in->group_binding });
    if (in->binding_name != NULL)
        look(chain, &(chain_step_t){
                        .rule = "8.4", .type = "binding", .name = in->binding_name, .stanza = in->binding });
    if (in->group_name != NULL)
        look(chain,
             &(chain_step_t){
                 .rule = "8.5", .type = "binding_group", .name = in->group_name, .stanza = in->group });
}

void chain_outbound(chain_t *chain, const conf_t *conf, const char *group, const char *binding,
                    const char *domain)
{
    struct containers in = find_containers(conf, group, binding);

    look_in_group_binding(chain, conf, &in, "8.1", "domain", domain);
    look_in_binding(chain, conf, &in, "8.2", "domain", domain);
    look_in_group(chain, conf, &in, "8.3", "domain", domain);
    look_at_containers(chain, &in);
    look_named(chain, conf, conf->root, (chain_step_t){ .rule = "8.6", .type = "domain", .name = domain });
    look_global(chain, conf, "8.7");
}

/* H2 and H3: hosts have a chain of their own, which does not end at the top level. */
void chain_host(chain_t *chain, const conf_t *conf, const char *group, const char *binding, const char *host)
{
    struct containers in = find_containers(conf, group, binding);

    look_in_group_binding(chain, conf, &in, "H2", "host", host);
    look_in_group(chain, conf, &in, "H2", "host", host);
    look_in_binding(chain, conf, &in, "H2", "host", host);
    look_named(chain, conf, conf->root, (chain_step_t){ .rule = "H2", .type = "host", .name = host });
}

/* ---- inbound -------------------------------------------------------------------------------- */

static const conf_stanza_t *find_peer(const conf_t *conf, const conf_stanza_t *container,
                                      const cidr_t *address)
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

/* Of several networks only the most specific one speaks. */
static void look_at_peer(chain_t *chain, const conf_t *conf, const conf_stanza_t *container, const char *peer,
                         const char *rule)
{
    cidr_t address;

    if (peer == NULL || container == NULL || !cidr_parse(&address, peer))
        return;
    look(chain, &(chain_step_t){ .rule = rule,
                                 .type = "peer",
                                 .name = peer,
                                 .parent = container,
                                 .stanza = find_peer(conf, container, &address) });
}

static void look_at_stanza(chain_t *chain, const conf_stanza_t *stanza, const char *rule)
{
    if (stanza != NULL)
        look(chain, &(chain_step_t){
                        .rule = rule, .type = stanza->type, .name = stanza->written, .stanza = stanza });
}

static const char *pathway_of(const chain_t *chain)
{
    const conf_setting_t *setting = chain_setting(chain, conf_option(CONF_O_PATHWAY), NULL);

    return setting != NULL ? setting->value.s : NULL;
}

static const conf_stanza_t *find_grouped(const conf_t *conf, const char *pathway)
{
    const conf_stanza_t *group = NULL, *grouped = NULL;

    while (grouped == NULL && (group = conf_next(conf, NULL, "pathway_group", group)) != NULL)
        grouped = tree_find(conf, group, "pathway", pathway);
    return grouped;
}

const char *conf_pathway_group(const conf_t *conf, const char *pathway)
{
    const conf_stanza_t *grouped = find_grouped(conf, pathway);

    return grouped != NULL ? grouped->parent->name : NULL;
}

void chain_pathway(chain_t *chain, const conf_t *conf, const char *pathway)
{
    const conf_stanza_t *grouped = find_grouped(conf, pathway);

    look_at_stanza(chain, grouped, "9.5");
    look(chain, &(chain_step_t){ .rule = "9.5",
                                 .type = "pathway",
                                 .name = pathway,
                                 .stanza = tree_find(conf, conf->root, "pathway", pathway) });
    look_at_stanza(chain, grouped != NULL ? grouped->parent : NULL, "9.5");
}

void chain_inbound(chain_t *chain, const conf_t *conf, const conf_stanza_t *listener,
                   const conf_stanza_t *listen, const char *peer)
{
    const char *pathway;

    look_at_peer(chain, conf, listen, peer, "9.1");
    look_at_stanza(chain, listen, "9.2");
    look_at_peer(chain, conf, listener, peer, "9.3");
    look_at_stanza(chain, listener, "9.4");
    if ((pathway = pathway_of(chain)) != NULL)
        chain_pathway(chain, conf, pathway);
    look_global(chain, conf, "9.6");
}

void chain_single(chain_t *chain, const conf_t *conf, const conf_stanza_t *stanza)
{
    if (stanza != conf->root)
        look_at_stanza(chain, stanza, NULL);
    look_global(chain, conf, NULL);
}
