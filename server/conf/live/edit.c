/* edit.c - a configuration file's bytes and changes to them
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every change becomes a splice: bytes that go and text that comes.  Splices are sorted by position; removals
 * that are neighbours melt into one, so that a line whose statements all go, goes as well.  block.c makes the
 * text of what is added, value_edit.c the splices of a changed value. */
#include "conf/live/edit_private.h"

#include <stdlib.h>
#include <string.h>

edit_t *edit_open(const char *text, apr_size_t length, apr_pool_t *pool)
{
    edit_t *edit = apr_pcalloc(pool, sizeof(*edit));
    const char *newline = memchr(text, '\n', length);

    edit->text = text;
    edit->length = length;
    edit->pool = pool;
    edit->eol = newline != NULL && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
    edit->splices = apr_array_make(pool, 16, sizeof(struct splice));
    edit->blocks = apr_array_make(pool, 4, sizeof(edit_block_t *));
    edit->places = apr_hash_make(pool);
    return edit;
}

void edit_splice(edit_t *edit, splice_kind_t kind, apr_size_t start, apr_size_t end, const char *text)
{
    struct splice *splice = &APR_ARRAY_PUSH(edit->splices, struct splice);

    splice->kind = kind;
    splice->start = start;
    splice->end = end;
    splice->text = text;
    splice->order = edit->splices->nelts;
}

void edit_remove(edit_t *edit, conf_span_t span)
{
    edit_splice(edit, SPLICE_REMOVE, (apr_size_t)span.start, (apr_size_t)span.end, "");
}

/* ---- removals ------------------------------------------------------------------------------ */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static apr_size_t skip_blanks(const edit_t *edit, apr_size_t at, int with_commas)
{
    while (at < edit->length && (is_blank(edit->text[at]) || (with_commas && edit->text[at] == ',')))
        at++;
    return at;
}

static apr_size_t skip_back(const edit_t *edit, apr_size_t at, int with_commas)
{
    while (at > 0 && (is_blank(edit->text[at - 1]) || (with_commas && edit->text[at - 1] == ',')))
        at--;
    return at;
}

/* Where the line begins, when only blanks are before `at`; else `at`. */
static apr_size_t line_start(const edit_t *edit, apr_size_t at)
{
    apr_size_t start = skip_back(edit, at, 0);

    return start == 0 || edit->text[start - 1] == '\n' ? start : at;
}

/* May these two stand side by side without becoming one word? */
static int are_apart(char before, char after)
{
    static const char apart[] = " \t\r\n\f\v={}()[],\"";

    return strchr(apart, before) != NULL || strchr(apart, after) != NULL;
}

/* The line goes when nothing else is on it; else the blanks behind, or before what ends a line or a list. */
static void widen(const edit_t *edit, struct splice *splice)
{
    apr_size_t end = skip_blanks(edit, splice->end, splice->kind == SPLICE_REMOVE_ITEM);
    apr_size_t start = line_start(edit, splice->start);
    int is_line_begin = start == 0 || edit->text[start - 1] == '\n';

    if (is_line_begin && end < edit->length && edit->text[end] == '\n') {
        splice->start = start;
        splice->end = end + 1;
    } else if (is_line_begin && end == edit->length) {
        splice->start = start;
        splice->end = end;
    } else if (end < edit->length && strchr("\n)]", edit->text[end]) != NULL) {
        splice->start = skip_back(edit, splice->start, splice->kind == SPLICE_REMOVE_ITEM);
    } else {
        splice->end = end;
    }
    if (splice->start > 0 && splice->end < edit->length &&
        !are_apart(edit->text[splice->start - 1], edit->text[splice->end]))
        splice->text = " ";
}

static int is_removal(const struct splice *splice)
{
    return splice->kind != SPLICE_PUT;
}

/* Removals with nothing but blanks between them are one. */
static void melt(edit_t *edit)
{
    struct splice *all = (struct splice *)(void *)edit->splices->elts;
    int n = 0;

    for (int i = 0; i < edit->splices->nelts; i++) {
        struct splice *last = n > 0 ? &all[n - 1] : NULL;

        if (last != NULL && is_removal(last) && all[i].start < last->end)
            continue; /* inside what goes */
        if (last != NULL && is_removal(last) && all[i].kind == last->kind &&
            skip_blanks(edit, last->end, last->kind == SPLICE_REMOVE_ITEM) >= all[i].start)
            last->end = all[i].end;
        else
            all[n++] = all[i];
    }
    edit->splices->nelts = n;
    for (int i = 0; i < n; i++) {
        if (is_removal(&all[i]))
            widen(edit, &all[i]);
    }
}

/* ---- the result ---------------------------------------------------------------------------- */

static int compare_splices(const void *a, const void *b)
{
    const struct splice *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1; /* what holds the other comes first */
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort(edit_t *edit)
{
    qsort(edit->splices->elts, (size_t)edit->splices->nelts, sizeof(struct splice), compare_splices);
}

/* Bytes that were not changed, then the text of the splice. */
static apr_size_t copy(char *to, const edit_t *edit, apr_size_t from, const struct splice *splice)
{
    apr_size_t kept = splice->start - from, added = strlen(splice->text);

    memcpy(to, edit->text + from, kept);
    memcpy(to + kept, splice->text, added);
    return kept + added;
}

void edit_apply(const char **text, apr_size_t *length, edit_t *edit)
{
    const struct splice *splices;
    apr_size_t room = edit->length + 1, at = 0, from = 0;
    char *result;

    block_write_all(edit);
    sort(edit);
    melt(edit);
    sort(edit); /* removals may have grown backwards */
    splices = (const struct splice *)(const void *)edit->splices->elts;
    for (int i = 0; i < edit->splices->nelts; i++)
        room += strlen(splices[i].text);
    result = apr_palloc(edit->pool, room);
    for (int i = 0; i < edit->splices->nelts; i++) {
        struct splice splice = splices[i];

        if (splice.start < from) /* two removals have met in the blanks between them */
            splice.start = from;
        if (splice.end < splice.start)
            splice.end = splice.start;
        at += copy(result + at, edit, from, &splice);
        from = splice.end;
    }
    memcpy(result + at, edit->text + from, edit->length - from);
    at += edit->length - from;
    result[at] = '\0';
    *text = result;
    *length = at;
}
