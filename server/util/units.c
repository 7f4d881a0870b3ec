/* units.c - numbers, sizes and times as people write them
 * SPDX-License-Identifier: Apache-2.0 */
#include "util/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits only; leaves `*text` behind them. */
static int take_number(const char **text, apr_int64_t *out)
{
    char *end;

    if (!isdigit((unsigned char)**text))
        return 0;
    errno = 0;
    *out = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* Letters of a unit, with the space before them; leaves `*text` behind. */
static size_t take_word(const char **text, const char **word)
{
    size_t length;

    while (**text == ' ')
        (*text)++;
    *word = *text;
    length = strspn(*text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    *text += length;
    return length;
}

struct unit {
    const char *names; /* all spellings, a space before and behind each */
    apr_int64_t factor;
};

static const struct unit *find_unit(const struct unit *units, const char *word, size_t length)
{
    char padded[16];

    if (length > sizeof(padded) - 3)
        return NULL;
    padded[0] = ' ';
    for (size_t i = 0; i < length; i++)
        padded[i + 1] = (char)tolower((unsigned char)word[i]);
    strcpy(padded + length + 1, " ");
    for (; units->names != NULL; units++) {
        if (strstr(units->names, padded) != NULL)
            return units;
    }
    return NULL;
}

int units_parse_int(const char *text, apr_int64_t *out)
{
    apr_int64_t value;
    int is_negative = *text == '-';

    if (*text == '-' || *text == '+')
        text++;
    if (!take_number(&text, &value) || *text != '\0')
        return 0;
    *out = is_negative ? -value : value;
    return 1;
}

int units_parse_perms(const char *text, apr_int64_t *out)
{
    apr_int64_t value = 0;

    if (*text == '\0' || strlen(text) > 6 || text[strspn(text, "01234567")] != '\0')
        return 0;
    value = strtol(text, NULL, 8);
    if (value > 07777)
        return 0;
    *out = value;
    return 1;
}

int units_parse_size(const char *text, apr_int64_t *out)
{
    static const struct unit units[] = {
        { " b byte bytes ", 1 },     { " k kb kib ", 1LL << 10 }, { " m mb mib ", 1LL << 20 },
        { " g gb gib ", 1LL << 30 }, { " t tb tib ", 1LL << 40 }, { NULL, 0 },
    };
    const struct unit *unit = &units[0];
    const char *word;
    apr_int64_t value;
    size_t length;

    if (!take_number(&text, &value))
        return 0;
    if (*text != '\0') {
        length = take_word(&text, &word);
        if (length == 0 || *text != '\0' || (unit = find_unit(units, word, length)) == NULL)
            return 0;
    }
    return !__builtin_mul_overflow(value, unit->factor, out);
}

static const struct unit time_units[] = {
    { " ms msec millisecond milliseconds ", 1 },
    { " s sec secs second seconds ", 1000 },
    { " m min mins minute minutes ", 60 * 1000 },
    { " h hour hours ", 3600 * 1000 },
    { " d day days ", 86400 * 1000 },
    { " w week weeks ", 7 * 86400 * 1000LL },
    { NULL, 0 },
};

int units_parse_interval(const char *text, int per_second, apr_int64_t *out)
{
    apr_int64_t total = 0, value, part;

    if (units_parse_int(text, &value)) {
        *out = value;
        return 1;
    }
    do {
        const struct unit *unit;
        const char *word;
        size_t length;

        if (!take_number(&text, &value) || (length = take_word(&text, &word)) == 0)
            return 0;
        if ((unit = find_unit(time_units, word, length)) == NULL ||
            __builtin_mul_overflow(value, unit->factor, &part) || __builtin_add_overflow(total, part, &total))
            return 0;
        while (*text == ' ' && text[1] != '\0')
            text++;
    } while (*text != '\0');
    if (total % (1000 / per_second) != 0) /* "250ms" where whole seconds are counted */
        return 0;
    *out = total / (1000 / per_second);
    return 1;
}

int units_parse_float(const char *text, double *out)
{
    char *end;
    double value;

    if (*text == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
        return 0;
    value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value))
        return 0;
    *out = value;
    return 1;
}
