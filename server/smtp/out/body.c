/* body.c - the message itself: dot-stuffing, the final dot, what its answer means
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 4.5.2)
 *
 * A body in memory is given to the stream without copying.  A large one is read from disk by a job, in pieces
 * of BODY_PIECE: one is on its way out while the next is read.
 *
 * A dot at the start of a line is doubled, where a line starts after any LF.  Our messages have CRLF only
 * unless the operator lets bare LFs in; then a peer that takes a bare LF for a line end can not be made to
 * see an end of data that we did not mean.
 *
 * After the final dot a message without an answer is in doubt, but only if the last byte of the dot has left:
 * as long as the stream still holds it, the peer can not have accepted anything. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "smtp/out/classify.h"
#include "smtp/out/session.h"
#include "smtp/out/stuff.h"

int body_is_8bit(const ec_batch_t *batch)
{
    const char *data;
    apr_size_t len, offset = 0;

    while (ec_batch_peek(batch, offset, &data, &len) == APR_SUCCESS && len > 0) {
        for (apr_size_t i = 0; i < len; i++) {
            if ((unsigned char)data[i] > 127) {
                return 1;
            }
        }
        offset += len;
    }
    return 0;
}

apr_size_t body_sent(const session_t *session)
{
    apr_size_t queued = session->tx.body.queued, pending;

    if (session->stream == NULL) {
        return session->tx.bytes;
    }
    pending = stream_pending(session->stream);
    return pending < queued ? queued - pending : 0;
}

void body_free(session_t *session)
{
    for (int i = 0; i < BODY_BUFFERS; i++) {
        free(session->tx.body.buffer[i]);
        session->tx.body.buffer[i] = NULL;
    }
}

/* ---- the dot --------------------------------------------------------------------------------- */

/* The message can not be sent for a reason of our own; the peer must not see an end of data. */
static void abandon(session_t *session, queue_outcome_t outcome, const char *text)
{
    tx_fail(session, outcome, EC_STAGE_AFTER_DATA, text);
    session_drop(session);
    tx_close(session);
}

