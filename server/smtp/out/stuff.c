/* stuff.c - dot-stuffing
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "smtp/out/stuff.h"

static void keep_last(char last[2], const char *data, apr_size_t len)
{
    if (len == 1) {
        last[0] = last[1];
        last[1] = data[0];
    } else if (len > 1) {
        last[0] = data[len - 2];
        last[1] = data[len - 1];
    }
}

void stuff(const char *data, apr_size_t len, char last[2], stuff_put_fn *put, void *baton)
{
    const char *at = data, *end = data + len, *found;

    if (len > 0 && *data == '.' && last[1] == '\n') {
        put(baton, ".", 1);
    }
    while ((found = memmem(at, (apr_size_t)(end - at), "\n.", 2)) != NULL) {
        put(baton, at, (apr_size_t)(found + 1 - at));
        put(baton, ".", 1);
        at = found + 1;
    }
    if (at < end) {
        put(baton, at, (apr_size_t)(end - at));
    }
    keep_last(last, data, len);
}
