/* unready.c - a module that can be made and not started
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/module.h>

struct unready {
    int unused;
};

static apr_status_t start(void *self, const char **why)
{
    *why = "unready is never ready";
    return EC_E_MODULE;
}

EC_MODULE(unready, struct unready, .summary = "does not start", .start = start);
