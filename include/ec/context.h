/* context.h - variables of a connection and of a message
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts by name.  Those of a connection (vctx_conn) live as long as the session, and each message takes a copy of
 * them along; those of a message (vctx_mess) begin with its transaction.  Both are stored with the message, so that
 * they are there at every attempt, also after a restart, and loggers can print them.
 * The recipients of a batch share them.  Bounds: names EC_CONTEXT_NAME_MAX bytes, values EC_CONTEXT_VALUE_MAX, all of
 * one connection or message EC_CONTEXT_ALL_MAX. */
#ifndef EC_CONTEXT_H
#define EC_CONTEXT_H

#include <ec/conn.h>
#include <ec/message.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EC_CONTEXT_NAME_MAX = 255, EC_CONTEXT_VALUE_MAX = 16 * 1024, EC_CONTEXT_ALL_MAX = 64 * 1024 };

typedef enum {
    EC_CONTEXT_CONN = 'c',
    EC_CONTEXT_MESS = 'm'
} ec_context_t;

/** Set a variable of the connection; `value` NULL takes it away.  Copies.  EC_E_TOO_LONG beyond a bound, EC_E_SYNTAX for
 * an empty name.  Loop of the session, or whoever was given it by EC_SUSPEND. */
apr_status_t ec_conn_context_set(ec_conn_t *conn, const char *name, const char *value);
/** Its value, or NULL; valid until the next set. */
const char *ec_conn_context_get(const ec_conn_t *conn, const char *name);
/** Visit all of a connection in the order in which they were set.  The texts are borrowed for the call. */
typedef void ec_context_each_fn(void *baton, const char *name, const char *value);
void ec_conn_context_each(const ec_conn_t *conn, ec_context_each_fn *each, void *baton);

/** Set a variable of a batch; until it is stored (message_spool is the last hook that may), afterwards
 * EC_E_DENIED. */
apr_status_t ec_batch_context_set(ec_batch_t *batch, ec_context_t which, const char *name, const char *value);
/** Its value, or NULL; valid until the next set, so from the store on as long as the batch. */
const char *ec_batch_context_get(const ec_batch_t *batch, ec_context_t which, const char *name);

/** Visit the variables of one kind in the order in which they were set.  The texts are borrowed for the call. */
void ec_batch_context_each(const ec_batch_t *batch, ec_context_t which, ec_context_each_fn *each, void *baton);

#ifdef __cplusplus
}
#endif
#endif
