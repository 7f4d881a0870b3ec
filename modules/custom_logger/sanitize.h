/* sanitize.h - what is done to texts that came from outside
 * SPDX-License-Identifier: Apache-2.0
 *
 * A comma-separated list: special_characters, non_printable, tr/abc/xyz/.  Whatever is asked
 * for, control characters never reach the log as they are. */
#ifndef CUSTOM_LOGGER_SANITIZE_H
#define CUSTOM_LOGGER_SANITIZE_H

#include <ec/logline.h>

typedef struct {
    int is_decimal;                /* non_printable: \ and three decimal digits instead of a byte that is not printable */
    unsigned char map[256];        /* tr/// */
} sanitize_t;

/** Returns NULL, or what is wrong, in `pool`. */
const char *sanitize_parse(sanitize_t *sanitize, const char *text, apr_pool_t *pool);
void sanitize_add(const sanitize_t *sanitize, ec_line_t *line, const char *bytes, apr_size_t length);
#endif
