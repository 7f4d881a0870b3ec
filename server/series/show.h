/* show.h - gauge caches on the console
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERIES_SHOW_H
#define SERIES_SHOW_H

#include <ec/command.h>

extern const ec_command_t series_commands[];

#endif
