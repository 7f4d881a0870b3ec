/* transaction.c - MAIL, RCPT, DATA: one attempt over one connection
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 3.3, RFC 2920)
 *
 * Commands are numbered: 0 MAIL, 1..n RCPT, n + 1 DATA.  `sent` and `answered` count them, so a reply belongs
 * to the command of its number whether the commands left one by one or all at once.
 *
 * The mark (queue_mark) is asked for as early as possible, so that its sync overlaps the way to the peer and
 * back; the dot waits for it (body.c).
 *
 * An attempt ends in three steps: every recipient has a result (tx_fail, tx_rcpt_done); nothing of the
 * attempt is in use any more (mark, reader of a large body); the queue has been told and has it on record
 * (on_settled). */
#include <string.h>

#include <apr_strings.h>

#include "smtp/out/classify.h"
#include "smtp/out/session.h"

int tx_is_open(const session_t *session)
{
    return session->tx.pool != NULL;
}

/* ---- results ------------------------------------------------------------------------------ */

void tx_rcpt_done(session_t *session, int i, queue_outcome_t outcome, ec_stage_t stage, const char *text)
{
    rcpt_t *rcpt = &session->tx.rcpts[i];

    if (rcpt->state == RCPT_DONE) {
        return;
    }
    *rcpt = (rcpt_t){ RCPT_DONE, outcome, stage, text };
    session->tx.done++;
}

void tx_fail(session_t *session, queue_outcome_t outcome, ec_stage_t stage, const char *text)
{
    transaction_t *tx = &session->tx;
    const char *copy = apr_pstrdup(tx->pool, text);

    for (int i = 0; i < tx->n; i++) {
        tx_rcpt_done(session, i, outcome, stage, copy);
    }
}

static void on_settled(void *baton)
{
    session_t *session = baton;

    apr_pool_destroy(session->tx.pool);
    memset(&session->tx, 0, sizeof(session->tx));
    session_continue(session);
}

static void count(session_t *session, queue_outcome_t outcome, apr_size_t size)
{
    static const int counters[] = {
        [QUEUE_DELIVERED] = OUT_messages,  [QUEUE_TRANSIENT] = OUT_transient,
        [QUEUE_PERMANENT] = OUT_permanent, [QUEUE_IN_DOUBT] = OUT_in_doubt,
        [QUEUE_RELEASE] = OUT_released,
    };

    ec_counter_add(out_counter[counters[outcome]], 1);
    if (outcome == QUEUE_DELIVERED) {
        session->deliveries++;
        ec_counter_add(out_counter[OUT_bytes], (apr_int64_t)size);
    }
}

void tx_finish(session_t *session)
{
    static const rcpt_t released = { RCPT_DONE, QUEUE_RELEASE, EC_STAGE_IDLE, "" };
    transaction_t *tx = &session->tx;
    queue_attempt_t *attempt = tx->attempt;
    apr_size_t sent;
    int n;

    if (tx->is_reported || tx->done < tx->n || tx->mark == MARK_PENDING || tx->body.is_reading) {
        return;
    }
    tx->is_reported = 1;
    sent = body_sent(session);
    body_free(session);
    n = attempt->n;
    queue_settled(attempt, on_settled, session);
    for (int i = 0; i < n; i++) {
        const rcpt_t *rcpt = i < tx->n ? &tx->rcpts[i] : &released;
        queue_result_t result = { rcpt->outcome, rcpt->stage, rcpt->text, session->hosts.text, sent };

        count(session, rcpt->outcome, sent);
        queue_result(attempt, i, &result);
    }
}

void tx_close(session_t *session)
{
    static const char command[] = "RSET\r\n";

    queue_envelope_seen(session->handle);
    if (session->stream != NULL && session->tx.needs_rset) {
        stream_write_static(session->stream, command, sizeof(command) - 1);
        session_enter(session, SESSION_RSET);
    } else {
        session_enter(session, SESSION_SETTLE);
    }
    tx_finish(session);
}

/* A peer that says 421 hangs up; so do we, and what has no result fails with its reply.  As the first answer
 * on a connection that has served before it speaks of the connection: the messages are tried again on
 * another. */
static int is_farewell(session_t *session)
{
    int is_worn = session->attempts > 1 && session->tx.answered == 0;

    if (session->reply.code != 421) {
        return 0;
    }
    tx_fail(session, is_worn ? QUEUE_RELEASE : QUEUE_TRANSIENT, session_stage(session), session->reply.text);
    session_drop(session);
    tx_close(session);
    return 1;
}

