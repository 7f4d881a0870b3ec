/* tree.h - answers of commands as bytes, and as trees that were read from bytes
 * SPDX-License-Identifier: Apache-2.0
 *
 *   error: 0, or 1 and its text    nodes of the root ... END    1 when something was left out
 *
 * A node is its kind (1 for a group, as ec_node_kind_t plus one), its name, and its value, or, for those that
 * have children, the children and END (0).  What comes from another node may be damaged or hostile: depth,
 * sizes and kinds are checked, and values become part of an answer only by the functions of ec/command.h,
 * which escape them. Pure; any thread. */
#ifndef CLUSTER_REMOTE_TREE_H
#define CLUSTER_REMOTE_TREE_H

#include <ec/command.h>

#include "cluster/wire/wire.h"

enum {
    TREE_BYTES_MAX = 4 * 1024 * 1024, /* one answer */
    TREE_DEPTH_MAX = 8,
    TREE_NAME_MAX = 63
};

struct remote_node {
    ec_node_kind_t kind;
    const char *name;
    const char *value; /* NULL: it has children */
    struct remote_node *first, *next;
};

struct remote_tree {
    const char *error;         /* NULL: none */
    struct remote_node *first; /* of the root */
    int is_cut;
};

/** Append an answer; of one larger than `max` bytes the rest is left out.  Borrows. */
void remote_tree_write(wire_writer_t *writer, ec_answer_t *answer, apr_size_t max);
/** Append an answer that is nothing but an error. */
void remote_tree_write_error(wire_writer_t *writer, const char *error);
/** Read from bytes; copies into `pool`.  Returns whether they were understood. */
int remote_tree_read(struct remote_tree *tree, const void *bytes, apr_size_t length, apr_pool_t *pool);
/** Add nodes to an answer: `node` and those that follow it. */
void remote_tree_add(ec_node_t *parent, const struct remote_node *node);
/** Add a value, whatever kind it is, under a name of the caller's. */
void remote_tree_add_value(ec_node_t *parent, const char *name, const struct remote_node *node);

#endif
