/* role.c - what this process is
 * SPDX-License-Identifier: Apache-2.0 */
#include "util/role.h"

static int is_manager, is_trial;

void role_set_manager(void)
{
    is_manager = 1;
}

int ec_is_manager(void)
{
    return is_manager;
}

void role_set_trial(void)
{
    is_trial = 1;
}

int ec_is_trial(void)
{
    return is_trial;
}
