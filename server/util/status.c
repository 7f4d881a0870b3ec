/* status.c - texts of our status codes, and the end of the process on a broken promise
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <ec/status.h>

#define STATUS_TEXT(name, text) text,
static const char *const texts[] = { "unknown ecelerity status", EC_STATUS_LIST(STATUS_TEXT) };
#undef STATUS_TEXT

const char *ec_strerror(apr_status_t rv, char *buf, apr_size_t len)
{
    if (rv == APR_SUCCESS) {
        return "success";
    }
    if (rv >= EC_E_BASE && rv < EC_E_END) {
        return texts[rv - EC_E_BASE];
    }
    return apr_strerror(rv, buf, len);
}

void ec_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s; this is a defect of ecelerity\n", file, line, cond);
    fflush(stderr);
    abort();
}
