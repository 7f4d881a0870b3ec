/* grammar.h - the commands that are known, and finding the one that is meant
 * SPDX-License-Identifier: Apache-2.0
 *
 * A grammar: literal words, <argument>, [<optional>], and a final "..." for any number of
 * further words.  Literals match without regard to case.  Of several commands that match
 * the one with the most literal words is taken; of equal ones the one added first.
 * Master loop. */
#ifndef CONTROL_GRAMMAR_H
#define CONTROL_GRAMMAR_H

#include <ec/command.h>

typedef struct grammar_row grammar_row_t;

struct grammar_row {
    const ec_command_t *command;
    void *self;
    const char *owner;
    char *text;                    /* the whole grammar, prefix included */
    int n_words, n_literals;       /* words of the grammar but "..."; literals at its beginning */
    int n_prefix;                  /* those of the prefix: literals, whatever they look like */
    int n_needed;                  /* words a line has at least */
    int takes_rest;
    char **word;                   /* literals in lower case as they are; arguments as "<name>" */
    grammar_row_t *next;           /* in order of adding */
};

/** `prefix` goes before each of them (NULL: nothing): the name of an instance, which may hold anything, "..." as well. */
void grammar_add(const ec_command_t *table, void *self, const char *prefix, const char *owner);
void grammar_remove(const void *self);

typedef enum { GRAMMAR_FOUND, GRAMMAR_USAGE, GRAMMAR_UNKNOWN } grammar_result_t;

typedef struct {
    const grammar_row_t *row;      /* USAGE: the first whose literals fit best */
    int literals;                  /* words of the line that matched as literals */
    const char *nearest;           /* UNKNOWN: the known words most like those given, or NULL */
} grammar_match_t;

grammar_result_t grammar_find(grammar_match_t *match, const char *const *words, int n);

/** Visit the commands whose grammar begins with these words (n 0: all), in the order of their texts.  What has no help
 * text is hidden. */
typedef void grammar_each_fn(void *baton, const grammar_row_t *row);
void grammar_each(const char *const *words, int n, grammar_each_fn *each, void *baton);

/** The argument's name when `word` of a grammar is one ("<name>" or "[<name>]"), else NULL; not NUL-ended: `*length`. */
const char *grammar_argument(const char *word, size_t *length);
#endif
