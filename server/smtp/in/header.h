/* header.h - the header section of a message as it arrives
 * SPDX-License-Identifier: Apache-2.0
 *
 * Called by body.c for each line while body->in_header. */
#ifndef SMTP_IN_HEADER_H
#define SMTP_IN_HEADER_H

#include "smtp/in/body.h"

/** The beginning of a line that is about to be appended.  Notes the fields that matter; ends the header
 * section at the empty line, or at a line that is no field (then the empty line that is missing is put in).
 */
void in_header_line(in_body_t *body, const char *text, apr_size_t len, int is_whole);
/** Count bytes and lines against their bounds. */
void in_header_count(in_body_t *body, apr_size_t len);
/** The section is over: adds what is missing, or refuses. */
void in_header_end(in_body_t *body);

/** For header.c: append to the stored message, within its size. */
void in_body_append(in_body_t *body, const char *data, apr_size_t len);

#endif
