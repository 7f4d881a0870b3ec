/* start.c - the order of start and stop, as a table
 * SPDX-License-Identifier: Apache-2.0
 *
 * A step may rely on all steps above it.  Stop runs the table backwards, from the last
 * step that was started. */
#include "main/server.h"

#include <unistd.h>

#include <apr_strings.h>

#include "control/control.h"
#include "dns/dns.h"
#include "event/runtime.h"
#include "hook/hook.h"
#include "module/loader.h"
#include "module/trial.h"
#include "net/bind.h"
#include "queue/queue.h"
#include "smtp/in/smtp_in.h"
#include "smtp/out/smtp_out.h"

int server_report_problems(ec_log_t *log, const apr_array_header_t *problems)
{
    apr_pool_t *scratch;
    int errors = 0;

    EC_ASSERT(apr_pool_create(&scratch, NULL) == APR_SUCCESS);
    for (int i = 0; problems != NULL && i < problems->nelts; i++) {
        const conf_problem_t *p = &APR_ARRAY_IDX(problems, i, conf_problem_t);

        ec_log(log, p->is_warning ? EC_LOG_WARNING : EC_LOG_ERROR, "%s", conf_problem_text(p, scratch));
        errors += !p->is_warning;
    }
    apr_pool_destroy(scratch);
    return errors;
}

const conf_source_t *server_source(server_t *server)
{
    static conf_source_t source = { .need_module = module_need,
                                    .need_option = module_need_option,
                                    .requirements = module_requirements };

    if (source.file == NULL) { /* at start; afterwards any thread reads it */
        source.file = server->args.config;
    }
    return &source;
}

apr_status_t server_load_config(server_t *server, conf_t **conf, const char *path, apr_array_header_t **problems,
                                apr_pool_t *pool)
{
    conf_source_t source = *server_source(server);
    static int is_loader_ready;
    apr_status_t rv;

    if (!is_loader_ready) {
        EC_TRY(module_loader_start(server->args.modules, server->log, server->pool));
        dns_check_values();
        control_check_values();
        is_loader_ready = 1;
    }
    if (path != NULL) {
        source.file = path;
    }
    rv = conf_load(conf, problems, &source, pool);
    if (rv == APR_SUCCESS && server->args.is_manager) {
        manager_warn(*problems, *conf, source.file, pool);
    }
    return rv;
}

/* ---- steps ------------------------------------------------------------------------ */

int server_loops_wanted(const conf_t *conf)
{
    const conf_stanza_t *stanza = conf_next(conf, NULL, "eventloop", NULL);
    const ec_value_t *value = stanza != NULL ? conf_stanza_get(conf, stanza, "concurrency") : NULL;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (value != NULL && value->i > 0) {
        return value->i > 64 ? 64 : (int)value->i;
    }
    return cores < 1 ? 1 : cores > 64 ? 64 : (int)cores;
}

static apr_status_t start_limits(server_t *server, const char **why)
{
    server_raise_limits(server->conf, server->log);
    if (server_open_pidfile(server, why) != APR_SUCCESS) {
        ec_log(server->log, EC_LOG_WARNING, "%s", *why);
    }
    return server_drop_privileges(server->conf, server->log, why, server->pool);
}

static void stop_limits(server_t *server)
{
    server_remove_pidfile(server);
}

static apr_status_t start_runtime(server_t *server, const char **why)
{
    *why = "can not create the event loops";
    return event_runtime_create(server_loops_wanted(server->conf), NULL, server->pool);
}

static void stop_runtime(server_t *server)
{
    event_runtime_stop();
    event_runtime_destroy();
    conf_install(NULL); /* no loop holds it now */
}

static apr_status_t start_conf(server_t *server, const char **why)
{
    conf_install(server->conf);
    return APR_SUCCESS;
}

/* When the loops' threads have ended: what was requested is written, and the answers are still served. */
static void close_spool(void *baton)
{
    server_t *server = baton;

    spool_close(server->spool);
}

static apr_status_t start_spool(server_t *server, const char **why)
{
    const conf_view_t *global = conf_global(server->conf);
    spool_options_t options = {
        .dir = conf_str(global, CONF_O_SPOOLBASE),
        .is_synced = (int)conf_int(global, CONF_O_FORCE_FSYNC),
        .mode = (int)conf_int(global, CONF_O_SPOOL_MODE),
    };

    if (!options.is_synced) {
        ec_log(server->log, EC_LOG_WARNING, "force_fsync is off: a power failure loses accepted mail");
    }
    EC_TRY(spool_open(&server->spool, &options, server->log, why, server->pool));
    event_runtime_on_stop(close_spool, server);
    return APR_SUCCESS;
}

/* On every loop when it takes the generation up. */
static void on_conf_change(void *baton, conf_t *conf)
{
    HOOK_CALL(conf_change, conf_generation(conf));
}

