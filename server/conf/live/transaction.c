/* transaction.c - the open transaction of a console, and the commands that change the configuration
 * SPDX-License-Identifier: Apache-2.0
 *
 * A draft is copied, changed, checked and compared on a pool thread, with the answer held:
 * it may have a hundred thousand stanzas.  change.c has set and unset, commit.c what puts a
 * transaction in force. */
#include "conf/live/transaction.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "conf/live/report.h"
#include "conf/live/task.h"

static const char session_key;
static transaction_actions_t actions;

void transaction_start(const transaction_actions_t *from_main)
{
    actions = *from_main;
}

const conf_source_t *transaction_source(void)
{
    return actions.source != NULL ? actions.source(actions.baton) : NULL;
}

const transaction_actions_t *task_actions(void)
{
    return &actions;
}

/* ---- the session's transaction ---------------------------------------------------------------- */

struct transaction *task_transaction(const ec_answer_t *answer)
{
    return ec_answer_session_get(answer, &session_key);
}

int transaction_is_open(const ec_answer_t *answer)
{
    return task_transaction(answer) != NULL;
}

conf_t *transaction_conf(ec_answer_t *answer)
{
    const struct transaction *transaction = task_transaction(answer);

    return transaction != NULL ? draft_conf(transaction->draft) : conf_latest();
}

static void end_transaction(void *value)
{
    struct transaction *transaction = value;

    draft_close(transaction->draft);
    free(transaction);
}

struct transaction *task_need_transaction(ec_answer_t *answer)
{
    struct transaction *transaction = task_transaction(answer);

    if (transaction == NULL)
        ec_answer_error(answer, "no transaction is open on this console: config begin opens one");
    return transaction;
}

void task_forget_transaction(ec_answer_t *answer)
{
    ec_answer_session_set(answer, &session_key, NULL, NULL);
}

/* ---- begin, rollback, replay ---------------------------------------------------------------------- */

static void begin_work(void *baton)
{
    struct task *task = baton;

    task->rv = task_open_draft(task, task->base, task->is_from_scratch);
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
    if (task_need_transaction(answer) == NULL)
        return;
    task_forget_transaction(answer);
    ec_node_note(ec_answer_root(answer), "transaction dropped, nothing has changed");
}

static void replay(void *self, ec_answer_t *answer)
{
    const struct transaction *transaction = task_need_transaction(answer);
    const apr_array_header_t *commands;

    if (transaction == NULL)
        return;
    commands = draft_replay(transaction->draft);
    for (int i = 0; i < commands->nelts; i++)
        ec_node_note(ec_answer_root(answer), "config %s", APR_ARRAY_IDX(commands, i, const char *));
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
    { "config set <words> ...", EC_CMD_WRITE, change_set, "change a value: config set [<scope> [<name>] ...] <option> [=] <value>; {} in the place of both makes an empty scope" },
    { "config unset <words> ...", EC_CMD_WRITE, change_unset,
      "take a value or a whole scope away: config unset [<scope> [<name>] ...] [<option>]" },
    { "config replay", EC_CMD_READ, replay, "the changes of the open transaction, as commands" },
    { "config rebase", EC_CMD_WRITE, commit_rebase, "make the open transaction's changes again on what is in force now" },
    { "config commit", EC_CMD_WRITE, commit_run, "put the open transaction in force: whole, or refused" },
    { "config rollback", EC_CMD_WRITE, rollback, "drop the open transaction" },
    { "config diff", EC_CMD_READ, diff, "what differs: the open transaction from what is in force, or that from the files" },
    { "config reload [<path>]", EC_CMD_WRITE, reload, "read the configuration files again: whole, or refused" },
    EC_COMMAND_END
};
