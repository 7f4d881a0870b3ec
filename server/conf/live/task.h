/* task.h - one command under way that changes, checks or compares configurations
 * SPDX-License-Identifier: Apache-2.0
 *
 * It lives in its answer's pool.  Work is done on a pool thread with the answer held; a console says nothing more before its
 * answer has come, so what a task uses has no other user.  All else: master loop. */
#ifndef CONF_LIVE_TASK_H
#define CONF_LIVE_TASK_H

#include <ec/command.h>
#include <ec/job.h>

#include "conf/live/draft.h"
#include "conf/live/transaction.h"

/* What a session keeps. */
struct transaction {
    draft_t *draft;
};

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

/** What main gave to transaction_start(). */
const transaction_actions_t *task_actions(void);
/** The session's transaction, or NULL. */
struct transaction *task_transaction(const ec_answer_t *answer);

/** Holds the answer. */
struct task *task_create(ec_answer_t *answer);
/** `work` on a thread of this pool, then `done` on the master loop; both with the task. */
void task_run_on(const char *pool, struct task *task, ec_job_fn *work, ec_job_fn *done);
void task_run(struct task *task, ec_job_fn *work, ec_job_fn *done);
/** Finishes the answer, and lets go of what the task still has. */
void task_end(struct task *task);
/** The same, with an error: the first of `problems`, else `why`. */
void task_fail(struct task *task);

/** Open task->draft on `base`.  Any thread. */
apr_status_t task_open_draft(struct task *task, conf_t *base, int is_from_scratch);
/** Have a list of warnings, and add `warnings` (may be NULL) to it.  Any thread. */
void task_warn(struct task *task, const apr_array_header_t *warnings);

/** Ask what main says of new code in task->conf; when it may not come into force, rv and problems say so.  Pool thread. */
void task_try_new_code(struct task *task);

/* change.c */
/** Put what was set or unset, and the warnings, into the answer. */
void change_answer(const struct task *task);
/** The commands config set and config unset. */
void change_set(void *self, ec_answer_t *answer);
void change_unset(void *self, ec_answer_t *answer);

/* commit.c: the commands config commit and config rebase */
void commit_run(void *self, ec_answer_t *answer);
void commit_rebase(void *self, ec_answer_t *answer);

/** As task_transaction(); without one the answer is an error that says so. */
struct transaction *task_need_transaction(ec_answer_t *answer);
/** The session's transaction is over. */
void task_forget_transaction(ec_answer_t *answer);

#endif
