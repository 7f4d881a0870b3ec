/* series_fuzz.c - any bytes as the file of an audit series: refused, or keys and counts within bounds
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inbound_audit/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    const ec_series_id_t *id = baton;
    apr_uint64_t sum = 0;

    if (id->type == EC_SERIES_CIDR ? length != 4 && length != 16 : length < 1 || length > EC_SERIES_KEY_MAX)
        abort();
    if (newest < 0)
        abort();
    for (int i = 0; i < id->windows; i++)
        sum += counts[i];
    return sum != 1; /* now and then it is enough */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[EC_SERIES_NAME_MAX + 1];
    ec_series_id_t id = { 0 };
    int line = 0;
    const char *why = store_parse((const char *)data, size, &id, name, &line, check, &id);

    if (line < 1)
        abort();
    if (why == NULL && (id.windows < 1 || id.windows > EC_SERIES_WINDOWS_MAX || strlen(name) < 1))
        abort();
    return 0;
}
