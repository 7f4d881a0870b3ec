/* value_edit.c - another value for a statement that is there
 * SPDX-License-Identifier: Apache-2.0
 *
 * Name, "=", comments and white space stay.  Of a list or dictionary the items in front and at the end that
 * are the same stay as well, with the comments between them; a scalar keeps its quotes. */
#include "conf/live/edit_private.h"

#include <string.h>

#include <apr_strings.h>

/* An item as it stands in the file: for a dictionary key and value. */
struct item {
    apr_size_t start, end;
    const char *key, *value; /* value: of a dictionary */
    int is_quoted;
};

struct old_value {
    raw_kind_t kind;
    apr_size_t start, end; /* with the brackets */
    apr_array_header_t *items;
    int has_equals;
};

static int is_text(enum lexer_token token)
{
    return token == TOKEN_WORD || token == TOKEN_STRING;
}

/* The lexer stands at the item's first token. */
static int read_item(struct old_value *old, lexer_t *lexer, conf_span_t span, apr_pool_t *pool)
{
    struct item *item = &APR_ARRAY_PUSH(old->items, struct item);

    item->start = (apr_size_t)span.start + lexer->start;
    item->is_quoted = lexer->token == TOKEN_STRING;
    item->key = apr_pstrdup(pool, lexer->text);
    item->value = "";
    if (old->kind == RAW_DICT) {
        if (lexer_next(lexer) != TOKEN_EQUALS || !is_text(lexer_next(lexer)))
            return 0;
        item->value = apr_pstrdup(pool, lexer->text);
    }
    item->end = (apr_size_t)span.start + lexer->end;
    return 1;
}

/* The lexer stands at the value. */
static int read_value(struct old_value *old, lexer_t *lexer, conf_span_t span, apr_pool_t *pool)
{
    old->start = (apr_size_t)span.start + lexer->start;
    old->end = (apr_size_t)span.end;
    old->kind = RAW_SCALAR;
    if (is_text(lexer->token))
        return read_item(old, lexer, span, pool);
    if (lexer->token != TOKEN_PAREN_OPEN && lexer->token != TOKEN_BRACKET_OPEN)
        return 0;
    old->kind = lexer->token == TOKEN_PAREN_OPEN ? RAW_LIST : RAW_DICT;
    lexer->commas_separate = 1;
    while (is_text(lexer_next(lexer))) {
        if (!read_item(old, lexer, span, pool))
            return 0;
    }
    return lexer->token == (old->kind == RAW_LIST ? TOKEN_PAREN_CLOSE : TOKEN_BRACKET_CLOSE);
}

static apr_status_t read_old(struct old_value *old, const edit_t *edit, conf_span_t span)
{
    lexer_t lexer;
    int is_right;

    old->items = apr_array_make(edit->pool, 8, sizeof(struct item));
    if (span.start < 0 || span.end <= span.start || (apr_size_t)span.end > edit->length)
        return EC_E_SYNTAX;
    lexer_open_text(&lexer, edit->text + span.start, (apr_size_t)(span.end - span.start));
    is_right = lexer_next(&lexer) == TOKEN_WORD;
    old->has_equals = is_right && lexer_next(&lexer) == TOKEN_EQUALS;
    if (old->has_equals)
        lexer_next(&lexer);
    is_right = is_right && read_value(old, &lexer, span, edit->pool);
    lexer_close(&lexer);
    return is_right ? APR_SUCCESS : EC_E_SYNTAX;
}

/* ---- the whole value --------------------------------------------------------------------------- */

/* `text`, and a blank when it would else become one word with what stands at `at`. */
static const char *set_apart(const edit_t *edit, const char *text, apr_size_t at)
{
    int is_word = strchr("\")]", text[strlen(text) - 1]) == NULL;

    if (!is_word || at == edit->length || strchr(" \t\r\n\f\v{}()[]=,", edit->text[at]) != NULL)
        return text;
    return apr_pstrcat(edit->pool, text, " ", NULL);
}

static void replace_whole(edit_t *edit, const struct old_value *old, const raw_value_t *raw)
{
    int is_quoted = old->kind == RAW_SCALAR && APR_ARRAY_IDX(old->items, 0, struct item).is_quoted;
    const char *text = raw->kind == RAW_SCALAR ? raw_item_text(raw->text, is_quoted, edit->pool)
                                               : raw_value_text(raw, edit->pool);

    text = apr_pstrcat(edit->pool, old->has_equals ? "" : "= ", text, NULL);
    edit_splice(edit, SPLICE_PUT, old->start, old->end, set_apart(edit, text, old->end));
}

/* ---- items ------------------------------------------------------------------------------------------ */

struct new_item {
    const char *key, *value;
};

static apr_array_header_t *new_items(const raw_value_t *raw, apr_pool_t *pool)
{
    apr_array_header_t *items = apr_array_make(pool, raw->count + 1, sizeof(struct new_item));
    const char *at = raw->text;

    for (int i = 0; i < raw->count; i += raw->kind == RAW_DICT ? 2 : 1) {
        struct new_item *item = &APR_ARRAY_PUSH(items, struct new_item);

        item->key = at;
        at += strlen(at) + 1;
        item->value = "";
        if (raw->kind == RAW_DICT) {
            item->value = at;
            at += strlen(at) + 1;
        }
    }
    return items;
}

