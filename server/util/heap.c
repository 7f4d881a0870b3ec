/* heap.c - binary heap by time
 * SPDX-License-Identifier: Apache-2.0
 *
 * Places count from 1 so that an item's slot 0 means "not here": the children of
 * place p are 2p and 2p + 1, and place p is entries[p - 1]. */
#include <stdlib.h>

#include <ec/status.h>

#include "util/heap.h"

enum { SIZE_MIN = 16 };

void util_heap_init(util_heap_t *heap, apr_size_t slot_offset)
{
    *heap = (util_heap_t){ .slot_offset = slot_offset };
}

void util_heap_free(util_heap_t *heap)
{
    free(heap->entries);
    util_heap_init(heap, heap->slot_offset);
}

static apr_size_t *slot_of(const util_heap_t *heap, void *item)
{
    return (apr_size_t *)((char *)item + heap->slot_offset);
}

static void put(util_heap_t *heap, apr_size_t place, util_heap_entry_t entry)
{
    heap->entries[place - 1] = entry;
    *slot_of(heap, entry.item) = place;
}

static void sift_up(util_heap_t *heap, apr_size_t place, util_heap_entry_t entry)
{
    while (place > 1 && heap->entries[place / 2 - 1].key > entry.key) {
        put(heap, place, heap->entries[place / 2 - 1]);
        place /= 2;
    }
    put(heap, place, entry);
}

static void sift_down(util_heap_t *heap, apr_size_t place, util_heap_entry_t entry)
{
    for (apr_size_t child; (child = place * 2) <= heap->count; place = child) {
        if (child < heap->count && heap->entries[child].key < heap->entries[child - 1].key) {
            child++;
        }
        if (heap->entries[child - 1].key >= entry.key) {
            break;
        }
        put(heap, place, heap->entries[child - 1]);
    }
    put(heap, place, entry);
}

static void sift(util_heap_t *heap, apr_size_t place, util_heap_entry_t entry)
{
    if (place > 1 && heap->entries[place / 2 - 1].key > entry.key) {
        sift_up(heap, place, entry);
    } else {
        sift_down(heap, place, entry);
    }
}

static void resize(util_heap_t *heap, apr_size_t size)
{
    util_heap_entry_t *entries = realloc(heap->entries, size * sizeof *entries);

    EC_ASSERT(entries != NULL);
    heap->entries = entries;
    heap->size = size;
}

void util_heap_add(util_heap_t *heap, void *item, apr_time_t key)
{
    EC_ASSERT(*slot_of(heap, item) == 0);
    if (heap->count == heap->size) {
        resize(heap, heap->size < SIZE_MIN ? SIZE_MIN : heap->size * 2);
    }
    heap->count++;
    sift_up(heap, heap->count, (util_heap_entry_t){ key, item });
}

void util_heap_move(util_heap_t *heap, void *item, apr_time_t key)
{
    apr_size_t place = *slot_of(heap, item);

    EC_ASSERT(place > 0 && place <= heap->count && heap->entries[place - 1].item == item);
    sift(heap, place, (util_heap_entry_t){ key, item });
}

void util_heap_remove(util_heap_t *heap, void *item)
{
    apr_size_t place = *slot_of(heap, item);
    util_heap_entry_t last;

    EC_ASSERT(place > 0 && place <= heap->count && heap->entries[place - 1].item == item);
    *slot_of(heap, item) = 0;
    last = heap->entries[--heap->count];
    if (last.item != item) {
        sift(heap, place, last);
    }
    if (heap->size > SIZE_MIN && heap->count < heap->size / 4) {
        resize(heap, heap->size / 2);
    }
}

void *util_heap_first(const util_heap_t *heap)
{
    return heap->count > 0 ? heap->entries[0].item : NULL;
}

apr_time_t util_heap_first_key(const util_heap_t *heap)
{
    EC_ASSERT(heap->count > 0);
    return heap->entries[0].key;
}
