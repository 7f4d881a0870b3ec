/* bytes.h - a growing byte buffer, whole writes, clocks and random numbers
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_BYTES_H
#define TOOLS_BYTES_H

#include <stdint.h>
#include <stddef.h>
#include <time.h>

/** Bytes that the holder appends to; the holder bounds the length, cli_alloc's rule holds for memory. */
struct bytes {
    char *data;
    size_t length, room;
};

void bytes_add(struct bytes *bytes, const void *data, size_t length);
void bytes_print(struct bytes *bytes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_free(struct bytes *bytes);

/** Forget the first `count` bytes. */
void bytes_skip(struct bytes *bytes, size_t count);

/** Write everything to a regular file and empty the buffer; complains with `path` and exits when that fails.
 */
void bytes_write(struct bytes *bytes, int fd, const char *path);

static inline int64_t clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static inline int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/** The next number of a sequence given by *state alone (splitmix64): repeatable, good enough to draw lots. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static inline double random_unit(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1.0p-53;
}

#endif
