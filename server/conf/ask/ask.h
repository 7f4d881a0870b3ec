/* ask.h - commands that ask what the configuration is and why
 * SPDX-License-Identifier: Apache-2.0
 *
 * They read transaction_conf(): inside a transaction its draft, else what is in force. */
#ifndef CONF_ASK_ASK_H
#define CONF_ASK_ASK_H

#include <ec/command.h>

extern const ec_command_t ask_commands[];  /* config get, eval, explain, locate, options */
extern const ec_command_t show_commands[]; /* config show, showrecurse */

#endif
