/* origin.h - which stanza an outbound value comes from
 * SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed from the generation, as all of this.  Any thread. */
#ifndef CONF_ORIGIN_H
#define CONF_ORIGIN_H

#include "conf/conf.h"

typedef struct {
    const conf_stanza_t *stanza; /* NULL: nobody set it, the value is the default's */
    const ec_value_t *value;     /* NULL with it */
} conf_origin_t;

/** Who asks: any may be NULL; `name` is a domain or a host, in lower case. */
typedef struct {
    const char *group, *binding, *name;
} conf_scope_names_t;

/** The stanzas that give a domain these `n` options (config-language.md section 8). */
void conf_outbound_origins(conf_origin_t *origins, const conf_opt_t *opts, int n, const conf_t *conf,
                           const conf_scope_names_t *names);
/** The same for a host (8.2); what is set in no host stanza has no origin. */
void conf_host_origins(conf_origin_t *origins, const conf_opt_t *opts, int n, const conf_t *conf,
                       const conf_scope_names_t *names);
/** All of the binding, its group and the top level that set the option: they count side by side.  Returns how
 * many. */
enum { CONF_CONTAINERS_MAX = 4 };
int conf_container_origins(conf_origin_t *origins, conf_opt_t opt, const conf_t *conf,
                           const conf_scope_names_t *names);
/** Is there any host stanza? */
int conf_has_hosts(const conf_t *conf);

/** A text that names the stanza, the same on all nodes and in all generations:
 * "binding:b::domain:example.com", "domain:/pattern/", "global". */
const char *conf_origin_key(const conf_stanza_t *stanza, apr_pool_t *pool);
/** The same for people: "domain example.com in binding b". */
const char *conf_origin_text(const conf_stanza_t *stanza, apr_pool_t *pool);

#endif
