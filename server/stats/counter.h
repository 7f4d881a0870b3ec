/* counter.h - a thread's own row of counters
 * SPDX-License-Identifier: Apache-2.0
 *
 * A thread that counts often (a loop) takes a row for itself; all others share one
 * row that is counted atomically.  Rows are never released: what an ended thread
 * counted stays counted, and the next thread that begins goes on in its row. */
#ifndef STATS_COUNTER_H
#define STATS_COUNTER_H

#include <ec/counter.h>

/** The calling thread gets a row of its own until counter_thread_end(). */
void counter_thread_begin(void);
void counter_thread_end(void);

#endif
