/* reject.c - refusals: the answer, the rejectlog, the counts
 * SPDX-License-Identifier: Apache-2.0
 *
 * A refusal is attributed to the state in which the next command was awaited. */
#include <stdio.h>

#include "hook/hook.h"
#include "smtp/in/session.h"

static const int log_states[IN_STATES_COUNT] = {
#define LOG_STATE(id, number, text) number,
    IN_STATES(LOG_STATE)
#undef LOG_STATE
};

static void endpoint_text(char *text, apr_size_t size, const net_endpoint_t *endpoint)
{
    snprintf(text, size, "%s:%d", endpoint->text, endpoint->port);
}

void in_log_rejection(ec_conn_t *conn, int log_state, int code, const char *text)
{
    char remote[sizeof conn->peer.text + 16];
    char local[sizeof conn->local.text + 16];
    ec_rejection_t rejection = {
        .when = ec_loop_now(conn->loop),
        .connection = conn->id,
        .remote = remote,
        .local = local,
        .state = log_state >= 0 ? log_state : log_states[conn->state],
        .code = code,
        .module = conn->policy.module != NULL ? conn->policy.module : "",
        .text = text,
        .conn = conn,
        .batch = conn->txn != NULL ? conn->txn->batch : NULL,
        .recipient = conn->txn != NULL ? conn->txn->rcpt.text : "",
    };

    in_count(IN_C_rejections, 1);
    if (hook_list(EC_HOOK_log_rejection) == NULL) {
        return;
    }
    endpoint_text(remote, sizeof remote, &conn->peer);
    endpoint_text(local, sizeof local, &conn->local);
    HOOK_CALL(log_rejection, &rejection);
}

void in_refuse_as(ec_conn_t *conn, int log_state, int code, const char *text)
{
    in_log_rejection(conn, log_state, code, text);
    if (code == 421) {
        in_close(conn, code, text);
        return;
    }
    in_reply(conn, code, text);
    if (++conn->refusals > IN_REFUSALS_MAX) {
        in_close(conn, 421, "4.7.0 Too many refused commands");
    }
}

void in_refuse(ec_conn_t *conn, int code, const char *text)
{
    in_refuse_as(conn, -1, code, text);
}

void in_error(ec_conn_t *conn, int code, const char *text)
{
    in_count(IN_C_errors, 1);
    in_refuse(conn, code, text);
    if (++conn->errors > IN_ERRORS_MAX) {
        in_close(conn, 421, "4.7.0 Too many errors");
    }
}
