/* server.c - the life of the process: configuration, start, loop, stop
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

#include "main/server.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "event/runtime.h"
#include "log/writer.h"
#include "util/role.h"

static int check_only(server_t *server, const apr_array_header_t *problems, apr_status_t rv)
{
    server_report_problems(server->log, problems);
    if (rv == APR_SUCCESS) {
        puts("Configuration valid");
        conf_unref(server->conf);
    }
    return rv == APR_SUCCESS ? 0 : 1;
}

static int run(server_t *server)
{
    apr_array_header_t *problems = NULL;
    apr_status_t rv = server_load_config(server, &server->conf, server->args.config, &problems, server->pool);

    if (server->args.is_check) {
        return check_only(server, problems, rv);
    }
    server_report_problems(server->log, problems);
    if (rv != APR_SUCCESS) {
        ec_log(server->log, EC_LOG_CRITICAL, "not started: the configuration has errors");
        return 1;
    }
    if (!server->args.is_foreground && (rv = server_daemonize(&server->ready_fd)) != APR_SUCCESS) {
        ec_log_rv(server->log, EC_LOG_CRITICAL, rv, "can not go into the background");
        return 1;
    }
    if (server_start(server) != APR_SUCCESS) {
        return 1;
    }
    server_say_ready(server);
    event_loop_run(ec_loop_at(0));
    server_unwind(server);
    return 0;
}

static int live(server_t *server)
{
    int status;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&server->pool, NULL) != APR_SUCCESS) {
        fputs("out of memory at start\n", stderr);
        return 1;
    }
    server->log = ec_log_root();
    status = run(server);
    log_files_finish();
    apr_pool_destroy(server->pool);
    apr_terminate();
    return status;
}

int ec_daemon_main(int argc, char **argv)
{
    server_t server = { .ready_fd = -1, .pid_fd = -1 };
    int status;

    return server_arguments(&server.args, argc, argv, &status) ? live(&server) : status;
}

int ec_manager_main(int argc, char **argv)
{
    server_t server = { .ready_fd = -1, .pid_fd = -1 };
    int status;

    if (!manager_arguments(&server.args, argc, argv, &status)) {
        return status;
    }
    role_set_manager();
    if (server.args.verbosity > 0) {
        ec_log_set_level(ec_log_root(), server.args.verbosity > 1 ? EC_LOG_DEBUG : EC_LOG_INFO);
    }
    return live(&server);
}
