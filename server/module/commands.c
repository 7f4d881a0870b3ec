/* commands.c - "module list" and "module hooks"
 * SPDX-License-Identifier: Apache-2.0 */
#include "module/commands.h"

#include "control/control.h"
#include "hook/hook.h"

static void list_one(void *table, const module_instance_t *instance)
{
    const ec_module_t *module = instance->module;
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "module", instance->prefix);
    ec_node_text(row, "scope_name", module->name);
    ec_node_text(row, "instance_name", instance->info.name);
    ec_node_text(row, "enabled", instance->is_enabled ? "yes" : "no");
    ec_node_int(row, "api", module->api);
    ec_node_text(row, "stanza", instance->where);
    ec_node_text(row, "description", module->summary != NULL ? module->summary : "");
}

static void module_list(void *self, ec_answer_t *answer)
{
    module_each(list_one, ec_node_table(ec_answer_root(answer), "modules"));
}

static void module_hooks(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "hooks");

    for (int hook = 0; hook < EC_HOOK_COUNT; hook++) {
        const hook_list_t *list = hook_list((ec_hook_id_t)hook);
        ec_node_t *row = ec_node_row(table);

        ec_node_text(row, "hook", hook_name((ec_hook_id_t)hook));
        ec_node_int(row, "providers", list != NULL ? list->n : 0);
        ec_node_text(row, "prototype", hook_prototype((ec_hook_id_t)hook));
    }
}

static const ec_command_t commands[] = {
    { "module list", EC_CMD_READ, module_list, "loaded modules and their instances" },
    { "module hooks", EC_CMD_READ, module_hooks, "points where modules take part, and how many do" },
    EC_COMMAND_END
};

void module_commands_add(void)
{
    control_add(commands, NULL, NULL, "core");
}
