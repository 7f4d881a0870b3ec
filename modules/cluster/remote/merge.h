/* merge.h - the answers of several nodes as one answer
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tables of the same name become one, with the node in front of each row.  Values outside of tables become a
 * row for each node, in the table "answers"; so do an error, a note, and the reason why there is no answer.
 * A group becomes a group of what the groups of this name hold, by the same rules; one of values alone, a
 * table. Pure; any thread. */
#ifndef CLUSTER_REMOTE_MERGE_H
#define CLUSTER_REMOTE_MERGE_H

#include "cluster/remote/tree.h"

struct merge_part {
    const char *node;
    struct remote_tree tree; /* empty without an answer */
    const char *reason;      /* why there is none; NULL */
};

/** Borrows the parts. */
void merge_show(ec_node_t *root, const struct merge_part *parts, int n, apr_pool_t *pool);

#endif
