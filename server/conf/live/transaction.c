/* transaction.c - the open transaction of a console, and the commands that change the configuration
 * SPDX-License-Identifier: Apache-2.0
 *
 * A draft is copied, changed, checked and compared on a pool thread, with the answer held:
 * it may have a hundred thousand stanzas.  A console says nothing more before its answer has
 * come, so a draft never has two users.  What decides, whether the base is still in force
 * and the putting in force, happens in one callback of the master loop: of several consoles
 * that commit, exactly one is first. */
#include "conf/live/transaction.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include <ec/job.h>

#include "conf/ask/path.h"
#include "conf/live/diff.h"
#include "conf/live/draft.h"
#include "conf/live/report.h"

enum { TRIES_MAX = 100 };

struct transaction {
    draft_t *draft;
};

/* One command under way; lives in the answer's pool. */
struct task {
    ec_answer_t *answer;
    apr_pool_t *pool;
    struct transaction *transaction; /* of the session; NULL: a command that stands alone */
    draft_t *draft;                  /* one that the task itself has opened */
    conf_t *base;                    /* a reference */
    conf_t *conf;                    /* what is to come into force; a reference */
    const char *const *words;        /* behind "config set" or "config unset" */
    int n;
    int is_unset, is_from_scratch;
    int tries;
    apr_status_t rv;
    const char *why;
    apr_array_header_t *problems; /* of loading or finishing */
    apr_array_header_t *warnings; /* what comes with the change */
    /* what is set now */
    const char *option, *value, *scope;
    ec_job_t job;
    ec_job_fn *work, *done;
};

static const char session_key;
static transaction_actions_t actions;

void transaction_start(const transaction_actions_t *from_main)
{
    actions = *from_main;
}

/* ---- the session's transaction ---------------------------------------------------------------- */

static struct transaction *transaction_of(const ec_answer_t *answer)
{
    return ec_answer_session_get(answer, &session_key);
}

int transaction_is_open(const ec_answer_t *answer)
{
    return transaction_of(answer) != NULL;
}

conf_t *transaction_conf(ec_answer_t *answer)
{
    const struct transaction *transaction = transaction_of(answer);

    return transaction != NULL ? draft_conf(transaction->draft) : conf_latest();
}

static void end_transaction(void *value)
{
    struct transaction *transaction = value;

    draft_close(transaction->draft);
    free(transaction);
}

static struct transaction *need_transaction(ec_answer_t *answer)
{
    struct transaction *transaction = transaction_of(answer);

    if (transaction == NULL)
        ec_answer_error(answer, "no transaction is open on this console: config begin opens one");
    return transaction;
}

/* ---- tasks -------------------------------------------------------------------------------------- */

static struct task *task_create(ec_answer_t *answer)
{
    struct task *task = apr_pcalloc(ec_answer_pool(answer), sizeof(*task));

    task->answer = answer;
    task->pool = ec_answer_pool(answer);
    task->transaction = transaction_of(answer);
    ec_answer_hold(answer);
    return task;
}

static void run_work(void *baton)
{
    struct task *task = baton;

    task->work(task);
}

static void run_done(void *baton)
{
    struct task *task = baton;

    task->done(task);
}

static void task_run_on(const char *pool, struct task *task, ec_job_fn *work, ec_job_fn *done)
{
    task->work = work;
    task->done = done;
    ec_job_run(ec_threadpool_find(pool), ec_loop_at(0), &task->job, run_work, run_done, task);
}

static void task_run(struct task *task, ec_job_fn *work, ec_job_fn *done)
{
    task_run_on("CPU", task, work, done);
}

/* Answers, and lets go of what the task still has. */
static void task_end(struct task *task)
{
    conf_unref(task->base);
    conf_unref(task->conf);
    draft_close(task->draft);
    ec_answer_finish(task->answer);
}

static void task_fail(struct task *task)
{
    const char *error = report_first_error(task->problems, task->pool);

    report_problems(task->answer, task->problems);
    ec_answer_error(task->answer, "%s", error != NULL ? error : task->why != NULL ? task->why : "out of memory");
    task_end(task);
}

