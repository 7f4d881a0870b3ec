/* greet.c - banner, EHLO, HELO
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

enum { NAME_MAX_LENGTH = 255 };

void in_greet(ec_conn_t *conn)
{
    const char *banner = conf_str(conn->view, CONF_O_STATIC_BANNER);
    const char *host = conf_str(conn->view, CONF_O_BANNER_HOSTNAME);

    if (banner != NULL) {
        stream_printf(conn->stream, "%s%s\r\n", strncmp(banner, "220", 3) == 0 ? "" : "220 ", banner);
    } else {
        stream_printf(conn->stream, "220 %s ESMTP\r\n", host != NULL ? host : in_hostname(conn->view));
    }
    in_enter(conn, IN_GREET);
}

/* What a client may call itself: any word of characters that mean nothing in a header or a log.  Not only
 * names that RFC 5321 allows, since many honest clients do not know theirs. */
static int is_name(const char *text)
{
    apr_size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]/+=#!~*");

    return length > 0 && length <= NAME_MAX_LENGTH && text[length] == '\0';
}

static int has_extension(const ec_conn_t *conn, const char *name)
{
    const ec_value_t *value = conf_get(conn->view, CONF_O_SMTP_EXTENSIONS);

    for (const char *const *word = value == NULL ? NULL : value->list; word != NULL && *word != NULL;
         word++) {
        if (util_text_equal_nocase(*word, strlen(*word), name, strlen(name))) {
            return 1;
        }
    }
    return 0;
}

static void answer_ehlo(ec_conn_t *conn)
{
    apr_int64_t size = conf_int(conn->view, CONF_O_MAX_MESSAGE_SIZE);

    stream_printf(conn->stream, "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n", in_hostname(conn->view));
    if (has_extension(conn, "ENHANCEDSTATUSCODES")) {
        stream_printf(conn->stream, "250-ENHANCEDSTATUSCODES\r\n");
    }
    if (size > 0) {
        stream_printf(conn->stream, "250 SIZE %" APR_INT64_T_FMT "\r\n", size);
    } else {
        stream_printf(conn->stream, "250 SIZE\r\n");
    }
}

static void forget_name(ec_conn_t *conn)
{
    free(conn->helo);
    conn->helo = NULL;
}

static void on_decided(ec_conn_t *conn, int is_refused)
{
    if (!in_is_open(conn)) {
        return;
    }
    if (is_refused) {
        forget_name(conn);
        conn->is_esmtp = 0;
        in_enter(conn, IN_GREET);
        return;
    }
    if (conn->is_esmtp) {
        answer_ehlo(conn);
    } else {
        stream_printf(conn->stream, "250 %s\r\n", in_hostname(conn->view));
    }
    in_enter(conn, IN_READY);
}

/* A greeting also ends a transaction (RFC 5321 4.1.4). */
static void greeted(ec_conn_t *conn, const char *name, int is_esmtp)
{
    if (!is_name(name)) {
        in_error(conn, 501, name[0] == '\0' ? "5.5.4 Say who you are" : "5.5.4 Bad host name");
        return;
    }
    in_txn_end(conn);
    forget_name(conn);
    conn->helo = strdup(name);
    EC_ASSERT(conn->helo != NULL);
    conn->is_esmtp = (unsigned)is_esmtp;
    in_policy(conn, EC_HOOK_smtp_ehlo, on_decided);
}

void in_do_ehlo(ec_conn_t *conn, char *args)
{
    greeted(conn, args, 1);
}

void in_do_helo(ec_conn_t *conn, char *args)
{
    greeted(conn, args, 0);
}
