/* commit.c - requests to records, records to disk
 * SPDX-License-Identifier: Apache-2.0
 *
 * The write ends at a multiple of the page size, with zeros: so the kernel never has to read
 * a page of a used file to change a part of it, and behind the last record there are zeros. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/commit.h"
#include "spool/syncer.h"
#include "util/crc32c.h"

enum { SCRATCH = 1024 * 1024, COMMIT_MAX = 8 * 1024 * 1024, PLANS = 1024 };

static const char zeros[SPOOL_PAGE];

void spool_commit_begin(spool_commit_t *commit, spool_t *spool, spool_segment_t *segment)
{
    commit->spool = spool;
    commit->segment = segment;
    commit->start = commit->at = segment->end;
    commit->used = 0;
    commit->n_iov = 0;
    commit->n_plans = 0;
}

void spool_commit_free(spool_commit_t *commit)
{
    free(commit->scratch);
    free(commit->iov);
    free(commit->plans);
}

/* ---- building ------------------------------------------------------------------------ */

/* Doubles an array that is full; memory that the writer needs is not optional. */
static void *grown(void *array, apr_size_t count, apr_size_t *room, apr_size_t size, apr_size_t first)
{
    if (count < *room) {
        return array;
    }
    *room = *room == 0 ? first : *room * 2;
    array = realloc(array, *room * size);
    EC_ASSERT(array != NULL);
    return array;
}

static void add_iov(spool_commit_t *commit, const void *base, apr_size_t length)
{
    struct iovec *last = commit->n_iov == 0 ? NULL : &commit->iov[commit->n_iov - 1];
    apr_size_t room = (apr_size_t)commit->room_iov;

    if (length == 0) {
        return;
    }
    if (last != NULL && (const char *)last->iov_base + last->iov_len == (const char *)base) {
        last->iov_len += length;
        return;
    }
    commit->iov = grown(commit->iov, (apr_size_t)commit->n_iov, &room, sizeof *commit->iov, PLANS);
    commit->room_iov = (int)room;
    commit->iov[commit->n_iov].iov_base = (void *)base;
    commit->iov[commit->n_iov++].iov_len = length;
}

/* `length` bytes of scratch; NULL when the commit must be written first. */
static unsigned char *take_scratch(spool_commit_t *commit, apr_size_t length)
{
    unsigned char *at;

    length = spool_align(length);
    if (commit->used + length > commit->room) {
        apr_size_t room = length > SCRATCH ? length : SCRATCH;

        if (commit->used > 0) {
            return NULL;
        }
        free(commit->scratch);
        commit->scratch = malloc(room);
        EC_ASSERT(commit->scratch != NULL);
        commit->room = room;
    }
    at = commit->scratch + commit->used;
    commit->used += length;
    return at;
}

/* What a record is made of, before it is known where it goes. */
struct draft {
    spool_record_t record;
    const body_t *body; /* that follows meta, or NULL */
    spool_envelope_t envelope;
    const spool_rcpt_t *rcpts;
    spool_note_t note;
    const ec_batch_t *batch;
};

static spool_place_t place_of(const spool_ref_t *ref)
{
    return (spool_place_t){ ref->segment->sequence, ref->offset };
}

static void draft_message(struct draft *draft, const ec_batch_t *batch, int is_large, apr_uint32_t large_crc)
{
    draft->batch = batch;
    draft->record.type = SPOOL_RECORD_MESSAGE;
    draft->record.meta = (apr_uint32_t)spool_envelope_size(&draft->envelope, batch, draft->rcpts);
    draft->record.length = SPOOL_HEAD + draft->record.meta;
    if (is_large) {
        draft->record.flags = SPOOL_RECORD_LARGE;
        draft->record.body_crc = large_crc;
    } else {
        draft->record.length += (apr_uint32_t)batch->body.size;
        draft->body = &batch->body;
    }
}

