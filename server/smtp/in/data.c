/* data.c - DATA, the end of data, and the way to the disk
 * SPDX-License-Identifier: Apache-2.0
 *
 * 250 is said in one place: on_stored(), which the spool calls when the message is on
 * disk.  What happens after the disk has it does not depend on the session: a client that
 * has gone meanwhile may or may not know, the message is ours in either case. */
#include <stdio.h>
#include <string.h>

#include "hook/hook.h"
#include "smtp/in/header.h"
#include "smtp/in/session.h"

/* ---- DATA --------------------------------------------------------------------------- */

static void on_data_decided(ec_conn_t *conn, int is_refused)
{
    in_txn_t *txn = conn->txn;
    char trace[IN_TRACE_MAX];
    apr_size_t length;

    if (is_refused || !in_is_open(conn)) {
        return;
    }
    in_settings_rules(&txn->rules, conn->view);
    in_body_begin(&txn->body, &txn->rules, txn->batch);
    in_watch_body(txn);
    if (conf_int(conn->view, CONF_O_RFC2822_TRACE_HEADERS)) {
        length = in_trace_header(conn, txn->batch, trace);
        txn->body.ours = length;
        in_body_append(&txn->body, trace, length);
    }
    conn->progress = 0;
    in_reply(conn, 354, "Send the message, end with CR LF . CR LF");
    in_enter(conn, IN_BODY);
}

void in_do_data(ec_conn_t *conn, char *args)
{
    if (args[0] != '\0') {
        in_error(conn, 501, "5.5.4 DATA takes no argument");
        return;
    }
    in_policy(conn, EC_HOOK_smtp_data, on_data_decided);
}

/* ---- stored ------------------------------------------------------------------------- */

static void log_reception(const ec_batch_t *batch)
{
    ec_event_t event = {
        .when = ec_batch_received(batch),
        .batch_id = ec_batch_id(batch),
        .connection = ec_batch_connection(batch),
        .sender = ec_batch_sender(batch),
        .protocol = ec_batch_protocol(batch),
        .address = ec_batch_source(batch),
        .text = "",
        .size = ec_batch_size(batch),
        .stage = EC_STAGE_UNKNOWN,
        .message_size = ec_batch_size(batch),
        .batch = batch,
    };

    if (hook_list(EC_HOOK_log_reception) == NULL) {
        return;
    }
    for (int i = 0; i < ec_batch_recipients(batch); i++) {
        event.id = ec_batch_message_id(batch, i);
        event.recipient = ec_batch_recipient(batch, i);
        event.domain = ec_batch_domain(batch, i);
        event.binding = ec_batch_binding(batch, i);
        event.group = ec_batch_binding_group(batch, i);
        HOOK_CALL(log_reception, &event);
    }
}

static void accepted(ec_conn_t *conn, ec_batch_t *batch)
{
    char id[EC_ID_TEXT];
    char text[EC_ID_TEXT + 16];

    in_count(IN_C_messages, 1);
    in_count(IN_C_recipients, ec_batch_recipients(batch));
    conn->receptions++;
    log_reception(batch);
    HOOK_CALL(message_accepted, batch);
    in_backend()->accept(in_backend()->baton, batch);
    snprintf(text, sizeof text, "2.0.0 OK %s", ec_id_text(ec_batch_id(batch), id));
    in_reply(conn, 250, text);
}

static void not_stored(ec_conn_t *conn, apr_status_t rv)
{
    in_count(IN_C_store_failures, 1);
    if (!in_is_open(conn)) {
        return;
    }
    if (APR_STATUS_IS_ENOSPC(rv)) {
        in_refuse(conn, 452, "4.3.1 Insufficient system storage");
    } else {
        in_refuse(conn, 451, "4.3.0 Message can not be stored now");
    }
}

/* The message is over, one way or the other. */
static void next_message(ec_conn_t *conn)
{
    in_txn_end(conn);
    in_enter(conn, IN_READY);
    if (in_is_open(conn) && in_is_stopping(conn->loop)) {
        in_close(conn, 421, "4.3.2 Service is closing");
    }
}

static void on_stored(void *baton, apr_status_t rv)
{
    in_txn_t *txn = baton;
    ec_conn_t *conn = txn->conn;
    ec_loop_t *loop = conn->loop;

    conn->is_waiting = 0;
    if (rv == APR_SUCCESS) {
        accepted(conn, txn->batch);
    } else {
        not_stored(conn, rv);
    }
    next_message(conn);
    in_go_on(conn);
    in_unref(conn);
    in_message_waits(loop, -1);
}

static void on_message_decided(ec_conn_t *conn, int is_refused)
{
    in_txn_t *txn = conn->txn;

    if (is_refused || !in_is_open(conn)) {
        next_message(conn);
        return;
    }
    if (ec_batch_recipients(txn->batch) == 0) { /* hooks took them all */
        in_refuse(conn, 554, "5.5.1 No recipient is left");
        next_message(conn);
        return;
    }
    context_copy(&txn->batch->context, &conn->context, EC_CONTEXT_CONN);
    batch_seal(txn->batch);
    if (in_backend()->bind != NULL && !in_backend()->bind(in_backend()->baton, txn->batch)) {
        in_refuse(conn, 451, "4.3.5 No binding for this message, and default_binding is none");
        next_message(conn);
        return;
    }
    txn->request = (spool_request_t){
        .verb = SPOOL_STORE,
        .batch = txn->batch,
        .loop = conn->loop,
        .done = on_stored,
        .baton = txn,
    };
    in_ref(conn);
    in_message_waits(conn->loop, 1);
    in_wait(conn);
    in_backend()->store(in_backend()->baton, &txn->request);
}

/* ---- the body ----------------------------------------------------------------------- */

static void end_of_data(ec_conn_t *conn)
{
    const in_body_t *body = &conn->txn->body;

    in_enter(conn, IN_COMMIT);
    if (body->code != 0) {
        in_refuse(conn, body->code, body->text);
        next_message(conn);
        return;
    }
    in_policy(conn, EC_HOOK_smtp_message, on_message_decided);
}

apr_size_t in_data_input(ec_conn_t *conn, const char *data, apr_size_t len)
{
    in_body_t *body = &conn->txn->body;
    int is_end;
    apr_size_t used = in_body_take(body, data, len, &is_end);

    if (is_end) {
        end_of_data(conn);
    } else if (body->drained > IN_DRAIN_MAX) {
        in_refuse(conn, 421, "4.3.0 Message far too big");
    }
    return used;
}
