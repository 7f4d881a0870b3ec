/* hash.h - 64-bit hash of bytes for tables whose keys come from outside
 * SPDX-License-Identifier: Apache-2.0
 *
 * SipHash-1-3, so that who does not know the seed can not make keys collide.
 * A fixed seed gives the same numbers on every machine and run. */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <apr.h>

apr_uint64_t util_hash(apr_uint64_t seed, const void *data, apr_size_t length);

/** As util_hash() of the bytes with ASCII letters in lower case. */
apr_uint64_t util_hash_nocase(apr_uint64_t seed, const void *data, apr_size_t length);

/** A random seed, the same for the life of the process.  Any thread. */
apr_uint64_t util_hash_seed(void);

#endif