void body_try_dot(session_t *session)
{
    const body_sender_t *body = &session->tx.body;

    if (session->tx.mark == MARK_FAILED) {
        abandon(session, QUEUE_RELEASE, "451 4.3.0 [internal] the spool can not record the attempt");
        return;
    }
    if (!body->is_complete || session->tx.mark != MARK_DONE) {
        return;
    }
    if (body->last[0] == '\r' && body->last[1] == '\n') {
        stream_write(session->stream, ".\r\n", 3);
    } else {
        stream_write(session->stream, "\r\n.\r\n", 5);
    }
    session_enter(session, SESSION_CONFIRM);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void put(void *baton, const char *data, apr_size_t len)
{
    stream_t *stream = baton;

    if (len < STUFF_COPY_MAX) {
        stream_write(stream, data, len);
    } else {
        stream_write_static(stream, data, len);
    }
}

static void send_piece(session_t *session, const char *data, apr_size_t len)
{
    body_sender_t *body = &session->tx.body;

    stuff(data, len, body->last, put, session->stream);
    body->queued += len;
}

static void complete(session_t *session)
{
    body_sender_t *body = &session->tx.body;

    if (body->queued != ec_batch_size(session->tx.attempt->batch)) {
        abandon(session, QUEUE_TRANSIENT,
                "451 4.3.0 [internal] the message can not be read: it is shorter than it was");
        return;
    }
    body->is_complete = 1;
    body_try_dot(session);
}

static void send_memory(session_t *session)
{
    body_sender_t *body = &session->tx.body;
    const char *data;
    apr_size_t len;

    while (ec_batch_peek(session->tx.attempt->batch, body->offset, &data, &len) == APR_SUCCESS && len > 0) {
        body->offset += len;
        send_piece(session, data, len);
    }
    complete(session);
}

/* ---- large bodies -------------------------------------------------------------------------------- */

static void read_work(void *baton)
{
    session_t *session = baton;
    body_sender_t *body = &session->tx.body;
    int i = body->filling;

    body->length[i] = BODY_PIECE;
    body->rv = ec_batch_read(session->tx.attempt->batch, body->offset, body->buffer[i], &body->length[i]);
}

static void read_done(void *baton)
{
    session_t *session = baton;
    body_sender_t *body = &session->tx.body;

    body->is_reading = 0;
    if (session->tx.done == session->tx.n) {
        tx_finish(session); /* the session was lost meanwhile */
        return;
    }
    if (body->rv != APR_SUCCESS) {
        abandon(session, QUEUE_TRANSIENT, "451 4.3.0 [internal] the message can not be read from the spool");
        return;
    }
    body->ready = body->filling;
    body->offset += body->length[body->ready];
    body_pump(session);
}

static void start_read(session_t *session, int i)
{
    body_sender_t *body = &session->tx.body;

    if (body->buffer[i] == NULL) {
        body->buffer[i] = malloc(BODY_PIECE);
        EC_ASSERT(body->buffer[i] != NULL);
    }
    body->filling = i;
    body->is_reading = 1;
    ec_job_run(ec_threadpool_find("SwapIn"), session->loop, &body->job, read_work, read_done, session);
}

/* Give the stream what was read.  The poke looks again after the stream has had its turn, since it tells of a
 * drain only when it had to wait. */
static void send_ready(session_t *session)
{
    body_sender_t *body = &session->tx.body;

    body->sending = body->ready;
    body->ready = BODY_NONE;
    send_piece(session, body->buffer[body->sending], body->length[body->sending]);
    session_enter(session, SESSION_BODY); /* progress: the time limit begins anew */
    session_poke(session, TODO_PUMP);
}

void body_pump(session_t *session)
{
    body_sender_t *body = &session->tx.body;
    apr_size_t size = ec_batch_size(session->tx.attempt->batch);

    if (!ec_batch_is_large(session->tx.attempt->batch) || body->is_complete) {
        return;
    }
    if (stream_pending(session->stream) == 0) {
        body->sending = BODY_NONE;
    }
    if (body->ready != BODY_NONE && body->length[body->ready] == 0) {
        complete(session); /* the end of the file */
        return;
    }
    if (body->ready != BODY_NONE && body->sending == BODY_NONE) {
        send_ready(session);
    }
    if (body->queued == size && body->sending == BODY_NONE) {
        complete(session);
        return;
    }
    if (!body->is_reading && body->ready == BODY_NONE && body->offset < size) {
        start_read(session, body->sending == 0 ? 1 : 0);
    }
}

void body_start(session_t *session)
{
    body_sender_t *body = &session->tx.body;

    body->sending = body->ready = body->filling = BODY_NONE;
    body->last[0] = '\r'; /* the first line starts like any other */
    body->last[1] = '\n';
    session_enter(session, SESSION_BODY);
    if (ec_batch_is_large(session->tx.attempt->batch)) {
        body_pump(session);
    } else {
        send_memory(session);
    }
}

/* ---- replies ---------------------------------------------------------------------------------------- */

/* An answer before the dot: a refusal counts, but the peer still waits for the rest, so the connection is
 * over. */
static void early_answer(session_t *session)
{
    const smtp_reply_t *reply = &session->reply;
    reply_class_t class = classify_reply(EC_STAGE_BODY, reply->code, reply->text);

    if (class == REPLY_ODD) {
        body_lost(session, reply->text);
        return;
    }
    tx_fail(session, classify_outcome(class), EC_STAGE_BODY, reply->text);
    session_drop(session);
    tx_close(session);
}

void body_reply(session_t *session)
{
    early_answer(session);
}

void body_lost(session_t *session, const char *why)
{
    char text[CLASSIFY_TEXT_MAX];

    tx_fail(session, session_lost_outcome(session), EC_STAGE_BODY,
            classify_lost(EC_STAGE_BODY, why, text, sizeof(text)));
    session_drop(session);
    tx_close(session);
}

/* LMTP answers for each accepted recipient (RFC 2033 4.2).  1: more answers are to come. */
static int confirm_one(session_t *session, queue_outcome_t outcome)
{
    transaction_t *tx = &session->tx;
    int i = tx->next_confirm;

    while (i < tx->n && tx->rcpts[i].state != RCPT_ACCEPTED) {
        i++;
    }
    if (i < tx->n) {
        tx_rcpt_done(session, i, outcome, EC_STAGE_CONFIRM, apr_pstrdup(tx->pool, session->reply.text));
    }
    tx->next_confirm = i + 1;
    return tx->done < tx->n;
}

void confirm_reply(session_t *session)
{
    const smtp_reply_t *reply = &session->reply;
    reply_class_t class = classify_reply(EC_STAGE_CONFIRM, reply->code, reply->text);
    queue_outcome_t outcome = class == REPLY_GOOD ? QUEUE_DELIVERED : classify_outcome(class);

    if (!session->tx.is_lone_dot && stream_pending(session->stream) > 0) {
        early_answer(session);
        return;
    }
    if (class == REPLY_ODD) {
        confirm_lost(session, reply->text);
        return;
    }
    if (session->is_lmtp && reply->code != 421 && !session->tx.is_lone_dot) {
        if (confirm_one(session, outcome)) {
            session_enter(session, SESSION_CONFIRM);
            return;
        }
    } else {
        tx_fail(session, outcome, EC_STAGE_CONFIRM, reply->text);
    }
    session->tx.needs_rset = 0;
    if (reply->code == 421) {
        session_drop(session);
    }
    tx_close(session);
}

void confirm_lost(session_t *session, const char *why)
{
    char text[CLASSIFY_TEXT_MAX];

    if (session->stream != NULL && stream_pending(session->stream) > 0) {
        body_lost(session, why);
        return;
    }
    tx_fail(session, QUEUE_IN_DOUBT, EC_STAGE_CONFIRM,
            classify_lost(EC_STAGE_CONFIRM, why, text, sizeof(text)));
    session_drop(session);
    tx_close(session);
}
