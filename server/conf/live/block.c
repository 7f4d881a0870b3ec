/* block.c - statements that are added to a configuration file
 * SPDX-License-Identifier: Apache-2.0
 *
 * They go to the end of a stanza or of the file, because only there nothing behind them overrides them.  In a
 * stanza that stands on one line they stay on it; else each has its own line, indented as its neighbours. */
#include "conf/live/edit_private.h"

#include <string.h>

#include <apr_strings.h>

/* What is to be added: a line "name = value", or a block with lines of its own. */
struct line {
    const char *text; /* or: */
    edit_block_t *block;
    struct line *next;
};

struct edit_block {
    edit_t *edit;
    const char *head;          /* of a new stanza: type and name */
    const conf_place_t *place; /* of one that is there; NULL: the end of the file */
    struct line *first, *last;
    apr_hash_t *stanzas; /* head to the block of a new stanza */
};

static edit_block_t *make(edit_t *edit)
{
    edit_block_t *block = apr_pcalloc(edit->pool, sizeof(*block));

    block->edit = edit;
    block->stanzas = apr_hash_make(edit->pool);
    return block;
}

static edit_block_t *make_in_file(edit_t *edit, const conf_place_t *place)
{
    edit_block_t *block = make(edit);

    block->place = place;
    APR_ARRAY_PUSH(edit->blocks, edit_block_t *) = block;
    return block;
}

edit_block_t *edit_end(edit_t *edit)
{
    if (edit->end == NULL)
        edit->end = make_in_file(edit, NULL);
    return edit->end;
}

edit_block_t *edit_place(edit_t *edit, const conf_place_t *place)
{
    edit_block_t *block = apr_hash_get(edit->places, &place, sizeof(place));

    if (block == NULL) {
        block = make_in_file(edit, place);
        apr_hash_set(edit->places, apr_pmemdup(edit->pool, &place, sizeof(place)), sizeof(place), block);
    }
    return block;
}

static void add_line(edit_block_t *to, const char *text, edit_block_t *block)
{
    struct line *line = apr_pcalloc(to->edit->pool, sizeof(*line));

    line->text = text;
    line->block = block;
    if (to->last == NULL)
        to->first = line;
    else
        to->last->next = line;
    to->last = line;
}

apr_status_t edit_add_stanza(edit_block_t **stanza, edit_block_t *block, const char *type,
                             const char *written)
{
    apr_pool_t *pool = block->edit->pool;
    const char *head = type, *name;

    if (*written != '\0') {
        if ((name = raw_item_text(written, 1, pool)) == NULL)
            return EC_E_SYNTAX;
        head = apr_pstrcat(pool, type, " ", name, NULL);
    }
    if ((*stanza = apr_hash_get(block->stanzas, head, APR_HASH_KEY_STRING)) != NULL)
        return APR_SUCCESS;
    *stanza = make(block->edit);
    (*stanza)->head = head;
    apr_hash_set(block->stanzas, head, APR_HASH_KEY_STRING, *stanza);
    add_line(block, NULL, *stanza);
    return APR_SUCCESS;
}

apr_status_t edit_add_setting(edit_block_t *block, const char *name, const raw_value_t *raw)
{
    apr_pool_t *pool = block->edit->pool;

    if (!raw_value_is_sayable(raw, pool))
        return EC_E_SYNTAX;
    add_line(block, apr_pstrcat(pool, name, " = ", raw_value_text(raw, pool), NULL), NULL);
    return APR_SUCCESS;
}

/* ---- layout ------------------------------------------------------------------------------------ */

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What stands before the first character of the line that holds `at`. */
static const char *indentation(const edit_t *edit, apr_size_t at)
{
    apr_size_t start = at, end;

    while (start > 0 && edit->text[start - 1] != '\n')
        start--;
    for (end = start; end < edit->length && is_blank(edit->text[end]);)
        end++;
    return apr_pstrmemdup(edit->pool, edit->text + start, end - start);
}

