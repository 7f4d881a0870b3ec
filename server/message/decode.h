/* decode.h - quoted-printable and base64 undone
 * SPDX-License-Identifier: Apache-2.0
 * Pure, any thread.  Bad input never fails. */
#ifndef MESSAGE_DECODE_H
#define MESSAGE_DECODE_H

#include <apr.h>

/** State between two pieces; all zero at the start. */
typedef struct {
    unsigned bits;
    int n; /* base64: letters gathered; -1: the end was seen */
} decode_t;

int decode_hex(char high, char low);
/** At most 3/4 of `length` + 3 bytes into `out`; returns how many. */
apr_size_t decode_base64(decode_t *state, const char *data, apr_size_t length, char *out);
/** One line without its end, at most `length` bytes out.  *is_soft: the line goes on in the next. */
apr_size_t decode_quoted_printable(const char *line, apr_size_t length, char *out, int *is_soft);
#endif
