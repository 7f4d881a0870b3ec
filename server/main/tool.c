/* tool.c - a configuration without a server
 * SPDX-License-Identifier: Apache-2.0 */
#include "main/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "conf/include.h"
#include "control/control.h"
#include "dns/dns.h"
#include "module/loader.h"

static const char main_name[] = "ecelerity.conf";

int tool_start(tool_t *tool)
{
    if (apr_initialize() == APR_SUCCESS && apr_pool_create(&tool->pool, NULL) == APR_SUCCESS)
        return 0;
    fprintf(stderr, "%s: out of memory at start\n", tool->name);
    return 1;
}

void tool_end(tool_t *tool)
{
    apr_pool_destroy(tool->pool);
    apr_terminate();
}

static int find_main(tool_loaded_t *loaded, const conf_source_t *source, apr_pool_t *pool)
{
    struct search_path path;
    const char *found;

    search_path_make(&path, source, pool);
    return search_main(&found, &path, source->file, &loaded->where, pool) == APR_SUCCESS;
}

static void count(tool_loaded_t *loaded)
{
    for (int i = 0; i < loaded->problems->nelts; i++) {
        int is_warning = APR_ARRAY_IDX(loaded->problems, i, conf_problem_t).is_warning;

        loaded->warnings += is_warning;
        loaded->errors += !is_warning;
    }
}

/* ---- which module is at work, for who watches ----------------------------------------- */

void tool_tell(const tool_t *tool, const char *name, const char *doing)
{
    if (tool->now == NULL)
        return;
    apr_cpystrn(tool->now->name, name != NULL ? name : "", sizeof tool->now->name);
    apr_cpystrn(tool->now->doing, doing != NULL ? doing : "", sizeof tool->now->doing);
}

static apr_status_t need_module(void *baton, const char *name, const char **why)
{
    apr_status_t rv;

    tool_tell(baton, name, "loaded");
    rv = module_need(NULL, name, why);
    tool_tell(baton, NULL, NULL);
    return rv;
}

static apr_status_t need_option(void *baton, const char *scope, const char *option, const char **why)
{
    apr_status_t rv;

    tool_tell(baton, option, "loaded");
    rv = module_need_option(NULL, scope, option, why);
    tool_tell(baton, NULL, NULL);
    return rv;
}

static const char *const *requirements(void *baton, const char *name)
{
    return module_requirements(NULL, name);
}

void tool_load(tool_loaded_t *loaded, const tool_t *tool)
{
    conf_source_t source = { .file = tool->config != NULL ? tool->config : main_name,
                             .need_module = need_module,
                             .need_option = need_option,
                             .requirements = requirements,
                             .baton = (void *)tool };

    memset(loaded, 0, sizeof(*loaded));
    loaded->problems = apr_array_make(tool->pool, 0, sizeof(conf_problem_t));
    loaded->is_found = find_main(loaded, &source, tool->pool);
    if (!loaded->is_found || module_loader_start(tool->modules, ec_log_root(), tool->pool) != APR_SUCCESS)
        return;
    dns_check_values();
    control_check_values();
    conf_load(&loaded->conf, &loaded->problems, &source, tool->pool);
    count(loaded);
}

void tool_print_problems(const tool_loaded_t *loaded)
{
    for (int i = 0; i < loaded->problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(loaded->problems, i, conf_problem_t);

        fprintf(stderr, "%s:%d: %s: %s (CFG-%05d)\n", problem->file, problem->line,
                problem->is_warning ? "warning" : "error", problem->text, (int)problem->kind);
    }
}

const char *tool_counts(const tool_t *tool, const tool_loaded_t *loaded)
{
    return apr_psprintf(tool->pool, "%d %s, %d %s", loaded->errors, loaded->errors == 1 ? "error" : "errors",
                        loaded->warnings, loaded->warnings == 1 ? "warning" : "warnings");
}
