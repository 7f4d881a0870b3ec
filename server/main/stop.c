/* stop.c - the clean stop: finish what is in flight, sync, leave
 * SPDX-License-Identifier: Apache-2.0
 *
 * Listeners close at once and sessions may end their transaction; then the queues' sessions
 * may end theirs.  Each has SERVER_GRACE_SECONDS at most, both run side by side, so the
 * process leaves within that time plus one sync. */
#include "main/server.h"

#include <signal.h>

#include "event/runtime.h"
#include "hook/hook.h"
#include "queue/queue.h"
#include "smtp/in/smtp_in.h"

static int parts_running;

static void on_part_stopped(void *baton)
{
    server_t *server = baton;

    if (--parts_running == 0) {
        ec_log(server->log, EC_LOG_NOTICE, "stopped");
        event_loop_end(ec_loop_at(0));
    }
}

void server_stop(server_t *server)
{
    apr_interval_time_t grace = apr_time_from_sec(SERVER_GRACE_SECONDS);

    if (server->is_stopping) {
        return;
    }
    server->is_stopping = 1;
    HOOK_CALL(server_stop);
    ec_log(server->log, EC_LOG_NOTICE, "stopping grace_seconds=%d", SERVER_GRACE_SECONDS);
    parts_running = 1;
    if (!server->args.skip_smtp) {
        parts_running++;
        smtp_in_stop(grace, on_part_stopped, server);
    }
    if (server->args.is_manager) {
        on_part_stopped(server);
    } else {
        queue_stop(grace, on_part_stopped, server);
    }
}

/* The result is logged already. */
static void on_reloaded(void *baton, int is_ok, const char *text, const apr_array_header_t *problems)
{
}

void server_on_signal(void *baton, int signo)
{
    server_t *server = baton;

    if (signo == SIGHUP) {
        server_reload(server, NULL, on_reloaded, server);
    } else if (signo == SIGUSR1) {
        HOOK_CALL(log_reopen);
    } else {
        server_stop(server);
    }
}
