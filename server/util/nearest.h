/* nearest.h - the known name that is most like a mistyped one
 * SPDX-License-Identifier: Apache-2.0
 *
 * Start, offer every known name, and look at `best`.  Case does not count.  Keeps the
 * names offered.  Pure; any thread. */
#ifndef UTIL_NEAREST_H
#define UTIL_NEAREST_H

#include <apr_pools.h>

enum { NEAREST_ALSO = 2 };

struct nearest {
    const char *wanted;
    const char *best; /* NULL: nothing is near enough to be worth a suggestion */
    int distance;     /* of `best`; changes (insert, drop, replace, swap) from `wanted` */
    const char *also[NEAREST_ALSO]; /* equally near, in order of the alphabet behind `best`; NULL-filled */
};

void nearest_start(struct nearest *nearest, const char *wanted);
/** Of equally near names the first ones of the alphabet are kept, whatever the order in which they are offered. */
void nearest_offer(struct nearest *nearest, const char *name);
/** "; did you mean "a", "b" or "c"?" in `pool`, or "" when nothing is near. */
const char *nearest_text(const struct nearest *nearest, apr_pool_t *pool);

#endif
