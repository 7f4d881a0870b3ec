/* raw.c - values as written: reading them from tokens and writing them again
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/value.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

static apr_status_t append(raw_value_t *raw, const char *text, apr_size_t length, const char **why)
{
    apr_size_t need = raw->length + length + 1;

    if (need > VALUE_BYTES_MAX || raw->count >= VALUE_ITEMS_MAX) {
        *why = "the value is too long (1000000 items or 64 MiB)";
        return EC_E_TOO_LONG;
    }
    if (need > raw->room) {
        apr_size_t room = need < 64 ? 64 : need * 2;
        char *bigger = realloc(raw->text, room);

        if (bigger == NULL)
            return APR_ENOMEM;
        raw->text = bigger;
        raw->room = room;
    }
    memcpy(raw->text + raw->length, text, length);
    raw->text[need - 1] = '\0';
    raw->length = need;
    raw->count++;
    return APR_SUCCESS;
}

static int is_text(enum lexer_token token)
{
    return token == TOKEN_WORD || token == TOKEN_STRING;
}

static apr_status_t refuse(const lexer_t *lexer, const char **why, const char *expected, apr_pool_t *pool)
{
    if (lexer->token == TOKEN_ERROR)
        *why = apr_pstrdup(pool, lexer->text);
    else
        *why = expected;
    return EC_E_SYNTAX;
}

static apr_status_t read_list(raw_value_t *raw, lexer_t *lexer, const char **why, apr_pool_t *pool)
{
    while (is_text(lexer_next(lexer)))
        EC_TRY(append(raw, lexer->text, lexer->length, why));
    if (lexer->token != TOKEN_PAREN_CLOSE)
        return refuse(lexer, why, "expected an item or the \")\" that ends this list", pool);
    return APR_SUCCESS;
}

static apr_status_t read_dict(raw_value_t *raw, lexer_t *lexer, const char **why, apr_pool_t *pool)
{
    while (is_text(lexer_next(lexer))) {
        EC_TRY(append(raw, lexer->text, lexer->length, why));
        if (lexer_next(lexer) != TOKEN_EQUALS)
            return refuse(lexer, why, "expected \"=\" between key and value", pool);
        if (!is_text(lexer_next(lexer)))
            return refuse(lexer, why, "expected the value of this key", pool);
        EC_TRY(append(raw, lexer->text, lexer->length, why));
    }
    if (lexer->token != TOKEN_BRACKET_CLOSE)
        return refuse(lexer, why, "expected a key or the \"]\" that ends this dictionary", pool);
    return APR_SUCCESS;
}

apr_status_t raw_value_read(raw_value_t *raw, lexer_t *lexer, const char **why, apr_pool_t *pool)
{
    apr_status_t rv;

    raw->count = 0;
    raw->length = 0;
    raw->kind = RAW_SCALAR;
    if (is_text(lexer->token))
        return append(raw, lexer->text, lexer->length, why);
    if (lexer->token != TOKEN_PAREN_OPEN && lexer->token != TOKEN_BRACKET_OPEN)
        return refuse(lexer, why, "expected a value", pool);
    raw->kind = lexer->token == TOKEN_PAREN_OPEN ? RAW_LIST : RAW_DICT;
    lexer->commas_separate = 1;
    rv = raw->kind == RAW_LIST ? read_list(raw, lexer, why, pool) : read_dict(raw, lexer, why, pool);
    lexer->commas_separate = 0;
    return rv;
}

apr_status_t raw_value_parse(raw_value_t *raw, const char *text, const char **why, apr_pool_t *pool)
{
    raw_value_t read = { 0 };
    apr_status_t rv;
    lexer_t lexer;

    lexer_open_text(&lexer, text, strlen(text));
    lexer_next(&lexer);
    rv = raw_value_read(&read, &lexer, why, pool);
    if (rv == APR_SUCCESS && lexer_next(&lexer) != TOKEN_END)
        rv = refuse(&lexer, why, "there is text behind the value", pool);
    *raw = read;
    raw->text = apr_pmemdup(pool, read.length > 0 ? read.text : "", read.length > 0 ? read.length : 1);
    raw->room = read.length;
    free(read.text);
    lexer_close(&lexer);
    return rv;
}

/* ---- writing --------------------------------------------------------------------------- */

static void write_item(apr_array_header_t *parts, const char *item, apr_pool_t *pool)
{
    if (lexer_needs_quotes(item)) {
        const char *quote;

        APR_ARRAY_PUSH(parts, const char *) = "\"";
        for (; (quote = strchr(item, '"')) != NULL; item = quote + 1) {
            APR_ARRAY_PUSH(parts, const char *) = apr_pstrmemdup(pool, item, (apr_size_t)(quote - item));
            APR_ARRAY_PUSH(parts, const char *) = "\\\"";
        }
        APR_ARRAY_PUSH(parts, const char *) = item;
        APR_ARRAY_PUSH(parts, const char *) = "\"";
    } else {
        APR_ARRAY_PUSH(parts, const char *) = item;
    }
}

const char *raw_value_text(const raw_value_t *raw, apr_pool_t *pool)
{
    static const char *const open[] = { "", "(", "[" };
    static const char *const close[] = { "", " )", " ]" };
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(const char *));
    const char *item = raw->text;

    APR_ARRAY_PUSH(parts, const char *) = open[raw->kind];
    for (int i = 0; i < raw->count; i++) {
        if (raw->kind != RAW_SCALAR)
            APR_ARRAY_PUSH(parts, const char *) = raw->kind == RAW_DICT && i % 2 == 1 ? " = " : " ";
        write_item(parts, item, pool);
        item += strlen(item) + 1;
    }
    APR_ARRAY_PUSH(parts, const char *) = close[raw->kind];
    return apr_array_pstrcat(pool, parts, '\0');
}

static int reads_as(const char *text, const char *item)
{
    lexer_t lexer;
    int is_same;

    lexer_open_text(&lexer, text, strlen(text));
    is_same = is_text(lexer_next(&lexer)) && strcmp(lexer.text, item) == 0 && lexer_next(&lexer) == TOKEN_END;
    lexer_close(&lexer);
    return is_same;
}

/* The lexer itself is asked whether it would read this back, so that the two can not disagree. */
const char *raw_item_text(const char *item, int is_quoted, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 4, sizeof(const char *));
    const char *text;

    if (is_quoted && !lexer_needs_quotes(item)) {
        text = apr_pstrcat(pool, "\"", item, "\"", NULL);
        return reads_as(text, item) ? text : raw_item_text(item, 0, pool);
    }
    write_item(parts, item, pool);
    text = apr_array_pstrcat(pool, parts, '\0');
    return reads_as(text, item) ? text : NULL;
}

int raw_value_is_sayable(const raw_value_t *raw, apr_pool_t *scratch)
{
    const char *item = raw->text;

    for (int i = 0; i < raw->count; i++, item += strlen(item) + 1) {
        if (raw_item_text(item, 0, scratch) == NULL)
            return 0;
    }
    return 1;
}

int raw_value_is_same(const raw_value_t *a, const raw_value_t *b)
{
    return a->kind == b->kind && a->count == b->count && a->length == b->length &&
           memcmp(a->text, b->text, a->length) == 0;
}
