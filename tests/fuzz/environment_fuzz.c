/* environment_fuzz.c - any text as etc/environment: refused with file and line, or variables
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ec_ctl/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static environment_t environment;
    char why[256] = "";

    memset(&environment, 0, sizeof environment);
    if (environment_parse(&environment, "fuzz", (const char *)data, size, why, sizeof why) != 0 &&
        strncmp(why, "fuzz:", 5) != 0)
        abort();
    for (int i = 0; i < environment.n; i++) {
        if (environment.name[i][0] == '\0' || strlen(environment.value[i]) >= ENVIRONMENT_VALUE_MAX)
            abort();
    }
    environment_free(&environment);
    return 0;
}
