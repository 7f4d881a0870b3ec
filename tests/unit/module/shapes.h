/* shapes.h - what the module shapes and its test share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODULE_SHAPES_H
#define TESTS_MODULE_SHAPES_H

#include <ec/module.h>

struct shapes {
    const char *password, *endpoint, *address;
    double ratio;
    int colour;
    apr_int64_t limit;
    const char *const *names, *const *pairs;
    const ec_cidr_set_t *networks;
    const ec_regex_t *pattern;
    ec_throttle_t rate;
    ec_values_t numbers, patterns;
    apr_interval_time_t delay;
    ec_option_handle_t shape_level;
    char seen[400]; /* the stanzas inside, as init found them */
};

/** In the test. */
void shapes_made(struct shapes *shapes);
#endif