static void lost(session_t *session, const char *why)
{
    int is_stale = session->attempts > 1 && session->tx.answered == 0;
    char text[CLASSIFY_TEXT_MAX];

    classify_lost(session_stage(session), why, text, sizeof(text));
    tx_fail(session, is_stale ? QUEUE_RELEASE : session_lost_outcome(session), session_stage(session), text);
    session_drop(session);
    tx_close(session);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int wants_8bit(session_t *session)
{
    const ec_batch_t *batch = session->tx.attempt->batch;

    if (!session->peer.has_8bitmime) {
        return 0;
    }
    return (ec_batch_flags(batch) & EC_BATCH_8BIT) != 0 ||
           (session_int(session, CONF_O_SEND_8BITMIME) != 0 && body_is_8bit(batch));
}

static void send_mail(session_t *session)
{
    const ec_batch_t *batch = session->tx.attempt->batch;
    char size[40] = "";

    if (session->peer.has_size) {
        apr_snprintf(size, sizeof(size), " SIZE=%" APR_SIZE_T_FMT, ec_batch_size(batch));
    }
    stream_printf(session->stream, "MAIL FROM:<%s>%s%s\r\n", ec_batch_sender(batch), size,
                  wants_8bit(session) ? " BODY=8BITMIME" : "");
}

static const char *rcpt_address(const session_t *session, int i)
{
    const queue_attempt_t *attempt = session->tx.attempt;

    return ec_batch_recipient(attempt->batch, attempt->rcpt[i]);
}

static session_state_t state_of(const session_t *session, int command)
{
    return command == 0 ? SESSION_MAIL : command <= session->tx.n ? SESSION_RCPT : SESSION_DATA;
}

static void send_command(session_t *session, int command)
{
    switch (state_of(session, command)) {
    case SESSION_MAIL:
        send_mail(session);
        break;
    case SESSION_RCPT:
        stream_printf(session->stream, "RCPT TO:<%s>\r\n", rcpt_address(session, command - 1));
        session->recipients++;
        break;
    default:
        stream_printf(session->stream, "DATA\r\n");
    }
    session->tx.sent++;
}

static void on_mark(void *baton, apr_status_t rv)
{
    session_t *session = baton;

    session->tx.mark = rv == APR_SUCCESS ? MARK_DONE : MARK_FAILED;
    tx_finish(session);
    if (!session->tx.is_reported && session->state == SESSION_BODY) {
        body_try_dot(session);
    }
}

static void mark(session_t *session)
{
    if (session->tx.mark == MARK_NONE) {
        session->tx.mark = MARK_PENDING;
        queue_mark(session->tx.attempt, on_mark, session);
    }
}

/* What comes after a reply: the next reply of a group, the next command, or the end. */
static void advance(session_t *session)
{
    transaction_t *tx = &session->tx;

    if (tx->sent == tx->answered) {
        if (tx->done == tx->n) {
            tx_close(session);
            return;
        }
        send_command(session, tx->answered);
    }
    session_enter(session, state_of(session, tx->answered));
}

static void send_all(session_t *session)
{
    for (int command = 0; command <= session->tx.n + 1; command++) {
        send_command(session, command);
    }
    mark(session);
}

/* ---- start --------------------------------------------------------------------------------------- */

int tx_room(session_t *session, int n)
{
    const struct {
        conf_opt_t option;
        int used;
    } bounds[] = {
        { CONF_O_MAX_DELIVERIES_PER_CONNECTION, session->deliveries },
        { CONF_O_MAX_RECIPIENTS_PER_CONNECTION, session->recipients },
    };

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        apr_int64_t bound = session_int(session, bounds[i].option);

        if (bound > 0 && n > bound - bounds[i].used) {
            n = (int)(bound - bounds[i].used);
        }
    }
    return n;
}

/* Addresses were checked when they came in; here a mistake would let them speak SMTP. */
static int is_speakable(const char *address)
{
    for (; *address != '\0'; address++) {
        if ((unsigned char)*address < ' ' || *address == 127 || *address == '>' || *address == '<') {
            return 0;
        }
    }
    return 1;
}

/* A reason not even to begin, or NULL. */
static const char *find_obstacle(session_t *session, const queue_attempt_t *attempt)
{
    apr_size_t bound = session->peer.size_max;

    if (bound > 0 && ec_batch_size(attempt->batch) > bound) {
        return apr_psprintf(session->tx.pool,
                            "552 5.3.4 [internal] the message has %" APR_SIZE_T_FMT
                            " bytes, the host takes at most %" APR_SIZE_T_FMT,
                            ec_batch_size(attempt->batch), bound);
    }
    if (!is_speakable(ec_batch_sender(attempt->batch))) {
        return "550 5.1.7 [internal] the sender's address can not be spoken in SMTP";
    }
    return NULL;
}

static void refuse_unspeakable(session_t *session)
{
    static const char text[] = "550 5.1.3 [internal] the recipient's address can not be spoken in SMTP";

    for (int i = 0; i < session->tx.n; i++) {
        if (!is_speakable(rcpt_address(session, i))) {
            tx_fail(session, QUEUE_PERMANENT, EC_STAGE_RCPT, text);
            return;
        }
    }
}

