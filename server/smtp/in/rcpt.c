/* rcpt.c - RCPT TO: who shall have the message
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

static int is_over(ec_conn_t *conn)
{
    apr_int64_t of_message = conf_int(conn->view, CONF_O_MAX_RECIPIENTS_PER_MESSAGE);
    apr_int64_t of_connection = conf_int(conn->view, CONF_O_MAX_RECIPIENTS_PER_CONNECTION);

    if (ec_batch_recipients(conn->txn->batch) >= (of_message > 0 ? of_message : IN_RCPTS_MAX)) {
        in_refuse(conn, 452, "4.5.3 Too many recipients in this message");
        return 1;
    }
    if (of_connection > 0 && conn->recipients >= of_connection) {
        in_refuse(conn, 452, "4.5.3 Too many recipients in this connection");
        return 1;
    }
    return 0;
}

/* An address without a domain: the configured one; postmaster is always known (RFC 5321 4.5.1). */
static int qualify(ec_conn_t *conn, smtp_address_t *rcpt)
{
    const char *domain = conf_str(conn->view, CONF_O_DOMAIN_FOR_UNQUALIFIED_RECIPIENT_ADDRESSES);
    apr_size_t length = rcpt->local_length;

    if (domain == NULL && util_text_equal_nocase(rcpt->text, length, "postmaster", 10)) {
        domain = in_hostname(conn->view);
    }
    if (domain == NULL || length + 1 + strlen(domain) >= sizeof rcpt->text) {
        return 0;
    }
    snprintf(rcpt->text + length, sizeof rcpt->text - length, "@%s", domain);
    return 1;
}

static int parse(ec_conn_t *conn, smtp_address_t *rcpt, char *args)
{
    int may_space = (int)conf_int(conn->view, CONF_O_ALLOW_TRAILING_WHITESPACE_IN_COMMANDS);
    const char *text = in_after(args, "TO:");
    const char *why;

    if (text != NULL && may_space) {
        text += strspn(text, " \t");
    }
    if (text == NULL || *text != '<') {
        in_error(conn, 501, "5.5.2 Syntax: RCPT TO:<address>");
        return 0;
    }
    if (smtp_address_parse(rcpt, &text, &why) != APR_SUCCESS) {
        rcpt->text[0] = '\0'; /* the half of one is none */
        in_error(conn, 501, why);
        return 0;
    }
    if (*text != '\0') {
        in_error(conn, 555, "5.5.4 Unknown RCPT parameter");
        return 0;
    }
    return 1;
}

static int check(ec_conn_t *conn, smtp_address_t *rcpt)
{
    const char *sender = ec_conn_sender(conn);
    const char *sender_domain = strrchr(sender, '@');
    const char *domain;

    if (rcpt->text[0] == '\0') {
        in_refuse(conn, 501, "5.1.3 Recipient address is empty");
        return 0;
    }
    if (rcpt->is_literal && !conf_int(conn->view, CONF_O_ALLOW_IP_LITERAL)) {
        in_refuse(conn, 550, "5.1.2 Address literals not accepted");
        return 0;
    }
    if (rcpt->text[rcpt->local_length] == '\0' && !qualify(conn, rcpt)) {
        in_refuse(conn, 501, "5.1.3 Recipient address needs a domain");
        return 0;
    }
    domain = rcpt->text + rcpt->local_length + 1;
    if (!in_relay_recipient(conn, sender_domain == NULL ? "" : sender_domain + 1, domain)) {
        in_refuse_as(conn, IN_LOG_RELAYING, 550, "5.7.1 relaying denied");
        return 0;
    }
    return 1;
}

/* No other refusal is about it. */
static void forget(ec_conn_t *conn)
{
    if (conn->txn != NULL) {
        conn->txn->rcpt.text[0] = '\0';
    }
}

static void on_decided(ec_conn_t *conn, int is_refused)
{
    if (is_refused || !in_is_open(conn)) {
        forget(conn);
        return;
    }
    batch_add_rcpt(conn->txn->batch, conn->txn->rcpt.text);
    forget(conn);
    conn->recipients++;
    in_reply(conn, 250, "2.1.5 Recipient ok");
    in_enter(conn, IN_RCPT);
}

void in_do_rcpt(ec_conn_t *conn, char *args)
{
    smtp_address_t *rcpt = &conn->txn->rcpt;

    if (parse(conn, rcpt, args) && !is_over(conn) && check(conn, rcpt)) { /* parsed first: who it was for is logged */
        in_policy(conn, EC_HOOK_smtp_rcpt, on_decided);
    } else {
        forget(conn);
    }
}
