/* tree.c - answers of commands as bytes
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/tree.h"

#include <string.h>

#include <apr_strings.h>

enum { END = 0, KINDS = EC_NODE_NOTE + 1, ERROR_MAX = 64 * 1024 };

static int has_children(ec_node_kind_t kind)
{
    return kind == EC_NODE_GROUP || kind == EC_NODE_TABLE || kind == EC_NODE_ROW;
}

/* ---- writing ---------------------------------------------------------------------------------- */

struct writing {
    wire_writer_t *writer;
    apr_size_t end; /* what begins behind this is left out */
    apr_pool_t *scratch;
    int is_cut;
};

static void write_text(wire_writer_t *writer, const char *text)
{
    wire_write_bytes(writer, text, strlen(text));
}

static void write_value(struct writing *writing, const ec_node_t *node)
{
    const char *value = ec_node_value(node, writing->scratch);
    apr_size_t length = strlen(value);
    apr_size_t room = writing->end > writing->writer->length ? writing->end - writing->writer->length : 0;

    writing->is_cut |= length > room;
    wire_write_bytes(writing->writer, value, length > room ? room : length);
    apr_pool_clear(writing->scratch);
}

static void write_nodes(struct writing *writing, const ec_node_t *node, int depth)
{
    for (; node != NULL; node = ec_node_next(node)) {
        ec_node_kind_t kind = ec_node_kind(node);

        if (writing->writer->length >= writing->end || depth > TREE_DEPTH_MAX) {
            writing->is_cut = 1;
            break;
        }
        wire_write(writing->writer, (apr_uint64_t)kind + 1);
        write_text(writing->writer, ec_node_name(node));
        if (has_children(kind))
            write_nodes(writing, ec_node_first(node), depth + 1);
        else
            write_value(writing, node);
    }
    wire_write(writing->writer, END);
}

static void write_error(wire_writer_t *writer, const char *error)
{
    wire_write(writer, error != NULL);
    if (error != NULL)
        wire_write_bytes(writer, error, strnlen(error, ERROR_MAX));
}

void remote_tree_write(wire_writer_t *writer, ec_answer_t *answer, apr_size_t max)
{
    enum { MARGIN = 1024 }; /* the ends of what is open, a name, and the lengths */
    struct writing writing = { .writer = writer, .end = writer->length + max - MARGIN };

    EC_ASSERT(max > MARGIN && apr_pool_create(&writing.scratch, ec_answer_pool(answer)) == APR_SUCCESS);
    write_error(writer, ec_answer_error_text(answer));
    write_nodes(&writing, ec_node_first(ec_answer_root(answer)), 1);
    wire_write(writer, (apr_uint64_t)writing.is_cut);
    apr_pool_destroy(writing.scratch);
}

void remote_tree_write_error(wire_writer_t *writer, const char *error)
{
    write_error(writer, error);
    wire_write(writer, END);
    wire_write(writer, 0);
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* A text ends at its first NUL, wherever its bytes end. */
static const char *read_text(wire_reader_t *reader, apr_size_t max, apr_pool_t *pool)
{
    apr_size_t length;
    const char *bytes = wire_read_bytes(reader, &length, max);

    return apr_pstrmemdup(pool, bytes, length);
}

static struct remote_node *read_nodes(wire_reader_t *reader, int depth, apr_pool_t *pool)
{
    struct remote_node *first = NULL, **last = &first;

    for (;;) {
        apr_uint64_t kind = wire_read_max(reader, KINDS);

        if (reader->is_bad || kind == END)
            return first;
        if (depth > TREE_DEPTH_MAX) {
            reader->is_bad = 1;
            return first;
        }
        *last = apr_pcalloc(pool, sizeof **last);
        (*last)->kind = (ec_node_kind_t)(kind - 1);
        (*last)->name = read_text(reader, TREE_NAME_MAX, pool);
        if (has_children((*last)->kind))
            (*last)->first = read_nodes(reader, depth + 1, pool);
        else
            (*last)->value = read_text(reader, TREE_BYTES_MAX, pool);
        last = &(*last)->next;
    }
}

int remote_tree_read(struct remote_tree *tree, const void *bytes, apr_size_t length, apr_pool_t *pool)
{
    wire_reader_t reader = wire_reader(bytes, length);

    *tree = (struct remote_tree){ NULL, NULL, 0 };
    if (wire_read_max(&reader, 1))
        tree->error = read_text(&reader, ERROR_MAX, pool);
    tree->first = read_nodes(&reader, 1, pool);
    tree->is_cut = (int)wire_read_max(&reader, 1);
    return !reader.is_bad;
}

/* ---- into an answer --------------------------------------------------------------------------- */

void remote_tree_add_value(ec_node_t *parent, const char *name, const struct remote_node *node)
{
    if (node->kind == EC_NODE_NUMBER)
        ec_node_number(parent, name, node->value);
    else
        ec_node_text(parent, name, node->value);
}

static void add_row(ec_node_t *table, const struct remote_node *row)
{
    ec_node_t *to = ec_node_row(table);

    for (const struct remote_node *cell = row->first; cell != NULL; cell = cell->next) {
        if (cell->value != NULL)
            remote_tree_add_value(to, cell->name, cell);
    }
}

static void add_table(ec_node_t *table, const struct remote_node *row)
{
    for (; row != NULL; row = row->next) {
        if (row->kind == EC_NODE_ROW)
            add_row(table, row);
    }
}

/* The renderers rely on it: in a table there are rows, in a row values, and rows are nowhere else. */
static void add(ec_node_t *parent, const struct remote_node *node)
{
    switch (node->kind) {
    case EC_NODE_GROUP:
        remote_tree_add(ec_node_group(parent, node->name), node->first);
        break;
    case EC_NODE_TABLE:
        add_table(ec_node_table(parent, node->name), node->first);
        break;
    case EC_NODE_ROW:
        break;
    case EC_NODE_NOTE:
        ec_node_note(parent, "%s", node->value);
        break;
    default:
        remote_tree_add_value(parent, node->name, node);
    }
}

void remote_tree_add(ec_node_t *parent, const struct remote_node *node)
{
    for (; node != NULL; node = node->next)
        add(parent, node);
}
