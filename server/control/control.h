/* control.h - the console's side of the server: grammar, answers, listeners
 * SPDX-License-Identifier: Apache-2.0
 *
 * Protocol on the socket (UNIX or TCP): length-prefixed frames, one request, one answer, see wire.h.  The request holds
 * the words of the command and the form wanted (text, xml, json); the answer a status and the rendered text.
 * All functions: master loop. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <ec/command.h>
#include "conf/conf.h"

/** Add a table of commands (up to grammar NULL).  Keeps it, and `owner`.  `prefix` is put before each grammar (module
 * instance commands: "ec_logger:main"), NULL for none.  `self` is for removal (NULL: never removed) and given to the
 * handlers; `owner` says in help where a command comes from. */
void control_add(const ec_command_t *table, void *self, const char *prefix, const char *owner);
/** The commands of `self` are unknown from now on; those under way go on. */
void control_hide(void *self);
/** Hide, and call `done(baton)` when no command of `self` is under way any more; never inside this call. */
typedef void control_done_fn(void *baton);
void control_remove(void *self, control_done_fn *done, void *baton);

/** What only the server's main can do. */
typedef struct {
    /* Begin the clean stop. */
    void (*shutdown)(void *baton);
    void *baton;
} control_actions_t;
/** Add the built-in commands.  Keeps a copy of `actions`; a NULL function answers that it is not possible.  Once. */
void control_start(const control_actions_t *actions, ec_log_t *log);

/** From now on a configuration with an address that a console may not have is refused when it is loaded.  Once, at start. */
void control_check_values(void);
/** Open the listeners of all Control_Listener stanzas of `conf`, close those that are gone, keep those unchanged.
 * Without any stanza: the default socket (rundir.h).  On failure nothing has changed and `*why` is a sentence that
 * lives until the next call. */
apr_status_t control_listen(conf_t *conf, const char **why);
/** The same in two steps, for who has more to prepare.  Prepare opens what is new and closes nothing; on failure nothing
 * has changed, and neither step follows.  Commit, while `conf` is still there, closes what is gone; rollback what was
 * opened. */
apr_status_t control_listen_prepare(conf_t *conf, const char **why);
void control_listen_commit(void);
void control_listen_rollback(void);
/** Close listeners and sessions.  Answers under way are thrown away when they finish. */
void control_close(void);

/** Run one command line as the console would; `done` gets the rendered answer, borrowed for the call.  It may run inside
 * this call.  `form`: "text", "xml" or "json".  For tests and internal use. */
typedef void control_answer_fn(void *baton, int is_error, const char *text, apr_size_t length);
void control_run(const char *line, const char *form, control_answer_fn *done, void *baton);
#endif
