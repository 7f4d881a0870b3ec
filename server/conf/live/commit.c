/* commit.c - config commit and config rebase
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether the base is still in force is asked in the same callback of the master loop that
 * puts the draft in force: of several consoles that commit, exactly one is first. */
#include "conf/live/task.h"

#include <apr_strings.h>

#include "conf/live/diff.h"
#include "conf/live/report.h"

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

/* A finished draft is used up: a copy of what came of it, so that the transaction goes on as if nothing had been tried. */
static void reopen_work(void *baton)
{
    struct task *task = baton;

    task->rv = draft_reopen(task->transaction->draft, task->conf);
    EC_ASSERT(task->rv == APR_SUCCESS); /* only memory can be lacking */
}

static void reopen_done(void *baton)
{
    struct task *task = baton;

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
    task_forget_transaction(task->answer);
    ec_node_note(ec_answer_root(task->answer), "%s", text);
    change_answer(task);
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
    task_try_new_code(task);
}

static void commit_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS && task->conf != NULL) { /* the draft is used up, but its new code is not let in */
        commit_refused(task, apr_psprintf(task->pool, "Reconfigure failed: %s; the transaction is still open",
                                          report_first_error(task->problems, task->pool)));
        return;
    }
    if (task->rv != APR_SUCCESS) {
        task_fail(task);
        return;
    }
    if (is_lost(task->transaction)) {
        commit_refused(task, lost_text(task));
        return;
    }
    task_actions()->apply(task_actions()->baton, conf_ref(task->conf), task->warnings, commit_applied, task);
}

void commit_run(void *self, ec_answer_t *answer)
{
    struct transaction *transaction = task_need_transaction(answer);
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

    task->rv = task_open_draft(task, task->base, draft_is_from_scratch(old));
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

void commit_rebase(void *self, ec_answer_t *answer)
{
    struct task *task;

    if (task_need_transaction(answer) == NULL)
        return;
    task = task_create(answer);
    task->base = conf_ref(conf_latest());
    task_run(task, rebase_work, rebase_done);
}
