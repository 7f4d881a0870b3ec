/* report.h - problems and differences in an answer
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever has the answer may call them: also a job's thread, while the answer is held for it. */
#ifndef CONF_LIVE_REPORT_H
#define CONF_LIVE_REPORT_H

#include <ec/command.h>

#include "conf/tree.h"

/** A table "problems" with file, line, kind and text; nothing when there are none.  `problems` may be NULL. */
void report_problems(ec_answer_t *answer, const apr_array_header_t *problems);
/** The first error as conf_problem_text(), and how many more there are; NULL without one. */
const char *report_first_error(const apr_array_header_t *problems, apr_pool_t *pool);
/** A table "changes": what conf_diff() finds between the two. */
void report_diff(ec_answer_t *answer, const conf_t *from, const conf_t *to);

#endif
