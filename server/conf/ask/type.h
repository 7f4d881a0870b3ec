/* type.h - types of options in words, for console and manual
 * SPDX-License-Identifier: Apache-2.0
 * Any thread. */
#ifndef CONF_ASK_TYPE_H
#define CONF_ASK_TYPE_H

#include <apr_pools.h>

#include <ec/option.h>
#include "conf/options.h"

/** "time, from 0 to 10", "one of a, b", "list of numbers"; in `pool`. */
const char *option_type_text(const ec_option_t *row, apr_pool_t *pool);
/** The default as written; "(not set)" or "(empty)". */
const char *option_default_text(const ec_option_t *row);
/** Where it may stand: "global domain", "ec_logger", "replicate in cluster"; in `pool`. */
const char *option_scopes_text(const conf_option_t *option, apr_pool_t *pool);
/** Are both of one name and one stanza of one module? */
int option_is_like(const conf_option_t *a, const conf_option_t *b);

#endif
