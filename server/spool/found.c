/* found.c - records change the model
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "spool/found.h"

enum { AREA = 256 * 1024 };

struct spool_area {
    spool_area_t *next;
    apr_size_t used, room;
    unsigned char data[];
};

/* ---- segments ---------------------------------------------------------------------------- */

void spool_model_add_segment(spool_model_t *model, apr_uint32_t sequence)
{
    if (model->n_segments == model->room_segments) {
        apr_size_t room = model->room_segments == 0 ? 16 : model->room_segments * 2;
        spool_old_t *segments = realloc(model->segments, room * sizeof *segments);

        EC_ASSERT(segments != NULL);
        model->segments = segments;
        model->room_segments = room;
    }
    memset(&model->segments[model->n_segments], 0, sizeof *model->segments);
    model->segments[model->n_segments++].sequence = sequence;
}

static int compare_segments(const void *a, const void *b)
{
    apr_uint32_t one = ((const spool_old_t *)a)->sequence, two = ((const spool_old_t *)b)->sequence;

    return one < two ? -1 : one > two;
}

void spool_model_sort(spool_model_t *model)
{
    if (model->n_segments > 1) {
        qsort(model->segments, model->n_segments, sizeof *model->segments, compare_segments);
    }
}

spool_old_t *spool_model_find(spool_model_t *model, apr_uint32_t sequence)
{
    spool_old_t key = { .sequence = sequence };

    return model->n_segments == 0
               ? NULL
               : bsearch(&key, model->segments, model->n_segments, sizeof key, compare_segments);
}

/* Memory that lives until spool_old_forget(). */
static void *area_take(spool_old_t *old, apr_size_t length)
{
    spool_area_t *area = old->areas;
    void *at;

    length = spool_align(length);
    if (area == NULL || area->room - area->used < length) {
        apr_size_t room = length > AREA ? length : AREA;

        area = malloc(sizeof *area + room);
        EC_ASSERT(area != NULL);
        area->next = old->areas;
        area->used = 0;
        area->room = room;
        old->areas = area;
    }
    at = area->data + area->used;
    area->used += length;
    return at;
}

void spool_old_forget(spool_old_t *old)
{
    while (old->areas != NULL) {
        spool_area_t *next = old->areas->next;

        free(old->areas);
        old->areas = next;
    }
    free(old->messages);
    old->messages = NULL;
    old->n_messages = old->room_messages = old->n_live = 0;
}

