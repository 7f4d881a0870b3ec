/* dot.c - find the end of SMTP data and take the dot stuffing out
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inside a piece only dots are looked for (memchr) and what stands before them is checked; the state machine
 * works on the few bytes around a read's edge and around a dot that opens a line. */
#include "dot.h"

#include <string.h>

static enum dot_result give(struct dot_piece *piece, const char *data, size_t length)
{
    piece->data = data;
    piece->length = length;
    return DOT_PIECE;
}

static enum dot_state state_after(const char *start, const char *end)
{
    if (end[-1] == '\r')
        return DOT_CR;
    if (end[-1] == '\n' && end - start >= 2 && end[-2] == '\r')
        return DOT_LINE_START;
    return DOT_MIDDLE;
}

/* In the middle of a line: everything up to the next dot that opens a line is text. */
static enum dot_result take_text(struct dot_scan *scan, const char **at, const char *end,
                                 struct dot_piece *piece)
{
    const char *start = *at, *dot = start;

    while ((dot = memchr(dot, '.', (size_t)(end - dot))) != NULL) {
        if (dot - start >= 2 && dot[-1] == '\n' && dot[-2] == '\r') {
            scan->state = DOT_LINE_START;
            *at = dot;
            return give(piece, start, (size_t)(dot - start));
        }
        dot++;
    }
    scan->state = state_after(start, end);
    *at = end;
    return give(piece, start, (size_t)(end - start));
}

enum dot_result dot_next(struct dot_scan *scan, const char **at, const char *end, struct dot_piece *piece)
{
    while (*at < end) {
        switch (scan->state) {
        case DOT_LINE_START:
            scan->state = **at == '.' ? DOT_DOT : DOT_MIDDLE;
            *at += **at == '.';
            break;
        case DOT_DOT:
            scan->state = **at == '\r' ? DOT_DOT_CR : DOT_MIDDLE;
            *at += **at == '\r';
            break;
        case DOT_DOT_CR:
            if (**at != '\n') {
                scan->state = DOT_CR;
                return give(piece, "\r", 1);
            }
            scan->state = DOT_LINE_START;
            ++*at;
            return DOT_END;
        case DOT_CR:
            scan->state = DOT_MIDDLE;
            if (**at == '\n') {
                scan->state = DOT_LINE_START;
                return give(piece, (*at)++, 1);
            }
            break;
        case DOT_MIDDLE:
            return take_text(scan, at, end, piece);
        }
    }
    return DOT_MORE;
}
