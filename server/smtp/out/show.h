/* show.h - sessions as the console shows them
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTP_OUT_SHOW_H
#define SMTP_OUT_SHOW_H

#include <ec/loop.h>
#include "util/list.h"

/** The sessions (session_t, by link) of a loop; its thread only. */
util_list_t *transport_sessions(const ec_loop_t *loop);
#endif
