/* reader.c - spool_load(): a message back from disk while the log moves on
 * SPDX-License-Identifier: Apache-2.0
 *
 * The place of a message is read under the lock, the file without it.  If the compactor
 * moves the message meanwhile, its segment may be gone or be used again by the time we
 * read; then the check fails, the place has changed, and we look again.  Only a failure at a
 * place that still holds is damage. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/reader.h"
#include "util/crc32c.h"

/* ---- one record -------------------------------------------------------------------------- */

static apr_status_t read_header(int fd, apr_uint32_t sequence, spool_header_t *header)
{
    unsigned char page[SPOOL_PAGE];
    apr_size_t length = sizeof page;

    EC_TRY(spool_io_read(fd, page, &length, 0));
    if (length != sizeof page) {
        return EC_E_SPOOL_CORRUPT;
    }
    EC_TRY(spool_header_read(header, page));
    return header->sequence == sequence ? APR_SUCCESS : EC_E_SPOOL_CORRUPT;
}

static int is_sound(spool_image_t *image, apr_size_t length, apr_uint64_t nonce)
{
    spool_record_t *record = &image->record;
    apr_size_t head;

    if (length < SPOOL_HEAD || !spool_record_head(record, image->bytes, nonce, length) ||
        !spool_record_is_sound(record, image->bytes)) {
        return 0;
    }
    head = SPOOL_HEAD + record->meta;
    return (record->flags & SPOOL_RECORD_LARGE) != 0 ||
           util_crc32c(0, image->bytes + head, record->length - head) == record->body_crc;
}

static apr_status_t read_record(spool_image_t *image, int fd, spool_place_t place, apr_size_t most)
{
    spool_header_t header;
    apr_size_t length = most;

    EC_TRY(read_header(fd, place.sequence, &header));
    image->bytes = malloc(most);
    if (image->bytes == NULL) {
        return APR_ENOMEM;
    }
    EC_TRY(spool_io_read(fd, image->bytes, &length, place.offset));
    return is_sound(image, length, header.nonce) ? APR_SUCCESS : EC_E_SPOOL_CORRUPT;
}

