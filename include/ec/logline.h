/* logline.h - build a line of a log in a buffer of the caller's
 * SPDX-License-Identifier: Apache-2.0
 *
 * What does not fit is cut at the end, never written beyond it.  Whatever the bytes are
 * that came from outside: a line stays one line.  Pure but for the time zone of
 * ec_line_date().  Any thread. */
#ifndef EC_LOGLINE_H
#define EC_LOGLINE_H

#include <apr_time.h>
#include <ec/id.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Keeps `text` until the line is done. */
typedef struct {
    char *text;
    apr_size_t length;
    apr_size_t size;               /* of the buffer, the NUL included */
} ec_line_t;

/** Room that holds every line of the standard logs that the server's limits allow. */
enum { EC_LINE_MAX = 16 * 1024 };

/** Begin an empty line in `buffer` of `size` (at least 1) bytes. */
void ec_line_begin(ec_line_t *line, char *buffer, apr_size_t size);
/** Ends the text with a NUL and returns its length. */
apr_size_t ec_line_end(ec_line_t *line);

/** As it is. */
void ec_line_char(ec_line_t *line, char c);
void ec_line_text(ec_line_t *line, const char *text);
void ec_line_bytes(ec_line_t *line, const char *bytes, apr_size_t length);

/** Text from outside: `special` characters get a backslash before them, control characters are written \n, \r, \t or
 * \xNN. */
void ec_line_escaped(ec_line_t *line, const char *bytes, apr_size_t length, const char *special);

/** Inside the double quotes of a JSON string (which it does not write).  Bytes that are no UTF-8 become U+FFFD.  Cut
 * between characters and escapes, never inside of one. */
void ec_line_json(ec_line_t *line, const char *bytes, apr_size_t length);

/** In decimal. */
void ec_line_int(ec_line_t *line, apr_int64_t n);
/** An id's text. */
void ec_line_id(ec_line_t *line, ec_id_t id);
/** Seconds with 0 to 6 decimals, cut, not rounded; a negative span (the wall clock was set back) is 0. */
void ec_line_seconds(ec_line_t *line, apr_interval_time_t span, int decimals);
/** Seconds since 1970, or 16 digits of microseconds. */
void ec_line_time(ec_line_t *line, apr_time_t when, int is_hires);
/** By strftime(3), local time.  `is_hires`: a dot and six digits after each %S and %T. */
void ec_line_date(ec_line_t *line, const char *format, apr_time_t when, int is_hires);

/* ---- fields of the logs that are separated by '@' (log-formats.md section 1) ------------------------------ */

/** '@', then the value; in a text '@' and backslash are escaped. */
void ec_line_field(ec_line_t *line, const char *text);
void ec_line_field_int(ec_line_t *line, apr_int64_t n);
void ec_line_field_id(ec_line_t *line, ec_id_t id);
/** Two fields: local part and domain; the domain is "" when there is none. */
void ec_line_field_address(ec_line_t *line, const char *address);
/** The last field, free text: only control characters are escaped. */
void ec_line_field_last(ec_line_t *line, const char *text);

#ifdef __cplusplus
}
#endif
#endif
