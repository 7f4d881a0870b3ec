/* counter.h - named numbers that every loop counts for itself and readers add up
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each thread that counts has its own row, so counting is a plain add; a reader sums
 * the rows and may see an addition late, never twice.  A gauge is a counter that also
 * goes down; its sum is exact when nothing is in flight. */
#ifndef EC_COUNTER_H
#define EC_COUNTER_H

#include <apr.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_counter ec_counter_t;

/** Find or make the counter `name` (dotted, lower case, for example "smtp.in.connections").
 * Copies name and help.  Never fails: there is room for 1024 (asserted).  Any thread;
 * takes a lock, so call it at start. */
ec_counter_t *ec_counter(const char *name, const char *help);

/** Any thread; no lock. */
void ec_counter_add(ec_counter_t *counter, apr_int64_t n);

/** Sum over all threads.  Any thread. */
apr_int64_t ec_counter_value(const ec_counter_t *counter);

/** Visit all counters in order of name. */
typedef void ec_counter_each_fn(void *baton, const char *name, const char *help, apr_int64_t value);
void ec_counter_each(ec_counter_each_fn *each, void *baton);

#ifdef __cplusplus
}
#endif
#endif
