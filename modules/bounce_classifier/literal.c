/* literal.c - texts that a regular expression can not match without
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recursive reading of the expression.  A sequence offers several sets of texts of which a
 * match must contain one: each run of plain characters is a set of one text, each group that
 * must match is the set of its alternatives.  The set whose shortest text is longest is the
 * best screen.  An alternation needs all of its alternatives' sets together.
 * Whatever changes the meaning of what follows, or is not known here, ends the attempt. */
#include "literal.h"

#include <string.h>

#include <apr_strings.h>

enum { DEPTH_MAX = 16 };

struct set {
    int n;                         /* 0: nothing can be said */
    size_t shortest;
    const char *text[LITERALS_MAX];
};

struct scan {
    const char *at;
    apr_pool_t *pool;
    int depth, is_lost;
};

/* What a sequence has offered so far. */
struct offer {
    char *run;                     /* as large as what is left of the pattern */
    size_t run_length;
    struct set *best;
};

static void read_alternation(struct scan *scan, struct set *set);

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static void give_up(struct scan *scan)
{
    scan->is_lost = 1;
}

/* ---- sets ------------------------------------------------------------------------------------ */

static void keep_better(struct set *best, const struct set *other)
{
    if (other->n > 0 && (best->n == 0 || other->shortest > best->shortest ||
                         (other->shortest == best->shortest && other->n < best->n))) {
        *best = *other;
    }
}

static void end_run(struct scan *scan, struct offer *offer)
{
    struct set one = { .n = 1, .shortest = offer->run_length };

    if (offer->run_length >= LITERAL_MIN) {
        one.text[0] = apr_pstrndup(scan->pool, offer->run, offer->run_length);
        keep_better(offer->best, &one);
    }
    offer->run_length = 0;
}

static void add_all(struct set *to, const struct set *more, int is_first)
{
    if (more->n == 0 || (!is_first && to->n == 0) || to->n + more->n > LITERALS_MAX) {
        to->n = 0;
        return;
    }
    memcpy(to->text + to->n, more->text, (size_t)more->n * sizeof more->text[0]);
    to->shortest = is_first || more->shortest < to->shortest ? more->shortest : to->shortest;
    to->n += more->n;
}

/* ---- parts ------------------------------------------------------------------------------------- */

/* Behind '[': goes behind the ']'. */
static void skip_class(struct scan *scan)
{
    scan->at += *scan->at == '^';
    scan->at += *scan->at == ']';
    for (; *scan->at != '\0' && *scan->at != ']'; scan->at++) {
        if (scan->at[0] == '[' && scan->at[1] != '\0' && strchr(":.=", scan->at[1]) != NULL) {
            give_up(scan);
        } else if (scan->at[0] == '\\' && scan->at[1] != '\0') {
            scan->is_lost |= *++scan->at == 'Q';
        }
    }
    if (*scan->at == '\0') {
        give_up(scan);
        return;
    }
    scan->at++;
}

/* A quantifier, if there is one: '\0', '+', or '?' for one that lets what stands before it be missing. */
static char take_quantifier(struct scan *scan)
{
    char c = *scan->at;

    if (c == '\0' || strchr("*?{+", c) == NULL) {
        return '\0';
    }
    if (c == '{') {
        scan->at += 1 + strspn(scan->at + 1, "0123456789,");
        if (*scan->at != '}') { /* no quantifier: what it means depends on the library's version */
            give_up(scan);
            return '?';
        }
    }
    scan->at++;
    if (*scan->at == '?' || *scan->at == '+') { /* lazy, possessive */
        scan->at++;
    }
    return c == '+' ? '+' : '?';
}

/* Behind '(': what kind of group begins; 0 when it is not known.  1: it must match as it stands; -1: it says nothing of
 * what is in the text. */
static int take_group_kind(struct scan *scan)
{
    if (*scan->at == '*') {
        return 0;
    }
    if (*scan->at != '?') {
        return 1;
    }
    scan->at++;
    if (*scan->at == ':' || *scan->at == '>') {
        scan->at++;
        return 1;
    }
    return *scan->at == '=' || *scan->at == '!' || *scan->at == '<' ? -1 : 0;
}

/* Behind '(': goes behind the ')' and its quantifier. */
static void take_group(struct scan *scan, struct offer *offer)
{
    struct set *inside = apr_pcalloc(scan->pool, sizeof *inside);
    int kind = take_group_kind(scan);

    if (kind == 0 || ++scan->depth > DEPTH_MAX) {
        give_up(scan);
        return;
    }
    read_alternation(scan, inside);
    scan->depth--;
    if (scan->is_lost || *scan->at != ')') {
        give_up(scan);
        return;
    }
    scan->at++;
    if (take_quantifier(scan) != '?' && kind > 0) {
        keep_better(offer->best, inside);
    }
}

/* Behind '\': a character that stands for itself, or a class or a place that is none. */
static void take_escape(struct scan *scan, struct offer *offer)
{
    char c = *scan->at;

    if (c == '\0') {
        give_up(scan);
        return;
    }
    scan->at++;
    if (strchr("bBdDsSwWAzZhHvVRnrt", c) != NULL) {
        end_run(scan, offer);
    } else if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80) {
        give_up(scan);
    } else {
        offer->run[offer->run_length++] = c;
    }
}

static void take_one(struct scan *scan, struct offer *offer)
{
    char c = *scan->at++, quantifier;

    if (strchr("*?+{", c) != NULL) { /* behind another quantifier, or behind nothing */
        give_up(scan);
        return;
    }
    if (c == '(') {
        end_run(scan, offer);
        take_group(scan, offer);
        return;
    }
    if (c == '[') {
        end_run(scan, offer);
        skip_class(scan);
    } else if (c == '\\') {
        take_escape(scan, offer);
    } else if (strchr(".^$", c) != NULL || (unsigned char)c >= 0x80) {
        end_run(scan, offer);
    } else {
        offer->run[offer->run_length++] = lower(c);
    }
    if (scan->is_lost || (quantifier = take_quantifier(scan)) == '\0') {
        return;
    }
    if (quantifier == '?' && offer->run_length > 0) {
        offer->run_length--;
    }
    end_run(scan, offer);
}

static void read_sequence(struct scan *scan, struct set *set)
{
    struct offer offer = { .run = apr_palloc(scan->pool, strlen(scan->at) + 1), .best = set };

    while (!scan->is_lost && *scan->at != '\0' && *scan->at != '|' && *scan->at != ')') {
        take_one(scan, &offer);
    }
    end_run(scan, &offer);
}

/* Ends at ')' or at the end. */
static void read_alternation(struct scan *scan, struct set *set)
{
    int is_first = 1;

    do {
        struct set *one = apr_pcalloc(scan->pool, sizeof *one);

        scan->at += !is_first; /* the '|' */
        read_sequence(scan, one);
        add_all(set, one, is_first);
        is_first = 0;
    } while (!scan->is_lost && *scan->at == '|');
}

int literals_of(const char *texts[LITERALS_MAX], const char *pattern, apr_pool_t *pool)
{
    struct scan scan = { .at = pattern, .pool = pool };
    struct set *set = apr_pcalloc(pool, sizeof *set);

    read_alternation(&scan, set);
    if (scan.is_lost || *scan.at != '\0') {
        return 0;
    }
    memcpy(texts, set->text, (size_t)set->n * sizeof texts[0]);
    return set->n;
}
