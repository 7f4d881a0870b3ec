/* compact.c - live messages of the oldest segment move to the head of the log
 * SPDX-License-Identifier: Apache-2.0
 *
 * Always the oldest segment: then its records' states move with the messages, and what kept
 * its successors in place (segment.c) is gone with it.  The keeper reads a slice of messages,
 * with their recipients' states; the writer commits the copies by themselves, if nothing
 * about them has changed since they were read; what has changed is read again later.
 * A slice is small, so that a commit of others waits only some milliseconds for one, and
 * slices are paced by compact_rate. */
#include <stdlib.h>
#include <string.h>

#include "spool/commit.h"
#include "spool/keeper.h"
#include "spool/reader.h"

enum { SLICE = 256 * 1024, SLICE_COUNT = 64, SEGMENTS_MIN = 4, PAUSE_FAILED = APR_USEC_PER_SEC };

/* Where a message was when the slice was chosen. */
struct choice {
    spool_place_t place;
    apr_uint32_t index, length, n_rcpts;
};

static int is_worth_it(const spool_t *spool)
{
    apr_uint64_t least = (apr_uint64_t)SEGMENTS_MIN * spool->segment_size;
    apr_uint64_t most = spool->live_bytes * 2 > least ? spool->live_bytes * 2 : least;

    return spool->total_bytes > most;
}

int spool_compact_is_due(spool_t *spool)
{
    return spool->is_recovered && spool->n_segments > 1 && spool->segments[0]->is_sealed &&
           spool->segments[0]->n_live > 0 && spool->ready.first != NULL && is_worth_it(spool) &&
           !__atomic_load_n(&spool->is_failed, __ATOMIC_RELAXED) && !spool->keeper->is_compactor_ended &&
           spool->segments[0]->sequence != spool->keeper->stuck;
}

/* The next live messages of the victim, one slice of them.  With the lock held. */
static apr_size_t choose(spool_keeper_t *keeper, struct choice *choices)
{
    spool_segment_t *victim = keeper->spool->segments[0];
    apr_size_t n = 0, bytes = 0;

    if (victim->sequence != keeper->victim || keeper->cursor >= victim->n_refs) {
        keeper->victim = victim->sequence;
        keeper->cursor = 0;
    }
    while (keeper->cursor < victim->n_refs && n < SLICE_COUNT && bytes < SLICE) {
        const spool_ref_t *ref = victim->refs[keeper->cursor++];

        if (ref != NULL) {
            choices[n].place = (spool_place_t){ victim->sequence, ref->offset };
            choices[n].index = ref->index;
            choices[n].length = ref->length;
            choices[n++].n_rcpts = ref->n_rcpts;
            bytes += ref->length;
        }
    }
    return n;
}

/* The reference a choice or copy was made of, if it is still where it was. */
static spool_ref_t *find_ref(spool_t *spool, spool_place_t place, apr_uint32_t index)
{
    spool_segment_t *segment = spool_segments_find(spool, place.sequence);
    spool_ref_t *ref = segment == NULL || index >= segment->n_refs ? NULL : segment->refs[index];

    return ref != NULL && ref->offset == place.offset ? ref : NULL;
}

static void copy_free(spool_copy_t *copy)
{
    if (copy->batch != NULL) {
        ec_batch_unref(copy->batch);
    }
    for (apr_uint32_t i = 0; copy->replies != NULL && i < copy->n_rcpts; i++) {
        free(copy->replies[i]);
    }
    free(copy->replies);
    free(copy->rcpts);
    free(copy->states);
    free(copy->image);
    free(copy);
}

/* What the references say of the recipients now.  0 when the message has gone. */
static int take_states(spool_t *spool, spool_copy_t *copy)
{
    spool_ref_t *ref;

    spool_lock(spool);
    ref = find_ref(spool, copy->from, copy->index);
    for (apr_uint32_t i = 0; ref != NULL && i < copy->n_rcpts; i++) {
        copy->states[i] = *spool_ref_state(ref, i);
        copy->rcpts[i].flags = *spool_ref_flags(ref, i);
    }
    spool_unlock(spool);
    return ref != NULL;
}

/* A STATE that is in a record of its own. */
static apr_status_t read_state(spool_t *spool, spool_copy_t *copy, apr_uint32_t i)
{
    spool_cursor_t cursor;
    spool_image_t image;
    spool_note_t note;
    apr_status_t rv;

    EC_TRY(spool_image_read(&image, spool, copy->states[i], SPOOL_HEAD + SPOOL_STATE_SIZE));
    cursor = (spool_cursor_t){ image.bytes + SPOOL_HEAD, image.bytes + SPOOL_HEAD + image.record.meta, 0 };
    rv = image.record.type == SPOOL_RECORD_STATE ? spool_note_get(&cursor, &note, 1) : EC_E_SPOOL_CORRUPT;
    if (rv == APR_SUCCESS) {
        copy->replies[i] = strdup(note.state.reply);
        copy->rcpts[i].state = note.state;
        copy->rcpts[i].state.reply = copy->replies[i];
    }
    spool_image_free(&image);
    return rv;
}

