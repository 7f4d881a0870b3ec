/* line.c - lines of logs, built in a bounded buffer
 * SPDX-License-Identifier: Apache-2.0
 *
 * This runs once for every line of every log, so clean stretches are copied whole and
 * numbers are written without printf. */
#include <ec/logline.h>

#include <string.h>
#include <time.h>

void ec_line_begin(ec_line_t *line, char *buffer, apr_size_t size)
{
    *line = (ec_line_t){ buffer, 0, size };
}

apr_size_t ec_line_end(ec_line_t *line)
{
    line->text[line->length] = '\0';
    return line->length;
}

void ec_line_char(ec_line_t *line, char c)
{
    if (line->length + 1 < line->size) {
        line->text[line->length++] = c;
    }
}

void ec_line_bytes(ec_line_t *line, const char *bytes, apr_size_t length)
{
    apr_size_t room = line->size - line->length - 1;

    if (length > room) {
        length = room;
    }
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
}

void ec_line_text(ec_line_t *line, const char *text)
{
    ec_line_bytes(line, text, strlen(text));
}

/* ---- escaping ------------------------------------------------------------------------- */

static const char hex[] = "0123456789ABCDEF";

static int is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* A byte that may not stand in a line as it is. */
static void add_control(ec_line_t *line, unsigned char c)
{
    static const char names[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

    ec_line_char(line, '\\');
    if (c < sizeof names && names[c] != 0) {
        ec_line_char(line, names[c]);
    } else {
        ec_line_char(line, 'x');
        ec_line_char(line, hex[c >> 4]);
        ec_line_char(line, hex[c & 15]);
    }
}

void ec_line_escaped(ec_line_t *line, const char *bytes, apr_size_t length, const char *special)
{
    char first = special[0], second = first != '\0' ? special[1] : '\0';
    apr_size_t done = 0;

    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        int is_special = c != '\0' && (c == (unsigned char)first || c == (unsigned char)second ||
                                       (second != '\0' && strchr(special + 2, c) != NULL));

        if (!is_special && !is_control(c)) {
            continue;
        }
        ec_line_bytes(line, bytes + done, i - done);
        done = i + 1;
        if (is_special) {
            ec_line_char(line, '\\');
            ec_line_char(line, (char)c);
        } else {
            add_control(line, c);
        }
    }
    ec_line_bytes(line, bytes + done, length - done);
}

/* Bytes of the UTF-8 character that begins here; 0 when none does. */
static apr_size_t utf8_length(const unsigned char *at, apr_size_t left)
{
    static const apr_uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    apr_size_t n = at[0] < 0x80 ? 1 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 0;
    apr_uint32_t code;

    if (n <= 1) {
        return n;
    }
    if (n > left || at[0] > 0xF4) {
        return 0;
    }
    code = at[0] & (0x7Fu >> n);
    for (apr_size_t i = 1; i < n; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3Fu);
    }
    return code >= least[n] && code <= 0x10FFFF && (code & 0xFFFFF800) != 0xD800 ? n : 0;
}

enum { JSON_CHARACTER = 6 }; /* the longest: \uFFFD */

/* One character as it stands in a string; `n` is its length in UTF-8, 0 for a byte that is none.  Returns what it takes. */
static apr_size_t json_character(char *to, const unsigned char *at, apr_size_t n)
{
    static const char names[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['\b'] = 'b', ['\f'] = 'f',
                                  ['"'] = '"',  ['\\'] = '\\' };
    unsigned char c = at[0];

    if (n == 0) {
        memcpy(to, "\\uFFFD", JSON_CHARACTER);
        return JSON_CHARACTER;
    }
    if (c < sizeof names && names[c] != 0) {
        to[0] = '\\';
        to[1] = names[c];
        return 2;
    }
    if (is_control(c)) {
        memcpy(to, "\\u00", 4);
        to[4] = hex[c >> 4];
        to[5] = hex[c & 15];
        return JSON_CHARACTER;
    }
    memcpy(to, at, n);
    return n;
}

void ec_line_json(ec_line_t *line, const char *bytes, apr_size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    char text[JSON_CHARACTER];
    apr_size_t n, taken;

    for (; length > 0; at += n, length -= n) {
        n = utf8_length(at, length);
        taken = json_character(text, at, n);
        if (line->length + taken >= line->size) { /* a character is never cut */
            return;
        }
        ec_line_bytes(line, text, taken);
        n += n == 0;
    }
}