static void draft_store(struct draft *draft, spool_t *spool, const spool_request_t *request)
{
    const ec_batch_t *batch = request->batch;
    const spool_large_t *large = spool_large_of(request);

    spool_envelope_of(&draft->envelope, batch);
    if (request->ref != NULL) {
        draft->envelope.settles = place_of(request->ref);
        draft->envelope.settles_rcpt = (apr_uint32_t)request->rcpt;
    }
    draft_message(draft, batch, large != NULL, large != NULL ? large->crc : 0);
}

static void draft_copy(struct draft *draft, spool_t *spool, const spool_request_t *request)
{
    const spool_copy_t *copy = (const spool_copy_t *)request;

    spool_envelope_of(&draft->envelope, copy->batch);
    draft->envelope.from = copy->from;
    draft->rcpts = copy->rcpts;
    draft_message(draft, copy->batch, ec_batch_is_large(copy->batch), copy->body_crc);
}

static void draft_note(struct draft *draft, const spool_request_t *request, spool_record_type_t type,
                       apr_size_t meta)
{
    draft->note.place = place_of(request->ref);
    draft->note.rcpt = (apr_uint32_t)request->rcpt;
    draft->note.state = request->state;
    draft->record.type = (unsigned char)type;
    draft->record.meta = (apr_uint32_t)meta;
    draft->record.length = SPOOL_HEAD + draft->record.meta;
}

static void draft_state(struct draft *draft, spool_t *spool, const spool_request_t *request)
{
    const char *reply = request->state.reply == NULL ? "" : request->state.reply;

    draft_note(draft, request, SPOOL_RECORD_STATE,
               SPOOL_STATE_SIZE - SPOOL_REPLY_MAX + strnlen(reply, SPOOL_REPLY_MAX));
}

static void draft_mark(struct draft *draft, spool_t *spool, const spool_request_t *request)
{
    draft_note(draft, request, SPOOL_RECORD_MARK, SPOOL_NOTE_SIZE);
}

static void draft_drop(struct draft *draft, spool_t *spool, const spool_request_t *request)
{
    draft_note(draft, request, SPOOL_RECORD_DROP, SPOOL_NOTE_SIZE);
}

static apr_uint32_t body_crc(const body_t *body)
{
    apr_uint32_t crc = 0;

    for (const body_block_t *block = body->first; block != NULL; block = block->next) {
        crc = util_crc32c(crc, block->data, block->used);
    }
    return crc;
}

/* Meta, head, body: the record is in the commit. */
static void place(spool_commit_t *commit, struct draft *draft, unsigned char *to)
{
    spool_cursor_t cursor = { to + SPOOL_HEAD, to + SPOOL_HEAD + draft->record.meta, 0 };
    apr_size_t length;

    if (draft->batch != NULL) {
        spool_envelope_put(&cursor, &draft->envelope, draft->batch, draft->rcpts);
    } else {
        spool_note_put(&cursor, &draft->note, draft->record.type == SPOOL_RECORD_STATE);
    }
    EC_ASSERT(!cursor.is_cut && cursor.at == cursor.end);
    draft->record.commit = (apr_uint32_t)commit->start;
    if (draft->body != NULL) {
        draft->record.body_crc = body_crc(draft->body);
    }
    spool_record_finish(to, &draft->record, commit->segment->nonce);
    length = spool_align(draft->record.length);
    if (draft->body == NULL) {
        memset(to + draft->record.length, 0, length - draft->record.length);
        add_iov(commit, to, length);
    } else {
        add_iov(commit, to, SPOOL_HEAD + draft->record.meta);
        for (const body_block_t *block = draft->body->first; block != NULL; block = block->next) {
            add_iov(commit, block->data, block->used);
        }
        add_iov(commit, zeros, length - draft->record.length);
    }
    commit->at += length;
}

typedef void draft_fn(struct draft *draft, spool_t *spool, const spool_request_t *request);
static draft_fn *const drafts[SPOOL_VERBS] = {
    [SPOOL_STORE] = draft_store, [SPOOL_STATE] = draft_state, [SPOOL_MARK] = draft_mark,
    [SPOOL_DROP] = draft_drop,   [SPOOL_COPY] = draft_copy,
};

