/* options.h - from the values of a stanza to the fields of an instance struct
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef MODULE_OPTIONS_H
#define MODULE_OPTIONS_H

#include <ec/option.h>
#include "conf/conf.h"

/** Set the field that `row` names in `self`; texts and lists are copied into `pool`.  `value` NULL leaves it. */
void module_option_set(void *self, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool);

/** The value as text, for comparing two generations; "" for NULL. */
const char *module_option_text(const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool);

/** Set all rows of `table` (may be NULL) from `stanza` and the defaults. */
void module_options_set(void *self, const ec_option_t *table, const conf_t *conf, const conf_stanza_t *stanza,
                        apr_pool_t *pool);

/** All values in force as one text: equal texts mean that nothing has changed.  Includes `enabled`, which every
 * module has, but not `debug_level`, which needs no new instance. */
const char *module_options_text(const ec_option_t *table, const conf_t *conf, const conf_stanza_t *stanza,
                                apr_pool_t *pool);
#endif
