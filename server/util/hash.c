/* hash.c - SipHash-1-3 (Aumasson and Bernstein), plain and with letters folded
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <sys/random.h>

#include <apr_time.h>

#include "util/hash.h"

struct sip {
    apr_uint64_t v0, v1, v2, v3;
};

static inline apr_uint64_t rotate(apr_uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, apr_uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* Up to 8 bytes as a little-endian number. */
static inline apr_uint64_t load(const unsigned char *at, apr_size_t length)
{
    apr_uint64_t word = 0;

    memcpy(&word, at, length);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* ASCII upper-case letters among the 8 bytes become lower-case, all at once: the two
 * sums set the top bit of bytes from 'A' on and from after 'Z' on. */
static inline apr_uint64_t fold(apr_uint64_t word)
{
    const apr_uint64_t ones = 0x0101010101010101u;
    apr_uint64_t low = word & (ones * 0x7F);
    apr_uint64_t upper = ((low + ones * (0x80 - 'A')) ^ (low + ones * (0x7F - 'Z'))) & ~word & (ones * 0x80);

    return word | upper >> 2;
}

static inline apr_uint64_t hash(apr_uint64_t seed, const unsigned char *at, apr_size_t length, int is_folded)
{
    apr_uint64_t seed2 = seed * 0x9E3779B97F4A7C15u;
    struct sip s = { seed ^ 0x736F6D6570736575u, seed2 ^ 0x646F72616E646F6Du, seed ^ 0x6C7967656E657261u,
                     seed2 ^ 0x7465646279746573u };
    apr_uint64_t last = (apr_uint64_t)length << 56;

    for (; length >= 8; length -= 8, at += 8) {
        apr_uint64_t word = load(at, 8);

        sip_word(&s, is_folded ? fold(word) : word);
    }
    if (length > 0) {
        apr_uint64_t word = load(at, length);

        last |= is_folded ? fold(word) : word;
    }
    sip_word(&s, last);
    s.v2 ^= 0xFF;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

apr_uint64_t util_hash(apr_uint64_t seed, const void *data, apr_size_t length)
{
    return hash(seed, data, length, 0);
}

apr_uint64_t util_hash_nocase(apr_uint64_t seed, const void *data, apr_size_t length)
{
    return hash(seed, data, length, 1);
}

static apr_uint64_t process_seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_make(void)
{
    if (getrandom(&process_seed, sizeof process_seed, 0) != (ssize_t)sizeof process_seed) {
        process_seed = (apr_uint64_t)apr_time_now() * 0x9E3779B97F4A7C15u ^ (apr_uint64_t)getpid();
    }
}

apr_uint64_t util_hash_seed(void)
{
    pthread_once(&seed_once, seed_make);
    return process_seed;
}