static apr_status_t read_states(spool_t *spool, spool_copy_t *copy)
{
    for (apr_uint32_t i = 0; i < copy->n_rcpts; i++) {
        if ((copy->rcpts[i].flags & SPOOL_IS_DROPPED) != 0) {
            copy->rcpts[i].state.reply = ""; /* nobody asks any more */
        } else if (copy->states[i].sequence != 0) {
            EC_TRY(read_state(spool, copy, i));
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_copy(spool_t *spool, spool_copy_t *copy, const struct choice *choice)
{
    spool_image_t image;

    EC_TRY(spool_image_read(&image, spool, choice->place, choice->length));
    copy->image = image.bytes;
    copy->body_crc = image.record.body_crc;
    EC_TRY(spool_image_batch(&copy->batch, spool, &image, &copy->rcpts));
    if ((apr_uint32_t)copy->batch->n_rcpts != choice->n_rcpts) {
        return EC_E_SPOOL_CORRUPT;
    }
    copy->n_rcpts = choice->n_rcpts;
    copy->states = calloc(copy->n_rcpts, sizeof *copy->states);
    copy->replies = calloc(copy->n_rcpts, sizeof *copy->replies);
    if (copy->states == NULL || copy->replies == NULL) {
        return APR_ENOMEM;
    }
    if (!take_states(spool, copy)) {
        return EC_E_NOT_FOUND;
    }
    return read_states(spool, copy);
}

/* A message that is damaged stays where it is, and with it its segment, until the next start sets it aside.
 */
static void report_stuck(spool_keeper_t *keeper, const struct choice *choice, apr_status_t rv)
{
    int is_lasting = rv == EC_E_SPOOL_CORRUPT || APR_STATUS_IS_ENOENT(rv);

    keeper->is_paused = 1;
    if (is_lasting) {
        keeper->stuck = choice->place.sequence;
    }
    ec_log_rv(keeper->spool->log, is_lasting ? EC_LOG_ERROR : EC_LOG_WARNING, rv,
              "message can not be read for compaction, it stays segment=%08x offset=%u",
              choice->place.sequence, choice->place.offset);
}

/* NULL when the message has gone or can not be read. */
static spool_copy_t *make_copy(spool_keeper_t *keeper, const struct choice *choice)
{
    spool_t *spool = keeper->spool;
    spool_copy_t *copy = calloc(1, sizeof *copy);
    apr_status_t rv;
    int is_there;

    if (copy == NULL) {
        return NULL;
    }
    copy->request.verb = (spool_verb_t)SPOOL_COPY;
    copy->from = choice->place;
    copy->index = choice->index;
    rv = read_copy(spool, copy, choice);
    if (rv == APR_SUCCESS) {
        return copy;
    }
    copy_free(copy);
    spool_lock(spool);
    is_there = find_ref(spool, choice->place, choice->index) != NULL;
    spool_unlock(spool);
    if (is_there) {
        report_stuck(keeper, choice, rv);
    }
    return NULL;
}

static void await_copies(spool_keeper_t *keeper)
{
    while (keeper->copies_out > 0) {
        pthread_cond_wait(&keeper->copies_done, &keeper->spool->lock);
    }
}

void spool_compact_slice(spool_t *spool)
{
    spool_keeper_t *keeper = spool->keeper;
    struct choice choices[SLICE_COUNT];
    apr_size_t n = 0, bytes = 0;

    spool_lock(spool);
    if (spool_compact_is_due(spool)) {
        n = choose(keeper, choices);
    }
    keeper->is_compacting = 1;
    spool_unlock(spool);
    keeper->is_paused = 0;
    for (apr_size_t i = 0; i < n; i++) {
        spool_copy_t *copy = make_copy(keeper, &choices[i]);

        if (copy != NULL) {
            bytes += choices[i].length;
            spool_lock(spool);
            keeper->copies_out++;
            spool_unlock(spool);
            spool_push(spool, &copy->request);
        }
    }
    spool_lock(spool);
    await_copies(keeper);
    keeper->is_compacting = 0;
    pthread_cond_broadcast(&keeper->copies_done);
    spool_unlock(spool);
    keeper->compact_after = apr_time_now() + (keeper->is_paused ? PAUSE_FAILED : 0) +
                            (apr_time_t)(bytes * APR_USEC_PER_SEC / spool->compact_rate);
}

spool_ref_t *spool_compact_check(spool_t *spool, const spool_copy_t *copy)
{
    spool_ref_t *ref = find_ref(spool, copy->from, copy->index);

    for (apr_uint32_t i = 0; ref != NULL && i < copy->n_rcpts; i++) {
        const spool_place_t *state = spool_ref_state(ref, i);

        if (*spool_ref_flags(ref, i) != copy->rcpts[i].flags || state->sequence != copy->states[i].sequence ||
            state->offset != copy->states[i].offset) {
            return NULL;
        }
    }
    return ref;
}

void spool_compact_finish(spool_t *spool, spool_copy_t *copy)
{
    copy_free(copy);
    spool_lock(spool);
    if (--spool->keeper->copies_out == 0) {
        pthread_cond_broadcast(&spool->keeper->copies_done);
    }
    spool_unlock(spool);
}

void spool_compact_stop(spool_t *spool)
{
    spool_keeper_t *keeper = spool->keeper;

    if (keeper == NULL) {
        return;
    }
    spool_lock(spool);
    keeper->is_compactor_ended = 1;
    while (keeper->is_compacting) {
        pthread_cond_wait(&keeper->copies_done, &spool->lock);
    }
    spool_unlock(spool);
}
