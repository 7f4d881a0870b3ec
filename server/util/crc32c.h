/* crc32c.h - CRC-32C (Castagnoli), the check of spool records
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <apr.h>

/** Continue the checksum `seed` (0 at first) over `length` more bytes.  Any thread. */
apr_uint32_t util_crc32c(apr_uint32_t seed, const void *data, apr_size_t length);

/** The same without special instructions; here so that tests can compare. */
apr_uint32_t util_crc32c_portable(apr_uint32_t seed, const void *data, apr_size_t length);

#endif