static void task_warn(struct task *task, const apr_array_header_t *warnings)
{
    if (task->warnings == NULL)
        task->warnings = apr_array_make(task->pool, 4, sizeof(conf_problem_t));
    if (warnings != NULL)
        apr_array_cat(task->warnings, warnings);
}

static apr_status_t open_draft(struct task *task, conf_t *base, int is_from_scratch)
{
    EC_TRY(draft_open(&task->draft, base, is_from_scratch));
    draft_use(task->draft, actions.source(actions.baton));
    return APR_SUCCESS;
}

/* ---- begin, rollback, replay ---------------------------------------------------------------------- */

static void begin_work(void *baton)
{
    struct task *task = baton;

    task->rv = open_draft(task, task->base, task->is_from_scratch);
}

static void begin_done(void *baton)
{
    struct task *task = baton;
    struct transaction *transaction;

    if (task->rv != APR_SUCCESS) {
        task_fail(task);
        return;
    }
    transaction = calloc(1, sizeof(*transaction));
    EC_ASSERT(transaction != NULL);
    transaction->draft = task->draft;
    task->draft = NULL;
    ec_answer_session_set(task->answer, &session_key, transaction, end_transaction);
    ec_node_note(ec_answer_root(task->answer), "transaction begun%s generation=%" APR_UINT64_T_FMT,
                 task->is_from_scratch ? " from scratch" : "", conf_generation(task->base));
    task_end(task);
}

static void begin_as(ec_answer_t *answer, int is_from_scratch)
{
    struct task *task;

    if (transaction_is_open(answer)) {
        ec_answer_error(answer, "a transaction is open on this console already: config commit or config rollback ends it");
        return;
    }
    task = task_create(answer);
    task->is_from_scratch = is_from_scratch;
    task->base = conf_ref(conf_latest());
    task_run(task, begin_work, begin_done);
}

static void begin(void *self, ec_answer_t *answer)
{
    begin_as(answer, 0);
}

static void begin_from_scratch(void *self, ec_answer_t *answer)
{
    begin_as(answer, 1);
}

static void rollback(void *self, ec_answer_t *answer)
{
    if (need_transaction(answer) == NULL)
        return;
    ec_answer_session_set(answer, &session_key, NULL, NULL);
    ec_node_note(ec_answer_root(answer), "transaction dropped, nothing has changed");
}

static void replay(void *self, ec_answer_t *answer)
{
    const struct transaction *transaction = need_transaction(answer);
    const apr_array_header_t *commands;

    if (transaction == NULL)
        return;
    commands = draft_replay(transaction->draft);
    for (int i = 0; i < commands->nelts; i++)
        ec_node_note(ec_answer_root(answer), "config %s", APR_ARRAY_IDX(commands, i, const char *));
}

/* ---- set and unset ---------------------------------------------------------------------------------- */

/* The first word of a stanza that a module not loaded yet would bring. */
static apr_status_t load_module(struct task *task)
{
    const conf_source_t *source = actions.source(actions.baton);
    int at = task->n > 0 && strcasecmp(task->words[0], "global") == 0;
    const char *word = at < task->n ? task->words[at] : "";
    apr_status_t rv;

    if (*word == '\0' || source == NULL || source->need_module == NULL || options_scope(word) != NULL ||
        options_find_anywhere(word) != NULL)
        return APR_SUCCESS;
    rv = source->need_module(source->baton, word, &task->why);
    if (rv == APR_SUCCESS || rv == EC_E_NOT_FOUND)
        return APR_SUCCESS;
    task->why = apr_psprintf(task->pool, "module \"%.80s\" can not be loaded: %s", word, task->why);
    return rv;
}

static void echo_setting(struct task *task, draft_t *draft, const conf_setting_t *setting)
{
    const char *scope;
    conf_path_t path;

    task->option = setting->option->row->name;
    task->value = setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : raw_value_text(&setting->raw, task->pool);
    if (path_read(&path, task->words, task->n, &task->why, task->pool) == APR_SUCCESS) {
        scope = path_text(path_find(draft_conf(draft), &path), task->pool);
        task->scope = *scope != '\0' ? scope : "global";
    }
}

