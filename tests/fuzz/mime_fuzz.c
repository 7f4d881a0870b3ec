/* mime_fuzz.c - header fields and MIME parts of any bytes: read, changed, decoded
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include <ec/header.h>
#include <ec/mime.h>

#include "message/message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(void *baton, const char *data, apr_size_t len)
{
    *(apr_size_t *)baton += len;
    return 0;
}

static int visit(void *baton, const char *name, const char *value)
{
    char text[256], line[2048];

    (void)ec_header_decode(value, text, sizeof text);
    (void)ec_header_format(name, value, line, sizeof line);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    body_limits_t limits = { .block_size = 512 };
    ec_batch_t *batch = batch_create(0, "fuzz");
    const ec_part_t *parts;
    apr_pool_t *pool;
    int n;

    apr_pool_create(&pool, NULL);
    if (batch_body_append(batch, &limits, data, size) == APR_SUCCESS &&
        ec_mime_parts(batch, &parts, &n, pool) == APR_SUCCESS) {
        for (int i = 0; i < n; i++) {
            apr_size_t length = 0;

            EC_ASSERT(parts[i].body + parts[i].length <= size && parts[i].header <= parts[i].body);
            (void)ec_mime_decode(batch, &parts[i], keep, &length);
        }
        (void)ec_header_each(batch, visit, NULL);
        (void)ec_header_set(batch, "Subject", "x");
        (void)ec_header_remove(batch, "Received");
        (void)ec_header_prepend(batch, "A", "\303\244");
    }
    ec_batch_unref(batch);
    apr_pool_destroy(pool);
    return 0;
}
