/* envelope.c - batches, states and notes to bytes and back
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "spool/envelope.h"

enum { ID_SIZE = 10, TEXT_EXTRA = 5, RCPT_FIXED = ID_SIZE + 1 + 2 + 8 + 2 * TEXT_EXTRA };
enum { ENVELOPE_FIXED = 2 * ID_SIZE + 8 + 4 + 8 + 8 + 12 + 4 * TEXT_EXTRA + 4 };

void spool_envelope_of(spool_envelope_t *envelope, const ec_batch_t *batch)
{
    memset(envelope, 0, sizeof *envelope);
    envelope->id = batch->id;
    envelope->connection = batch->connection;
    envelope->received = batch->received;
    envelope->flags = batch->flags;
    envelope->size = batch->body.size;
    envelope->sender = batch->sender;
    envelope->source = batch->source;
    envelope->protocol = batch->protocol;
    envelope->helo = batch->helo;
    envelope->n_rcpts = (apr_uint32_t)batch->n_rcpts;
}

/* ---- context, routes and bindings ------------------------------------------------------------------ */

static int is_bound(const batch_rcpt_t *rcpt)
{
    return rcpt->binding != NULL && rcpt->binding != &binding_default;
}

static int has_extra(const ec_batch_t *batch)
{
    if (batch->context.used > 0) {
        return 1;
    }
    for (int i = 0; i < batch->n_rcpts; i++) {
        if (batch->rcpts[i].is_routed || is_bound(&batch->rcpts[i])) {
            return 1;
        }
    }
    return 0;
}

static apr_size_t extra_size(const ec_batch_t *batch)
{
    apr_size_t size = 4 + batch->context.used + 4, bound = 0;

    if (!has_extra(batch)) {
        return 0;
    }
    for (int i = 0; i < batch->n_rcpts; i++) {
        size += batch->rcpts[i].is_routed ? 4 + TEXT_EXTRA + strlen(batch->rcpts[i].domain) : 0;
        if (is_bound(&batch->rcpts[i])) {
            bound += 4 + 2 * TEXT_EXTRA + strlen(batch->rcpts[i].binding->group) + strlen(batch->rcpts[i].binding->name);
        }
    }
    return size + (bound > 0 ? 4 + bound : 0);
}

/* Only where there is one: what has none is written as it always was. */
static void bindings_put(spool_cursor_t *cursor, const ec_batch_t *batch)
{
    apr_uint64_t n = 0;

    for (int i = 0; i < batch->n_rcpts; i++) {
        n += (apr_uint64_t)is_bound(&batch->rcpts[i]);
    }
    if (n == 0) {
        return;
    }
    spool_put_number(cursor, n, 4);
    for (int i = 0; i < batch->n_rcpts; i++) {
        if (is_bound(&batch->rcpts[i])) {
            spool_put_number(cursor, (apr_uint64_t)i, 4);
            spool_put_text(cursor, batch->rcpts[i].binding->group);
            spool_put_text(cursor, batch->rcpts[i].binding->name);
        }
    }
}

static void extra_put(spool_cursor_t *cursor, const ec_batch_t *batch)
{
    apr_uint64_t n = 0;

    if (!has_extra(batch)) {
        return;
    }
    spool_put_number(cursor, batch->context.used, 4);
    for (apr_uint32_t i = 0; i < batch->context.used; i++) {
        spool_put_number(cursor, (unsigned char)batch->context.data[i], 1);
    }
    for (int i = 0; i < batch->n_rcpts; i++) {
        n += batch->rcpts[i].is_routed;
    }
    spool_put_number(cursor, n, 4);
    for (int i = 0; i < batch->n_rcpts; i++) {
        if (batch->rcpts[i].is_routed) {
            spool_put_number(cursor, (apr_uint64_t)i, 4);
            spool_put_text(cursor, batch->rcpts[i].domain);
        }
    }
    bindings_put(cursor, batch);
}