static int is_same(const struct item *old, const struct new_item *item)
{
    return strcmp(old->key, item->key) == 0 && strcmp(old->value, item->value) == 0;
}

static const char *item_text(const struct new_item *item, raw_kind_t kind, int is_quoted, apr_pool_t *pool)
{
    const char *key = raw_item_text(item->key, is_quoted, pool);

    if (kind != RAW_DICT)
        return key;
    return apr_pstrcat(pool, key, " = ", raw_item_text(item->value, 0, pool), NULL);
}

/* How the items of this list are kept apart: the white space before the item `at`, or a blank. */
static const char *separator(const edit_t *edit, const struct item *items, int at)
{
    apr_size_t end = items[at].start, start = end;

    while (start > 0 && strchr(" \t\r\n,", edit->text[start - 1]) != NULL)
        start--;
    return end > start ? apr_pstrmemdup(edit->pool, edit->text + start, end - start) : " ";
}

/* Where an item is added behind the one that ends at `at`: when each has a line of its own, behind the
 * comment beside that one. */
static apr_size_t behind_item(const edit_t *edit, apr_size_t at, const char *apart)
{
    apr_size_t comment = at;

    if (strchr(apart, '\n') == NULL)
        return at;
    while (comment < edit->length && strchr(" \t,", edit->text[comment]) != NULL)
        comment++;
    if (comment == edit->length || edit->text[comment] != '#')
        return at;
    while (comment < edit->length && edit->text[comment] != '\n')
        comment++;
    return comment - (edit->text[comment - 1] == '\r');
}

/* Items [same, same + gone) of the file become items [same, same + come) of the new value. */
struct middle {
    int same, gone, come;
};

static struct middle find_middle(const struct item *old, int n_old, const struct new_item *new, int n_new)
{
    int least = n_old < n_new ? n_old : n_new, front = 0, back = 0;

    while (front < least && is_same(&old[front], &new[front]))
        front++;
    while (back < least - front && is_same(&old[n_old - 1 - back], &new[n_new - 1 - back]))
        back++;
    return (struct middle){ front, n_old - front - back, n_new - front - back };
}

/* Items [from, to) of the new value, behind item from - 1 of the old one, or before its first. */
static void add_items(edit_t *edit, const struct old_value *old, const struct new_item *new, int from, int to)
{
    const struct item *items = (const struct item *)(const void *)old->items->elts;
    int neighbour = from > 0 ? from - 1 : 0;
    apr_array_header_t *parts = apr_array_make(edit->pool, 4, sizeof(const char *));
    const char *apart = separator(edit, items, neighbour);
    apr_size_t where = from > 0 ? behind_item(edit, items[neighbour].end, apart) : items[0].start;
    const char *all;

    for (int i = from; i < to; i++) {
        const char *text = item_text(&new[i], old->kind, items[neighbour].is_quoted, edit->pool);

        APR_ARRAY_PUSH(parts, const char *) = from > 0 ? apart : text;
        APR_ARRAY_PUSH(parts, const char *) = from > 0 ? text : apart;
    }
    all = apr_array_pstrcat(edit->pool, parts, '\0');
    edit_splice(edit, SPLICE_PUT, where, where, from > 0 ? set_apart(edit, all, where) : all);
}

static void replace_items(edit_t *edit, const struct old_value *old, const raw_value_t *raw)
{
    const struct item *items = (const struct item *)(const void *)old->items->elts;
    apr_array_header_t *wanted = new_items(raw, edit->pool);
    const struct new_item *new = (const struct new_item *)(const void *)wanted->elts;
    struct middle m = find_middle(items, old->items->nelts, new, wanted->nelts);
    int both = m.same + (m.gone < m.come ? m.gone : m.come);

    for (int i = m.same; i < both; i++) {
        const char *text = item_text(&new[i], old->kind, items[i].is_quoted, edit->pool);

        if (!is_same(&items[i], &new[i]))
            edit_splice(edit, SPLICE_PUT, items[i].start, items[i].end, set_apart(edit, text, items[i].end));
    }
    for (int i = both; i < m.same + m.gone; i++)
        edit_splice(edit, SPLICE_REMOVE_ITEM, items[i].start, items[i].end, "");
    if (both < m.same + m.come)
        add_items(edit, old, new, both, m.same + m.come);
}

apr_status_t edit_value(edit_t *edit, conf_span_t span, const raw_value_t *raw)
{
    struct old_value old = { 0 };

    EC_TRY(read_old(&old, edit, span));
    if (!raw_value_is_sayable(raw, edit->pool))
        return EC_E_SYNTAX;
    if (raw->kind == RAW_SCALAR || raw->kind != old.kind || raw->count == 0 || old.items->nelts == 0)
        replace_whole(edit, &old, raw);
    else
        replace_items(edit, &old, raw);
    return APR_SUCCESS;
}
