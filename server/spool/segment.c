/* segment.c - segments and references in memory; when a segment may go
 * SPDX-License-Identifier: Apache-2.0
 *
 * When may a segment go?  No message in it is open, and no record in it still holds down
 * something older: a DROP in it settles a message of an older segment, and without the DROP
 * that message would come back at the next start.  So each segment knows the lowest sequence
 * that its records speak of and stays until all segments from there on are gone.  A copy made
 * by the compactor speaks of the place it was copied from, so the chain holds for copies, too. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/store.h"

/* ---- references --------------------------------------------------------------------- */

spool_ref_t *spool_ref_create(const ec_id_t *large_id, apr_uint32_t n_rcpts)
{
    spool_ref_t *ref = calloc(1, sizeof *ref + (large_id != NULL ? sizeof *large_id : 0));

    if (ref == NULL) {
        return NULL;
    }
    ref->n_rcpts = ref->n_open = n_rcpts;
    if (large_id != NULL) {
        ref->is_large = 1;
        ref->large_id[0] = *large_id;
    }
    if (n_rcpts > 1) {
        ref->of.many = calloc(n_rcpts, sizeof *ref->of.many);
        if (ref->of.many == NULL) {
            free(ref);
            return NULL;
        }
    }
    return ref;
}

void spool_ref_destroy(spool_ref_t *ref)
{
    if (ref->n_rcpts > 1) {
        free(ref->of.many);
    }
    free(ref);
}

unsigned char *spool_ref_flags(spool_ref_t *ref, apr_uint32_t rcpt)
{
    EC_ASSERT(rcpt < ref->n_rcpts);
    return ref->n_rcpts > 1 ? &ref->of.many[rcpt].flags : &ref->flags;
}

spool_place_t *spool_ref_state(spool_ref_t *ref, apr_uint32_t rcpt)
{
    EC_ASSERT(rcpt < ref->n_rcpts);
    return ref->n_rcpts > 1 ? &ref->of.many[rcpt].state : &ref->of.state;
}

/* ---- a segment ---------------------------------------------------------------------- */

spool_segment_t *spool_segment_create(apr_uint32_t sequence, apr_uint64_t nonce, apr_size_t size)
{
    spool_segment_t *segment = calloc(1, sizeof *segment);

    EC_ASSERT(segment != NULL);
    segment->sequence = segment->low = sequence;
    segment->nonce = nonce;
    segment->size = size;
    segment->end = SPOOL_START;
    segment->fd = -1;
    return segment;
}

void spool_segment_destroy(spool_segment_t *segment)
{
    EC_ASSERT(segment->n_live == 0);
    if (segment->fd >= 0) {
        close(segment->fd);
    }
    free(segment->refs);
    free(segment);
}

void spool_segment_add(spool_segment_t *segment, spool_ref_t *ref, apr_size_t offset, apr_size_t length)
{
    if (segment->n_refs == segment->room_refs) {
        apr_uint32_t room = segment->room_refs == 0 ? 64 : segment->room_refs * 2;
        spool_ref_t **refs = realloc(segment->refs, room * sizeof(spool_ref_t *));

        EC_ASSERT(refs != NULL);
        segment->refs = refs;
        segment->room_refs = room;
    }
    ref->segment = segment;
    ref->offset = (apr_uint32_t)offset;
    ref->length = (apr_uint32_t)length;
    ref->index = segment->n_refs;
    segment->refs[segment->n_refs++] = ref;
    segment->n_live++;
    segment->live_bytes += spool_align(length);
}

void spool_segment_remove(spool_ref_t *ref)
{
    spool_segment_t *segment = ref->segment;

    segment->refs[ref->index] = NULL;
    segment->n_live--;
    segment->live_bytes -= spool_align(ref->length);
    if (segment->n_live == 0) { /* nobody looks for anything in it any more */
        free(segment->refs);
        segment->refs = NULL;
        segment->n_refs = segment->room_refs = 0;
    }
}

void spool_segment_refer(spool_segment_t *segment, apr_uint32_t sequence)
{
    if (sequence != 0 && sequence < segment->low) {
        segment->low = sequence;
    }
}

void spool_segment_push(spool_segment_list_t *list, spool_segment_t *segment)
{
    segment->next = NULL;
    *(list->first == NULL ? &list->first : &list->last->next) = segment;
    list->last = segment;
}

spool_segment_t *spool_segment_pop(spool_segment_list_t *list)
{
    spool_segment_t *segment = list->first;

    if (segment != NULL) {
        list->first = segment->next;
    }
    return segment;
}

/* ---- all segments ------------------------------------------------------------------- */

void spool_segments_insert(spool_t *spool, spool_segment_t *segment)
{
    apr_size_t i = spool->n_segments;

    if (spool->n_segments == spool->room_segments) {
        apr_size_t room = spool->room_segments == 0 ? 16 : spool->room_segments * 2;
        spool_segment_t **segments = realloc(spool->segments, room * sizeof(spool_segment_t *));

        EC_ASSERT(segments != NULL);
        spool->segments = segments;
        spool->room_segments = room;
    }
    while (i > 0 && spool->segments[i - 1]->sequence > segment->sequence) {
        spool->segments[i] = spool->segments[i - 1];
        i--;
    }
    spool->segments[i] = segment;
    spool->n_segments++;
    spool->total_bytes += segment->size;
    spool->live_bytes += segment->live_bytes;
    spool->batches += segment->n_live;
}

spool_segment_t *spool_segments_find(spool_t *spool, apr_uint32_t sequence)
{
    apr_size_t low = 0, high = spool->n_segments;

    while (low < high) {
        apr_size_t middle = (low + high) / 2;

        if (spool->segments[middle]->sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < spool->n_segments && spool->segments[low]->sequence == sequence ? spool->segments[low]
                                                                                 : NULL;
}

/* `before` is the newest segment that is older and stays. */
static int is_needed(const spool_segment_t *segment, const spool_segment_t *before)
{
    return !segment->is_sealed || segment->n_live > 0 || (before != NULL && before->sequence >= segment->low);
}

void spool_segments_sweep(spool_t *spool)
{
    apr_size_t kept = 0;

    if (!spool->is_recovered) {
        return; /* what the new segments speak of is not known to be gone */
    }
    spool->is_sweep_due = 0;
    for (apr_size_t i = 0; i < spool->n_segments; i++) {
        spool_segment_t *segment = spool->segments[i];

        if (is_needed(segment, kept == 0 ? NULL : spool->segments[kept - 1])) {
            spool->segments[kept++] = segment;
        } else {
            spool->total_bytes -= segment->size;
            spool_segment_push(&spool->dead, segment);
        }
    }
    spool->n_segments = kept;
}

static void leave_file(spool_t *spool, const spool_ref_t *ref)
{
    spool_leftover_t *leftover = malloc(sizeof *leftover);

    if (leftover != NULL) { /* else recovery finds it */
        leftover->id = ref->large_id[0];
        leftover->next = spool->leftovers;
        spool->leftovers = leftover;
    }
}

void spool_drop(spool_t *spool, spool_ref_t *ref, apr_uint32_t rcpt)
{
    unsigned char *flags = spool_ref_flags(ref, rcpt);

    if (*flags & SPOOL_IS_DROPPED) {
        return;
    }
    *flags |= SPOOL_IS_DROPPED;
    if (--ref->n_open == 0) {
        if (ref->is_large) {
            leave_file(spool, ref);
        }
        spool->live_bytes -= spool_align(ref->length);
        spool->batches--;
        spool->is_sweep_due |= ref->segment->n_live == 1;
        spool_segment_remove(ref);
        spool_ref_destroy(ref);
    }
}
