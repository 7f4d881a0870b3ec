/* reload.c - a new configuration while the server runs: whole, or refused
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files are read on a pool thread.  Back on the master loop every part prepares what the
 * new generation needs (modules, listeners, console); only when all agree is it put in
 * force.  A refusal leaves the old generation exactly as it was.  What consoles change
 * comes the same way in by server_apply(). */
#include "main/server.h"

#include <apr_strings.h>

#include <ec/job.h>

#include "conf/live/diff.h"
#include "conf/live/report.h"
#include "control/control.h"
#include "hook/hook.h"
#include "module/loader.h"
#include "module/trial.h"
#include "smtp/in/smtp_in.h"

/* ---- putting in force ------------------------------------------------------------------- */

/* Opens what is new; what is gone stays open until nothing can refuse any more. */
static apr_status_t open_listeners(const server_t *server, conf_t *conf, const char **why)
{
    apr_status_t rv;

    EC_TRY(control_listen_prepare(conf, why));
    rv = server->args.skip_smtp ? APR_SUCCESS : smtp_in_prepare(conf, why);
    if (rv != APR_SUCCESS) {
        control_listen_rollback();
    }
    return rv;
}

static void switch_listeners(const server_t *server, conf_t *conf)
{
    control_listen_commit();
    if (!server->args.skip_smtp) {
        smtp_in_commit(conf);
    }
}

static void forget_listeners(const server_t *server)
{
    control_listen_rollback();
    if (!server->args.skip_smtp) {
        smtp_in_rollback();
    }
}

/* Everything that can refuse comes before the generation is put in force, and closes nothing: after a refusal every
 * socket is the one that it was. */
static apr_status_t prepare(const server_t *server, conf_t *conf, const char **why)
{
    apr_status_t rv;

    if (server->is_stopping) {
        *why = "the server is stopping";
        return EC_E_SHUTDOWN;
    }
    EC_TRY(module_prepare(conf, why));
    if ((rv = open_listeners(server, conf, why)) != APR_SUCCESS) {
        module_rollback();
        return rv;
    }
    if ((rv = module_commit(why)) != APR_SUCCESS) {
        forget_listeners(server);
        return rv;
    }
    switch_listeners(server, conf);
    return APR_SUCCESS;
}

/* Takes `conf`; answers with `verb` and the number that the generation got. */
static void apply(server_t *server, conf_t *conf, const char *verb, const apr_array_header_t *warnings,
                  transaction_applied_fn *done, void *baton)
{
    const char *why = NULL, *text;
    apr_pool_t *scratch;
    apr_status_t rv = prepare(server, conf, &why);

    EC_ASSERT(apr_pool_create(&scratch, NULL) == APR_SUCCESS);
    if (rv == APR_SUCCESS) {
        conf_install(conf_ref(conf));
        server_report_problems(server->log, warnings);
        text = apr_psprintf(scratch, "configuration %s generation=%" APR_UINT64_T_FMT, verb, conf_generation(conf));
    } else {
        text = apr_psprintf(scratch, "Reconfigure failed: %s", why != NULL ? why : "refused");
    }
    ec_log(server->log, rv == APR_SUCCESS ? EC_LOG_NOTICE : EC_LOG_ERROR, "%s", text);
    HOOK_CALL(server_reload, rv == APR_SUCCESS, text);
    done(baton, rv == APR_SUCCESS, text, rv == APR_SUCCESS ? warnings : NULL);
    conf_unref(conf);
    apr_pool_destroy(scratch);
}

void server_apply(server_t *server, conf_t *conf, const apr_array_header_t *warnings, transaction_applied_fn *done,
                  void *baton)
{
    apply(server, conf, "changed", warnings, done, baton);
}

/* ---- from the files ---------------------------------------------------------------------- */

struct reload {
    server_t *server;
    apr_pool_t *pool;
    const char *path; /* NULL: the main file */
    conf_t *conf;
    apr_array_header_t *problems; /* of loading */
    apr_array_header_t *warnings; /* that need a restart */
    apr_status_t rv;
    transaction_applied_fn *done;
    void *baton;
    ec_job_t job;
};

static int is_running;

/* What new files of modules have to say goes before what is wrong in a configuration that was read without them. */
static void end_trial(struct reload *r, struct module_trial *trial)
{
    apr_array_header_t *refusals = apr_array_make(r->pool, 4, sizeof(conf_problem_t));
    apr_status_t rv = module_trial_end(trial, r->rv == APR_SUCCESS ? r->conf : NULL, refusals);

    if (rv == APR_SUCCESS) {
        return;
    }
    if (r->rv == APR_SUCCESS) {
        conf_unref(r->conf);
    }
    if (r->problems != NULL) {
        apr_array_cat(refusals, r->problems);
    }
    r->problems = refusals;
    r->rv = rv;
}

/* Before the master loop sets it up. */
static void try_new_code(struct reload *r)
{
    if (r->rv == APR_SUCCESS && (r->rv = trial_of_conf(r->conf, r->problems, r->pool)) != APR_SUCCESS) {
        conf_unref(r->conf);
    }
}

static void load(void *baton)
{
    struct reload *r = baton;
    struct module_trial *trial = module_trial_begin(r->pool);
    conf_t *current = conf_current_ref();

    r->rv = server_load_config(r->server, &r->conf, r->path, &r->problems, r->pool);
    end_trial(r, trial);
    try_new_code(r);
    server_report_problems(r->server->log, r->problems); /* there may be a thousand: not on a loop */
    r->warnings = apr_array_make(r->pool, 4, sizeof(conf_problem_t));
    if (r->rv == APR_SUCCESS) {
        diff_warn_restart(r->warnings, current, r->conf, r->pool);
        module_warn_changed(r->warnings, r->conf, r->pool);
    }
    conf_unref(current);
}

static apr_array_header_t *errors_of(const struct reload *r)
{
    apr_array_header_t *errors = apr_array_make(r->pool, 4, sizeof(conf_problem_t));

    for (int i = 0; r->problems != NULL && i < r->problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(r->problems, i, conf_problem_t);

        if (!problem->is_warning) {
            APR_ARRAY_PUSH(errors, conf_problem_t) = *problem;
        }
    }
    return errors;
}

static void refuse(struct reload *r)
{
    const char *error = report_first_error(r->problems, r->pool);
    const char *text = apr_pstrcat(r->pool, "Reconfigure failed: ", error != NULL ? error : "no configuration found", NULL);

    ec_log(r->server->log, EC_LOG_ERROR, "%s", text);
    HOOK_CALL(server_reload, 0, text);
    r->done(r->baton, 0, text, errors_of(r));
}

static void finish(void *baton)
{
    struct reload *r = baton;

    is_running = 0;
    if (r->rv == APR_SUCCESS) {
        apply(r->server, r->conf, "reloaded", r->warnings, r->done, r->baton);
    } else {
        refuse(r);
    }
    apr_pool_destroy(r->pool);
}

void server_reload(server_t *server, const char *path, transaction_applied_fn *done, void *baton)
{
    apr_pool_t *pool;
    struct reload *r;

    if (is_running) {
        done(baton, 0, "Reconfigure failed: another reload is running, try again", NULL);
        return;
    }
    is_running = 1;
    EC_ASSERT(apr_pool_create_unmanaged(&pool) == APR_SUCCESS);
    r = apr_pcalloc(pool, sizeof *r);
    r->server = server;
    r->pool = pool;
    r->path = apr_pstrdup(pool, path);
    r->done = done;
    r->baton = baton;
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &r->job, load, finish, r);
}
