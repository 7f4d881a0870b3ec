/* commands.c - "module list", "module hooks" and "module level"
 * SPDX-License-Identifier: Apache-2.0 */
#include "module/commands.h"

#include <string.h>
#include <strings.h>

#include "config.h"
#include "control/control.h"
#include "hook/hook.h"
#include "module/file.h"

struct count {
    const char *prefix;
    apr_size_t length;
    int n;
};

static void count_counter(void *baton, const char *name, const char *help, apr_int64_t value)
{
    struct count *count = baton;

    count->n += strncasecmp(name, count->prefix, count->length) == 0 && name[count->length] == '.';
}

/* Those whose names begin with the module's. */
static int counters_of(const ec_module_t *module)
{
    struct count count = { module->name, strlen(module->name), 0 };

    ec_counter_each(count_counter, &count);
    return count.n;
}

static int hooks_of(const ec_module_t *module)
{
    int n = 0;

    for (const ec_hook_t *row = module->hooks; row != NULL && row->hook >= 0; row++) {
        n++;
    }
    return n;
}

static const char *state_of(const module_instance_t *instance)
{
    return instance->is_leaving ? "leaving" : instance->is_enabled ? "running" : "disabled";
}

static void list_one(void *table, const module_instance_t *instance)
{
    const ec_module_t *module = instance->module;
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "module", instance->prefix);
    ec_node_text(row, "version", module->version != NULL ? module->version : PACKAGE_VERSION);
    ec_node_text(row, "scope_name", module->name);
    ec_node_text(row, "instance_name", instance->info.name);
    ec_node_text(row, "enabled", instance->is_enabled ? "yes" : "no");
    ec_node_text(row, "state", state_of(instance));
    ec_node_int(row, "suspended", atomic_load(&instance->owner.holds) - !instance->is_leaving);
    ec_node_int(row, "hooks", hooks_of(module));
    ec_node_int(row, "counters", counters_of(module));
    ec_node_int(row, "memory", module_instance_memory(instance));
    ec_node_text(row, "level", instance->level >= 0 ? ec_log_level_name((ec_log_level_t)instance->level) : "-");
    ec_node_int(row, "api", module->api);
    ec_node_text(row, "file", module_file_changed(module) != NULL ? "replaced" : "as loaded");
    ec_node_text(row, "stanza", instance->where);
    ec_node_text(row, "description", module->summary != NULL ? module->summary : "");
}

static void module_level(void *self, ec_answer_t *answer)
{
    const char *name = ec_answer_arg(answer, "instance"), *word = ec_answer_arg(answer, "level");
    module_instance_t *instance = module_find(name);
    int level = ec_log_level_parse(word);

    if (instance == NULL) {
        ec_answer_error(answer, "there is no instance \"%s\"; \"module list\" shows them", name);
    } else if (level < 0) {
        ec_answer_error(answer, "\"%s\" is no level: DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL", word);
    } else {
        module_instance_set_level(instance, level);
        ec_node_text(ec_answer_root(answer), "level", ec_log_level_name((ec_log_level_t)level));
        ec_node_note(ec_answer_root(answer), "%s has this level until the next reload", instance->prefix);
    }
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
    { "module level <instance> <level>", EC_CMD_WRITE, module_level, "log more or less of a module, until the next reload" },
    EC_COMMAND_END
};

void module_commands_add(void)
{
    control_add(commands, NULL, NULL, "core");
}