void tx_start(session_t *session, queue_attempt_t *attempt)
{
    transaction_t *tx = &session->tx;
    const char *obstacle;

    tx->pool = ec_loop_subpool(session->loop);
    tx->attempt = attempt;
    attempt->connection = session->connection;
    tx->n = tx_room(session, attempt->n);
    tx->rcpts = apr_pcalloc(tx->pool, sizeof(*tx->rcpts) * (apr_size_t)tx->n);
    session->attempts++;
    ec_counter_add(out_counter[OUT_transactions], 1);
    if ((obstacle = find_obstacle(session, attempt)) != NULL) {
        tx_fail(session, QUEUE_PERMANENT, EC_STAGE_MAIL, obstacle);
    } else if ((obstacle = policy_attempt(session, attempt, tx->n)) != NULL) {
        tx_fail(session, obstacle[0] == '5' ? QUEUE_PERMANENT : QUEUE_TRANSIENT, EC_STAGE_MAIL, obstacle);
    } else {
        refuse_unspeakable(session);
    }
    if (tx->done == tx->n) {
        queue_envelope_unsent(session->handle);
        tx_close(session);
        return;
    }
    if (session->peer.has_pipelining) {
        send_all(session);
    }
    advance(session);
}

/* ---- replies ---------------------------------------------------------------------------------- */

void mail_reply(session_t *session)
{
    const smtp_reply_t *reply = &session->reply;
    reply_class_t class = classify_reply(EC_STAGE_MAIL, reply->code, reply->text);

    if (class == REPLY_ODD) {
        lost(session, reply->text);
        return;
    }
    if (is_farewell(session)) {
        return;
    }
    session->tx.answered++;
    if (class == REPLY_GOOD) {
        session->tx.is_mail_accepted = session->tx.needs_rset = 1;
        mark(session);
    } else {
        tx_fail(session, classify_outcome(class), EC_STAGE_MAIL, reply->text);
    }
    advance(session);
}

void rcpt_reply(session_t *session)
{
    const smtp_reply_t *reply = &session->reply;
    reply_class_t class = classify_reply(EC_STAGE_RCPT, reply->code, reply->text);
    transaction_t *tx = &session->tx;
    int i = tx->answered - 1;

    if (class == REPLY_ODD) {
        lost(session, reply->text);
        return;
    }
    if (is_farewell(session)) {
        return;
    }
    tx->answered++;
    if (class == REPLY_GOOD) {
        tx->accepted++;
        if (tx->rcpts[i].state == RCPT_OPEN) {
            tx->rcpts[i].state = RCPT_ACCEPTED;
        }
    } else {
        tx_rcpt_done(session, i,
                     class == REPLY_FULL && tx->accepted > 0 ? QUEUE_RELEASE : classify_outcome(class),
                     EC_STAGE_RCPT, apr_pstrdup(tx->pool, reply->text));
    }
    advance(session);
}

/* RFC 2920 3.1: DATA was accepted although every recipient was refused; a lone dot ends it.  If the peer
 * believes that it has a recipient, the dot would send an empty message: then only closing helps. */
static void end_empty_data(session_t *session)
{
    if (session->tx.accepted > 0) {
        session_drop(session);
        tx_close(session);
        return;
    }
    session->tx.is_lone_dot = 1;
    stream_printf(session->stream, ".\r\n");
    session_enter(session, SESSION_CONFIRM);
}

void data_reply(session_t *session)
{
    const smtp_reply_t *reply = &session->reply;
    reply_class_t class = classify_reply(EC_STAGE_DATA, reply->code, reply->text);
    transaction_t *tx = &session->tx;

    if (class == REPLY_ODD) {
        lost(session, reply->text);
        return;
    }
    if (is_farewell(session)) {
        return;
    }
    tx->answered++;
    queue_envelope_seen(session->handle);
    if (class != REPLY_GOOD) {
        tx_fail(session, classify_outcome(class), EC_STAGE_DATA, reply->text);
        tx_close(session);
    } else if (tx->done == tx->n) {
        end_empty_data(session);
    } else {
        body_start(session);
    }
}

void mail_lost(session_t *session, const char *why)
{
    lost(session, why);
}

void rcpt_lost(session_t *session, const char *why)
{
    lost(session, why);
}

void data_lost(session_t *session, const char *why)
{
    lost(session, why);
}

/* ---- between transactions -------------------------------------------------------------------- */

void rset_reply(session_t *session)
{
    if (session->reply.code < 200 || session->reply.code > 299) {
        session_drop(session);
    }
    session_enter(session, SESSION_SETTLE);
    session_continue(session);
}

void rset_lost(session_t *session, const char *why)
{
    idle_lost(session, why);
}

/* A peer that speaks unasked is about to hang up. */
void idle_reply(session_t *session)
{
    idle_lost(session, session->reply.text);
}

void idle_lost(session_t *session, const char *why)
{
    ec_log(queue_log(session->queue), EC_LOG_DEBUG, "idle connection ended address=%s why=\"%s\"",
           session->hosts.text, why);
    session_drop(session);
    session_enter(session, SESSION_SETTLE);
    session_continue(session);
}
