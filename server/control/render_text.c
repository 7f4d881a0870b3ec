/* render_text.c - an answer for people
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/render.h"

#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, NAME_WIDTH_MAX = 40, COLUMNS = 64 };

struct column {
    const char *name;
    int width;
    int is_number;
};

/* ---- pieces ---------------------------------------------------------------------------- */

/* Characters, as far as one takes one place. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

static const char *value_of(const xmlNode *node)
{
    int is_escaped;

    return node_value(node, &is_escaped);
}

static int is_value(const xmlNode *node)
{
    return node_kind(node) == EC_NODE_TEXT || node_kind(node) == EC_NODE_NUMBER;
}

/* "active_queue" as "Active queue" or "ACTIVE QUEUE". */
static void add_name(output_t *out, const char *name, int is_upper)
{
    for (int i = 0; name[i] != '\0'; i++) {
        char c = name[i] == '_' ? ' ' : name[i];

        output_char(out, (i == 0 || is_upper) && c >= 'a' && c <= 'z' ? (char)(c - 32) : c, 1);
    }
}

/* Further lines are indented, so that no value can pass for a line of ours. */
static void add_lines(output_t *out, const char *text, int indent)
{
    const char *newline;

    while ((newline = strchr(text, '\n')) != NULL) {
        output_bytes(out, text, (size_t)(newline - text + 1));
        text = newline + 1;
        if (*text != '\0') {
            output_char(out, ' ', indent);
        }
    }
    output_text(out, text);
    output_char(out, '\n', 1);
}

/* In a table a value has one line. */
static void add_cell(output_t *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n' || *text == '\t') {
            output_text(out, *text == '\n' ? "\\n" : "\\t");
        } else {
            output_char(out, *text, 1);
        }
    }
}

static int cell_width(const char *text)
{
    int n = width_of(text);

    for (; *text != '\0'; text++) {
        n += *text == '\n' || *text == '\t';
    }
    return n;
}

/* ---- tables ---------------------------------------------------------------------------- */

static struct column *find_column(struct column *columns, int *n, const char *name)
{
    for (int i = 0; i < *n; i++) {
        if (strcmp(columns[i].name, name) == 0) {
            return &columns[i];
        }
    }
    if (*n == COLUMNS) {
        return NULL;
    }
    columns[*n] = (struct column){ name, width_of(name), 1 };
    return &columns[(*n)++];
}

static int measure(struct column *columns, const xmlNode *table)
{
    int n = 0;

    for (const xmlNode *row = table->children; row != NULL; row = row->next) {
        for (const xmlNode *cell = row->children; cell != NULL; cell = cell->next) {
            struct column *column = find_column(columns, &n, (const char *)cell->name);
            int width = cell_width(value_of(cell));

            if (column != NULL) {
                column->width = width > column->width ? width : column->width;
                column->is_number &= node_kind(cell) == EC_NODE_NUMBER;
            }
        }
    }
    return n;
}

static void add_padded(output_t *out, const struct column *column, int width, int is_last)
{
    if (!column->is_number && !is_last) {
        output_char(out, ' ', column->width - width);
    }
    output_text(out, is_last ? "\n" : "  ");
}

static const xmlNode *cell_of(const xmlNode *row, const char *name)
{
    for (const xmlNode *cell = row->children; cell != NULL; cell = cell->next) {
        if (strcmp((const char *)cell->name, name) == 0) {
            return cell;
        }
    }
    return NULL;
}

static void add_row(output_t *out, const xmlNode *row, const struct column *columns, int n, int indent)
{
    output_char(out, ' ', indent);
    for (int i = 0; i < n; i++) {
        const xmlNode *cell = cell_of(row, columns[i].name);
        const char *text = cell != NULL ? value_of(cell) : "";
        int width = cell_width(text);

        if (columns[i].is_number) {
            output_char(out, ' ', columns[i].width - width);
        }
        add_cell(out, text);
        add_padded(out, &columns[i], width, i == n - 1);
    }
}

static void add_table(output_t *out, const xmlNode *table, int indent)
{
    struct column columns[COLUMNS];
    int n = measure(columns, table);

    output_char(out, ' ', indent);
    if (n == 0) {
        output_text(out, "(none)\n");
        return;
    }
    for (int i = 0; i < n; i++) {
        int width = width_of(columns[i].name);

        if (columns[i].is_number) {
            output_char(out, ' ', columns[i].width - width);
        }
        add_name(out, columns[i].name, 1);
        add_padded(out, &columns[i], width, i == n - 1);
    }
    for (const xmlNode *row = table->children; row != NULL; row = row->next) {
        add_row(out, row, columns, n, indent);
    }
}

/* ---- groups ---------------------------------------------------------------------------- */

static void add_children(output_t *out, const xmlNode *group, int indent);

/* A run of values that follow each other has its values in one column. */
static int name_width(const xmlNode *first)
{
    int widest = 0;

    for (const xmlNode *node = first; node != NULL && is_value(node); node = node->next) {
        int width = width_of((const char *)node->name);

        widest = width > widest && width <= NAME_WIDTH_MAX ? width : widest;
    }
    return widest;
}

static void add_value(output_t *out, const xmlNode *node, int width, int indent)
{
    const char *value = value_of(node);

    output_char(out, ' ', indent);
    add_name(out, (const char *)node->name, 0);
    output_char(out, ':', 1);
    if (*value != '\0') {
        output_char(out, ' ', width - width_of((const char *)node->name) + 1);
    }
    add_lines(out, value, indent + width + 2);
}

static void add_headed(output_t *out, const xmlNode *node, int indent)
{
    output_char(out, ' ', indent);
    add_name(out, (const char *)node->name, 0);
    output_text(out, ":\n");
    if (node_kind(node) == EC_NODE_TABLE) {
        add_table(out, node, indent + INDENT);
    } else {
        add_children(out, node, indent + INDENT);
    }
}

static int has_siblings(const xmlNode *node)
{
    return node->prev != NULL || node->next != NULL;
}

static void add_child(output_t *out, const xmlNode *node, int width, int indent)
{
    switch (node_kind(node)) {
    case EC_NODE_TEXT:
    case EC_NODE_NUMBER:
        add_value(out, node, width, indent);
        break;
    case EC_NODE_NOTE:
        output_char(out, ' ', indent);
        add_lines(out, value_of(node), indent);
        break;
    case EC_NODE_TABLE:
        if (!has_siblings(node)) {
            add_table(out, node, indent);
            break;
        }
        add_headed(out, node, indent);
        break;
    default:
        add_headed(out, node, indent);
    }
}

static void add_children(output_t *out, const xmlNode *group, int indent)
{
    int width = 0;

    for (const xmlNode *node = group->children; node != NULL; node = node->next) {
        if (node->prev == NULL || !is_value(node->prev)) {
            width = name_width(node);
        }
        if (indent == 0 && node->prev != NULL && !is_value(node) && node_kind(node) != EC_NODE_NOTE) {
            output_char(out, '\n', 1);
        }
        add_child(out, node, width, indent);
    }
}

void render_text(output_t *out, const ec_answer_t *answer)
{
    const xmlNode *only = answer->root->children;

    if (only != NULL && !has_siblings(only) && is_value(only) && answer->error == NULL) {
        add_lines(out, value_of(only), INDENT); /* "pid" says the number and nothing else */
    } else {
        add_children(out, answer->root, 0);
    }
    if (answer->error != NULL) {
        add_lines(out, answer->error, INDENT);
    }
}
