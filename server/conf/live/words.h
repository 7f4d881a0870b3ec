/* words.h - an option and its value as words of a command line
 * SPDX-License-Identifier: Apache-2.0
 *
 * The console has split the line and taken the quotes off, so what is one word is one text, whatever it contains; only
 * for options that hold a list or a dictionary are brackets signs. */
#ifndef CONF_LIVE_WORDS_H
#define CONF_LIVE_WORDS_H

#include "conf/value.h"

typedef struct {
    const char *option;
    const char *const *value;
    int n; /* words of the value */
} words_t;

/** "option=value" as one word at the end becomes three; otherwise the same words. */
const char *const *words_split_equals(const char *const *words, int *n, apr_pool_t *pool);
/** An option, "=" or not, and a value of one word at least.  Borrows the words.  On EC_E_SYNTAX `*why` is a sentence. */
apr_status_t words_read(words_t *result, const char *const *words, int n, const char **why, apr_pool_t *pool);
/** The value for an option of this row (NULL: not known, taken as it is); its text is in `pool`. */
apr_status_t words_value(raw_value_t *raw, const words_t *words, const ec_option_t *row, const char **why,
                         apr_pool_t *pool);
/** A value as it can be typed: split into words again, words_value() makes the same of it. */
const char *words_of_value(const raw_value_t *raw, apr_pool_t *pool);

#endif