/* What counts in this place now that the option is not set there any more. */
static void echo_fallback(struct task *task, draft_t *draft)
{
    const char *pairs[PATH_STEPS_MAX * 2];
    conf_eval_t result;
    conf_path_t path;

    if (path_read(&path, task->words, task->n, &task->why, task->pool) != APR_SUCCESS || path.n_words == task->n)
        return;
    for (int i = 0; i < path.n; i++) {
        pairs[i * 2] = path.step[i].type;
        pairs[i * 2 + 1] = path.step[i].written;
    }
    if (conf_eval(&result, draft_conf(draft), pairs, path.n * 2, task->words[path.n_words], &task->why, task->pool) !=
        APR_SUCCESS)
        return;
    task->option = result.option->name;
    task->value = result.text != NULL ? apr_pstrdup(task->pool, result.text) : "(not set)";
    if (result.value != NULL && result.option->flags & EC_OPTION_SECRET)
        task->value = "(secret)";
    task->scope = apr_pstrdup(task->pool, result.scope);
}

static void change_work_on(struct task *task, draft_t *draft)
{
    const conf_setting_t *setting;
    int n_before = draft_warnings(draft)->nelts;

    if ((task->rv = load_module(task)) != APR_SUCCESS)
        return;
    task->rv = task->is_unset ? draft_unset(draft, task->words, task->n, &task->why, task->pool)
                              : draft_set(draft, task->words, task->n, &setting, &task->why, task->pool);
    if (task->rv != APR_SUCCESS)
        return;
    if (task->is_unset)
        echo_fallback(task, draft);
    else
        echo_setting(task, draft, setting);
    task_warn(task, NULL);
    for (int i = n_before; i < draft_warnings(draft)->nelts; i++) {
        conf_problem_t warning = APR_ARRAY_IDX(draft_warnings(draft), i, conf_problem_t);

        warning.text = apr_pstrdup(task->pool, warning.text); /* the draft may end before the answer */
        APR_ARRAY_PUSH(task->warnings, conf_problem_t) = warning;
    }
}

static void answer_change(struct task *task)
{
    ec_node_t *root = ec_answer_root(task->answer);

    if (task->option != NULL) {
        ec_node_text(root, "option", task->option);
        ec_node_text(root, "value", task->value);
        ec_node_text(root, task->is_unset ? "from" : "scope", task->scope);
    }
    for (int i = 0; task->warnings != NULL && i < task->warnings->nelts; i++) {
        const conf_problem_t *warning = &APR_ARRAY_IDX(task->warnings, i, conf_problem_t);

        ec_node_note(root, "warning: %s", warning->text);
    }
}

/* Inside a transaction. */
static void change_work(void *baton)
{
    struct task *task = baton;

    change_work_on(task, task->transaction->draft);
}

static void change_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS) {
        task_fail(task);
        return;
    }
    if (task->option == NULL)
        ec_node_note(ec_answer_root(task->answer), "unset");
    answer_change(task);
    task_end(task);
}

/* Outside: a transaction for this change alone. */
static void alone_work(void *baton)
{
    struct task *task = baton;

    task->warnings = NULL;
    task->rv = open_draft(task, task->base, 0);
    if (task->rv == APR_SUCCESS)
        change_work_on(task, task->draft);
    if (task->rv == APR_SUCCESS)
        task->rv = draft_finish(&task->conf, &task->problems, task->draft, task->pool);
    if (task->rv == APR_SUCCESS)
        diff_warn_restart(task->warnings, task->base, task->conf, task->pool);
    draft_close(task->draft);
    task->draft = NULL;
}

static void alone_applied(void *baton, int is_ok, const char *text, const apr_array_header_t *problems)
{
    struct task *task = baton;

    if (!is_ok) {
        report_problems(task->answer, problems);
        ec_answer_error(task->answer, "%s", text);
    } else {
        answer_change(task);
        ec_node_note(ec_answer_root(task->answer), "%s", text);
    }
    task_end(task);
}

static void alone_done(void *baton);

static void alone_run(struct task *task)
{
    conf_unref(task->base);
    conf_unref(task->conf);
    task->conf = NULL;
    task->base = conf_ref(conf_latest());
    task->option = NULL;
    task_run(task, alone_work, alone_done);
}