/* One step of indentation, as it is done in this file: its first indented line that is no comment. */
static const char *indent_step(const edit_t *edit)
{
    for (const char *at = edit->text;
         (at = memchr(at, '\n', edit->length - (apr_size_t)(at - edit->text))) != NULL;) {
        apr_size_t start = (apr_size_t)(++at - edit->text), end = start;

        while (end < edit->length && is_blank(edit->text[end]))
            end++;
        if (end > start && end < edit->length && strchr("\r\n*#/", edit->text[end]) == NULL)
            return apr_pstrmemdup(edit->pool, at, end - start);
    }
    return "    ";
}

/* Of the first line inside the braces that has something on it, else one step more than the brace at `close`.
 */
static const char *inner_indentation(const edit_t *edit, apr_size_t body, apr_size_t close)
{
    const char *line = memchr(edit->text + body, '\n', close - body);

    for (; line != NULL; line = memchr(line, '\n', close - (apr_size_t)(line - edit->text))) {
        apr_size_t at = (apr_size_t)(++line - edit->text);

        while (at < close && is_blank(edit->text[at]))
            at++;
        if (at < close && strchr("\r\n", edit->text[at]) == NULL)
            return indentation(edit, at);
    }
    return apr_pstrcat(edit->pool, indentation(edit, close), indent_step(edit), NULL);
}

/* ---- text ---------------------------------------------------------------------------------------- */

typedef struct {
    apr_array_header_t *parts;
    const char *indent, *step, *eol;
    apr_pool_t *pool;
} writer_t;

static void put(writer_t *writer, const char *text)
{
    APR_ARRAY_PUSH(writer->parts, const char *) = text;
}

static void write_lines(writer_t *writer, const edit_block_t *block)
{
    const char *indent = writer->indent;

    for (const struct line *line = block->first; line != NULL; line = line->next) {
        put(writer, indent);
        put(writer, line->text != NULL ? line->text : line->block->head);
        if (line->block != NULL) {
            put(writer, " {");
            put(writer, writer->eol);
            writer->indent = apr_pstrcat(writer->pool, indent, writer->step, NULL);
            write_lines(writer, line->block);
            writer->indent = indent;
            put(writer, indent);
            put(writer, "}");
        }
        put(writer, writer->eol);
    }
}

/* "a = 1 domain x { b = 2 } " */
static void write_inline(writer_t *writer, const edit_block_t *block)
{
    for (const struct line *line = block->first; line != NULL; line = line->next) {
        put(writer, line->text != NULL ? line->text : line->block->head);
        put(writer, " ");
        if (line->block != NULL) {
            put(writer, "{ ");
            write_inline(writer, line->block);
            put(writer, "} ");
        }
    }
}

static void write_at_end(edit_t *edit, const edit_block_t *block)
{
    writer_t writer = { apr_array_make(edit->pool, 16, sizeof(const char *)), "", indent_step(edit),
                        edit->eol, edit->pool };

    if (edit->length > 0 && edit->text[edit->length - 1] != '\n')
        put(&writer, edit->eol);
    write_lines(&writer, block);
    edit_splice(edit, SPLICE_PUT, edit->length, edit->length,
                apr_array_pstrcat(edit->pool, writer.parts, '\0'));
}

static void write_in_place(edit_t *edit, const edit_block_t *block)
{
    apr_size_t body = (apr_size_t)block->place->body, close = (apr_size_t)block->place->span.end - 1,
               at = close;
    writer_t writer = { apr_array_make(edit->pool, 16, sizeof(const char *)), "", indent_step(edit),
                        edit->eol, edit->pool };

    while (at > body && is_blank(edit->text[at - 1]))
        at--;
    if (at > body && edit->text[at - 1] == '\n') { /* the brace has a line of its own */
        writer.indent = inner_indentation(edit, body, close);
        write_lines(&writer, block);
    } else {
        put(&writer, at == close ? " " : "");
        at = close;
        write_inline(&writer, block);
    }
    edit_splice(edit, SPLICE_PUT, at, at, apr_array_pstrcat(edit->pool, writer.parts, '\0'));
}

void block_write_all(edit_t *edit)
{
    for (int i = 0; i < edit->blocks->nelts; i++) {
        const edit_block_t *block = APR_ARRAY_IDX(edit->blocks, i, edit_block_t *);

        if (block->first != NULL)
            (block->place != NULL ? write_in_place : write_at_end)(edit, block);
    }
}