void spool_model_free(spool_model_t *model)
{
    for (apr_size_t i = 0; i < model->n_segments; i++) {
        spool_old_t *old = &model->segments[i];

        for (apr_size_t k = 0; k < old->n_messages; k++) {
            if (old->messages[k].ref != NULL) {
                spool_ref_destroy(old->messages[k].ref);
            }
        }
        spool_old_forget(old);
        if (old->segment != NULL) {
            spool_segment_destroy(old->segment);
        }
    }
    free(model->segments);
    memset(model, 0, sizeof *model);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* The live message at `place`, and the segment it is in. */
static spool_found_message_t *find_message(spool_model_t *model, spool_place_t place, spool_old_t **in)
{
    spool_old_t *old = spool_model_find(model, place.sequence);
    apr_size_t low = 0, high = old == NULL ? 0 : old->n_messages;

    while (low < high) {
        apr_size_t middle = (low + high) / 2;

        if (old->messages[middle].offset < place.offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *in = old;
    return old != NULL && low < old->n_messages && old->messages[low].offset == place.offset &&
                   old->messages[low].ref != NULL
               ? &old->messages[low]
               : NULL;
}

static spool_found_message_t *new_message(spool_old_t *old)
{
    if (old->n_messages == old->room_messages) {
        apr_size_t room = old->room_messages == 0 ? 64 : old->room_messages * 2;
        spool_found_message_t *messages = realloc(old->messages, room * sizeof *messages);

        EC_ASSERT(messages != NULL);
        old->messages = messages;
        old->room_messages = room;
    }
    return memset(&old->messages[old->n_messages++], 0, sizeof *old->messages);
}

static void end_message(spool_old_t *old, spool_found_message_t *message)
{
    spool_ref_destroy(message->ref);
    message->ref = NULL;
    if (--old->n_live == 0) {
        spool_old_forget(old); /* later records that speak of it find nothing, as they should */
    }
}

static void drop(spool_model_t *model, spool_place_t place, apr_uint32_t rcpt)
{
    spool_old_t *old;
    spool_found_message_t *message = find_message(model, place, &old);
    unsigned char *flags;

    if (message == NULL || rcpt >= message->ref->n_rcpts) {
        return;
    }
    flags = spool_ref_flags(message->ref, rcpt);
    if ((*flags & SPOOL_IS_DROPPED) == 0) {
        *flags |= SPOOL_IS_DROPPED;
        if (--message->ref->n_open == 0) {
            end_message(old, message);
        }
    }
}

static void raise_slot(spool_model_t *model, ec_id_t id)
{
    model->highest_slot = id.slot > model->highest_slot ? id.slot : model->highest_slot;
}

/* ---- records --------------------------------------------------------------------------------------- */

/* A record in `old` speaks of `sequence`; what is gone already needs no guard. */
static void refer(spool_model_t *model, spool_old_t *old, apr_uint32_t sequence)
{
    if (spool_model_find(model, sequence) != NULL) {
        spool_segment_refer(old->segment, sequence);
    }
}

/* A later reply takes the place of the one before where it can. */
static void learn_reply(spool_old_t *old, spool_known_t *known, const char *reply)
{
    apr_size_t length = strnlen(reply, SPOOL_REPLY_MAX);

    if (length >= known->room) {
        known->room = (apr_uint16_t)spool_align(length + 1);
        known->reply = area_take(old, known->room);
    }
    memcpy(known->reply, reply, length);
    known->reply[length] = '\0';
}

static void learn(spool_old_t *old, spool_found_message_t *message, apr_uint32_t rcpt,
                  const spool_state_t *state)
{
    if (message->known == NULL) {
        apr_size_t length = message->ref->n_rcpts * sizeof *message->known;

        message->known = memset(area_take(old, length), 0, length);
    }
    message->known[rcpt].attempts = state->attempts;
    message->known[rcpt].next = state->next;
    if (message->known[rcpt].reply != NULL || state->reply[0] != '\0') {
        learn_reply(old, &message->known[rcpt], state->reply);
    }
}

/* All recipients of a MESSAGE; 0 when the record is nonsense. */
static int take_rcpts(spool_model_t *model, spool_old_t *old, spool_found_message_t *message,
                      spool_cursor_t *cursor)
{
    spool_ref_t *ref = message->ref;

    for (apr_uint32_t i = 0; i < ref->n_rcpts; i++) {
        spool_rcpt_t rcpt;

        if (spool_rcpt_get(cursor, &rcpt) != APR_SUCCESS) {
            return 0;
        }
        raise_slot(model, rcpt.id);
        *spool_ref_flags(ref, i) = (unsigned char)rcpt.flags;
        ref->n_open -= (rcpt.flags & SPOOL_IS_DROPPED) != 0;
        if (rcpt.flags & SPOOL_IS_TRIED) {
            learn(old, message, i, &rcpt.state);
        }
    }
    return 1;
}

static void add_message(spool_model_t *model, spool_old_t *old, const spool_record_t *record,
                        apr_size_t offset, unsigned char *meta, const spool_envelope_t *envelope,
                        spool_cursor_t *cursor)
{
    spool_found_message_t *message = new_message(old);

    message->offset = (apr_uint32_t)offset;
    message->ref =
        spool_ref_create(record->flags & SPOOL_RECORD_LARGE ? &envelope->id : NULL, envelope->n_rcpts);
    EC_ASSERT(message->ref != NULL);
    message->ref->length = record->length;
    old->n_live++;
    if (!take_rcpts(model, old, message, cursor) || message->ref->n_open == 0) {
        end_message(old, message);
        return;
    }
    message->n_meta = record->meta;
    message->meta = memcpy(area_take(old, record->meta), meta, record->meta);
}

static void on_message(spool_model_t *model, spool_old_t *old, const spool_record_t *record,
                       apr_size_t offset, unsigned char *meta)
{
    spool_cursor_t cursor = { meta, meta + record->meta, 0 };
    spool_found_message_t *replaced;
    spool_envelope_t envelope;
    spool_old_t *in;

    if (spool_envelope_get(&cursor, &envelope) != APR_SUCCESS) {
        return;
    }
    raise_slot(model, envelope.id);
    raise_slot(model, envelope.connection);
    refer(model, old, envelope.from.sequence);
    refer(model, old, envelope.settles.sequence);
    replaced = find_message(model, envelope.from, &in);
    if (replaced != NULL) {
        end_message(in, replaced);
    }
    drop(model, envelope.settles, envelope.settles_rcpt);
    if (envelope.n_rcpts > 0) {
        add_message(model, old, record, offset, meta, &envelope, &cursor);
    }
}

static void on_note(spool_model_t *model, spool_old_t *old, const spool_record_t *record, apr_size_t offset,
                    unsigned char *meta)
{
    spool_cursor_t cursor = { meta, meta + record->meta, 0 };
    int is_state = record->type == SPOOL_RECORD_STATE;
    spool_found_message_t *message;
    unsigned char *flags;
    spool_note_t note;
    spool_old_t *in;

    if (spool_note_get(&cursor, &note, is_state) != APR_SUCCESS) {
        return;
    }
    refer(model, old, note.place.sequence);
    if (record->type == SPOOL_RECORD_DROP) {
        drop(model, note.place, note.rcpt);
        return;
    }
    message = find_message(model, note.place, &in);
    if (message == NULL || note.rcpt >= message->ref->n_rcpts) {
        return;
    }
    flags = spool_ref_flags(message->ref, note.rcpt);
    if (is_state) {
        *flags = (unsigned char)((*flags & ~SPOOL_IS_MARKED) | SPOOL_IS_TRIED);
        *spool_ref_state(message->ref, note.rcpt) = (spool_place_t){ old->sequence, (apr_uint32_t)offset };
        learn(in, message, note.rcpt, &note.state);
    } else {
        *flags |= SPOOL_IS_MARKED;
    }
}

/* A segment that a seal speaks of must not outlive the seal. */
static void on_seal(spool_model_t *model, spool_old_t *old, const spool_record_t *record, apr_size_t offset,
                    unsigned char *meta)
{
    spool_cursor_t cursor = { meta, meta + record->meta, 0 };

    refer(model, old, (apr_uint32_t)spool_get_number(&cursor, 4));
}

void spool_model_record(spool_model_t *model, spool_old_t *old, const spool_record_t *record,
                        apr_size_t offset, unsigned char *meta)
{
    static void (*const handlers[SPOOL_RECORD_TYPES])(spool_model_t *, spool_old_t *, const spool_record_t *,
                                                      apr_size_t, unsigned char *) = {
        [SPOOL_RECORD_SEAL] = on_seal, [SPOOL_RECORD_MESSAGE] = on_message, [SPOOL_RECORD_STATE] = on_note,
        [SPOOL_RECORD_MARK] = on_note, [SPOOL_RECORD_DROP] = on_note,
    };

    if (record->type < SPOOL_RECORD_TYPES && handlers[record->type] != NULL) {
        handlers[record->type](model, old, record, offset, meta);
    }
}
