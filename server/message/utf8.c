/* utf8.c - texts of mail in UTF-8
 * SPDX-License-Identifier: Apache-2.0
 *
 * The charsets that most mail has are done here; others by iconv, whose tables are read from disk when first used. */
#include "message/utf8.h"

#include <iconv.h>
#include <string.h>

enum { CHARSET_MAX = 40, PIECE = 1024 };

int message_utf8_length(const char *text, apr_size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    int n = length == 0 ? 0 : p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (n <= 1) {
        return n;
    }
    if (p[0] < 0xc2 || p[0] > 0xf4 || length < (apr_size_t)n) {
        return 0;
    }
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return n;
}

int message_utf8_is_valid(const char *text, apr_size_t length)
{
    for (apr_size_t at = 0; at < length;) {
        int n = message_utf8_length(text + at, length - at);

        if (n == 0) {
            return 0;
        }
        at += (apr_size_t)n;
    }
    return 1;
}

static void add_utf8(util_text_t *to, const char *bytes, apr_size_t length)
{
    for (apr_size_t at = 0; at < length;) {
        int n = message_utf8_length(bytes + at, length - at);

        if (n == 0 || (n == 1 && ((unsigned char)bytes[at] < ' ' || bytes[at] == 127))) {
            util_text_add_char(to, n == 1 && bytes[at] == '\t' ? ' ' : '?');
            at++;
        } else if (to->length + (apr_size_t)n < to->size) {
            util_text_add_bytes(to, bytes + at, (apr_size_t)n);
            at += (apr_size_t)n;
        } else {
            to->is_cut = 1; /* no half characters */
            return;
        }
    }
}

static void add_latin1(util_text_t *to, const char *bytes, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        char two[2] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };

        add_utf8(to, c < 0x80 ? &bytes[i] : two, c < 0x80 ? 1 : 2);
    }
}

static int is_one_of(const char *charset, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (util_text_equal_nocase(charset, strlen(charset), *names, strlen(*names))) {
            return 1;
        }
    }
    return 0;
}

/* What comes from outside and is handed to iconv_open(): a name, and no option of it. */
static int is_name(const char *charset)
{
    apr_size_t length =
        strspn(charset, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:()");

    return length > 0 && length < CHARSET_MAX && charset[length] == '\0';
}

static void add_converted(util_text_t *to, iconv_t with, const char *bytes, apr_size_t length)
{
    char piece[PIECE];
    char *in = (char *)(apr_uintptr_t)bytes; /* iconv() does not write there */
    size_t left = length;

    while (left > 0 && !to->is_cut) {
        char *out = piece;
        size_t room = sizeof piece, before = left;
        size_t n = iconv(with, &in, &left, &out, &room);

        add_utf8(to, piece, sizeof piece - room);
        if (n == (size_t)-1 && left > 0 && (left == before || room > 16)) {
            add_utf8(to, "?", 1);
            in++;
            left--;
        }
    }
}

void message_utf8_add(util_text_t *to, const char *charset, const char *bytes, apr_size_t length)
{
    static const char *const utf8[] = { "utf-8", "utf8", "us-ascii", "ascii", "", NULL };
    static const char *const latin1[] = { "iso-8859-1", "latin1", NULL };
    iconv_t with;

    if (is_one_of(charset, utf8)) {
        add_utf8(to, bytes, length);
    } else if (is_one_of(charset, latin1)) {
        add_latin1(to, bytes, length);
    } else if (is_name(charset) && (with = iconv_open("UTF-8", charset)) != (iconv_t)-1) {
        add_converted(to, with, bytes, length);
        iconv_close(with);
    } else {
        add_utf8(to, bytes, length);
    }
}
