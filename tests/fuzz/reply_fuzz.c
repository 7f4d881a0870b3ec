/* reply_fuzz.c - any bytes as reply lines
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    const char *end = p + size;
    static smtp_reply_t reply;

    smtp_reply_reset(&reply);
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((lf == NULL ? end : lf) - p);
        apr_status_t rv = smtp_reply_line(&reply, p, length);

        if (reply.length >= sizeof reply.text || strlen(reply.text) != reply.length ||
            strpbrk(reply.text, "\r\n\t\033") != NULL) {
            abort();
        }
        if (rv == APR_SUCCESS && (reply.code < 200 || reply.code > 599)) {
            abort();
        }
        if (rv != APR_SUCCESS || reply.is_complete) {
            smtp_reply_reset(&reply);
        }
        p += length + 1;
    }
    return 0;
}
