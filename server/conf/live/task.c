/* task.c - one command under way that changes, checks or compares configurations
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/task.h"

#include "conf/live/report.h"

struct task *task_create(ec_answer_t *answer)
{
    struct task *task = apr_pcalloc(ec_answer_pool(answer), sizeof(*task));

    task->answer = answer;
    task->pool = ec_answer_pool(answer);
    task->transaction = task_transaction(answer);
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

void task_run_on(const char *pool, struct task *task, ec_job_fn *work, ec_job_fn *done)
{
    task->work = work;
    task->done = done;
    ec_job_run(ec_threadpool_find(pool), ec_loop_at(0), &task->job, run_work, run_done, task);
}

void task_run(struct task *task, ec_job_fn *work, ec_job_fn *done)
{
    task_run_on("CPU", task, work, done);
}

void task_end(struct task *task)
{
    conf_unref(task->base);
    conf_unref(task->conf);
    draft_close(task->draft);
    ec_answer_finish(task->answer);
}

void task_fail(struct task *task)
{
    const char *error = report_first_error(task->problems, task->pool);

    report_problems(task->answer, task->problems);
    ec_answer_error(task->answer, "%s", error != NULL ? error : task->why != NULL ? task->why : "out of memory");
    task_end(task);
}

void task_warn(struct task *task, const apr_array_header_t *warnings)
{
    if (task->warnings == NULL)
        task->warnings = apr_array_make(task->pool, 4, sizeof(conf_problem_t));
    if (warnings != NULL)
        apr_array_cat(task->warnings, warnings);
}

apr_status_t task_open_draft(struct task *task, conf_t *base, int is_from_scratch)
{
    EC_TRY(draft_open(&task->draft, base, is_from_scratch));
    draft_use(task->draft, task_actions()->source(task_actions()->baton));
    return APR_SUCCESS;
}

void task_try_new_code(struct task *task)
{
    const transaction_actions_t *main_ = task_actions();

    if (main_->try_new_code == NULL)
        return;
    if (task->problems == NULL)
        task->problems = apr_array_make(task->pool, 1, sizeof(conf_problem_t));
    task->rv = main_->try_new_code(main_->baton, task->conf, task->problems, task->pool);
}
