/* ask_private.h - what the commands that ask share
 * SPDX-License-Identifier: Apache-2.0
 * Master loop, but where it says otherwise. */
#ifndef CONF_ASK_ASK_PRIVATE_H
#define CONF_ASK_ASK_PRIVATE_H

#include <ec/command.h>

#include "conf/tree.h"

/** The words behind "config VERB". */
int ask_words(const char *const **words, const ec_answer_t *answer);
/** "file:line" as a value; nothing without a file. */
void ask_put_place(ec_node_t *node, const char *name, const char *file, int line);

/** Text of a configuration, which ends a line, as a note, which ends its own. */
void ask_put_text(ec_answer_t *answer, const char *text);

/* locate.c, options.c, check.c */
ec_command_fn ask_locate, ask_options, ask_option, ask_check;

#endif
