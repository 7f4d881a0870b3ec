/* type.h - types of options in words, for console and manual
 * SPDX-License-Identifier: Apache-2.0
 * Any thread. */
#ifndef CONF_ASK_TYPE_H
#define CONF_ASK_TYPE_H

#include <apr_pools.h>

#include <ec/option.h>

/** "time, from 0 to 10", "one of a, b", "list of numbers"; in `pool`. */
const char *option_type_text(const ec_option_t *row, apr_pool_t *pool);
/** The default as written; "(not set)" or "(empty)". */
const char *option_default_text(const ec_option_t *row);

#endif