static apr_status_t bindings_get(spool_cursor_t *cursor, const spool_extra_t *extra, apr_uint32_t n_rcpts)
{
    apr_uint64_t n = cursor->at == cursor->end ? 0 : spool_get_number(cursor, 4);

    for (apr_uint64_t i = 0; i < n && !cursor->is_cut; i++) {
        apr_uint32_t rcpt = (apr_uint32_t)spool_get_number(cursor, 4);
        const char *group = spool_get_text(cursor), *name = spool_get_text(cursor);

        if (cursor->is_cut || rcpt >= n_rcpts || strlen(group) > BINDING_NAME_MAX ||
            strlen(name) > BINDING_NAME_MAX) {
            return EC_E_SPOOL_CORRUPT;
        }
        if (extra->bound != NULL) {
            extra->bound(extra->baton, rcpt, group, name);
        }
    }
    return cursor->is_cut ? EC_E_SPOOL_CORRUPT : APR_SUCCESS;
}

apr_status_t spool_extra_get(spool_cursor_t *cursor, spool_extra_t *extra, apr_uint32_t n_rcpts)
{
    apr_uint64_t n;

    extra->context = "";
    extra->length = 0;
    if (cursor->at == cursor->end) {
        return APR_SUCCESS;
    }
    extra->length = (apr_size_t)spool_get_number(cursor, 4);
    if (cursor->is_cut || extra->length > (apr_size_t)(cursor->end - cursor->at)) {
        return EC_E_SPOOL_CORRUPT;
    }
    extra->context = (const char *)cursor->at;
    cursor->at += extra->length;
    n = spool_get_number(cursor, 4);
    for (apr_uint64_t i = 0; i < n && !cursor->is_cut; i++) {
        apr_uint32_t rcpt = (apr_uint32_t)spool_get_number(cursor, 4);
        const char *domain = spool_get_text(cursor);

        if (cursor->is_cut || rcpt >= n_rcpts) {
            return EC_E_SPOOL_CORRUPT;
        }
        if (extra->each != NULL) {
            extra->each(extra->baton, rcpt, domain);
        }
    }
    return cursor->is_cut ? EC_E_SPOOL_CORRUPT : bindings_get(cursor, extra, n_rcpts);
}

/* ---- the whole ----------------------------------------------------------------------------- */

apr_size_t spool_envelope_size(const spool_envelope_t *envelope, const ec_batch_t *batch,
                               const spool_rcpt_t *rcpts)
{
    apr_size_t size = ENVELOPE_FIXED + strlen(envelope->sender) + strlen(envelope->source) +
                      strlen(envelope->protocol) + strlen(envelope->helo);

    for (apr_uint32_t i = 0; i < envelope->n_rcpts; i++) {
        size += RCPT_FIXED + strlen(batch->rcpts[i].address);
        if (rcpts != NULL && rcpts[i].state.reply != NULL) {
            size += strlen(rcpts[i].state.reply);
        }
    }
    return size + extra_size(batch);
}

static void rcpt_put(spool_cursor_t *cursor, const batch_rcpt_t *of, const spool_rcpt_t *rcpt)
{
    int flags = rcpt != NULL ? rcpt->flags : of->is_dropped ? SPOOL_IS_DROPPED : 0;

    spool_put_id(cursor, of->id);
    spool_put_number(cursor, (apr_uint64_t)flags, 1);
    spool_put_number(cursor, rcpt != NULL ? rcpt->state.attempts : 0, 2);
    spool_put_number(cursor, rcpt != NULL ? (apr_uint64_t)rcpt->state.next : 0, 8);
    spool_put_text(cursor, of->address);
    spool_put_text(cursor, rcpt != NULL && rcpt->state.reply != NULL ? rcpt->state.reply : "");
}

