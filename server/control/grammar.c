/* grammar.c - the commands that are known, and finding the one that is meant
 * SPDX-License-Identifier: Apache-2.0
 *
 * There are some hundred commands and people type them, so the table is a sorted list
 * that is searched from end to end. */
#include "control/grammar.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/nearest.h"

static grammar_row_t *rows; /* sorted by text; equal ones in order of adding */

const char *grammar_argument(const char *word, size_t *length)
{
    size_t n = strlen(word);

    if (n > 4 && word[0] == '[' && word[1] == '<' && word[n - 2] == '>' && word[n - 1] == ']') {
        *length = n - 4;
        return word + 2;
    }
    if (n > 2 && word[0] == '<' && word[n - 1] == '>') {
        *length = n - 2;
        return word + 1;
    }
    return NULL;
}

static int is_literal(const grammar_row_t *row, int i)
{
    size_t length;

    return i < row->n_prefix || grammar_argument(row->word[i], &length) == NULL;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void *must(void *memory)
{
    EC_ASSERT(memory != NULL);
    return memory;
}

static void add_word(grammar_row_t *row, const char *word, int is_prefix)
{
    row->word[row->n_words++] = must(strdup(word));
    row->n_prefix += is_prefix;
    if (is_prefix || word[0] != '[') {
        EC_ASSERT(row->n_needed == row->n_words - 1); /* nothing follows [<optional>] */
        row->n_needed++;
    }
    if (is_literal(row, row->n_words - 1) && row->n_literals == row->n_words - 1) {
        row->n_literals++;
    }
}

static void add_words(grammar_row_t *row, const char *text, int is_prefix)
{
    char *copy = must(strdup(text)), *last, *word;

    for (word = strtok_r(copy, " ", &last); word != NULL; word = strtok_r(NULL, " ", &last)) {
        EC_ASSERT(!row->takes_rest); /* "..." is the last */
        if (!is_prefix && strcmp(word, "...") == 0) {
            row->takes_rest = 1;
        } else {
            add_word(row, word, is_prefix);
        }
    }
    free(copy);
}

static void split(grammar_row_t *row, const char *prefix)
{
    row->word = must(calloc(strlen(row->text) + 1, sizeof row->word[0]));
    add_words(row, prefix, 1);
    add_words(row, row->command->grammar, 0);
    EC_ASSERT(row->n_words > 0);
}

static void insert(grammar_row_t *row)
{
    grammar_row_t **at = &rows;

    while (*at != NULL && strcasecmp((*at)->text, row->text) <= 0) {
        at = &(*at)->next;
    }
    row->next = *at;
    *at = row;
}

void grammar_add(const ec_command_t *table, void *self, const char *prefix, const char *owner)
{
    for (const ec_command_t *command = table; command->grammar != NULL; command++) {
        grammar_row_t *row = must(calloc(1, sizeof *row));

        row->command = command;
        row->self = self;
        row->owner = owner;
        EC_ASSERT(asprintf(&row->text, "%s%s%s", prefix != NULL ? prefix : "", prefix != NULL ? " " : "",
                           command->grammar) >= 0);
        split(row, prefix != NULL ? prefix : "");
        insert(row);
    }
}

static void destroy(grammar_row_t *row)
{
    for (int i = 0; i < row->n_words; i++) {
        free(row->word[i]);
    }
    free(row->word);
    free(row->text);
    free(row);
}

void grammar_remove(const void *self)
{
    for (grammar_row_t **at = &rows; *at != NULL;) {
        grammar_row_t *row = *at;

        if (row->self == self) {
            *at = row->next;
            destroy(row);
        } else {
            at = &row->next;
        }
    }
}

/* ---- matching ------------------------------------------------------------------------------ */

/* How many words at the beginning of the line are literals of this grammar. */
static int literals_matched(const grammar_row_t *row, const char *const *words, int n)
{
    int i = 0;

    while (i < n && i < row->n_literals && strcasecmp(row->word[i], words[i]) == 0) {
        i++;
    }
    return i;
}

/* Literals that the whole line matches, or -1 when it does not match. */
static int score(const grammar_row_t *row, const char *const *words, int n)
{
    int literals = 0;

    if (n < row->n_needed || (n > row->n_words && !row->takes_rest)) {
        return -1;
    }
    for (int i = 0; i < n && i < row->n_words; i++) {
        if (is_literal(row, i)) {
            if (strcasecmp(row->word[i], words[i]) != 0) {
                return -1;
            }
            literals++;
        }
    }
    return literals;
}

/* "av" for "av:one": the module is named, and which instance of it is not. */
static int lacks_instance(const char *given, const char *known)
{
    size_t length = strcspn(known, ":");

    return known[length] == ':' && strlen(given) == length && strncasecmp(given, known, length) == 0;
}

/* The first words of the line, as many as the grammar has literals, against those literals. */
static const char *nearest_to(const char *const *words, int n)
{
    const char *best = NULL;
    int best_distance = 0;

    for (grammar_row_t *row = rows; row != NULL; row = row->next) {
        char given[256] = "", known[256] = "";
        struct nearest nearest;

        if (row->command->help == NULL) {
            continue;
        }
        for (int i = 0; i < row->n_literals; i++) {
            strncat(known, i > 0 ? " " : "", sizeof known - strlen(known) - 1);
            strncat(known, row->word[i], sizeof known - strlen(known) - 1);
            if (i < n) {
                strncat(given, i > 0 ? " " : "", sizeof given - strlen(given) - 1);
                strncat(given, lacks_instance(words[i], row->word[i]) ? row->word[i] : words[i],
                        sizeof given - strlen(given) - 1);
            }
        }
        nearest_start(&nearest, given);
        nearest_offer(&nearest, known);
        if (nearest.best != NULL && (best == NULL || nearest.distance < best_distance)) {
            best = row->text;
            best_distance = nearest.distance;
        }
    }
    return best;
}

grammar_result_t grammar_find(grammar_match_t *match, const char *const *words, int n)
{
    const grammar_row_t *best = NULL, *closest = NULL;
    int best_score = -1, most = 0;

    *match = (grammar_match_t){ 0 };
    for (const grammar_row_t *row = rows; row != NULL; row = row->next) {
        int points = score(row, words, n), begun = literals_matched(row, words, n);

        if (points > best_score) {
            best = row;
            best_score = points;
        }
        if (begun > most && row->command->help != NULL) {
            closest = row;
            most = begun;
        }
    }
    match->row = best != NULL ? best : closest;
    match->literals = best != NULL ? best_score : most;
    if (best != NULL) {
        return GRAMMAR_FOUND;
    }
    if (closest == NULL || (most < closest->n_literals && most < n)) {
        match->nearest = nearest_to(words, n);
    }
    return closest != NULL ? GRAMMAR_USAGE : GRAMMAR_UNKNOWN;
}

void grammar_each(const char *const *words, int n, grammar_each_fn *each, void *baton)
{
    for (const grammar_row_t *row = rows; row != NULL; row = row->next) {
        int begun = literals_matched(row, words, n);

        if (row->command->help != NULL && (begun == n || begun == row->n_literals)) {
            each(baton, row);
        }
    }
}
