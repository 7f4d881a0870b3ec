/* conn.h - the inbound session as policy hooks see it
 * SPDX-License-Identifier: Apache-2.0
 * Loop thread of the session, unless said otherwise.  A hook may keep the pointer only while
 * the session is suspended by it. */
#ifndef EC_CONN_H
#define EC_CONN_H

#include <ec/hook.h>
#include <ec/option.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Who speaks with whom: the session's id (C records of the logs name it), and address text and port of both ends
 * ("unix" for a local socket).  Texts live as long as the session. */
ec_id_t ec_conn_id(const ec_conn_t *conn);
const char *ec_conn_peer(const ec_conn_t *conn);
int ec_conn_peer_port(const ec_conn_t *conn);
const char *ec_conn_local(const ec_conn_t *conn);
int ec_conn_local_port(const ec_conn_t *conn);

/** What the client called itself, "" before EHLO; valid until the next one. */
const char *ec_conn_helo(const ec_conn_t *conn);
/** The sender of the transaction, "" for the null sender, NULL outside a transaction. */
const char *ec_conn_sender(const ec_conn_t *conn);
/** The batch of the transaction: sender, the recipients that were accepted, from DATA on its bytes.  NULL outside a
 * transaction.  Borrowed until the transaction ends. */
ec_batch_t *ec_conn_batch(const ec_conn_t *conn);
/** May this client send to anybody?  Set from the configuration (Relay_Hosts) before smtp_connect; what is set here
 * holds for the rest of the session. */
int ec_conn_can_relay(const ec_conn_t *conn);
void ec_conn_set_can_relay(ec_conn_t *conn, int can);

/** The options that apply to this client, for ec_option_value(); valid until the callback ends. */
const ec_options_t *ec_conn_options(const ec_conn_t *conn);
/** The network, "10.0.0.0/8", of the Peer stanza that sets `option` (lower case) for this client; NULL when none does.
 * Looks through the configuration; valid until the callback ends. */
const char *ec_conn_network(const ec_conn_t *conn, const char *option);

/** Set the answer for EC_REJECT, for example (550, "5.7.1 Not from here").  Copies.  Control characters are
 * replaced. */
void ec_conn_reply(ec_conn_t *conn, int code, const char *text);

/** End the suspension with a verdict (not EC_SUSPEND).  Any thread, exactly once per EC_SUSPEND; the session may have
 * ended meanwhile, then this does nothing but release it. */
void ec_conn_resume(ec_conn_t *conn, ec_verdict_t verdict);

#ifdef __cplusplus
}
#endif
#endif
