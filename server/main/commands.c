/* commands.c - the console's tables, joined; and what only main can do
 * SPDX-License-Identifier: Apache-2.0 */
#include "main/server.h"

#include "conf/ask/ask.h"
#include "conf/live/writeback.h"
#include "control/control.h"
#include "module/trial.h"
#include "queue/queue.h"
#include "series/show.h"
#include "shape/show.h"
#include "smtp/in/smtp_in.h"
#include "smtp/out/smtp_out.h"

static void apply(void *baton, conf_t *conf, const apr_array_header_t *warnings, transaction_applied_fn *done,
                  void *done_baton)
{
    server_apply(baton, conf, warnings, done, done_baton);
}

static void reload(void *baton, const char *path, transaction_applied_fn *done, void *done_baton)
{
    server_reload(baton, path, done, done_baton);
}

static apr_status_t try_new_code(void *baton, const conf_t *conf, apr_array_header_t *problems, apr_pool_t *pool)
{
    return trial_of_conf(conf, problems, pool);
}

static const conf_source_t *source(void *baton)
{
    return server_source(baton);
}

static void shutdown_server(void *baton)
{
    server_stop(baton);
}

void server_add_commands(server_t *server)
{
    const control_actions_t actions = { .shutdown = shutdown_server, .baton = server };
    const transaction_actions_t changes = { .apply = apply, .try_new_code = try_new_code, .reload = reload, .source = source,
                                            .baton = server };

    control_start(&actions, server->log);
    transaction_start(&changes);
    control_add(transaction_commands, NULL, NULL, "conf");
    control_add(ask_commands, NULL, NULL, "conf");
    control_add(show_commands, NULL, NULL, "conf");
    control_add(writeback_commands, NULL, NULL, "conf");
    if (server->args.is_manager) {
        return;
    }
    control_add(shape_commands, NULL, NULL, "limits");
    control_add(series_commands, NULL, NULL, "series");
    control_add(queue_commands, NULL, NULL, "queue");
    control_add(smtp_in_commands, NULL, NULL, "smtp");
    control_add(smtp_out_commands, NULL, NULL, "smtp");
}
