/* regex.h - regular expressions whose work is bounded
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hostile pattern, or a pattern on a hostile text, needs at most a fixed number of steps and of memory; what
 * needs more does not match.  Any thread. */
#ifndef UTIL_REGEX_H
#define UTIL_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <apr_pools.h>
#include <ec/option.h>

/** Compile `pattern` (borrowed) into `pool`.  On EC_E_SYNTAX `*why` says what is wrong and where, in `pool`. */
apr_status_t regex_create(ec_regex_t **regex, const char *pattern, const char **why, apr_pool_t *pool);

/** Does the compiled pattern match somewhere in the text?  See ec_regex_has() in ec/option.h for the other form. */
int regex_run(const pcre2_code *code, const char *text, apr_size_t length);

#endif