void spool_envelope_put(spool_cursor_t *cursor, const spool_envelope_t *envelope, const ec_batch_t *batch,
                        const spool_rcpt_t *rcpts)
{
    spool_put_id(cursor, envelope->id);
    spool_put_id(cursor, envelope->connection);
    spool_put_number(cursor, (apr_uint64_t)envelope->received, 8);
    spool_put_number(cursor, (apr_uint64_t)envelope->flags, 4);
    spool_put_number(cursor, envelope->size, 8);
    spool_put_place(cursor, envelope->from);
    spool_put_place(cursor, envelope->settles);
    spool_put_number(cursor, envelope->settles_rcpt, 4);
    spool_put_text(cursor, envelope->sender);
    spool_put_text(cursor, envelope->source);
    spool_put_text(cursor, envelope->protocol);
    spool_put_text(cursor, envelope->helo);
    spool_put_number(cursor, envelope->n_rcpts, 4);
    for (apr_uint32_t i = 0; i < envelope->n_rcpts; i++) {
        rcpt_put(cursor, &batch->rcpts[i], rcpts == NULL ? NULL : &rcpts[i]);
    }
    extra_put(cursor, batch);
}

apr_status_t spool_envelope_get(spool_cursor_t *cursor, spool_envelope_t *envelope)
{
    envelope->id = spool_get_id(cursor);
    envelope->connection = spool_get_id(cursor);
    envelope->received = (apr_time_t)spool_get_number(cursor, 8);
    envelope->flags = (int)spool_get_number(cursor, 4);
    envelope->size = spool_get_number(cursor, 8);
    envelope->from = spool_get_place(cursor);
    envelope->settles = spool_get_place(cursor);
    envelope->settles_rcpt = (apr_uint32_t)spool_get_number(cursor, 4);
    envelope->sender = spool_get_text(cursor);
    envelope->source = spool_get_text(cursor);
    envelope->protocol = spool_get_text(cursor);
    envelope->helo = spool_get_text(cursor);
    envelope->n_rcpts = (apr_uint32_t)spool_get_number(cursor, 4);
    if (cursor->is_cut || envelope->n_rcpts > (apr_size_t)(cursor->end - cursor->at) / RCPT_FIXED ||
        envelope->n_rcpts > SPOOL_RCPTS_MAX) {
        return EC_E_SPOOL_CORRUPT;
    }
    return APR_SUCCESS;
}

apr_status_t spool_rcpt_get(spool_cursor_t *cursor, spool_rcpt_t *rcpt)
{
    rcpt->id = spool_get_id(cursor);
    rcpt->flags = (int)spool_get_number(cursor, 1);
    rcpt->state.attempts = (apr_uint16_t)spool_get_number(cursor, 2);
    rcpt->state.next = (apr_time_t)spool_get_number(cursor, 8);
    rcpt->address = spool_get_text(cursor);
    rcpt->state.reply = spool_get_text(cursor);
    return cursor->is_cut ? EC_E_SPOOL_CORRUPT : APR_SUCCESS;
}

void spool_note_put(spool_cursor_t *cursor, const spool_note_t *note, int has_state)
{
    const char *reply = note->state.reply == NULL ? "" : note->state.reply;
    char cut[SPOOL_REPLY_MAX + 1];

    spool_put_place(cursor, note->place);
    spool_put_number(cursor, note->rcpt, 4);
    if (has_state) {
        if (strnlen(reply, SPOOL_REPLY_MAX + 1) > SPOOL_REPLY_MAX) {
            memcpy(cut, reply, SPOOL_REPLY_MAX);
            cut[SPOOL_REPLY_MAX] = '\0';
            reply = cut;
        }
        spool_put_number(cursor, note->state.attempts, 2);
        spool_put_number(cursor, (apr_uint64_t)note->state.next, 8);
        spool_put_text(cursor, reply);
    }
}

apr_status_t spool_note_get(spool_cursor_t *cursor, spool_note_t *note, int has_state)
{
    note->place = spool_get_place(cursor);
    note->rcpt = (apr_uint32_t)spool_get_number(cursor, 4);
    if (has_state) {
        note->state.attempts = (apr_uint16_t)spool_get_number(cursor, 2);
        note->state.next = (apr_time_t)spool_get_number(cursor, 8);
        note->state.reply = spool_get_text(cursor);
    }
    return cursor->is_cut ? EC_E_SPOOL_CORRUPT : APR_SUCCESS;
}
