/* dot.h - find the end of SMTP data and take the dot stuffing out, in pieces as they arrive
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only CR LF . CR LF ends the data, also when it is spread over any number of reads.  The scanner copies
 * nothing: what it returns points into the caller's bytes. */
#ifndef TOOLS_DOT_H
#define TOOLS_DOT_H

#include <stddef.h>

enum dot_state {
    DOT_LINE_START, /* just after DATA, or after CR LF */
    DOT_MIDDLE,
    DOT_CR,     /* after a CR that belongs to the text */
    DOT_DOT,    /* after the dot that opened a line; it never belongs to the text */
    DOT_DOT_CR, /* after dot and CR; the CR belongs to the text unless LF comes next */
};

struct dot_scan {
    enum dot_state state; /* zero is right for the start of data */
};

struct dot_piece {
    const char *data;
    size_t length;
};

enum dot_result { DOT_MORE, DOT_PIECE, DOT_END };

/** Take the next piece of text from [*at, end) and move *at behind what was used.
 *
 * DOT_PIECE: `piece` is unstuffed text, call again.  DOT_MORE: everything is used, the end has not come.
 * DOT_END: *at is behind the end of data and the scanner is ready for the next message. */
enum dot_result dot_next(struct dot_scan *scan, const char **at, const char *end, struct dot_piece *piece);

#endif
