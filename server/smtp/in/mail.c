/* mail.c - MAIL FROM: a transaction begins
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

typedef struct {
    smtp_address_t sender;
    apr_uint64_t size;
    int is_8bit;
} mail_args_t;

/* ---- parameters --------------------------------------------------------------------- */

/* RFC 1870 4: up to 20 digits, which can be more than a number of ours holds: the most then, which is too big as well. */
static int parse_size(mail_args_t *mail, const char *value)
{
    apr_size_t digits = value == NULL ? 0 : strspn(value, "0123456789");

    if (digits == 0 || digits > 20 || value[digits] != '\0') {
        return 0;
    }
    mail->size = strtoull(value, NULL, 10); /* saturates */
    return 1;
}

static int parse_body(mail_args_t *mail, const char *value)
{
    apr_size_t length = value == NULL ? 0 : strlen(value);

    mail->is_8bit = util_text_equal_nocase(value == NULL ? "" : value, length, "8BITMIME", 8);
    return mail->is_8bit || util_text_equal_nocase(value == NULL ? "" : value, length, "7BIT", 4);
}

static const struct {
    const char *name;
    int (*parse)(mail_args_t *mail, const char *value);
    const char *text; /* of the 501 */
} params[] = {
    { "SIZE", parse_size, "5.5.4 Bad SIZE" },
    { "BODY", parse_body, "5.5.4 Bad BODY" },
};

static int take_param(ec_conn_t *conn, mail_args_t *mail, const smtp_param_t *param)
{
    for (apr_size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        if (util_text_equal_nocase(param->name, strlen(param->name), params[i].name,
                                   strlen(params[i].name))) {
            if (!params[i].parse(mail, param->value)) {
                in_error(conn, 501, params[i].text);
                return 0;
            }
            return 1;
        }
    }
    in_error(conn, 555, "5.5.4 Unknown MAIL parameter");
    return 0;
}

static int take_params(ec_conn_t *conn, mail_args_t *mail, char *text)
{
    smtp_param_t found[SMTP_PARAMS_MAX];
    int n = smtp_params_split(text, found);

    if (n < 0) {
        in_error(conn, 501, "5.5.4 Bad MAIL parameters");
        return 0;
    }
    for (int i = 0; i < n; i++) {
        if (!take_param(conn, mail, &found[i])) {
            return 0;
        }
    }
    return 1;
}

/* ---- address ------------------------------------------------------------------------ */

/* The same codes for senders as RFC 3463 has for them. */
static const char *sender_text(const char *why)
{
    return strncmp(why, "5.1.3", 5) == 0 ? "5.1.7 Bad sender address syntax" : why;
}

static int qualify(smtp_address_t *address, const char *domain)
{
    if (domain == NULL || address->local_length + 1 + strlen(domain) >= sizeof address->text) {
        return 0;
    }
    address->text[address->local_length] = '@';
    strcpy(address->text + address->local_length + 1, domain);
    return 1;
}

static int check_sender(ec_conn_t *conn, smtp_address_t *sender)
{
    if (sender->text[0] == '\0') {
        if (!conf_int(conn->view, CONF_O_ALLOW_NULL_ENVELOPE_SENDER)) {
            in_refuse(conn, 550, "5.7.1 Null sender not accepted");
            return 0;
        }
        return 1;
    }
    if (sender->is_literal && !conf_int(conn->view, CONF_O_ALLOW_IP_LITERAL)) {
        in_refuse(conn, 550, "5.1.8 Address literals not accepted");
        return 0;
    }
    if (sender->text[sender->local_length] == '\0' &&
        !qualify(sender, conf_str(conn->view, CONF_O_DOMAIN_FOR_UNQUALIFIED_SENDER_ADDRESS))) {
        in_refuse(conn, 501, "5.1.7 Sender address needs a domain");
        return 0;
    }
    return 1;
}

static int parse(ec_conn_t *conn, mail_args_t *mail, char *args)
{
    int may_space = (int)conf_int(conn->view, CONF_O_ALLOW_TRAILING_WHITESPACE_IN_COMMANDS);
    char *at = in_after(args, "FROM:");
    const char *text;
    const char *why;

    if (at != NULL && may_space) {
        at += strspn(at, " \t");
    }
    if (at == NULL || *at != '<') {
        in_error(conn, 501, "5.5.2 Syntax: MAIL FROM:<address>");
        return 0;
    }
    text = at;
    if (smtp_address_parse(&mail->sender, &text, &why) != APR_SUCCESS) {
        in_error(conn, 501, sender_text(why));
        return 0;
    }
    return take_params(conn, mail, at + (text - at)) && check_sender(conn, &mail->sender);
}

/* ---- the command -------------------------------------------------------------------- */

/* 0: no mail now, and the client knows. */
static int is_accepting(ec_conn_t *conn)
{
    apr_int64_t most = conf_int(conn->view, CONF_O_MAX_RECEPTIONS_PER_CONNECTION);

    if (conn->state == IN_GREET && conf_int(conn->view, CONF_O_REQUIRE_EHLO)) {
        in_error(conn, 550, "5.5.1 EHLO or HELO first");
        return 0;
    }
    if (most > 0 && conn->receptions >= most) {
        in_refuse(conn, 421, "4.4.5 Too many messages in this connection");
        return 0;
    }
    if (!in_backend()->is_ready(in_backend()->baton)) {
        in_refuse(conn, 452, "4.3.1 Insufficient system storage");
        return 0;
    }
    return 1;
}

static in_txn_t *begin(ec_conn_t *conn, const mail_args_t *mail)
{
    in_txn_t *txn = calloc(1, sizeof *txn);
    ec_batch_t *batch = txn == NULL ? NULL : batch_create(ec_loop_now(conn->loop), "esmtp");

    if (batch == NULL) {
        free(txn);
        return NULL;
    }
    txn->conn = conn;
    txn->batch = batch;
    batch_set_sender(batch, mail->sender.text);
    batch_set_source(batch, conn->peer.text, ec_conn_helo(conn), conn->id);
    if (mail->is_8bit) {
        batch->flags |= EC_BATCH_8BIT;
    }
    return txn;
}

static void on_decided(ec_conn_t *conn, int is_refused)
{
    if (is_refused) {
        in_txn_end(conn);
        return;
    }
    in_reply(conn, 250, "2.1.0 Sender ok");
    in_enter(conn, IN_MAIL);
}

void in_do_mail(ec_conn_t *conn, char *args)
{
    apr_uint64_t most;
    mail_args_t mail = { .size = 0 };

    if (!in_settings_renew(conn)) {
        in_reconfigured(conn);
        return;
    }
    if (!is_accepting(conn) || !parse(conn, &mail, args)) {
        return;
    }
    most = (apr_uint64_t)conf_int(conn->view, CONF_O_MAX_MESSAGE_SIZE);
    if (most > 0 && mail.size > most) {
        in_refuse(conn, 552, "5.3.4 Message too big");
        return;
    }
    if ((conn->txn = begin(conn, &mail)) == NULL) {
        in_refuse(conn, 452, "4.3.4 Out of memory");
        return;
    }
    in_policy(conn, EC_HOOK_smtp_mail, on_decided);
}
