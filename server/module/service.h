/* service.h - offers of instances: when they are in force
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef MODULE_SERVICE_H
#define MODULE_SERVICE_H

#include <ec/service.h>

/** Instances are being started (1) or that is over (0): meanwhile ec_service_get() on this thread sees what
 * they offer. */
void service_starting(int is_starting);
/** What the instance offers is in force from now on; what it offers and has in force is not any more. */
void service_begin(const ec_instance_t *instance);
void service_end(const ec_instance_t *instance);

#endif
