/* sanitize.c - what is done to texts that came from outside
 * SPDX-License-Identifier: Apache-2.0 */
#include <apr_strings.h>

#include "sanitize.h"

#include <string.h>

/* Behind "tr/": from/to/.  Returns where it ends, or NULL. */
static const char *parse_map(sanitize_t *sanitize, const char *from)
{
    size_t n = strcspn(from, "/");
    const char *to = from + n + 1;

    if (from[n] != '/' || n == 0 || strcspn(to, "/") != n || to[n] != '/') {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        sanitize->map[(unsigned char)from[i]] = (unsigned char)to[i];
    }
    return to + n + 1;
}

/* One item at `text`; returns where it ends, or NULL. */
static const char *parse_item(sanitize_t *sanitize, const char *text)
{
    static const char special[] = "special_characters", decimal[] = "non_printable";

    if (strncmp(text, special, sizeof special - 1) == 0) { /* what is done in any case */
        return text + sizeof special - 1;
    }
    if (strncmp(text, decimal, sizeof decimal - 1) == 0) {
        sanitize->is_decimal = 1;
        return text + sizeof decimal - 1;
    }
    return strncmp(text, "tr/", 3) == 0 ? parse_map(sanitize, text + 3) : NULL;
}

const char *sanitize_parse(sanitize_t *sanitize, const char *text, apr_pool_t *pool)
{
    const char *at = text;

    sanitize->is_decimal = 0;
    for (int i = 0; i < 256; i++) {
        sanitize->map[i] = (unsigned char)i;
    }
    while (*(at += strspn(at, ", \t")) != '\0') {
        at = parse_item(sanitize, at);
        if (at == NULL || strchr(", \t", *at) == NULL) {
            return apr_psprintf(pool,
                                "sanitize = \"%s\": use special_characters, non_printable and tr/from/to/ with "
                                "equally many characters, separated by commas",
                                text);
        }
    }
    return NULL;
}

static int is_printable(unsigned char c)
{
    return c >= 0x20 && c < 0x7f;
}

static void add_decimal(ec_line_t *line, unsigned char c)
{
    ec_line_char(line, '\\');
    ec_line_char(line, (char)('0' + c / 100));
    ec_line_char(line, (char)('0' + c / 10 % 10));
    ec_line_char(line, (char)('0' + c % 10));
}

void sanitize_add(const sanitize_t *sanitize, ec_line_t *line, const char *bytes, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        char c = (char)sanitize->map[(unsigned char)bytes[i]];

        if (sanitize->is_decimal && !is_printable((unsigned char)c)) {
            add_decimal(line, (unsigned char)c);
        } else {
            ec_line_escaped(line, &c, 1, "");
        }
    }
}
