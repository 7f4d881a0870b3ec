/* problem.h - what is wrong with a configuration, collected so that all of it is told
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread at a time. */
#ifndef CONF_PROBLEM_H
#define CONF_PROBLEM_H

#include "conf/conf.h"

enum { PROBLEM_ERRORS_MAX = 100, PROBLEM_WARNINGS_MAX = 1000 };

struct problems {
    apr_array_header_t *list; /* of conf_problem_t */
    apr_pool_t *pool;
    int errors, warnings;
    int structural; /* of the errors: those after which a stanza may be lacking, so that more would only follow from them */
};

void problems_init(struct problems *problems, apr_pool_t *pool);
/** Text without file, line and full stop.  Copies both texts. */
void problem_error(struct problems *problems, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void problem_warning(struct problems *problems, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** An error of a kind that has its own number; the ones above are OTHER and NO_EFFECT. */
void problem_error_of(struct problems *problems, conf_problem_kind_t kind, const char *file, int line,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));
/** Have so many errors been found that looking for more is of no use? */
int problems_full(const struct problems *problems);
/** `text` fit to stand in a message: short, printable. */
const char *problem_quote(struct problems *problems, const char *text);

#endif
