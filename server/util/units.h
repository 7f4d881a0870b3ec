/* units.h - numbers, sizes and times as people write them
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each function returns whether all of `text` was understood; `*out` is set only then.
 * White space around the text is refused.  Pure; any thread. */
#ifndef UTIL_UNITS_H
#define UTIL_UNITS_H

#include <apr.h>

/** Decimal integer, perhaps negative; too large is not understood. */
int units_parse_int(const char *text, apr_int64_t *out);
/** Octal number up to 07777. */
int units_parse_perms(const char *text, apr_int64_t *out);
/** Bytes: "4096", "64K", "10 MB", "2GiB"; K, M, G, T are powers of 1024. */
int units_parse_size(const char *text, apr_int64_t *out);
/** A time: "90", "90s", "5 minutes", "4 hours", "1d", "1h30m", "250ms".  A number without unit counts
 * in the option's own unit, of which there are `per_second` in a second (1 or 1000); so does `*out`. */
int units_parse_interval(const char *text, int per_second, apr_int64_t *out);
/** Decimal fraction, without hexadecimal forms, infinities and the like. */
int units_parse_float(const char *text, double *out);

#endif
