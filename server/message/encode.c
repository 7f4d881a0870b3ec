/* encode.c - a header field on its way into a message: encoded words, then folding
 * SPDX-License-Identifier: Apache-2.0 (RFC 2047, RFC 5322 2.1.1, 2.2.3)
 *
 * The value is cut at its spaces into tokens.  Tokens that are not ASCII become encoded words; neighbours become one run,
 * because the space between two encoded words is not shown.  Other space stays as it is, also where the line is folded.  In fields of addresses a quoted string that is not ASCII
 * loses its quotes first: inside of them an encoded word means nothing. */
#include <ec/header.h>

#include <string.h>

#include "message/utf8.h"
#include "util/text.h"

enum { SPACE_MAX = 64, FOLD_AT = 78, LINE_MAX_LENGTH = 998, WORD_BYTES = 45, WORD_LETTERS = 63, NAME_MAX_LENGTH = 76 };

struct line {
    util_text_t out;
    apr_size_t column;
    int has_token; /* something stands behind the name */
};

/* ---- checks --------------------------------------------------------------------------------- */

static int is_name(const char *name)
{
    apr_size_t length = strlen(name);

    for (apr_size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] >= 127 || name[i] == ':') {
            return 0;
        }
    }
    return length > 0 && length <= NAME_MAX_LENGTH;
}

static int is_value(const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 127) {
            return 0;
        }
    }
    return message_utf8_is_valid(value, strlen(value));
}

static int has_addresses(const char *name)
{
    static const char *const names[] = { "From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Resent-From",
                                         "Resent-To", "Resent-Cc", "Resent-Sender", "Disposition-Notification-To" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (util_text_equal_nocase(name, strlen(name), names[i], strlen(names[i]))) {
            return 1;
        }
    }
    return 0;
}

/* ---- output ----------------------------------------------------------------------------------- */

/* White space as it stands in the value; never none, and no more than a line has room for. */
struct space {
    const char *text;
    apr_size_t length;
};
static const struct space one_space = { " ", 1 };

/* A token that may not be broken, with the space before it, behind a fold when the line is full. */
static void add_token(struct line *line, struct space space, const char *text, apr_size_t length)
{
    if (!line->has_token) {
        space = one_space;
    } else if (line->column + space.length + length > FOLD_AT) {
        util_text_add(&line->out, "\r\n");
        line->column = 0;
    }
    util_text_add_bytes(&line->out, space.text, space.length);
    line->column += space.length;
    util_text_add_bytes(&line->out, text, length);
    line->column += length;
    line->has_token = 1;
}

static void add_base64(util_text_t *out, const unsigned char *data, apr_size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (apr_size_t i = 0; i < length; i += 3) {
        unsigned n = (unsigned)data[i] << 16 | (i + 1 < length ? (unsigned)data[i + 1] << 8 : 0) |
                     (i + 2 < length ? data[i + 2] : 0);

        util_text_add_char(out, letters[n >> 18]);
        util_text_add_char(out, letters[n >> 12 & 63]);
        util_text_add_char(out, i + 1 < length ? letters[n >> 6 & 63] : '=');
        util_text_add_char(out, i + 2 < length ? letters[n & 63] : '=');
    }
}

/* Letters that need no code in a phrase (RFC 2047 5 (3)). */
static int is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '!' || c == '*' ||
           c == '+' || c == '-' || c == '/';
}

static apr_size_t q_length(const char *text, apr_size_t length)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < length; i++) {
        n += is_plain((unsigned char)text[i]) || text[i] == ' ' ? 1 : 3;
    }
    return n;
}

static void add_q(util_text_t *out, const char *text, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == ' ') {
            util_text_add_char(out, '_');
        } else if (is_plain(c)) {
            util_text_add_char(out, (char)c);
        } else {
            util_text_addf(out, "=%02X", c);
        }
    }
}

/* Bytes of `text` that one encoded word takes: whole characters, and no more than fit. */
static apr_size_t word_length(const char *text, apr_size_t length, int is_q)
{
    apr_size_t n = 0;

    while (n < length) {
        apr_size_t next = n + (apr_size_t)message_utf8_length(text + n, length - n);

        if (is_q ? q_length(text, next) > WORD_LETTERS : next > WORD_BYTES) {
            break;
        }
        n = next;
    }
    return n;
}

