/* commands.h - "module list" and "module hooks"
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef MODULE_COMMANDS_H
#define MODULE_COMMANDS_H

#include "module/instance.h"

void module_commands_add(void);

/** Visit the instances in force, in order. */
typedef void module_each_fn(void *baton, const module_instance_t *instance);
void module_each(module_each_fn *each, void *baton);
#endif