static void alone_done(void *baton)
{
    struct task *task = baton;
    conf_t *conf = task->conf;

    if (task->rv != APR_SUCCESS) {
        task_fail(task);
    } else if (task->base == conf_latest()) {
        task->conf = NULL;
        actions.apply(actions.baton, conf, task->warnings, alone_applied, task);
    } else if (++task->tries < TRIES_MAX) {
        alone_run(task); /* somebody was faster: the same change on what is in force now */
    } else {
        task->why = "the configuration is changed too often by others just now: try again";
        task_fail(task);
    }
}

static void change(ec_answer_t *answer, int is_unset)
{
    int n = ec_answer_argc(answer) - 2;
    const char **words = apr_palloc(ec_answer_pool(answer), sizeof(*words) * (apr_size_t)(n + 1));
    struct task *task = task_create(answer);

    for (int i = 0; i < n; i++)
        words[i] = ec_answer_argv(answer, i + 2);
    words[n] = NULL;
    task->words = words;
    task->n = n;
    task->is_unset = is_unset;
    if (task->transaction != NULL)
        task_run(task, change_work, change_done);
    else
        alone_run(task);
}

static void set(void *self, ec_answer_t *answer)
{
    change(answer, 0);
}

static void unset(void *self, ec_answer_t *answer)
{
    change(answer, 1);
}

/* ---- commit -------------------------------------------------------------------------------------------- */

static int is_lost(const struct transaction *transaction)
{
    return draft_base(transaction->draft) != conf_latest();
}

static const char *lost_text(const struct task *task)
{
    return apr_psprintf(task->pool,
                        "Reconfigure failed: the configuration was changed elsewhere since this transaction began "
                        "(generation %" APR_UINT64_T_FMT ", now %" APR_UINT64_T_FMT
                        "); nothing was applied, and the transaction is still open: config rebase makes the same changes on "
                        "what is in force now, config replay lists them, config rollback drops them",
                        conf_generation(draft_base(task->transaction->draft)), conf_generation(conf_latest()));
}

/* A finished draft is used up: the same again, so that the transaction goes on as if nothing had been tried. */
static void reopen_work(void *baton)
{
    struct task *task = baton;
    draft_t *used = task->transaction->draft;
    const char *failed, *why;

    task->rv = open_draft(task, draft_base(used), draft_is_from_scratch(used));
    if (task->rv == APR_SUCCESS)
        task->rv = draft_repeat(task->draft, used, &failed, &why, task->pool);
    EC_ASSERT(task->rv == APR_SUCCESS); /* it has gone through before */
}

static void reopen_done(void *baton)
{
    struct task *task = baton;

    draft_close(task->transaction->draft);
    task->transaction->draft = task->draft;
    task->draft = NULL;
    report_problems(task->answer, task->problems);
    ec_answer_error(task->answer, "%s", task->why);
    task_end(task);
}

static void commit_refused(struct task *task, const char *why)
{
    task->why = why;
    task_run(task, reopen_work, reopen_done);
}

static void commit_applied(void *baton, int is_ok, const char *text, const apr_array_header_t *problems)
{
    struct task *task = baton;

    if (!is_ok) {
        commit_refused(task, apr_psprintf(task->pool, "%s; the transaction is still open", text));
        return;
    }
    ec_answer_session_set(task->answer, &session_key, NULL, NULL);
    ec_node_note(ec_answer_root(task->answer), "%s", text);
    answer_change(task);
    task_end(task);
}

static void commit_work(void *baton)
{
    struct task *task = baton;
    draft_t *draft = task->transaction->draft;

    task->rv = draft_finish(&task->conf, &task->problems, draft, task->pool);
    if (task->rv != APR_SUCCESS)
        return;
    task_warn(task, NULL);
    diff_warn_restart(task->warnings, draft_base(draft), task->conf, task->pool);
}

static void commit_done(void *baton)
{
    struct task *task = baton;
    conf_t *conf = task->conf;

    if (task->rv != APR_SUCCESS) {
        task_fail(task);
        return;
    }
    if (is_lost(task->transaction)) {
        commit_refused(task, lost_text(task));
        return;
    }
    task->conf = NULL;
    actions.apply(actions.baton, conf, task->warnings, commit_applied, task);
}

