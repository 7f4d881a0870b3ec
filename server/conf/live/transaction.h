/* transaction.h - the open transaction of a console, and the commands that change the configuration
 * SPDX-License-Identifier: Apache-2.0
 *
 * A transaction belongs to the console session that began it and ends with it (ec_answer_session_set()).  All
 * functions: master loop. */
#ifndef CONF_LIVE_TRANSACTION_H
#define CONF_LIVE_TRANSACTION_H

#include <ec/command.h>

#include "conf/conf.h"

/** What this console sees: the tree of its open transaction, else the generation in force; borrowed until the
 * handler returns. */
conf_t *transaction_conf(ec_answer_t *answer);
/** Has this console an open transaction? */
int transaction_is_open(const ec_answer_t *answer);

/** What only the server's main can do.  `problems` (array of conf_problem_t, or NULL; borrowed) is what a person has to
 * know: all errors of a refusal, or warnings that this change brought. */
typedef void transaction_applied_fn(void *baton, int is_ok, const char *text, const apr_array_header_t *problems);
typedef struct {
    /* Put `conf` (takes its reference in either case) in force as a reload does: whole, or not at all; and log `warnings`.
     * `done` runs once, maybe inside the call, with a sentence for people. */
    void (*apply)(void *baton, conf_t *conf, const apr_array_header_t *warnings, transaction_applied_fn *done,
                  void *done_baton);
    /* Before that, on a thread of a pool: whether new code of modules that `conf` wants can be let in.  When not, an error in
     * `problems`.  NULL: everything is let in. */
    apr_status_t (*try_new_code)(void *baton, const conf_t *conf, apr_array_header_t *problems, apr_pool_t *pool);
    /* Load `path` (NULL: the main file) anew and apply it. */
    void (*reload)(void *baton, const char *path, transaction_applied_fn *done, void *done_baton);
    /* How the running configuration was found: main file, search path, node and subcluster; borrowed. */
    const conf_source_t *(*source)(void *baton);
    void *baton;
} transaction_actions_t;

/** Keeps a copy of `actions`.  Once, at start. */
void transaction_start(const transaction_actions_t *actions);

/** How the configuration was found at start; borrowed, constant; NULL before transaction_start(). */
const conf_source_t *transaction_source(void);

/* config begin, set, unset, replay, rebase, commit, rollback, reload, diff */
extern const ec_command_t transaction_commands[];

#endif
