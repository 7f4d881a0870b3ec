/* reload.c - a new configuration while the server runs: whole, or refused
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files are read on a pool thread.  Back on the master loop every part prepares what the
 * new generation needs (modules, listeners, console); only when all agree is it put in
 * force.  A refusal leaves the old generation exactly as it was. */
#include "main/server.h"

#include <apr_strings.h>

#include <ec/job.h>

#include "control/control.h"
#include "hook/hook.h"
#include "module/loader.h"
#include "smtp/in/smtp_in.h"

struct reload {
    server_t *server;
    apr_pool_t *pool;
    const char *path;
    conf_t *conf;
    apr_array_header_t *problems;
    apr_status_t rv;
    server_reloaded_fn *done;
    void *baton;
    ec_job_t job;
};

static int is_running;

static void load(void *baton)
{
    struct reload *r = baton;

    r->rv = server_load_config(r->server, &r->conf, r->path, &r->problems, r->pool);
    server_report_problems(r->server->log, r->problems); /* there may be a thousand: not on a loop */
}

/* The listeners of `conf`; on failure those of the generation in force, as before. */
static apr_status_t listen_as(const struct reload *r, conf_t *conf, const char **why)
{
    const char *ignored;
    apr_status_t rv;

    EC_TRY(control_listen(conf, why));
    rv = r->server->args.skip_smtp ? APR_SUCCESS : smtp_in_apply(conf, why);
    if (rv != APR_SUCCESS) {
        control_listen(conf_current(), &ignored);
    }
    return rv;
}

/* Everything that can refuse comes before the generation is put in force; what had already switched goes back. */
static apr_status_t apply(struct reload *r, const char **why)
{
    const char *ignored;
    apr_status_t rv;

    EC_TRY(module_prepare(r->conf, why));
    if ((rv = listen_as(r, r->conf, why)) != APR_SUCCESS) {
        module_rollback();
        return rv;
    }
    if ((rv = module_commit(why)) != APR_SUCCESS) {
        listen_as(r, conf_current(), &ignored);
        return rv;
    }
    conf_install(r->conf);
    r->conf = NULL;
    return APR_SUCCESS;
}

static const char *first_error(const struct reload *r)
{
    for (int i = 0; r->problems != NULL && i < r->problems->nelts; i++) {
        const conf_problem_t *p = &APR_ARRAY_IDX(r->problems, i, conf_problem_t);

        if (!p->is_warning) {
            return conf_problem_text(p, r->pool);
        }
    }
    return "no configuration found";
}

static void finish(void *baton)
{
    struct reload *r = baton;
    const char *why = NULL, *text;
    apr_uint64_t generation = 0;

    if (r->rv != APR_SUCCESS) {
        why = first_error(r);
    } else if (r->server->is_stopping) {
        why = "the server is stopping";
        r->rv = EC_E_SHUTDOWN;
    } else {
        generation = conf_generation(r->conf);
        r->rv = apply(r, &why);
    }
    text = r->rv == APR_SUCCESS
               ? apr_psprintf(r->pool, "configuration reloaded generation=%" APR_UINT64_T_FMT, generation)
               : apr_psprintf(r->pool, "Reconfigure failed: %s", why != NULL ? why : "refused");
    is_running = 0;
    ec_log(r->server->log, r->rv == APR_SUCCESS ? EC_LOG_NOTICE : EC_LOG_ERROR, "%s", text);
    HOOK_CALL(server_reload, r->rv == APR_SUCCESS, text);
    r->done(r->baton, r->rv == APR_SUCCESS, text);
    if (r->conf != NULL) {
        conf_unref(r->conf);
    }
    apr_pool_destroy(r->pool);
}

void server_reload(server_t *server, const char *path, server_reloaded_fn *done, void *baton)
{
    apr_pool_t *pool;
    struct reload *r;

    if (is_running) {
        done(baton, 0, "Reconfigure failed: another reload is running, try again");
        return;
    }
    is_running = 1;
    apr_pool_create(&pool, NULL);
    r = apr_pcalloc(pool, sizeof *r);
    r->server = server;
    r->pool = pool;
    r->path = path != NULL ? apr_pstrdup(pool, path) : server->args.config;
    r->done = done;
    r->baton = baton;
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &r->job, load, finish, r);
}
