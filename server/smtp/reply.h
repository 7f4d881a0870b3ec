/* reply.h - SMTP replies: grammar shared by both sides
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 4.2) */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <apr_pools.h>
#include <ec/status.h>

enum { SMTP_REPLY_LINE_MAX = 2048, SMTP_REPLY_TEXT_MAX = 4096, SMTP_REPLY_LINES_MAX = 100 };

/** A reply as it grows line by line.  All zero is empty. */
typedef struct {
    int code; /* 200..599, 0 before the first line */
    int is_complete;
    int lines;
    apr_size_t length;
    char text[SMTP_REPLY_TEXT_MAX]; /* "550-first 550 second": lines joined by one space, each with its code,
                                       control characters replaced, cut at the room */
} smtp_reply_t;

void smtp_reply_reset(smtp_reply_t *reply);
/** Add one line (without line end).  EC_E_SYNTAX: not a reply, or another code than before;
 * EC_E_TOO_LONG: too many lines. */
apr_status_t smtp_reply_line(smtp_reply_t *reply, const char *line, apr_size_t len);
#endif
