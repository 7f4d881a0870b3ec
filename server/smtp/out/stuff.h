/* stuff.h - dot-stuffing (RFC 5321 4.5.2)
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTP_OUT_STUFF_H
#define SMTP_OUT_STUFF_H

#include <apr.h>

enum { STUFF_COPY_MAX = 512 }; /* shorter pieces are better copied than listed */

typedef void stuff_put_fn(void *baton, const char *data, apr_size_t len);

/** Hand `data` on in pieces, with a dot before every dot that starts a line.  `last` holds the two bytes
 * before `data` ("\r\n" at the start of a message) and then those at its end.  Pieces point into `data` or
 * are constant. */
void stuff(const char *data, apr_size_t len, char last[2], stuff_put_fn *put, void *baton);
#endif
