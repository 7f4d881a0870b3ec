/* words.c - an option and its value as words of a command line
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/words.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

const char *const *words_split_equals(const char *const *words, int *n, apr_pool_t *pool)
{
    const char *last = *n > 0 ? words[*n - 1] : "", *equals = strchr(last, '=');
    const char **split;

    if (equals == NULL || equals == last || last[strspn(last, "abcdefghijklmnopqrstuvwxyz"
                                                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] != '=' ||
        (*n > 1 && strcmp(words[*n - 2], "=") == 0))
        return words;
    split = apr_palloc(pool, sizeof(*split) * (apr_size_t)(*n + 2));
    memcpy(split, words, sizeof(*split) * (apr_size_t)(*n - 1));
    split[*n - 1] = apr_pstrmemdup(pool, last, (apr_size_t)(equals - last));
    split[*n] = "=";
    split[*n + 1] = equals + 1;
    *n += 2;
    return split;
}

apr_status_t words_read(words_t *result, const char *const *words, int n, const char **why, apr_pool_t *pool)
{
    int at = n > 1 && strcmp(words[1], "=") == 0 ? 2 : 1;

    if (n == 0) {
        *why = "the option is missing: config set [SCOPE NAME ...] OPTION VALUE; an empty scope is made by {} in the place of both";
        return EC_E_SYNTAX;
    }
    if (n <= at) {
        *why = apr_psprintf(pool, "the value of \"%.80s\" is missing; an empty one is \"\"", words[0]);
        return EC_E_SYNTAX;
    }
    *result = (words_t){ words[0], words + at, n - at };
    return APR_SUCCESS;
}

/* ---- lists and dictionaries ------------------------------------------------------------------- */

static int has_several(const ec_option_t *row)
{
    return row != NULL && (row->flags & EC_OPTION_ARRAY || row->type == EC_TYPE_LIST ||
                           row->type == EC_TYPE_CIDR_LIST || row->type == EC_TYPE_DICT);
}

static char closing(char c)
{
    return c == '(' ? ')' : c == '[' ? ']' : '\0';
}

static const char *quoted(const char *word, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, strlen(word) * 2 + 3), *to = text;

    *to++ = '"';
    for (; *word != '\0'; word++) {
        if (*word == '"')
            *to++ = '\\';
        *to++ = *word;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

/* A word between brackets as it would stand in a file.  A comma separates, and in a dictionary "=" is a sign. */
static const char *item(const char *word, int is_dict, apr_pool_t *pool)
{
    const char *special = is_dict ? " \t\r\n\f\v#\"'{}[]()" : " \t\r\n\f\v#\"'={}[]()";

    if (*word == '\0' || strpbrk(word, special) != NULL)
        return quoted(word, pool);
    return word;
}

/* The words as a file would say it. */
static const char *joined(const words_t *words, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, words->n + 2, sizeof(const char *));
    int is_dict = words->value[0][0] == '[';

    APR_ARRAY_PUSH(parts, const char *) = is_dict ? "[" : "(";
    for (int i = 0; i < words->n; i++) {
        const char *word = words->value[i];
        apr_size_t front = i == 0, back = i == words->n - 1, length = strlen(word);

        if (length == 0 || length > front + back)
            APR_ARRAY_PUSH(parts, const char *) =
                item(length == 0 ? "" : apr_pstrmemdup(pool, word + front, length - front - back), is_dict, pool);
    }
    APR_ARRAY_PUSH(parts, const char *) = is_dict ? "]" : ")";
    return apr_array_pstrcat(pool, parts, ' ');
}

static apr_status_t parse(raw_value_t *raw, const char *text, const char **why, apr_pool_t *pool)
{
    apr_status_t rv = raw_value_parse(raw, text, why, pool);

    if (rv != APR_SUCCESS)
        *why = apr_psprintf(pool, "value %.80s: %s", text, *why);
    return rv;
}

apr_status_t words_value(raw_value_t *raw, const words_t *words, const ec_option_t *row, const char **why,
                         apr_pool_t *pool)
{
    const char *first = words->value[0], *last = words->value[words->n - 1];
    char close = closing(*first);
    int is_bracketed = close != '\0' && *last != '\0' && last[strlen(last) - 1] == close;

    if (has_several(row) && is_bracketed)
        return parse(raw, words->n == 1 ? first : joined(words, pool), why, pool);
    if (words->n > 1) {
        *why = has_several(row) ? "several values stand in brackets: ( a b ), or [ key = value ] for a dictionary"
                                : "this option has one value: one that contains spaces stands in quotes";
        return EC_E_SYNTAX;
    }
    *raw = (raw_value_t){ .kind = RAW_SCALAR, .count = 1, .length = strlen(first) + 1, .text = apr_pstrdup(pool, first) };
    raw->room = raw->length;
    return APR_SUCCESS;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* As the console splits words: in quotes, a backslash goes before a quote and before itself. */
static const char *one_word(const char *text, apr_pool_t *pool)
{
    char *word = apr_palloc(pool, strlen(text) * 2 + 3), *to = word;

    *to++ = '"';
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return word;
}

/* Can the items stand between brackets as they are? */
static int is_plain(const raw_value_t *raw)
{
    const char *text = raw->text;

    for (int i = 0; i < raw->count; i++, text += strlen(text) + 1) {
        if (*text == '\0' || strpbrk(text, " \t\r\n\f\v#\"'\\={}[](),") != NULL)
            return 0;
    }
    return 1;
}

static const char *plain_text(const raw_value_t *raw, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, raw->count * 2 + 2, sizeof(const char *));
    const char *text = raw->text;

    APR_ARRAY_PUSH(parts, const char *) = raw->kind == RAW_DICT ? "[" : "(";
    for (int i = 0; i < raw->count; i++, text += strlen(text) + 1) {
        if (raw->kind == RAW_DICT && i % 2 == 1)
            APR_ARRAY_PUSH(parts, const char *) = "=";
        APR_ARRAY_PUSH(parts, const char *) = text;
    }
    APR_ARRAY_PUSH(parts, const char *) = raw->kind == RAW_DICT ? "]" : ")";
    return apr_array_pstrcat(pool, parts, ' ');
}

const char *words_of_value(const raw_value_t *raw, apr_pool_t *pool)
{
    if (raw->kind != RAW_SCALAR)
        return is_plain(raw) ? plain_text(raw, pool) : one_word(raw_value_text(raw, pool), pool);
    if (*raw->text == '\0' || strpbrk(raw->text, " \t\r\n\"#'") != NULL)
        return one_word(raw->text, pool);
    return raw->text;
}
