/* probe.h - what the module probe and its test share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODULE_PROBE_H
#define TESTS_MODULE_PROBE_H

#include <ec/module.h>

struct probe {
    const char *word, *fail;
    apr_int64_t number, size;
    int flag, mode;
    apr_interval_time_t time;
    const ec_instance_t *instance;
};

/** In the test. */
void probe_event(const char *what, const struct probe *probe);
#endif