static void commit(void *self, ec_answer_t *answer)
{
    struct transaction *transaction = need_transaction(answer);
    struct task *task;

    if (transaction == NULL)
        return;
    task = task_create(answer);
    if (is_lost(transaction)) {
        task->why = lost_text(task);
        task_fail(task);
        return;
    }
    task_run(task, commit_work, commit_done);
}

/* ---- rebase ---------------------------------------------------------------------------------------------- */

static void rebase_work(void *baton)
{
    struct task *task = baton;
    draft_t *old = task->transaction->draft;
    const char *failed = NULL;

    task->rv = open_draft(task, task->base, draft_is_from_scratch(old));
    if (task->rv == APR_SUCCESS)
        task->rv = draft_repeat(task->draft, old, &failed, &task->why, task->pool);
    if (failed != NULL)
        task->why = apr_psprintf(task->pool, "config %s: %s; the transaction is still what it was", failed, task->why);
}

static void rebase_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS) {
        task_fail(task);
        return;
    }
    draft_close(task->transaction->draft);
    task->transaction->draft = task->draft;
    task->draft = NULL;
    ec_node_note(ec_answer_root(task->answer), "transaction rebased changes=%d generation=%" APR_UINT64_T_FMT,
                 draft_replay(task->transaction->draft)->nelts, conf_generation(task->base));
    task_end(task);
}

static void rebase(void *self, ec_answer_t *answer)
{
    struct task *task;

    if (need_transaction(answer) == NULL)
        return;
    task = task_create(answer);
    task->base = conf_ref(conf_latest());
    task_run(task, rebase_work, rebase_done);
}

/* ---- reload and diff --------------------------------------------------------------------------------------- */

static void on_reloaded(void *baton, int is_ok, const char *text, const apr_array_header_t *problems)
{
    ec_answer_t *answer = baton;

    report_problems(answer, problems);
    if (is_ok)
        ec_node_note(ec_answer_root(answer), "%s", text);
    else
        ec_answer_error(answer, "%s", text);
    ec_answer_finish(answer);
}

static void reload(void *self, ec_answer_t *answer)
{
    if (transaction_is_open(answer)) {
        ec_answer_error(answer, "a transaction is open on this console: config commit or config rollback ends it");
        return;
    }
    ec_answer_hold(answer);
    actions.reload(actions.baton, ec_answer_arg(answer, "path"), on_reloaded, answer);
}

/* The draft against what is in force; without one, that against the files on disk. */
static void diff_work(void *baton)
{
    struct task *task = baton;

    if (task->transaction != NULL) {
        report_diff(task->answer, task->base, draft_conf(task->transaction->draft));
        return;
    }
    task->rv = conf_load(&task->conf, &task->problems, actions.source(actions.baton), task->pool);
    if (task->rv == APR_SUCCESS)
        report_diff(task->answer, task->conf, task->base);
}

static void diff_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS)
        task_fail(task);
    else
        task_end(task);
}

static void diff(void *self, ec_answer_t *answer)
{
    struct task *task = task_create(answer);

    task->base = conf_ref(conf_latest());
    task_run_on("IO", task, diff_work, diff_done);
}

const ec_command_t transaction_commands[] = {
    { "config begin", EC_CMD_WRITE, begin, "open a transaction: changes are gathered until config commit" },
    { "config begin from scratch", EC_CMD_WRITE, begin_from_scratch, "open a transaction that begins with an empty configuration" },
    { "config set <words> ...", EC_CMD_WRITE, set, "change a value: config set [<scope> [<name>] ...] <option> [=] <value>" },
    { "config unset <words> ...", EC_CMD_WRITE, unset,
      "take a value or a whole scope away: config unset [<scope> [<name>] ...] [<option>]" },
    { "config replay", EC_CMD_READ, replay, "the changes of the open transaction, as commands" },
    { "config rebase", EC_CMD_WRITE, rebase, "make the open transaction's changes again on what is in force now" },
    { "config commit", EC_CMD_WRITE, commit, "put the open transaction in force: whole, or refused" },
    { "config rollback", EC_CMD_WRITE, rollback, "drop the open transaction" },
    { "config diff", EC_CMD_READ, diff, "what differs: the open transaction from what is in force, or that from the files" },
    { "config reload [<path>]", EC_CMD_WRITE, reload, "read the configuration files again: whole, or refused" },
    EC_COMMAND_END
};
