/* lexer.h - configuration text to tokens (config-language.md section 1)
 * SPDX-License-Identifier: Apache-2.0
 *
 * Streams: a file of any allowed size needs one block of memory and room for its
 * longest token.  Inside quotes a backslash is an ordinary character, except that \"
 * is a quote that does not end the string.  One thread at a time. */
#ifndef CONF_LEXER_H
#define CONF_LEXER_H

#include <apr.h>

enum {
    LEXER_TOKEN_MAX = 1 << 20, /* longest word or string, in bytes */
    LEXER_FILE_MAX = 256 << 20 /* longest file */
};

enum lexer_token {
    TOKEN_END,
    TOKEN_WORD,   /* bare */
    TOKEN_STRING, /* quoted; `text` without the quotes */
    TOKEN_EQUALS,
    TOKEN_BRACE_OPEN,
    TOKEN_BRACE_CLOSE, /* { } */
    TOKEN_PAREN_OPEN,
    TOKEN_PAREN_CLOSE, /* ( ) */
    TOKEN_BRACKET_OPEN,
    TOKEN_BRACKET_CLOSE, /* [ ] */
    TOKEN_ERROR          /* `text` says what is wrong; see is_fatal */
};

typedef struct {
    /* the token read last */
    enum lexer_token token;
    const char *text; /* with a NUL behind; "{" and so on for signs */
    apr_size_t length;
    apr_uint64_t start, end; /* its bytes in the file, quotes included */
    int line;
    int is_first;        /* nothing stands before it on its line */
    int is_fatal;        /* after TOKEN_ERROR: the rest of the file makes no sense */
    int commas_separate; /* set while inside ( ) or [ ]: a comma is white space */

    /* the lexer's own */
    int fd; /* -1: all text is in `block` */
    const unsigned char *block;
    unsigned char *own_block;
    apr_size_t at, have;
    apr_uint64_t total;
    int next_line;
    int is_line_start;
    int read_error;
    char *buffer;
    apr_size_t buffer_room;
} lexer_t;

/** Keeps `text` until lexer_close(). */
void lexer_open_text(lexer_t *lexer, const char *text, apr_size_t length);
/** Takes `fd`. */
void lexer_open_fd(lexer_t *lexer, int fd);
void lexer_close(lexer_t *lexer);

/** Read the next token; the text of the one before is gone.  After TOKEN_END and fatal errors: TOKEN_END. */
enum lexer_token lexer_next(lexer_t *lexer);

/** Must this value be in quotes in a file? */
int lexer_needs_quotes(const char *text);

#endif
