/* stanza.c - what modules may ask about stanzas and options (ec/stanza.h, ec/option.h)
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stanza finds its generation by itself, so that a module needs to hold nothing else. */
#include <ec/stanza.h>

#include <apr_strings.h>

#include "module/options.h"

const ec_stanza_t *ec_stanza_next(const ec_stanza_t *parent, const char *kind, const ec_stanza_t *previous)
{
    return conf_next(conf_stanza_owner(parent), parent, kind, previous);
}

const char *ec_stanza_kind(const ec_stanza_t *stanza)
{
    return conf_stanza_type(stanza);
}

const char *ec_stanza_name(const ec_stanza_t *stanza)
{
    return conf_stanza_name(stanza);
}

const char *ec_stanza_file(const ec_stanza_t *stanza)
{
    return conf_stanza_file(stanza);
}

int ec_stanza_line(const ec_stanza_t *stanza)
{
    return conf_stanza_line(stanza);
}

const ec_value_t *ec_stanza_value(const ec_stanza_t *stanza, const char *option)
{
    return conf_stanza_eval(conf_stanza_owner(stanza), stanza, option);
}

void ec_stanza_fill(void *self, const ec_option_t *options, const ec_stanza_t *stanza, apr_pool_t *pool)
{
    module_options_set(self, options, conf_stanza_owner(stanza), stanza, pool);
}

/* ---- options in the core's scopes ------------------------------------------------------ */

const ec_value_t *ec_option_value(const ec_options_t *options, ec_option_handle_t handle)
{
    return conf_get_handle(options, handle);
}

const ec_options_t *ec_options_global(void)
{
    return conf_global(conf_current());
}

const ec_value_t *ec_option_in_stanza(const char *stanza, const char *option)
{
    const conf_t *conf = conf_current();
    const conf_stanza_t *found = conf_next(conf, NULL, stanza, NULL);

    return found != NULL ? conf_stanza_eval(conf, found, option) : NULL;
}

const ec_options_t *ec_options_outbound(const char *group, const char *binding, const char *domain)
{
    return conf_outbound(conf_current(), group, binding, domain);
}
