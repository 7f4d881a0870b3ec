/* commands.c - the console's tables, joined; and what only main can do
 * SPDX-License-Identifier: Apache-2.0 */
#include "main/server.h"

#include "conf/ask/ask.h"
#include "control/control.h"
#include "queue/queue.h"
#include "smtp/in/smtp_in.h"
#include "smtp/out/smtp_out.h"

static void on_reloaded(void *baton, int is_ok, const char *text)
{
    ec_answer_t *answer = baton;

    if (is_ok) {
        ec_node_note(ec_answer_root(answer), "%s", text);
    } else {
        ec_answer_error(answer, "%s", text);
    }
    ec_answer_finish(answer);
}

static void reload(void *baton, const char *path, ec_answer_t *answer)
{
    server_t *server = baton;

    ec_answer_hold(answer);
    server_reload(server, path, on_reloaded, answer);
}

static void shutdown_server(void *baton)
{
    server_stop(baton);
}

void server_add_commands(server_t *server)
{
    control_actions_t actions = { .reload = reload, .shutdown = shutdown_server, .baton = server };

    control_start(&actions, server->log);
    control_add(ask_commands, NULL, NULL, "conf");
    control_add(queue_commands, NULL, NULL, "queue");
    control_add(smtp_in_commands, NULL, NULL, "smtp");
    control_add(smtp_out_commands, NULL, NULL, "smtp");
}
