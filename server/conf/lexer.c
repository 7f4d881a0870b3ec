/* lexer.c - configuration text to tokens (config-language.md section 1)
 * SPDX-License-Identifier: Apache-2.0
 *
 * The documentation wants quotes around much that its own samples leave bare, so a bare
 * word takes everything but white space, comments, quotes and the structural signs.
 * A comment starts at # or slash-star anywhere outside quotes.  CR LF counts as LF. */
#include "conf/lexer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 65536, LOOK_AHEAD = 96, EOT = -1 };

void lexer_open_text(lexer_t *lexer, const char *text, apr_size_t length)
{
    memset(lexer, 0, sizeof(*lexer));
    lexer->fd = -1;
    lexer->block = (const unsigned char *)text;
    lexer->have = length;
    lexer->next_line = 1;
    lexer->is_line_start = 1;
}

void lexer_open_fd(lexer_t *lexer, int fd)
{
    lexer_open_text(lexer, NULL, 0);
    lexer->fd = fd;
    lexer->own_block = malloc(BLOCK_SIZE);
    lexer->block = lexer->own_block;
}

void lexer_close(lexer_t *lexer)
{
    if (lexer->fd != -1)
        close(lexer->fd);
    lexer->fd = -1;
    free(lexer->own_block);
    free(lexer->buffer);
    lexer->own_block = NULL;
    lexer->buffer = NULL;
}

/* ---- characters ----------------------------------------------------------------------- */

static void fill(lexer_t *lexer)
{
    ssize_t got;

    if (lexer->fd == -1 || lexer->own_block == NULL || lexer->read_error != 0)
        return;
    lexer->have -= lexer->at;
    memmove(lexer->own_block, lexer->own_block + lexer->at, lexer->have);
    lexer->at = 0;
    do {
        got = read(lexer->fd, lexer->own_block + lexer->have, BLOCK_SIZE - lexer->have);
        if (got > 0)
            lexer->have += (apr_size_t)got;
    } while ((got > 0 && lexer->have < LOOK_AHEAD) || (got < 0 && errno == EINTR));
    if (got < 0)
        lexer->read_error = errno;
}

/* The character `ahead` places on (below LOOK_AHEAD), or EOT. */
static int peek(lexer_t *lexer, apr_size_t ahead)
{
    if (lexer->at + ahead >= lexer->have)
        fill(lexer);
    return lexer->at + ahead < lexer->have ? lexer->block[lexer->at + ahead] : EOT;
}

static int take(lexer_t *lexer)
{
    int c = peek(lexer, 0);

    if (c == EOT)
        return EOT;
    lexer->at++;
    lexer->total++;
    if (c == '\r' && peek(lexer, 0) == '\n')
        return take(lexer);
    if (c == '\n') {
        lexer->next_line++;
        lexer->is_line_start = 1;
    }
    return c;
}

static int is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* ---- results ----------------------------------------------------------------------------- */

static enum lexer_token give(lexer_t *lexer, enum lexer_token token, const char *text)
{
    lexer->token = token;
    lexer->text = text;
    lexer->length = strlen(text);
    return token;
}

static enum lexer_token fail(lexer_t *lexer, int is_fatal, const char *text)
{
    lexer->is_fatal = is_fatal;
    if (is_fatal) /* the next call finds the end */
        lexer->at = lexer->have = 0, lexer->read_error = -1;
    return give(lexer, TOKEN_ERROR, text);
}

static const char *binary_text(lexer_t *lexer, int c)
{
    static const char nul[] = "NUL byte: this is not a text file";

    if (c == 0)
        return nul;
    snprintf(lexer->buffer, lexer->buffer_room, "control character 0x%02x: this is not a text file", c);
    return lexer->buffer;
}

/* Room for one more character and the NUL behind. */
static int reserve(lexer_t *lexer, apr_size_t length)
{
    char *bigger;

    if (length >= LEXER_TOKEN_MAX)
        return 0;
    if (length + 64 < lexer->buffer_room)
        return 1;
    bigger = realloc(lexer->buffer, lexer->buffer_room * 2 + 256);
    if (bigger == NULL)
        return 0;
    lexer->buffer = bigger;
    lexer->buffer_room = lexer->buffer_room * 2 + 256;
    return 1;
}

