/* merge.c - the answers of several nodes as one answer
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/merge.h"

#include <string.h>

/* What one node has at one place of the tree. */
struct place {
    const char *node;
    const struct remote_node *first;
    const char *error, *reason; /* at the root */
    int is_cut;
};

static int is_value(const struct remote_node *node)
{
    return node->kind == EC_NODE_TEXT || node->kind == EC_NODE_NUMBER;
}

/* "node" is our own column. */
static void add_cell(ec_node_t *row, const struct remote_node *cell)
{
    remote_tree_add_value(row, strcmp(cell->name, "node") == 0 ? "of_node" : cell->name, cell);
}

/* "node: n1" of n1 says nothing new. */
static int is_own_name(const struct place *place, const struct remote_node *node)
{
    return strcmp(node->name, "node") == 0 && strcmp(node->value, place->node) == 0;
}

/* ---- values, notes, errors: a row for each node ----------------------------------------------------------
 */

static int count_of(const struct remote_node *node, ec_node_kind_t kind)
{
    int n = 0;

    for (; node != NULL; node = node->next)
        n += node->kind == kind;
    return n;
}

static int has_row(const struct place *place, int with_note)
{
    for (const struct remote_node *node = place->first; node != NULL; node = node->next) {
        if (is_value(node) || (with_note && node->kind == EC_NODE_NOTE))
            return 1;
    }
    return place->error != NULL || place->reason != NULL || place->is_cut;
}

static void add_row(ec_node_t *table, const struct place *place, int with_note)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "node", place->node);
    for (const struct remote_node *node = place->first; node != NULL; node = node->next) {
        if (is_value(node) && !is_own_name(place, node))
            add_cell(row, node);
        else if (node->kind == EC_NODE_NOTE && with_note)
            ec_node_text(row, "note", node->value);
    }
    if (place->error != NULL)
        ec_node_text(row, "error", place->error);
    else if (place->reason != NULL)
        ec_node_text(row, "error", place->reason);
    else if (place->is_cut)
        ec_node_text(row, "error", "the answer was too large: its end is missing");
}

static void show_rows(ec_node_t *parent, const char *name, const struct place *places, int n, int with_note)
{
    ec_node_t *table = NULL;

    for (int i = 0; i < n; i++) {
        if (!has_row(&places[i], with_note))
            continue;
        if (table == NULL)
            table = ec_node_table(parent, name);
        add_row(table, &places[i], with_note);
    }
}

/* Lines of text rather than a note: a table of their own. */
static void show_notes(ec_node_t *parent, const struct place *places, int n)
{
    ec_node_t *table = ec_node_table(parent, "notes");

    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next) {
            if (node->kind == EC_NODE_NOTE) {
                ec_node_t *row = ec_node_row(table);

                ec_node_text(row, "node", places[i].node);
                ec_node_text(row, "note", node->value);
            }
        }
    }
}

/* ---- tables and groups of one name
 * ------------------------------------------------------------------------- */

static int is_like(const struct remote_node *a, const struct remote_node *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* Has one of this kind and name been shown, that stood before `node` of place `at`? */
static int was_before(const struct place *places, int at, const struct remote_node *node)
{
    for (int i = 0; i <= at; i++) {
        for (const struct remote_node *other = places[i].first; other != NULL && (i < at || other != node);
             other = other->next) {
            if (is_like(other, node))
                return 1;
        }
    }
    return 0;
}

static void show_table(ec_node_t *parent, const struct place *places, int n, const struct remote_node *like)
{
    ec_node_t *table = ec_node_table(parent, like->name);

    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next) {
            for (const struct remote_node *row = is_like(node, like) ? node->first : NULL; row != NULL;
                 row = row->next) {
                ec_node_t *to = ec_node_row(table);

                ec_node_text(to, "node", places[i].node);
                for (const struct remote_node *cell = row->first; cell != NULL; cell = cell->next) {
                    if (cell->value != NULL)
                        add_cell(to, cell);
                }
            }
        }
    }
}

static void show_places(ec_node_t *parent, const char *rows, const struct place *places, int n,
                        apr_pool_t *pool);

static int is_flat(const struct place *places, int n)
{
    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next) {
            if (!is_value(node))
                return 0;
        }
    }
    return 1;
}

/* A node may have several groups of one name: each is a place. */
static void show_group(ec_node_t *parent, const struct place *places, int n, const struct remote_node *like,
                       apr_pool_t *pool)
{
    struct place *inner;
    int n_inner = 0;

    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next)
            n_inner += is_like(node, like);
    }
    inner = apr_pcalloc(pool, (apr_size_t)n_inner * sizeof *inner);
    n_inner = 0;
    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next) {
            if (is_like(node, like))
                inner[n_inner++] = (struct place){ .node = places[i].node, .first = node->first };
        }
    }
    if (is_flat(inner, n_inner))
        show_rows(parent, like->name, inner, n_inner, 0);
    else
        show_places(ec_node_group(parent, like->name), "values", inner, n_inner, pool);
}

static void show_places(ec_node_t *parent, const char *rows, const struct place *places, int n,
                        apr_pool_t *pool)
{
    int notes = 0;

    for (int i = 0; i < n; i++) {
        int count = count_of(places[i].first, EC_NODE_NOTE);

        notes = count > notes ? count : notes;
    }
    show_rows(parent, rows, places, n, notes == 1);
    for (int i = 0; i < n; i++) {
        for (const struct remote_node *node = places[i].first; node != NULL; node = node->next) {
            if ((node->kind != EC_NODE_TABLE && node->kind != EC_NODE_GROUP) || was_before(places, i, node))
                continue;
            if (node->kind == EC_NODE_TABLE)
                show_table(parent, places, n, node);
            else
                show_group(parent, places, n, node, pool);
        }
    }
    if (notes > 1)
        show_notes(parent, places, n);
}

void merge_show(ec_node_t *root, const struct merge_part *parts, int n, apr_pool_t *pool)
{
    struct place *places = apr_pcalloc(pool, (apr_size_t)(n > 0 ? n : 1) * sizeof *places);

    for (int i = 0; i < n; i++) {
        places[i] = (struct place){ .node = parts[i].node,
                                    .first = parts[i].tree.first,
                                    .error = parts[i].tree.error,
                                    .reason = parts[i].reason,
                                    .is_cut = parts[i].tree.is_cut };
    }
    show_places(root, "answers", places, n, pool);
}