spool_add_t spool_commit_add(spool_commit_t *commit, spool_request_t *request, apr_size_t margin)
{
    struct draft draft = { .note = { .rcpt = 0 } };
    apr_size_t length;
    unsigned char *to;

    drafts[request->verb](&draft, commit->spool, request);
    length = spool_align(draft.record.length);
    if (length + SPOOL_START + SPOOL_PAGE > commit->segment->size) { /* a page is for seals */
        return SPOOL_TOO_LONG;
    }
    if (commit->at + length + margin > commit->segment->size) {
        return SPOOL_SEGMENT_FULL;
    }
    if (commit->n_plans > 0 && commit->at - commit->start + length > COMMIT_MAX) {
        return SPOOL_COMMIT_FULL;
    }
    to = take_scratch(commit, SPOOL_HEAD + draft.record.meta);
    if (to == NULL) {
        return SPOOL_COMMIT_FULL;
    }
    commit->plans = grown(commit->plans, commit->n_plans, &commit->room_plans, sizeof *commit->plans, PLANS);
    commit->plans[commit->n_plans++] =
        (spool_plan_t){ request, (apr_uint32_t)commit->at, draft.record.length };
    place(commit, &draft, to);
    return SPOOL_ADDED;
}

int spool_commit_seal(spool_commit_t *commit, const spool_seal_t *seal)
{
    spool_record_t record = { .length = SPOOL_HEAD + SPOOL_SEAL_SIZE,
                              .meta = SPOOL_SEAL_SIZE,
                              .type = SPOOL_RECORD_SEAL,
                              .commit = (apr_uint32_t)commit->start };
    spool_cursor_t cursor;
    unsigned char *to;

    if (commit->at + record.length > commit->segment->size) {
        return 0;
    }
    to = take_scratch(commit, record.length);
    if (to == NULL) {
        return 0;
    }
    cursor = (spool_cursor_t){ to + SPOOL_HEAD, to + record.length, 0 };
    spool_put_number(&cursor, seal->sequence, 4);
    spool_put_number(&cursor, seal->end, 4);
    spool_record_finish(to, &record, commit->segment->nonce);
    add_iov(commit, to, record.length);
    commit->at += record.length;
    return 1;
}

/* ---- writing ------------------------------------------------------------------------- */

