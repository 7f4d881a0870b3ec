/* block.c - free blocks of a loop
 * SPDX-License-Identifier: Apache-2.0
 *
 * The list is last in, first out: the block in use is the one that is warm in the
 * processor's cache.  What is above IO_BLOCKS_KEPT goes back to the system, so a flood
 * of busy connections leaves no lasting mark. */
#include <stdlib.h>

#include "io/block.h"

enum { LOOPS_MAX = 1024 };

/* One slot per loop, used by that loop's thread only. */
static io_loop_t *loops[LOOPS_MAX];

static apr_status_t forget(void *data)
{
    io_loop_t *shared = data;
    io_block_t *block;

    while ((block = shared->free) != NULL) {
        shared->free = block->next;
        free(block);
    }
    for (int i = 0; i < LOOPS_MAX; i++) {
        if (loops[i] == shared) {
            loops[i] = NULL;
        }
    }
    free(shared);
    return APR_SUCCESS;
}

io_loop_t *io_loop_of(ec_loop_t *loop)
{
    int i = ec_loop_index(loop);
    io_loop_t *shared;

    EC_ASSERT(i >= 0 && i < LOOPS_MAX);
    if (loops[i] != NULL) {
        return loops[i];
    }
    shared = calloc(1, sizeof *shared);
    EC_ASSERT(shared != NULL);
    shared->loop = loop;
    util_list_init(&shared->turn);
    loops[i] = shared;
    apr_pool_cleanup_register(ec_loop_pool(loop), shared, forget, apr_pool_cleanup_null);
    return shared;
}

io_block_t *io_block_get(io_loop_t *shared, apr_size_t size)
{
    apr_size_t room = size <= IO_BLOCK_SIZE ? IO_BLOCK_SIZE : size;
    io_block_t *block = shared->free;

    if (room == IO_BLOCK_SIZE && block != NULL) {
        shared->free = block->next;
        shared->n_free--;
    } else {
        block = malloc(sizeof *block + room);
        EC_ASSERT(block != NULL);
    }
    block->next = NULL;
    block->data = block->bytes;
    block->len = 0;
    block->room = room;
    return block;
}

void io_block_put(io_loop_t *shared, io_block_t *block)
{
    if (block->room != IO_BLOCK_SIZE || shared->n_free >= IO_BLOCKS_KEPT) {
        free(block);
        return;
    }
    block->next = shared->free;
    shared->free = block;
    shared->n_free++;
}
