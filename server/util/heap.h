/* heap.h - binary heap by time, for timers and for what waits in queues
 * SPDX-License-Identifier: Apache-2.0
 *
 * Items stay where they are; each has an apr_size_t that the heap writes its place
 * into (0: not in the heap), found at the offset given to util_heap_init().  Keys
 * stand beside the pointers, so sifting does not touch the items.  Equal keys come
 * out in any order.  The array grows by malloc; running out of memory ends the
 * process.  Thread: the owner's. */
#ifndef UTIL_HEAP_H
#define UTIL_HEAP_H

#include <apr.h>
#include <apr_time.h>

typedef struct {
    apr_time_t key;
    void *item;
} util_heap_entry_t;

typedef struct {
    util_heap_entry_t *entries;
    apr_size_t count;
    apr_size_t size;
    apr_size_t slot_offset;
} util_heap_t;

/** Makes an empty heap of items whose slot is at `slot_offset` (use offsetof). */
void util_heap_init(util_heap_t *heap, apr_size_t slot_offset);
/** Releases the array, not the items. */
void util_heap_free(util_heap_t *heap);

/** Keeps `item`, whose slot must be 0. */
void util_heap_add(util_heap_t *heap, void *item, apr_time_t key);
/** Gives an item of the heap another key. */
void util_heap_move(util_heap_t *heap, void *item, apr_time_t key);
/** Takes an item out and sets its slot to 0. */
void util_heap_remove(util_heap_t *heap, void *item);

/** The item with the least key, or NULL. */
void *util_heap_first(const util_heap_t *heap);
/** Its key.  The heap must not be empty. */
apr_time_t util_heap_first_key(const util_heap_t *heap);

#endif
