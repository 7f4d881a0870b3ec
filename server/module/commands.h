/* commands.h - "module list", "module hooks" and "module level"
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef MODULE_COMMANDS_H
#define MODULE_COMMANDS_H

#include "module/instance.h"

void module_commands_add(void);

/** Visit the instances in force, in order, then those that are leaving. */
typedef void module_each_fn(void *baton, const module_instance_t *instance);
void module_each(module_each_fn *each, void *baton);
/** The one in force with this prefix ("ec_logger:main", any case), or NULL. */
module_instance_t *module_find(const char *prefix);
#endif