static apr_status_t start_modules(server_t *server, const char **why)
{
    conf_on_change(on_conf_change, NULL);
    EC_TRY(module_prepare(server->conf, why));
    return module_commit(why);
}

static void stop_modules(server_t *server)
{
    module_stop_all();
    smtp_in_end();
}

static apr_status_t start_dns(server_t *server, const char **why)
{
    return dns_start(conf_str(conf_global(server->conf), CONF_O_RESOLV_CONF), why);
}

static void stop_dns(server_t *server)
{
    dns_stop();
}

static void on_recovered(void *baton, apr_status_t rv, const spool_report_t *report)
{
    server_t *server = baton;

    if (rv != APR_SUCCESS) {
        ec_log_rv(server->log, EC_LOG_CRITICAL, rv, "the spool could not be read to its end: what is missing stays on disk "
                                                    "for the next start");
    }
    queue_recovered(rv, report);
}

static apr_status_t start_queue(server_t *server, const char **why)
{
    *why = "can not start the queues";
    if (!server->args.skip_queue) {
        queue_set_transport(&smtp_out_transport);
    }
    return queue_start(server->spool, server->log, server->pool);
}

/* Not before the spool is ours, so that a second start by mistake leaves the first one's number alone. */
static apr_status_t start_pidfile(server_t *server, const char **why)
{
    server_write_pidfile(server);
    return APR_SUCCESS;
}

static apr_status_t start_loops(server_t *server, const char **why)
{
    *why = "can not start the threads of the event loops";
    return event_runtime_start();
}

static void stop_loops(server_t *server)
{
    event_runtime_stop();
}

static apr_status_t start_recovery(server_t *server, const char **why)
{
    spool_recover(server->spool, queue_recover, on_recovered, server);
    return APR_SUCCESS;
}

static apr_status_t start_smtp_in(server_t *server, const char **why)
{
    *why = "can not start the SMTP service";
    return server->args.skip_smtp ? APR_SUCCESS : smtp_in_start(server->spool, server->log, server->pool);
}

static apr_status_t start_listeners(server_t *server, const char **why)
{
    return server->args.skip_smtp ? APR_SUCCESS : smtp_in_apply(server->conf, why);
}

static apr_status_t start_control(server_t *server, const char **why)
{
    server_add_commands(server);
    return control_listen(server->conf, why);
}

static void stop_control(server_t *server)
{
    control_close();
}

static apr_status_t start_signals(server_t *server, const char **why)
{
    *why = "can not take signals";
    return event_signals(ec_loop_at(0), server_on_signal, server);
}

static const struct step {
    const char *name;
    apr_status_t (*start)(server_t *server, const char **why);
    void (*stop)(server_t *server);        /* loops have ended, except for those before "loops" */
    int is_mail;                           /* not for a manager */
} steps[] = {
    { "privileges", start_limits, stop_limits, 0 },
    { "runtime", start_runtime, stop_runtime, 0 },
    { "configuration", start_conf, NULL, 0 },
    { "signals", start_signals, NULL, 0 },
    { "modules", start_modules, stop_modules, 0 },
    { "spool", start_spool, NULL, 1 },
    { "pidfile", start_pidfile, NULL, 0 },
    { "dns", start_dns, stop_dns, 1 },
    { "queue", start_queue, NULL, 1 },
    { "smtp", start_smtp_in, NULL, 1 },
    { "loops", start_loops, stop_loops, 0 },
    { "recovery", start_recovery, NULL, 1 },
    { "control", start_control, stop_control, 0 },
    { "listeners", start_listeners, NULL, 1 },
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static int steps_started;

static int is_step_for(const server_t *server, const struct step *step)
{
    return !step->is_mail || !server->args.is_manager;
}

void server_unwind(server_t *server)
{
    while (steps_started > 0) {
        const struct step *step = &steps[--steps_started];

        if (step->stop != NULL && is_step_for(server, step)) {
            step->stop(server);
        }
    }
}

/* What a server before this one had that was killed may be free only in a moment. */
enum { PATIENCE = 2 * 1000 * 1000 };

apr_status_t server_start(server_t *server)
{
    net_bind_set_patience(PATIENCE);
    for (steps_started = 0; steps_started < STEPS; steps_started++) {
        const struct step *step = &steps[steps_started];
        const char *why = NULL;
        apr_status_t rv = is_step_for(server, step) ? step->start(server, &why) : APR_SUCCESS;

        if (rv != APR_SUCCESS) {
            ec_log_rv(server->log, EC_LOG_CRITICAL, rv, "not started: %s: %s", step->name, why != NULL ? why : "failed");
            server_unwind(server);
            return rv;
        }
    }
    net_bind_set_patience(0);
    trial_begin();
    HOOK_CALL(server_start);
    ec_log(server->log, EC_LOG_NOTICE, "ready pid=%ld loops=%d", (long)getpid(), ec_loop_count());
    return APR_SUCCESS;
}
