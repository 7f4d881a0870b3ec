/* bytes.h - numbers on disk: little endian, of 1 to 8 bytes
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef UTIL_BYTES_H
#define UTIL_BYTES_H

#include <apr.h>

static inline void util_bytes_put(unsigned char *to, apr_uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static inline apr_uint64_t util_bytes_get(const unsigned char *from, int bytes)
{
    apr_uint64_t value = 0;

    for (int i = 0; i < bytes; i++) {
        value |= (apr_uint64_t)from[i] << (8 * i);
    }
    return value;
}

#endif
