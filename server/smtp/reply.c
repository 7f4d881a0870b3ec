/* reply.c - one reply, line by line
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is kept for logs and bounces, so what could break a log line is replaced
 * here, once.  Bytes above 127 stay: replies in UTF-8 are common. */
#include <string.h>

#include "smtp/reply.h"

void smtp_reply_reset(smtp_reply_t *reply)
{
    reply->code = 0;
    reply->is_complete = 0;
    reply->lines = 0;
    reply->length = 0;
    reply->text[0] = '\0';
}

/* The code of a line, or 0.  *is_last says whether the reply ends here. */
static int code_of(const char *line, apr_size_t len, int *is_last)
{
    int code = 0;

    if (len < 3 || (len > 3 && line[3] != ' ' && line[3] != '-')) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        if (line[i] < '0' || line[i] > '9') {
            return 0;
        }
        code = code * 10 + (line[i] - '0');
    }
    *is_last = len == 3 || line[3] == ' ';
    return code >= 200 && code <= 599 ? code : 0;
}

static void add_text(smtp_reply_t *reply, const char *line, apr_size_t len)
{
    apr_size_t room = sizeof reply->text - 1 - reply->length;
    char *to = reply->text + reply->length;

    if (reply->length > 0 && room > 0) {
        *to++ = ' ';
        room--;
    }
    for (apr_size_t i = 0; i < len && room > 0; i++, room--) {
        unsigned char c = (unsigned char)line[i];

        *to++ = c < ' ' || c == 127 ? '?' : line[i];
    }
    *to = '\0';
    reply->length = (apr_size_t)(to - reply->text);
}

apr_status_t smtp_reply_line(smtp_reply_t *reply, const char *line, apr_size_t len)
{
    int is_last = 0;
    int code;

    if (len > SMTP_REPLY_LINE_MAX || reply->lines >= SMTP_REPLY_LINES_MAX) {
        return EC_E_TOO_LONG;
    }
    code = code_of(line, len, &is_last);
    if (code == 0 || reply->is_complete || (reply->lines > 0 && code != reply->code)) {
        return EC_E_SYNTAX;
    }
    reply->code = code;
    reply->is_complete = is_last;
    reply->lines++;
    add_text(reply, line, len);
    return APR_SUCCESS;
}
