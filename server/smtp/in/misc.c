/* misc.c - RSET, NOOP, VRFY, HELP, QUIT
 * SPDX-License-Identifier: Apache-2.0 */
#include "smtp/in/session.h"

void in_reconfigured(ec_conn_t *conn)
{
    const char *text = conf_str(conn->view, CONF_O_RECONFIG_MESSAGE);

    in_refuse(conn, 421, text != NULL ? text : "4.3.2 Reconfiguration in progress");
}

static int has_no_argument(ec_conn_t *conn, const char *args)
{
    if (args[0] == '\0') {
        return 1;
    }
    in_error(conn, 501, "5.5.4 No argument, please");
    return 0;
}

void in_do_rset(ec_conn_t *conn, char *args)
{
    if (!has_no_argument(conn, args)) {
        return;
    }
    in_txn_end(conn);
    if (!in_settings_renew(conn)) {
        in_reconfigured(conn);
        return;
    }
    if (conn->state != IN_GREET) {
        in_enter(conn, conn->helo == NULL ? IN_GREET : IN_READY);
    }
    in_reply(conn, 250, "2.0.0 OK");
}

void in_do_noop(ec_conn_t *conn, char *args)
{
    in_reply(conn, 250, "2.0.0 OK");
}

/* Whether an address exists is known by no reception of ours: 252 (RFC 5321 3.5.3). */
void in_do_vrfy(ec_conn_t *conn, char *args)
{
    if (args[0] == '\0') {
        in_error(conn, 501, "5.5.4 Syntax: VRFY address");
    } else {
        in_reply(conn, 252, "2.5.2 Send the message, it will be tried");
    }
}

void in_do_help(ec_conn_t *conn, char *args)
{
    in_reply(conn, 214, "2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP; see RFC 5321");
}

void in_do_quit(ec_conn_t *conn, char *args)
{
    if (has_no_argument(conn, args)) {
        in_close(conn, 221, "2.0.0 Bye");
    }
}