apr_status_t spool_commit_write(spool_commit_t *commit)
{
    spool_t *spool = commit->spool;
    apr_size_t rest = commit->at % SPOOL_PAGE, room = commit->segment->size - commit->at;
    apr_size_t padding = rest == 0 ? 0 : SPOOL_PAGE - rest;
    apr_time_t began = apr_time_now();

    add_iov(commit, zeros, padding < room ? padding : room);
    EC_TRY(spool_io_write(spool->io, commit->segment->fd, commit->iov, commit->n_iov, commit->start));
    if (spool->is_synced && spool->io->fdatasync(commit->segment->fd) != 0) {
        return errno;
    }
    __atomic_add_fetch(&spool->stats.commits, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&spool->stats.records, commit->n_plans, __ATOMIC_RELAXED);
    __atomic_add_fetch(&spool->stats.written_bytes, commit->at - commit->start, __ATOMIC_RELAXED);
    __atomic_add_fetch(&spool->stats.sync_us_total, (apr_uint64_t)(apr_time_now() - began), __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

/* ---- applying: the lock is held -------------------------------------------------------- */

static apr_uint32_t count_open(spool_t *spool, spool_ref_t *ref, const ec_batch_t *batch)
{
    apr_uint32_t open = 0;

    for (int i = 0; i < batch->n_rcpts; i++) {
        open += !batch->rcpts[i].is_dropped;
        if (batch->rcpts[i].is_dropped) {
            *spool_ref_flags(ref, (apr_uint32_t)i) |= SPOOL_IS_DROPPED;
        }
    }
    return open;
}

static void apply_store(spool_commit_t *commit, const spool_plan_t *plan)
{
    spool_t *spool = commit->spool;
    ec_batch_t *batch = plan->request->batch;
    spool_ref_t *settled = plan->request->ref;
    spool_ref_t *ref = spool_ref_create(spool_large_of(plan->request) != NULL ? &batch->id : NULL,
                                        (apr_uint32_t)batch->n_rcpts);

    EC_ASSERT(ref != NULL);
    ref->n_open = count_open(spool, ref, batch);
    if (ref->n_open > 0) {
        spool_segment_add(commit->segment, ref, plan->offset, plan->length);
        spool->live_bytes += spool_align(plan->length);
        spool->batches++;
        batch->ref = ref;
    } else {
        spool_ref_destroy(ref); /* nobody to deliver to: settled as it is */
    }
    if (settled != NULL) {
        spool_segment_refer(commit->segment, settled->segment->sequence);
        spool_drop(spool, settled, (apr_uint32_t)plan->request->rcpt);
    }
}

static void apply_state(spool_commit_t *commit, const spool_plan_t *plan)
{
    spool_ref_t *ref = plan->request->ref;
    apr_uint32_t rcpt = (apr_uint32_t)plan->request->rcpt;
    unsigned char *flags = spool_ref_flags(ref, rcpt);

    *flags = (unsigned char)((*flags & ~SPOOL_IS_MARKED) | SPOOL_IS_TRIED);
    *spool_ref_state(ref, rcpt) = (spool_place_t){ commit->segment->sequence, plan->offset };
    spool_segment_refer(commit->segment, ref->segment->sequence);
}

static void apply_mark(spool_commit_t *commit, const spool_plan_t *plan)
{
    *spool_ref_flags(plan->request->ref, (apr_uint32_t)plan->request->rcpt) |= SPOOL_IS_MARKED;
    spool_segment_refer(commit->segment, plan->request->ref->segment->sequence);
}

static void apply_drop(spool_commit_t *commit, const spool_plan_t *plan)
{
    spool_segment_refer(commit->segment, plan->request->ref->segment->sequence);
    spool_drop(commit->spool, plan->request->ref, (apr_uint32_t)plan->request->rcpt);
}

/* The copy has the recipients' states in it. */
static void apply_copy(spool_commit_t *commit, const spool_plan_t *plan)
{
    spool_t *spool = commit->spool;
    spool_ref_t *ref = spool_compact_check(spool, (const spool_copy_t *)plan->request);

    EC_ASSERT(ref != NULL);
    spool_segment_refer(commit->segment, ref->segment->sequence);
    spool->live_bytes += spool_align(plan->length);
    spool->live_bytes -= spool_align(ref->length);
    spool->is_sweep_due |= ref->segment->n_live == 1;
    spool_segment_remove(ref);
    spool_segment_add(commit->segment, ref, plan->offset, plan->length);
    for (apr_uint32_t i = 0; i < ref->n_rcpts; i++) {
        *spool_ref_state(ref, i) = (spool_place_t){ 0, 0 };
    }
    __atomic_add_fetch(&spool->stats.compacted_bytes, plan->length, __ATOMIC_RELAXED);
}

typedef void apply_fn(spool_commit_t *commit, const spool_plan_t *plan);
static apply_fn *const appliers[SPOOL_VERBS] = {
    [SPOOL_STORE] = apply_store, [SPOOL_STATE] = apply_state, [SPOOL_MARK] = apply_mark,
    [SPOOL_DROP] = apply_drop,   [SPOOL_COPY] = apply_copy,
};

void spool_commit_apply(spool_commit_t *commit)
{
    spool_lock(commit->spool);
    for (apr_size_t i = 0; i < commit->n_plans; i++) {
        appliers[commit->plans[i].request->verb](commit, &commit->plans[i]);
    }
    commit->segment->end = commit->at;
    if (commit->spool->is_sweep_due) {
        spool_segments_sweep(commit->spool);
    }
    if (commit->spool->dead.first != NULL || commit->spool->leftovers != NULL) {
        spool_keeper_wake(commit->spool);
    }
    spool_unlock(commit->spool);
}
