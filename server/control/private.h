/* private.h - what the files of this room share and nobody else
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef CONTROL_PRIVATE_H
#define CONTROL_PRIVATE_H

#include <ec/log.h>

extern ec_log_t *control_log;

/** An answer has ended: look whether a control_remove() has waited for it. */
void control_run_waiters(void);
#endif
