/* nearest.h - the known name that is most like a mistyped one
 * SPDX-License-Identifier: Apache-2.0
 *
 * Start, offer every known name, and look at `best`.  Case does not count.  Keeps the
 * names offered.  Pure; any thread. */
#ifndef UTIL_NEAREST_H
#define UTIL_NEAREST_H

struct nearest {
    const char *wanted;
    const char *best; /* NULL: nothing is near enough to be worth a suggestion */
    int distance;     /* of `best`; changes (insert, drop, replace, swap) from `wanted` */
};

void nearest_start(struct nearest *nearest, const char *wanted);
/** The first of equally near names wins. */
void nearest_offer(struct nearest *nearest, const char *name);

#endif
