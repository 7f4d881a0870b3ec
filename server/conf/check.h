/* check.h - what can be judged only of a whole configuration, or only by the room that uses an option
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/tree.h"

/** Look at a text value, or at one item of a list.  Returns NULL when it is right, else what is wrong with it (a clause);
 * `*is_warning` is 0 and may be set.  Any thread. */
typedef const char *conf_check_fn(const char *text, int *is_warning);

/** From now on values of the core's `option` are shown to `check` when a configuration is loaded.  At start, before the
 * first load; once for an option. */
void conf_check_register(conf_opt_t option, conf_check_fn *check);

/** The same for the names of enabled Listen stanzas in listeners of this type, in the form of comparison. */
void conf_check_register_listen(const char *listener, conf_check_fn *check);

#endif