/* ---- numbers, ids, times ---------------------------------------------------------------- */

static void add_digits(ec_line_t *line, apr_uint64_t n, int least)
{
    char text[24], *at = text + sizeof text;

    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    while (text + sizeof text - at < least) {
        *--at = '0';
    }
    ec_line_bytes(line, at, (apr_size_t)(text + sizeof text - at));
}

void ec_line_int(ec_line_t *line, apr_int64_t n)
{
    if (n < 0) {
        ec_line_char(line, '-');
    }
    add_digits(line, n < 0 ? 0 - (apr_uint64_t)n : (apr_uint64_t)n, 1);
}

void ec_line_id(ec_line_t *line, ec_id_t id)
{
    char text[EC_ID_TEXT];

    ec_line_text(line, ec_id_text(id, text));
}

static void add_fraction(ec_line_t *line, apr_int64_t microseconds, int decimals)
{
    char text[6];

    for (int i = 5; i >= 0; i--) {
        text[i] = (char)('0' + microseconds % 10);
        microseconds /= 10;
    }
    ec_line_bytes(line, text, (apr_size_t)decimals);
}

void ec_line_seconds(ec_line_t *line, apr_interval_time_t span, int decimals)
{
    if (span < 0) {
        span = 0;
    }
    ec_line_int(line, apr_time_sec(span));
    if (decimals > 0) {
        ec_line_char(line, '.');
        add_fraction(line, apr_time_usec(span), decimals > 6 ? 6 : decimals);
    }
}

void ec_line_time(ec_line_t *line, apr_time_t when, int is_hires)
{
    if (is_hires) {
        add_digits(line, when < 0 ? 0 : (apr_uint64_t)when, 16);
    } else {
        ec_line_int(line, apr_time_sec(when));
    }
}

/* One conversion: '%' and the letter, with an E or O between them where there is one. */
static void add_conversion(ec_line_t *line, const char *format, apr_size_t length, const struct tm *tm)
{
    char one[4] = { 0 }, text[256];

    memcpy(one, format, length);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the operator's own format, one conversion at a time */
    ec_line_bytes(line, text, strftime(text, sizeof text, one, tm));
#pragma GCC diagnostic pop
}

void ec_line_date(ec_line_t *line, const char *format, apr_time_t when, int is_hires)
{
    time_t seconds = (time_t)apr_time_sec(when);
    struct tm tm;

    localtime_r(&seconds, &tm);
    while (*format != '\0') {
        apr_size_t length = format[0] != '%' ? 1 : format[1] == 'E' || format[1] == 'O' ? 3 : 2;

        if (length == 1 || strlen(format) < length) {
            ec_line_char(line, *format++);
            continue;
        }
        add_conversion(line, format, length, &tm);
        format += length;
        if (is_hires && (format[-1] == 'S' || format[-1] == 'T')) {
            ec_line_char(line, '.');
            add_fraction(line, apr_time_usec(when), 6);
        }
    }
}

/* ---- fields ------------------------------------------------------------------------------ */

static void add_field(ec_line_t *line, const char *text, apr_size_t length)
{
    ec_line_char(line, '@');
    ec_line_escaped(line, text, length, "@\\");
}

void ec_line_field(ec_line_t *line, const char *text)
{
    add_field(line, text, strlen(text));
}

void ec_line_field_int(ec_line_t *line, apr_int64_t n)
{
    ec_line_char(line, '@');
    ec_line_int(line, n);
}

void ec_line_field_id(ec_line_t *line, ec_id_t id)
{
    ec_line_char(line, '@');
    ec_line_id(line, id);
}

void ec_line_field_address(ec_line_t *line, const char *address)
{
    const char *at = strrchr(address, '@');

    add_field(line, address, at != NULL ? (apr_size_t)(at - address) : strlen(address));
    ec_line_field(line, at != NULL ? at + 1 : "");
}

void ec_line_field_last(ec_line_t *line, const char *text)
{
    ec_line_char(line, '@');
    ec_line_escaped(line, text, strlen(text), "");
}
