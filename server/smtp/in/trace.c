/* trace.c - the Received field that we put in front of a message
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 4.4) */
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

static void add_address(util_text_t *to, const ec_conn_t *conn)
{
    if (strcmp(conn->peer.text, "unix") == 0) {
        util_text_add(to, "(local socket)");
    } else {
        util_text_addf(to, "([%s%s])", strchr(conn->peer.text, ':') != NULL ? "IPv6:" : "", conn->peer.text);
    }
}

apr_size_t in_trace_header(const ec_conn_t *conn, const ec_batch_t *batch, char text[IN_TRACE_MAX])
{
    const char *host = conf_str(conn->view, CONF_O_RECEIVED_HOSTNAME);
    char id[EC_ID_TEXT];
    char date[UTIL_DATE_TEXT];
    util_text_t to;

    util_text_init(&to, text, IN_TRACE_MAX);
    util_text_addf(&to, "Received: from %.255s ", conn->helo == NULL ? "unknown" : conn->helo);
    add_address(&to, conn);
    util_text_addf(&to, "\r\n\tby %.255s (ecelerity) with %s\r\n\tid %s; %s\r\n",
                   host != NULL ? host : in_hostname(conn->view), conn->is_esmtp ? "ESMTP" : "SMTP",
                   ec_id_text(ec_batch_id(batch), id), util_text_mail_date(date, ec_batch_received(batch)));
    return to.length;
}
