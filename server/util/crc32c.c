/* crc32c.c - CRC-32C by the processor's instruction, else by tables of 8 bytes a step
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include "util/crc32c.h"

enum { POLYNOMIAL = 0x82F63B78 }; /* reflected */

static apr_uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void table_make(void)
{
    for (unsigned i = 0; i < 256; i++) {
        apr_uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? (apr_uint32_t)POLYNOMIAL : 0);
        }
        table[0][i] = crc;
    }
    for (unsigned i = 0; i < 256; i++) {
        for (int row = 1; row < 8; row++) {
            table[row][i] = table[row - 1][i] >> 8 ^ table[0][table[row - 1][i] & 255];
        }
    }
}

apr_uint32_t util_crc32c_portable(apr_uint32_t seed, const void *data, apr_size_t length)
{
    const unsigned char *at = data;
    apr_uint32_t crc = ~seed;

    pthread_once(&table_once, table_make);
    for (; length >= 8; length -= 8, at += 8) {
        crc ^= at[0] | (apr_uint32_t)at[1] << 8 | (apr_uint32_t)at[2] << 16 | (apr_uint32_t)at[3] << 24;
        crc = table[7][crc & 255] ^ table[6][crc >> 8 & 255] ^ table[5][crc >> 16 & 255] ^
              table[4][crc >> 24] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
    }
    for (; length > 0; length--, at++) {
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 255];
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static apr_uint32_t crc32c_sse42(apr_uint32_t seed, const void *data,
                                                                   apr_size_t length)
{
    const unsigned char *at = data;
    apr_uint64_t crc = (apr_uint32_t)~seed;

    for (; length >= 8; length -= 8, at += 8) {
        apr_uint64_t word;

        memcpy(&word, at, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; length > 0; length--, at++) {
        crc = __builtin_ia32_crc32qi((apr_uint32_t)crc, *at);
    }
    return ~(apr_uint32_t)crc;
}

apr_uint32_t util_crc32c(apr_uint32_t seed, const void *data, apr_size_t length)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(seed, data, length)
                                            : util_crc32c_portable(seed, data, length);
}

#else

apr_uint32_t util_crc32c(apr_uint32_t seed, const void *data, apr_size_t length)
{
    return util_crc32c_portable(seed, data, length);
}

#endif
