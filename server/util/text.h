/* text.h - build texts in a bounded buffer; letters, quoting and dates
 * SPDX-License-Identifier: Apache-2.0
 *
 * A builder writes into the caller's buffer, keeps it NUL-terminated, and cuts what
 * does not fit; `is_cut` tells.  Letters are ASCII: no locale. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdarg.h>

#include <apr.h>
#include <apr_time.h>

typedef struct {
    char *text;
    apr_size_t length;
    apr_size_t size; /* of the buffer, its NUL included */
    int is_cut;
} util_text_t;

/** Keeps `buffer` (at least 1 byte). */
void util_text_init(util_text_t *to, char *buffer, apr_size_t size);
void util_text_add(util_text_t *to, const char *text);
void util_text_add_bytes(util_text_t *to, const char *bytes, apr_size_t length);
void util_text_add_char(util_text_t *to, char c);
void util_text_addf(util_text_t *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void util_text_addv(util_text_t *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/** Bytes of a line: control characters become \n, \r, \t or \xNN, a backslash stays. */
void util_text_add_line(util_text_t *to, const char *bytes, apr_size_t length);
/** As the value of key=value: bare when it is one plain word, else in double quotes with
 * \" \\ \n \r \t \xNN. */
void util_text_add_quoted(util_text_t *to, const char *value);
/** `key=value`, after a space unless the text is empty. */
void util_text_add_pair(util_text_t *to, const char *key, const char *value);

static inline char util_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/** ASCII letters to lower case, in place. */
void util_text_lower(char *bytes, apr_size_t length);
int util_text_equal_nocase(const char *a, apr_size_t a_length, const char *b, apr_size_t b_length);

enum { UTIL_DATE_TEXT = 40 };

/** "Tue, 01 Jul 2003 10:52:37 +0000": date of a mail header, in UTC.  `buffer` has at least
 * UTIL_DATE_TEXT bytes; returned. */
char *util_text_mail_date(char *buffer, apr_time_t when);
/** "2003-07-01T10:52:37.000000Z", likewise. */
char *util_text_iso_date(char *buffer, apr_time_t when);

#endif
