/* control.h - the console's side of the server: grammar, answers, listeners
 * SPDX-License-Identifier: Apache-2.0
 *
 * Protocol on the socket (UNIX or TCP): length-prefixed frames, one request, one answer, see wire.h.  The request holds
 * the words of the command and the form wanted (text, xml, json); the answer a status and the rendered text. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <ec/command.h>
#include "conf/conf.h"

/** Add a table of commands (up to grammar NULL).  Keeps it.  `prefix` is put before each grammar (module instance
 * commands: "ec_logger:main"), NULL for none.  `owner` for removal and for help.  Master loop. */
void control_add(const ec_command_t *table, void *self, const char *prefix, const char *owner);
void control_remove(void *self);

/** Open the listeners of all Control_Listener stanzas of `conf`, close those that are gone, keep those unchanged.
 * Without any stanza: the default socket.  Master loop. */
apr_status_t control_listen(conf_t *conf, const char **why);
void control_close(void);

/** Run one command line as the console would; `done` gets the rendered answer.  For tests and internal use. */
typedef void control_done_fn(void *baton, int is_error, const char *text, apr_size_t len);
void control_run(const char *line, const char *form, control_done_fn *done, void *baton);
#endif
