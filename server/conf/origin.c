/* origin.c - which stanza an outbound value comes from
 * SPDX-License-Identifier: Apache-2.0
 *
 * A limit counts what is under the stanza where it is set, so who obeys it has to know that stanza.  The
 * chains of chain.c are walked anew: this is asked when a queue takes up a generation, not for each message.
 */
#include <string.h>

#include <apr_strings.h>

#include "conf/origin.h"
#include "conf/view.h"

static conf_origin_t find(const chain_t *chain, conf_opt_t opt)
{
    conf_origin_t origin = { NULL, NULL };
    const conf_setting_t *setting = chain_setting(chain, conf_option(opt), &origin.stanza);

    origin.value = setting != NULL ? &setting->value : NULL;
    return origin;
}

static void find_all(conf_origin_t *origins, const conf_opt_t *opts, int n, chain_t *chain)
{
    for (int i = 0; i < n; i++) {
        origins[i] = find(chain, opts[i]);
    }
    chain_free(chain);
}

void conf_outbound_origins(conf_origin_t *origins, const conf_opt_t *opts, int n, const conf_t *conf,
                           const conf_scope_names_t *names)
{
    chain_t chain;

    chain_init(&chain);
    chain_outbound(&chain, conf, names->group, names->binding, names->name);
    find_all(origins, opts, n, &chain);
}

void conf_host_origins(conf_origin_t *origins, const conf_opt_t *opts, int n, const conf_t *conf,
                       const conf_scope_names_t *names)
{
    chain_t chain;

    chain_init(&chain);
    chain_host(&chain, conf, names->group, names->binding, names->name);
    find_all(origins, opts, n, &chain);
}

int conf_container_origins(conf_origin_t *origins, conf_opt_t opt, const conf_t *conf,
                           const conf_scope_names_t *names)
{
    chain_t chain;
    int n = 0;

    chain_init(&chain);
    chain_outbound(&chain, conf, names->group, names->binding, NULL);
    for (int i = 0; i < chain.count && n < CONF_CONTAINERS_MAX; i++) {
        const conf_setting_t *setting = tree_setting(chain.stanzas[i], conf_option(opt));

        if (setting != NULL) {
            origins[n++] = (conf_origin_t){ chain.stanzas[i], &setting->value };
        }
    }
    chain_free(&chain);
    return n;
}

int conf_has_hosts(const conf_t *conf)
{
    return conf->has_hosts;
}

const char *conf_origin_key(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    const char *key = NULL;

    for (; stanza != NULL && stanza->parent != NULL; stanza = stanza->parent) {
        key = apr_pstrcat(pool, stanza->type, ":", stanza->name, key != NULL ? "::" : "", key, NULL);
    }
    return key != NULL ? key : "global";
}

const char *conf_origin_text(const conf_stanza_t *stanza, apr_pool_t *pool)
{
    return stanza != NULL ? tree_describe(stanza, pool) : scope_global->name;
}
