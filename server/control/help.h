/* help.h - listing commands
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef CONTROL_HELP_H
#define CONTROL_HELP_H

#include <ec/command.h>

/** Put the commands that begin with these words into the answer, or an error when there are none. */
void help_list(ec_answer_t *answer, const char *const *words, int n);

extern const ec_command_t help_commands[];
#endif
