/* decode.c - quoted-printable, base64, and encoded words undone
 * SPDX-License-Identifier: Apache-2.0 (RFC 2045 6.7, 6.8; RFC 2047) */
#include "message/decode.h"

#include <string.h>

#include <ec/header.h>

#include "message/utf8.h"

enum { WORD_MAX = 1024 };

int decode_hex(char high, char low)
{
    static const char digits[] = "0123456789abcdef";
    const char *h = high != '\0' ? strchr(digits, util_lower(high)) : NULL;
    const char *l = low != '\0' ? strchr(digits, util_lower(low)) : NULL;

    return h == NULL || l == NULL ? -1 : (int)((h - digits) * 16 + (l - digits));
}

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

apr_size_t decode_base64(decode_t *state, const char *data, apr_size_t length, char *out)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < length && state->n >= 0; i++) {
        int value = base64_value(data[i]);

        if (data[i] == '=' && state->n >= 2) {
            out[n++] = (char)(state->bits >> (state->n == 2 ? 4 : 10));
            if (state->n == 3) {
                out[n++] = (char)(state->bits >> 2);
            }
            state->n = -1;
        } else if (value >= 0) {
            state->bits = state->bits << 6 | (unsigned)value;
            if (++state->n == 4) {
                out[n++] = (char)(state->bits >> 16);
                out[n++] = (char)(state->bits >> 8);
                out[n++] = (char)state->bits;
                state->n = 0;
                state->bits = 0;
            }
        }
    }
    return n;
}

apr_size_t decode_quoted_printable(const char *line, apr_size_t length, char *out, int *is_soft)
{
    apr_size_t n = 0;

    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t')) {
        length--; /* added on the way */
    }
    *is_soft = length > 0 && line[length - 1] == '=';
    length -= (apr_size_t)*is_soft;
    for (apr_size_t i = 0; i < length; i++) {
        int byte = line[i] == '=' && i + 2 < length ? decode_hex(line[i + 1], line[i + 2]) : -1;

        if (byte >= 0) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = line[i];
        }
    }
    return n;
}

/* ---- encoded words ----------------------------------------------------------------------------- */

struct word {
    char charset[64];
    char data[WORD_MAX];
    apr_size_t length;
    const char *end;
};

static apr_size_t decode_q(const char *text, apr_size_t length, char *out)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < length; i++) {
        int byte = text[i] == '=' && i + 2 < length ? decode_hex(text[i + 1], text[i + 2]) : -1;

        if (byte >= 0) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = text[i] == '_' ? ' ' : text[i];
        }
    }
    return n;
}

/* =?charset[*language]?Q or B?text?=  at `at`; 0: it is none. */
static int read_word(const char *at, struct word *word)
{
    const char *charset = at + 2, *code, *text, *end;
    apr_size_t length;
    decode_t state = { 0 };

    if (at[0] != '=' || at[1] != '?') {
        return 0;
    }
    length = strcspn(charset, "?* \t");
    code = strchr(charset, '?');
    if (length == 0 || length >= sizeof word->charset || code == NULL || code[1] == '\0' || code[2] != '?') {
        return 0;
    }
    text = code + 3;
    end = strchr(text, '?');
    if (end == NULL || end[1] != '=' || (apr_size_t)(end - text) >= WORD_MAX) {
        return 0;
    }
    memcpy(word->charset, charset, length);
    word->charset[length] = '\0';
    length = (apr_size_t)(end - text);
    if (util_lower(code[1]) == 'q') {
        word->length = decode_q(text, length, word->data);
    } else if (util_lower(code[1]) == 'b') {
        word->length = decode_base64(&state, text, length, word->data);
        if (state.n > 1) { /* padding was forgotten */
            word->length += decode_base64(&state, "==", 1, word->data + word->length);
        }
    } else {
        return 0;
    }
    word->end = end + 2;
    return 1;
}

static void add_word(util_text_t *to, const struct word *word)
{
    message_utf8_add(to, word->charset, word->data, word->length);
}

apr_status_t ec_header_decode(const char *value, char *buffer, apr_size_t room)
{
    util_text_t to;
    struct word word;

    util_text_init(&to, buffer, room);
    while (*value != '\0' && !to.is_cut) {
        if (read_word(value, &word)) {
            const char *next = word.end + strspn(word.end, " \t");

            add_word(&to, &word);
            value = read_word(next, &word) ? next : word.end; /* space between two of them is not shown */
        } else {
            int n = message_utf8_length(value, strlen(value));

            message_utf8_add(&to, "", value, n > 0 ? (apr_size_t)n : 1);
            value += n > 0 ? n : 1;
        }
    }
    return to.is_cut ? EC_E_TOO_LONG : APR_SUCCESS;
}