static int is_control(int c)
{
    return (c >= 0 && c < ' ' && !is_space(c)) || c == 0x7f;
}

static int is_utf8(const unsigned char *text, apr_size_t length)
{
    static const struct {
        unsigned char mask, lead;
        int more;
        unsigned least;
    } forms[] = {
        { 0x80, 0x00, 0, 0 }, { 0xe0, 0xc0, 1, 0x80 }, { 0xf0, 0xe0, 2, 0x800 }, { 0xf8, 0xf0, 3, 0x10000 }
    };

    for (apr_size_t i = 0; i < length;) {
        unsigned form = 0, code;

        while (form < 4 && (text[i] & forms[form].mask) != forms[form].lead)
            form++;
        if (form == 4 || i + (apr_size_t)forms[form].more >= length)
            return 0;
        code = text[i] & (unsigned char)~forms[form].mask;
        for (int k = 1; k <= forms[form].more; k++) {
            if ((text[i + (apr_size_t)k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (text[i + (apr_size_t)k] & 0x3f);
        }
        if (code < forms[form].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return 0;
        i += 1 + (apr_size_t)forms[form].more;
    }
    return 1;
}

static enum lexer_token finish(lexer_t *lexer, enum lexer_token token, apr_size_t length)
{
    lexer->buffer[length] = '\0';
    if (!is_utf8((const unsigned char *)lexer->buffer, length))
        return fail(lexer, 0, "text is not valid UTF-8");
    lexer->token = token;
    lexer->text = lexer->buffer;
    lexer->length = length;
    return token;
}

/* ---- tokens ------------------------------------------------------------------------------- */

static enum lexer_token read_string(lexer_t *lexer)
{
    apr_size_t length = 0;
    int c;

    for (;;) {
        if (!reserve(lexer, length + 1))
            return fail(lexer, 1, "string is longer than 1 MiB, or the quote that ends it is missing");
        if ((c = take(lexer)) == EOT)
            return fail(lexer, 1, "the quote that ends this string is missing");
        if (c == '"')
            return finish(lexer, TOKEN_STRING, length);
        if (is_control(c))
            return fail(lexer, 1, binary_text(lexer, c));
        if (c == '\\') {
            int next = peek(lexer, 0);

            if (next != '"')
                lexer->buffer[length++] = '\\';
            if (next != '"' && next != '\\')
                continue;
            c = take(lexer); /* \" is a quote; \\ stays two characters and hides neither */
        }
        lexer->buffer[length++] = (char)c;
    }
}

static int ends_word(lexer_t *lexer, int c)
{
    if (c == EOT || is_space(c) || (c != 0 && strchr("#\"'={}[]()", c) != NULL))
        return 1;
    return (c == ',' && lexer->commas_separate) || (c == '/' && peek(lexer, 1) == '*');
}

/* The samples write [::]:25 and [IPv6:2001:db8::1] without quotes.  Length of such a literal here, or 0. */
static apr_size_t address_literal_length(lexer_t *lexer)
{
    apr_size_t at = 1;
    int has_mark = 0, c;

    for (; (c = peek(lexer, at)) != ']'; at++) {
        if (c == EOT || at > 60 || strchr("0123456789abcdefABCDEF:.*IPVipv", c) == NULL || c == '\0')
            return 0;
        has_mark |= c == ':' || c == '*';
    }
    return has_mark ? at + 1 : 0;
}

static enum lexer_token read_word(lexer_t *lexer, apr_size_t literal)
{
    apr_size_t length = 0;
    int c;

    while (literal > 0 || !ends_word(lexer, c = peek(lexer, 0))) {
        if (!reserve(lexer, length))
            return fail(lexer, 1, "word is longer than 1 MiB");
        c = take(lexer);
        if (is_control(c))
            return fail(lexer, 1, binary_text(lexer, c));
        lexer->buffer[length++] = (char)c;
        literal -= literal > 0;
    }
    return finish(lexer, TOKEN_WORD, length);
}

/* Returns 0 when a block comment has no end. */
static int skip_block_comment(lexer_t *lexer)
{
    int c;

    take(lexer);
    take(lexer);
    while ((c = take(lexer)) != EOT) {
        if (c == '*' && peek(lexer, 0) == '/') {
            take(lexer);
            return 1;
        }
    }
    return 0;
}

/* White space and comments.  Returns 0 when a comment has no end. */
static int skip_space(lexer_t *lexer)
{
    for (;;) {
        int c = peek(lexer, 0);

        if (is_space(c) || (c == ',' && lexer->commas_separate)) {
            take(lexer);
        } else if (c == '#') {
            while ((c = peek(lexer, 0)) != EOT && c != '\n' && c != '\0' &&
                   !(c == '\r' && peek(lexer, 1) == '\n'))
                take(lexer);
        } else if (c == '/' && peek(lexer, 1) == '*') {
            lexer->line = lexer->next_line;
            if (!skip_block_comment(lexer))
                return 0;
        } else {
            return 1;
        }
    }
}

static enum lexer_token read_end(lexer_t *lexer)
{
    int error = lexer->read_error;

    if (error <= 0)
        return give(lexer, TOKEN_END, "end of file");
    if (!reserve(lexer, 200))
        return fail(lexer, 1, "out of memory");
    snprintf(lexer->buffer, lexer->buffer_room, "can not be read: %s", strerror(error));
    return fail(lexer, 1, lexer->buffer);
}

static enum lexer_token read_token(lexer_t *lexer)
{
    static const struct {
        char sign;
        enum lexer_token token;
        char text[2];
    } signs[] = {
        { '=', TOKEN_EQUALS, "=" },        { '{', TOKEN_BRACE_OPEN, "{" },  { '}', TOKEN_BRACE_CLOSE, "}" },
        { '(', TOKEN_PAREN_OPEN, "(" },    { ')', TOKEN_PAREN_CLOSE, ")" }, { '[', TOKEN_BRACKET_OPEN, "[" },
        { ']', TOKEN_BRACKET_CLOSE, "]" },
    };
    apr_size_t literal = 0;
    int c;

    if (lexer->total == 0 && peek(lexer, 0) == 0xef && peek(lexer, 1) == 0xbb && peek(lexer, 2) == 0xbf)
        lexer->at += 3, lexer->total += 3; /* byte order mark */
    if (!skip_space(lexer))
        return fail(lexer, 1, "the end of this comment is missing");
    c = peek(lexer, 0);
    lexer->start = lexer->total;
    lexer->line = lexer->next_line;
    lexer->is_first = lexer->is_line_start;
    lexer->is_line_start = 0;
    if (lexer->total > LEXER_FILE_MAX)
        return fail(lexer, 1, "file is longer than 256 MiB");
    if (c == EOT)
        return read_end(lexer);
    if (!reserve(lexer, 0))
        return fail(lexer, 1, "out of memory");
    if (c == '[')
        literal = address_literal_length(lexer);
    for (apr_size_t i = 0; literal == 0 && i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (c == signs[i].sign) {
            take(lexer);
            return give(lexer, signs[i].token, signs[i].text);
        }
    }
    if (c == '"') {
        take(lexer);
        return read_string(lexer);
    }
    if (c == '\'') {
        take(lexer);
        return fail(lexer, 0, "single quotes are not used here: write double quotes");
    }
    return read_word(lexer, literal);
}

enum lexer_token lexer_next(lexer_t *lexer)
{
    enum lexer_token token = read_token(lexer);

    lexer->end = lexer->total;
    return token;
}

int lexer_needs_quotes(const char *text)
{
    return *text == '\0' || text[strcspn(text, " \t\r\n\f\v#/\"'={}[](),")] != '\0';
}
