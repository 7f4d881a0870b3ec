/* words.c - a command line as words
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/words.h"

#include <stddef.h>

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies one word from `from` to `to` (never ahead of it), without its quotes.  Returns where it ends, NULL
 * when a quote is missing. */
static char *take_word(char **to, char *from)
{
    int is_quoted = 0;

    while (*from != '\0' && (is_quoted || !is_space(*from))) {
        if (*from == '"') {
            is_quoted = !is_quoted;
            from++;
            continue;
        }
        if (is_quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\')) {
            from++;
        }
        *(*to)++ = *from++;
    }
    return is_quoted ? NULL : from;
}

int words_split(char *line, const char **words, int max, const char **why)
{
    int n = 0;

    for (;;) {
        char *to;

        while (is_space(*line)) {
            line++;
        }
        if (*line == '\0') {
            return n;
        }
        if (n == max) {
            *why = "too many words";
            return -1;
        }
        words[n++] = to = line;
        if ((line = take_word(&to, line)) == NULL) {
            *why = "a closing \" is missing";
            return -1;
        }
        if (*line != '\0') {
            line++; /* `to` may stand on this very space */
        }
        *to = '\0';
    }
}
