/* cluster_console_fuzz.c - any bytes as a request, a reply or an answer of another node's console
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "cluster/remote/protocol.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

/* What was understood says the same when it is written and read again. */
static void request(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    struct remote_request first, second;
    wire_writer_t writer = { 0 };

    if (remote_read_request(&first, data, size, pool) != NULL)
        return;
    remote_is_meant(&first, "node", "default");
    remote_write_request(&writer, &first);
    if (remote_read_request(&second, writer.data, writer.length, pool) != NULL || first.id != second.id ||
        first.n != second.n || strcmp(first.name, second.name) != 0)
        abort();
    wire_free(&writer);
}

static void piece(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    struct remote_piece first, second;
    wire_writer_t writer = { 0 };

    if (remote_read_piece(&first, data, size, pool) != NULL)
        return;
    if (first.offset + first.length > first.total)
        abort();
    remote_write_piece(&writer, &first);
    if (remote_read_piece(&second, writer.data, writer.length, pool) != NULL || first.id != second.id ||
        first.length != second.length)
        abort();
    wire_free(&writer);
}

static void count(const struct remote_node *node, int depth)
{
    if (depth > TREE_DEPTH_MAX)
        abort();
    for (; node != NULL; node = node->next) {
        if (strlen(node->name) > TREE_NAME_MAX)
            abort();
        if (node->value == NULL)
            count(node->first, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct remote_tree tree;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    remote_peek_id(data, size);
    request(data, size, pool);
    piece(data, size, pool);
    if (remote_tree_read(&tree, data, size, pool))
        count(tree.first, 0);
    apr_pool_destroy(pool);
    return 0;
}
