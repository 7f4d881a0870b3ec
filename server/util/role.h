/* role.h - what this process is: the mail server, or the cluster's manager (ec_is_manager()), or a check (ec_is_trial())
 * SPDX-License-Identifier: Apache-2.0
 * Set once, before there are threads. */
#ifndef UTIL_ROLE_H
#define UTIL_ROLE_H

#include <ec/daemon.h>
#include <ec/module.h>

void role_set_manager(void);
void role_set_trial(void);
#endif