apr_status_t spool_image_read(spool_image_t *image, const spool_t *spool, spool_place_t place,
                              apr_size_t most)
{
    char path[SPOOL_PATH];
    apr_status_t rv;
    int fd;

    memset(image, 0, sizeof *image);
    fd = open(spool_segment_path(spool, place.sequence, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    rv = read_record(image, fd, place, most);
    close(fd);
    if (rv != APR_SUCCESS) {
        spool_image_free(image);
    }
    return rv;
}

void spool_image_free(spool_image_t *image)
{
    free(image->bytes);
    image->bytes = NULL;
}

/* ---- a batch from a record ------------------------------------------------------------------ */

static apr_status_t take_body(ec_batch_t *batch, const spool_t *spool, const spool_image_t *image,
                              apr_size_t size)
{
    const unsigned char *body = image->bytes + SPOOL_HEAD + image->record.meta;
    char path[SPOOL_PATH];
    body_block_t *block;

    batch->body.size = size;
    if (image->record.flags & SPOOL_RECORD_LARGE) {
        batch->body.fd = open(spool_large_path(spool, batch->id, path), O_RDONLY | O_CLOEXEC);
        batch->body.crc = image->record.body_crc;
        return batch->body.fd < 0 ? errno : APR_SUCCESS;
    }
    if (size != image->record.length - SPOOL_HEAD - image->record.meta) {
        return EC_E_SPOOL_CORRUPT;
    }
    if (size == 0) {
        return APR_SUCCESS;
    }
    block = malloc(sizeof *block + size);
    if (block == NULL) {
        return APR_ENOMEM;
    }
    block->next = NULL;
    block->used = block->room = (apr_uint32_t)size;
    memcpy(block->data, body, size);
    batch->body.first = batch->body.last = block;
    return APR_SUCCESS;
}

static apr_status_t take_rcpts(ec_batch_t *batch, spool_cursor_t *cursor, apr_uint32_t n, spool_rcpt_t *rcpts)
{
    for (apr_uint32_t i = 0; i < n; i++) {
        spool_rcpt_t rcpt;

        EC_TRY(spool_rcpt_get(cursor, &rcpt));
        batch_add_rcpt_id(batch, rcpt.address, rcpt.id);
        batch->rcpts[i].is_dropped = (rcpt.flags & SPOOL_IS_DROPPED) != 0;
        if (rcpts != NULL) {
            rcpts[i] = rcpt;
        }
    }
    return APR_SUCCESS;
}

static void take_route(void *baton, apr_uint32_t rcpt, const char *domain)
{
    batch_route(baton, (int)rcpt, domain);
}

static void take_binding(void *baton, apr_uint32_t rcpt, const char *group, const char *name)
{
    ec_batch_t *batch = baton;

    batch->rcpts[rcpt].binding = binding_of(group, name);
}

static apr_status_t take_extra(ec_batch_t *batch, spool_cursor_t *cursor, apr_uint32_t n)
{
    spool_extra_t extra = { .each = take_route, .bound = take_binding, .baton = batch };

    EC_TRY(spool_extra_get(cursor, &extra, n));
    return extra.length > 0 ? context_take(&batch->context, extra.context, extra.length) : APR_SUCCESS;
}

static apr_status_t fill_batch(ec_batch_t *batch, const spool_t *spool, const spool_image_t *image,
                               spool_cursor_t *cursor, const spool_envelope_t *envelope, spool_rcpt_t *rcpts)
{
    batch->id = envelope->id;
    batch->flags = envelope->flags;
    batch_set_sender(batch, envelope->sender);
    batch_set_source(batch, envelope->source, envelope->helo, envelope->connection);
    EC_TRY(take_rcpts(batch, cursor, envelope->n_rcpts, rcpts));
    EC_TRY(take_extra(batch, cursor, envelope->n_rcpts));
    batch->is_sealed = 1;
    return take_body(batch, spool, image, (apr_size_t)envelope->size);
}

apr_status_t spool_image_batch(ec_batch_t **batch, const spool_t *spool, const spool_image_t *image,
                               spool_rcpt_t **rcpts)
{
    unsigned char *meta = image->bytes + SPOOL_HEAD;
    spool_cursor_t cursor = { meta, meta + image->record.meta, 0 };
    spool_envelope_t envelope;
    spool_rcpt_t *all = NULL;
    ec_batch_t *made;
    apr_status_t rv;

    if (image->record.type != SPOOL_RECORD_MESSAGE) {
        return EC_E_SPOOL_CORRUPT;
    }
    EC_TRY(spool_envelope_get(&cursor, &envelope));
    made = batch_create(envelope.received, envelope.protocol);
    if (rcpts != NULL) {
        all = calloc(envelope.n_rcpts + 1, sizeof *all);
    }
    if (made == NULL || (rcpts != NULL && all == NULL)) {
        rv = APR_ENOMEM;
    } else {
        rv = fill_batch(made, spool, image, &cursor, &envelope, all);
    }
    if (rv != APR_SUCCESS) {
        if (made != NULL) {
            ec_batch_unref(made);
        }
        free(all);
        return rv;
    }
    *batch = made;
    if (rcpts != NULL) {
        *rcpts = all;
    }
    return APR_SUCCESS;
}

/* ---- loading ---------------------------------------------------------------------------------- */

static spool_place_t place_now(spool_t *spool, const spool_ref_t *ref, apr_size_t *length)
{
    spool_place_t place;

    spool_lock(spool);
    place = (spool_place_t){ ref->segment->sequence, ref->offset };
    *length = ref->length;
    spool_unlock(spool);
    return place;
}

static int is_same(spool_place_t a, spool_place_t b)
{
    return a.sequence == b.sequence && a.offset == b.offset;
}

/* The MESSAGE of `ref`, wherever it is by the time it has been read. */
static apr_status_t read_message(spool_image_t *image, spool_t *spool, const spool_ref_t *ref)
{
    apr_size_t length;
    spool_place_t place = place_now(spool, ref, &length);
    apr_status_t rv;

    while ((rv = spool_image_read(image, spool, place, length)) != APR_SUCCESS) {
        spool_place_t now = place_now(spool, ref, &length);

        if (is_same(place, now)) {
            char path[SPOOL_PATH];

            ec_log_rv(spool->log, EC_LOG_ERROR, rv,
                      "message can not be read back, it stays file=%s offset=%u",
                      spool_segment_path(spool, place.sequence, path), place.offset);
            return rv;
        }
        place = now;
    }
    return rv;
}

apr_status_t spool_load(spool_t *spool, spool_ref_t *ref, ec_batch_t **batch)
{
    spool_image_t image;
    apr_status_t rv;

    EC_TRY(read_message(&image, spool, ref));
    rv = spool_image_batch(batch, spool, &image, NULL);
    spool_image_free(&image);
    if (rv != APR_SUCCESS) {
        ec_log_rv(spool->log, EC_LOG_ERROR, rv, "message can not be read back, it stays dir=%s", spool->dir);
        return rv;
    }
    (*batch)->ref = ref;
    spool_lock(spool);
    for (apr_uint32_t i = 0; i < ref->n_rcpts && i < (apr_uint32_t)(*batch)->n_rcpts; i++) {
        (*batch)->rcpts[i].is_dropped = (*spool_ref_flags(ref, i) & SPOOL_IS_DROPPED) != 0;
    }
    spool_unlock(spool);
    return APR_SUCCESS;
}

static void copy_reply(char *buffer, apr_size_t room, const char *reply)
{
    if (room > 0) {
        snprintf(buffer, room, "%s", reply);
    }
}

static apr_status_t reply_of_state(spool_t *spool, spool_place_t place, char *buffer, apr_size_t room)
{
    spool_cursor_t cursor;
    spool_image_t image;
    spool_note_t note;
    apr_status_t rv;

    EC_TRY(spool_image_read(&image, spool, place, SPOOL_HEAD + SPOOL_STATE_SIZE));
    cursor = (spool_cursor_t){ image.bytes + SPOOL_HEAD, image.bytes + SPOOL_HEAD + image.record.meta, 0 };
    rv = image.record.type == SPOOL_RECORD_STATE ? spool_note_get(&cursor, &note, 1) : EC_E_SPOOL_CORRUPT;
    if (rv == APR_SUCCESS) {
        copy_reply(buffer, room, note.state.reply);
    }
    spool_image_free(&image);
    return rv;
}

static apr_status_t reply_of_message(spool_t *spool, const spool_ref_t *ref, int i, char *buffer,
                                     apr_size_t room)
{
    spool_image_t image;
    spool_rcpt_t *rcpts;
    ec_batch_t *batch;
    apr_status_t rv;

    EC_TRY(read_message(&image, spool, ref));
    rv = spool_image_batch(&batch, spool, &image, &rcpts);
    if (rv == APR_SUCCESS) {
        copy_reply(buffer, room, i < batch->n_rcpts ? rcpts[i].state.reply : "");
        batch->ref = (spool_ref_t *)ref; /* the file of a large body is not the batch's */
        ec_batch_unref(batch);
        free(rcpts);
    }
    spool_image_free(&image);
    return rv;
}

apr_status_t spool_load_reply(spool_t *spool, spool_ref_t *ref, int rcpt, char *buffer, apr_size_t room)
{
    apr_status_t rv = APR_SUCCESS;
    spool_place_t before, now;
    int flags;

    copy_reply(buffer, room, "");
    do {
        spool_lock(spool);
        before = *spool_ref_state(ref, (apr_uint32_t)rcpt);
        flags = *spool_ref_flags(ref, (apr_uint32_t)rcpt);
        spool_unlock(spool);
        if ((flags & SPOOL_IS_TRIED) == 0) {
            return APR_SUCCESS;
        }
        rv = before.sequence != 0 ? reply_of_state(spool, before, buffer, room)
                                  : reply_of_message(spool, ref, rcpt, buffer, room);
        spool_lock(spool);
        now = *spool_ref_state(ref, (apr_uint32_t)rcpt);
        spool_unlock(spool);
    } while (rv != APR_SUCCESS && !is_same(before, now));
    return rv;
}
