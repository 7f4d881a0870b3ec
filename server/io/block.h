/* block.h - what the streams of one loop share: free blocks and the list for the end of the turn
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread: the loop's, for everything. */
#ifndef IO_BLOCK_H
#define IO_BLOCK_H

#include <ec/loop.h>
#include "util/list.h"

enum {
    IO_BLOCK_SIZE = 16 * 1024, /* data bytes of a block of the free list */
    IO_BLOCKS_KEPT = 256       /* free blocks a loop keeps: 4 MiB */
};

/** A piece of output or the input buffer.  `room` 0: the data is somebody else's. */
typedef struct io_block io_block_t;
struct io_block {
    io_block_t *next;
    const char *data; /* what is still to be used: data[0..len) */
    apr_size_t len;
    apr_size_t room;
    char bytes[];
};

typedef struct {
    ec_loop_t *loop;
    util_list_t turn; /* streams with something to do when the turn is over */
    ec_post_t post;
    int is_posted;
    io_block_t *free;
    int n_free;
} io_loop_t;

/** The shared part of `loop`, made when first asked for; ends with the loop's pool. */
io_loop_t *io_loop_of(ec_loop_t *loop);

/** A block with room for `size` bytes: from the free list when it is large enough for that.  Never NULL
 * (memory that has run out ends the process, as everywhere with APR). */
io_block_t *io_block_get(io_loop_t *shared, apr_size_t size);
/** Takes `block`. */
void io_block_put(io_loop_t *shared, io_block_t *block);

#endif