/* Text as encoded words, each no longer than 75; Q where most of it can be read, else B. */
static void add_encoded(struct line *line, struct space space, const char *text, apr_size_t length)
{
    int is_q = q_length(text, length) * 2 <= length * 5;
    char buffer[128];

    while (length > 0) {
        apr_size_t n = word_length(text, length, is_q);
        util_text_t word;

        util_text_init(&word, buffer, sizeof buffer);
        util_text_add(&word, is_q ? "=?UTF-8?Q?" : "=?UTF-8?B?");
        if (is_q) {
            add_q(&word, text, n);
        } else {
            add_base64(&word, (const unsigned char *)text, n);
        }
        util_text_add(&word, "?=");
        add_token(line, space, word.text, word.length);
        space = one_space; /* between two of them it is not shown */
        text += n;
        length -= n;
    }
}

/* ---- tokens ------------------------------------------------------------------------------------- */

struct token {
    const char *text;
    apr_size_t length;
    struct space space; /* before it */
    int is_quoted, is_encoded; /* a quoted string; has to be encoded */
};

static int needs_code(const char *text, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 128 || (text[i] == '=' && i + 1 < length && text[i + 1] == '?')) {
            return 1;
        }
    }
    return length > LINE_MAX_LENGTH - FOLD_AT; /* too long to stand on a line */
}

static int next_token(const char **at, int may_quote, struct token *token)
{
    const char *p = *at + strspn(*at, " \t");
    const char *end = p;
    struct space space = { *at, (apr_size_t)(p - *at) };
    int is_quoted = may_quote && *p == '"';

    if (*p == '\0') {
        return 0;
    }
    if (space.length == 0) {
        space = one_space;
    } else if (space.length > SPACE_MAX) {
        space.length = SPACE_MAX;
    }
    if (is_quoted) {
        for (end = p + 1; *end != '\0' && *end != '"'; end++) {
            end += *end == '\\' && end[1] != '\0';
        }
        end += *end == '"';
        end += needs_code(p, (apr_size_t)(end - p)) ? 0 : strcspn(end, " \t"); /* what stands right behind it */
    } else {
        end += strcspn(end, " \t");
    }
    *token = (struct token){ p, (apr_size_t)(end - p), space, is_quoted, needs_code(p, (apr_size_t)(end - p)) };
    *at = end;
    return 1;
}

/* A run of neighbours that are encoded together. */
struct run {
    char text[2048];
    util_text_t to;
    struct space space; /* before it */
};

static void run_add(struct run *run, const struct token *token)
{
    if (run->to.length > 0) {
        util_text_add_bytes(&run->to, token->space.text, token->space.length);
    } else {
        run->space = token->space;
    }
    if (!token->is_quoted) {
        util_text_add_bytes(&run->to, token->text, token->length);
        return;
    }
    for (apr_size_t i = 1; i < token->length && token->text[i] != '"'; i++) {
        i += token->text[i] == '\\' && i + 1 < token->length;
        util_text_add_char(&run->to, token->text[i]);
    }
}

/* In a field of addresses no encoded word may stand in an address or touch what ends a phrase. */
static int is_bad_address(const struct token *token)
{
    return !token->is_quoted && token->is_encoded &&
           (memchr(token->text, '@', token->length) != NULL || memchr(token->text, '<', token->length) != NULL);
}

static void flush(struct line *line, struct run *run)
{
    if (run->to.length > 0) {
        add_encoded(line, run->space, run->text, run->to.length);
        util_text_init(&run->to, run->text, sizeof run->text);
    }
}

static apr_status_t add_value(struct line *line, const char *value, int is_address)
{
    struct token token;
    struct run run;

    util_text_init(&run.to, run.text, sizeof run.text);
    while (next_token(&value, is_address, &token)) {
        if (is_address && is_bad_address(&token)) {
            return EC_E_SYNTAX;
        }
        if (!token.is_encoded) {
            flush(line, &run);
            add_token(line, token.space, token.text, token.length);
            continue;
        }
        if (run.to.length + token.length + SPACE_MAX > sizeof run.text / 2) {
            if (run.to.length > 0) {
                util_text_add_bytes(&run.to, token.space.text, token.space.length);
            }
            flush(line, &run);
        }
        if (token.length + SPACE_MAX > sizeof run.text) {
            add_encoded(line, token.space, token.text, token.length);
        } else {
            run_add(&run, &token);
        }
    }
    flush(line, &run);
    return APR_SUCCESS;
}

apr_status_t ec_header_format(const char *name, const char *value, char *buffer, apr_size_t room)
{
    struct line line = { .column = strlen(name) + 1 };

    if (!is_name(name) || !is_value(value)) {
        return EC_E_SYNTAX;
    }
    util_text_init(&line.out, buffer, room);
    util_text_addf(&line.out, "%s:", name);
    EC_TRY(add_value(&line, value, has_addresses(name)));
    util_text_add(&line.out, "\r\n");
    return line.out.is_cut ? EC_E_TOO_LONG : APR_SUCCESS;
}
