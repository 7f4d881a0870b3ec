/* smtp_in.h - receiving mail: listeners, sessions, their end
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection is accepted by a loop and stays on it: banner, dialogue, message, spool,
 * and 250 when the spool has it on disk.  While one session waits for the disk it reads
 * no further; all others go on.
 *
 * There is one of this in a process.  Thread: the master loop, unless said otherwise. */
#ifndef SMTP_IN_SMTP_IN_H
#define SMTP_IN_SMTP_IN_H

#include <ec/command.h>
#include <ec/log.h>
#include "conf/conf.h"
#include "spool/spool.h"

/** Get ready.  Keeps `spool`, `log`.  After the loops exist and before they run: they take up
 * generations, and what that needs is made here. */
apr_status_t smtp_in_start(spool_t *spool, ec_log_t *log, apr_pool_t *pool);

/** Make the listeners those of `conf` (ESMTP_Listener / Listen): new ones are opened first, and only when all
 * are, the ones that are gone are closed; unchanged ones keep their sockets.  New ones
 * accept, and the others take backlog and buffers of `conf`, when it is in force.  On failure nothing has changed
 * and `*why` is a complete sentence (valid until the next call).  Call before conf_install(conf).  Running
 * sessions go on. */
apr_status_t smtp_in_apply(conf_t *conf, const char **why);
/** The same in two steps, for who has more to prepare.  Prepare opens what is new and closes nothing; on failure nothing
 * has changed, and neither step follows.  Commit closes what is gone; rollback what was opened. */
apr_status_t smtp_in_prepare(conf_t *conf, const char **why);
void smtp_in_commit(conf_t *conf);
void smtp_in_rollback(void);

/** The port of the listener with this address text, as in the configuration ("127.0.0.1:0"); 0 when there is
 * none. */
int smtp_in_port(const char *address);

/** Stop: no more connections; idle sessions get 421; those inside a message may end it within `grace`. `done`
 * runs on the master loop when no session is left, and none waits for the spool. */
void smtp_in_stop(apr_interval_time_t grace, ec_post_fn *done, void *baton);

/** Free the sessions that hooks have suspended and never resumed.  When no loop runs and no module is left. */
void smtp_in_end(void);

/** "show inbound" and its like, for control_add(). */
extern const ec_command_t smtp_in_commands[];

#endif
