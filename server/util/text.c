/* text.c - bounded texts, letters, quoting, dates
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <ec/status.h>

#include "util/text.h"

void util_text_init(util_text_t *to, char *buffer, apr_size_t size)
{
    EC_ASSERT(size > 0);
    *to = (util_text_t){ .text = buffer, .size = size };
    buffer[0] = '\0';
}

void util_text_add_bytes(util_text_t *to, const char *bytes, apr_size_t length)
{
    apr_size_t room = to->size - 1 - to->length;

    if (length > room) {
        length = room;
        to->is_cut = 1;
    }
    memcpy(to->text + to->length, bytes, length);
    to->length += length;
    to->text[to->length] = '\0';
}

void util_text_add(util_text_t *to, const char *text)
{
    util_text_add_bytes(to, text, strlen(text));
}

void util_text_add_char(util_text_t *to, char c)
{
    util_text_add_bytes(to, &c, 1);
}

void util_text_addv(util_text_t *to, const char *format, va_list args)
{
    apr_size_t room = to->size - to->length;
    int length = vsnprintf(to->text + to->length, room, format, args);

    if (length < 0 || (apr_size_t)length >= room) {
        to->is_cut = 1;
        to->length += length < 0 ? 0 : room - 1;
        to->text[to->length] = '\0';
    } else {
        to->length += (apr_size_t)length;
    }
}

void util_text_addf(util_text_t *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    util_text_addv(to, format, args);
    va_end(args);
}

/* ---- quoting ---------------------------------------------------------------- */

static int is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7F;
}

static void add_control(util_text_t *to, unsigned char c)
{
    static const char letters[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
    char code[8];
    int length;

    if (c < sizeof letters && letters[c] != '\0') {
        length = snprintf(code, sizeof code, "\\%c", letters[c]);
    } else {
        length = snprintf(code, sizeof code, "\\x%02X", c);
    }
    util_text_add_bytes(to, code, (apr_size_t)length);
}

void util_text_add_line(util_text_t *to, const char *bytes, apr_size_t length)
{
    apr_size_t start = 0;

    for (apr_size_t i = 0; i < length; i++) {
        if (is_control((unsigned char)bytes[i])) {
            util_text_add_bytes(to, bytes + start, i - start);
            add_control(to, (unsigned char)bytes[i]);
            start = i + 1;
        }
    }
    util_text_add_bytes(to, bytes + start, length - start);
}

static int is_plain(const char *value)
{
    const char *at = value;

    while (*at > ' ' && *at < 0x7F && strchr("\"\\=", *at) == NULL) {
        at++;
    }
    return at > value && *at == '\0';
}

void util_text_add_quoted(util_text_t *to, const char *value)
{
    if (is_plain(value)) {
        util_text_add(to, value);
        return;
    }
    util_text_add_char(to, '"');
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\') {
            util_text_add_char(to, '\\');
        }
        util_text_add_line(to, value, 1);
    }
    util_text_add_char(to, '"');
}

void util_text_add_pair(util_text_t *to, const char *key, const char *value)
{
    util_text_addf(to, "%s%s=", to->length > 0 ? " " : "", key);
    util_text_add_quoted(to, value);
}

/* ---- letters ------------------------------------------------------------------ */

void util_text_lower(char *bytes, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        bytes[i] = util_lower(bytes[i]);
    }
}

int util_text_equal_nocase(const char *a, apr_size_t a_length, const char *b, apr_size_t b_length)
{
    if (a_length != b_length) {
        return 0;
    }
    for (apr_size_t i = 0; i < a_length; i++) {
        if (util_lower(a[i]) != util_lower(b[i])) {
            return 0;
        }
    }
    return 1;
}

/* ---- dates -------------------------------------------------------------------- */

char *util_text_mail_date(char *buffer, apr_time_t when)
{
    apr_time_exp_t t;
    util_text_t to;

    apr_time_exp_gmt(&t, when);
    util_text_init(&to, buffer, UTIL_DATE_TEXT);
    util_text_addf(&to, "%s, %02d %s %04d %02d:%02d:%02d +0000", apr_day_snames[t.tm_wday], t.tm_mday,
                   apr_month_snames[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    return buffer;
}

char *util_text_iso_date(char *buffer, apr_time_t when)
{
    apr_time_exp_t t;
    util_text_t to;

    apr_time_exp_gmt(&t, when);
    util_text_init(&to, buffer, UTIL_DATE_TEXT);
    util_text_addf(&to, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                   t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec);
    return buffer;
}
