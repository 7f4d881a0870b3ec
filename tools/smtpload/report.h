/* report.h - latencies, the summary and the line on the terminal
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPLOAD_REPORT_H
#define SMTPLOAD_REPORT_H

#include "load.h"

struct histogram *report_histogram(void);

void report_latency(struct histogram *histogram, int64_t us);

/** The summary on stdout, as text or JSON. */
void report_summary(const struct load *load);

/** Rewrite the progress line on stderr. */
void report_progress(const struct load *load, int64_t now);

#endif
