/* status.c - the enhanced status code of a reply (RFC 3463), found or made up
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "bounce/bounce.h"

/* What a bare reply code says, without its class. */
static const struct {
    int code;
    const char *detail;
} details[] = {
    { 421, "3.2" }, { 450, "2.0" }, { 451, "3.0" }, { 452, "3.1" }, { 500, "5.2" },  { 501, "5.4" },
    { 502, "5.1" }, { 503, "5.1" }, { 504, "5.4" }, { 521, "3.2" }, { 530, "7.0" },  { 550, "1.0" },
    { 551, "1.6" }, { 552, "2.2" }, { 553, "1.3" }, { 554, "0.0" }, { 556, "1.10" },
};

/* Length of ".ddd.ddd" at `text`, 0 when it is something else. */
static int detail_length(const char *text)
{
    int at = 0;

    for (int part = 0; part < 2; part++) {
        int digits = 0;

        if (text[at++] != '.') {
            return 0;
        }
        while (digits < 3 && isdigit((unsigned char)text[at])) {
            at++;
            digits++;
        }
        if (digits == 0) {
            return 0;
        }
    }
    return isdigit((unsigned char)text[at]) || text[at] == '.' ? 0 : at;
}

static int reply_code(const char *text)
{
    for (int i = 0; i < 3; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return 0;
        }
    }
    return isdigit((unsigned char)text[3]) ? 0 : atoi(text);
}

void bounce_status_code(const char *text, int is_permanent, char code[16])
{
    int reply = reply_code(text), length;
    char class = is_permanent ? '5' : '4';
    const char *rest = reply != 0 && text[3] != '\0' ? text + 4 : text;
    const char *detail = "0.0";

    if ((*rest == '2' || *rest == '4' || *rest == '5') && (length = detail_length(rest + 1)) > 0) {
        apr_snprintf(code, 16, "%c%.*s", class, length, rest + 1);
        return;
    }
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
        if (details[i].code == reply) {
            detail = details[i].detail;
        }
    }
    apr_snprintf(code, 16, "%c.%s", class, detail);
}
