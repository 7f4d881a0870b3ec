/* change.c - config set and config unset
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inside a transaction they change its draft.  Outside, each is a transaction of its own,
 * which is made again when somebody else was faster: so it can not lose. */
#include "conf/live/task.h"

#include <apr_strings.h>

#include "conf/ask/path.h"
#include "conf/live/diff.h"
#include "conf/live/report.h"
#include "conf/live/words.h"

enum { TRIES_MAX = 1000 };

/* A stanza that was made, and nothing in it. */
static void echo_stanza(struct task *task, draft_t *draft)
{
    conf_path_t path;

    if (path_read(&path, task->words, task->n - 1, &task->why, task->pool) == APR_SUCCESS)
        task->scope = path_text(path_find(draft_conf(draft), &path), task->pool);
}

static void echo_setting(struct task *task, draft_t *draft, const conf_setting_t *setting)
{
    int n = task->n;
    const char *const *words = words_split_equals(task->words, &n, task->pool);
    const char *scope;
    conf_path_t path;

    task->option = setting->option->row->name;
    task->value = setting->option->row->flags & EC_OPTION_SECRET ? "(secret)" : raw_value_text(&setting->raw, task->pool);
    if (path_read(&path, words, n, &task->why, task->pool) == APR_SUCCESS) {
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

    task->rv = task->is_unset ? draft_unset(draft, task->words, task->n, &task->why, task->pool)
                              : draft_set(draft, task->words, task->n, &setting, &task->why, task->pool);
    if (task->rv != APR_SUCCESS)
        return;
    if (task->is_unset)
        echo_fallback(task, draft);
    else if (setting == NULL)
        echo_stanza(task, draft);
    else
        echo_setting(task, draft, setting);
    task_warn(task, NULL);
    for (int i = n_before; i < draft_warnings(draft)->nelts; i++) {
        conf_problem_t warning = APR_ARRAY_IDX(draft_warnings(draft), i, conf_problem_t);

        warning.text = apr_pstrdup(task->pool, warning.text); /* the draft may end before the answer */
        APR_ARRAY_PUSH(task->warnings, conf_problem_t) = warning;
    }
}

void change_answer(const struct task *task)
{
    ec_node_t *root = ec_answer_root(task->answer);

    if (task->option != NULL) {
        ec_node_text(root, "option", task->option);
        ec_node_text(root, "value", task->value);
        ec_node_text(root, task->is_unset ? "from" : "scope", task->scope);
    } else if (task->scope != NULL) {
        ec_node_text(root, "scope", task->scope);
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
    if (task->option == NULL && task->is_unset)
        ec_node_note(ec_answer_root(task->answer), "unset");
    change_answer(task);
    task_end(task);
}

/* Outside: a transaction for this change alone. */
static void alone_work(void *baton)
{
    struct task *task = baton;

    task->warnings = NULL;
    task->rv = task_open_draft(task, task->base, 0);
    if (task->rv == APR_SUCCESS)
        change_work_on(task, task->draft);
    if (task->rv == APR_SUCCESS)
        task->rv = draft_finish(&task->conf, &task->problems, task->draft, task->pool);
    if (task->rv == APR_SUCCESS)
        diff_warn_restart(task->warnings, task->base, task->conf, task->pool);
    if (task->rv == APR_SUCCESS)
        task_try_new_code(task);
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
        change_answer(task);
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
    task->option = task->scope = NULL;
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
        task_actions()->apply(task_actions()->baton, conf, task->warnings, alone_applied, task);
    } else if (++task->tries < TRIES_MAX) {
        alone_run(task); /* somebody was faster: the same change on what is in force now */
    } else {
        task->why = "the configuration is changed too often by others just now: try again";
        task_fail(task);
    }
}

static void run(ec_answer_t *answer, int is_unset)
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

void change_set(void *self, ec_answer_t *answer)
{
    run(answer, 0);
}

void change_unset(void *self, ec_answer_t *answer)
{
    run(answer, 1);
}
