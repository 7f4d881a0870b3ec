/* literal.c - texts that a regular expression can not match without
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each alternative at the outermost level gives its longest run of plain characters.
 * Groups and classes are skipped; whatever changes the meaning of what follows, or is not
 * known here, ends the attempt. */
#include "literal.h"

#include <string.h>

#include <apr_strings.h>

struct scan {
    const char *at;
    char *run, *best; /* as large as the pattern */
    size_t run_length, best_length;
    int is_lost;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static void end_run(struct scan *scan)
{
    if (scan->run_length > scan->best_length) {
        memcpy(scan->best, scan->run, scan->run_length);
        scan->best_length = scan->run_length;
    }
    scan->run_length = 0;
}

static void give_up(struct scan *scan)
{
    scan->is_lost = 1;
}

/* Behind '[': goes behind the ']'. */
static void skip_class(struct scan *scan)
{
    if (*scan->at == '^') {
        scan->at++;
    }
    if (*scan->at == ']') {
        scan->at++;
    }
    for (; *scan->at != '\0' && *scan->at != ']'; scan->at++) {
        if (scan->at[0] == '[' && strchr(":.=", scan->at[1]) != NULL && scan->at[1] != '\0') {
            const char *end = strstr(scan->at + 2, ":]");

            if (end == NULL) {
                give_up(scan);
                return;
            }
            scan->at = end + 1;
        } else if (scan->at[0] == '\\' && scan->at[1] != '\0') {
            if (scan->at[1] == 'Q') {
                give_up(scan);
                return;
            }
            scan->at++;
        }
    }
    if (*scan->at++ == '\0') {
        give_up(scan);
    }
}

/* Behind '(': (?:, (?=, (?!, (?<, (?> and plain groups leave what follows as it is. */
static int is_known_group(const char *at)
{
    return at[0] != '*' && (at[0] != '?' || (at[1] != '\0' && strchr(":=!<>", at[1]) != NULL));
}

/* Behind '(': goes behind the matching ')'. */
static void skip_group(struct scan *scan)
{
    int depth = 1;

    if (!is_known_group(scan->at)) {
        give_up(scan);
    }
    while (depth > 0 && !scan->is_lost && *scan->at != '\0') {
        char c = *scan->at++;

        if (c == '\\') {
            scan->is_lost = *scan->at == '\0' || *scan->at == 'Q';
            scan->at++;
        } else if (c == '[') {
            skip_class(scan);
        } else if (c == '(') {
            depth++;
            scan->is_lost = !is_known_group(scan->at);
        } else if (c == ')') {
            depth--;
        }
    }
    if (depth > 0) {
        give_up(scan);
    }
}

/* Behind '\': a character that stands for itself, or something that is not a known text. */
static void take_escape(struct scan *scan)
{
    char c = *scan->at;

    if (c == '\0') {
        give_up(scan);
        return;
    }
    scan->at++;
    if (strchr("bBdDsSwWAzZhHvVRnrt", c) != NULL) {
        end_run(scan);
    } else if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80) {
        give_up(scan);
    } else {
        scan->run[scan->run_length++] = c;
    }
}

/* A quantifier at `at`, if there is one: what stands before it may be missing unless it is '+'. */
static void take_quantifier(struct scan *scan)
{
    char c = *scan->at;

    if (c == '\0' || strchr("*?{+", c) == NULL) {
        return;
    }
    if (c != '+' && scan->run_length > 0) {
        scan->run_length--;
    }
    end_run(scan);
    if (c == '{' && (scan->at = strchr(scan->at, '}')) == NULL) {
        scan->at = "";
        give_up(scan);
        return;
    }
    scan->at++;
    if (*scan->at == '?' || *scan->at == '+') { /* lazy, possessive */
        scan->at++;
    }
}

static void take_one(struct scan *scan)
{
    char c = *scan->at++;

    if (c == '[') {
        end_run(scan);
        skip_class(scan);
    } else if (c == '(') {
        end_run(scan);
        skip_group(scan);
    } else if (c == '\\') {
        take_escape(scan);
    } else if (strchr(".^$", c) != NULL || (unsigned char)c >= 0x80) {
        end_run(scan);
    } else if (c == ')') {
        give_up(scan);
    } else {
        scan->run[scan->run_length++] = lower(c);
    }
    if (!scan->is_lost) {
        take_quantifier(scan);
    }
}

int literals_of(const char *texts[LITERALS_MAX], const char *pattern, apr_pool_t *pool)
{
    size_t room = strlen(pattern) + 1;
    struct scan scan = { .at = pattern, .run = apr_palloc(pool, room), .best = apr_palloc(pool, room) };
    int n = 0;

    while (!scan.is_lost) {
        if (*scan.at != '\0' && *scan.at != '|') {
            take_one(&scan);
            continue;
        }
        end_run(&scan);
        if (scan.best_length < LITERAL_MIN || n == LITERALS_MAX) {
            return 0;
        }
        texts[n++] = apr_pstrndup(pool, scan.best, scan.best_length);
        scan.best_length = 0;
        if (*scan.at++ == '\0') {
            return n;
        }
    }
    return 0;
}
