/* header.h - header fields of a message, read and written
 * SPDX-License-Identifier: Apache-2.0 (RFC 5322, RFC 2047)
 *
 * Reading works from smtp_header on, as long as the body is in memory or in its file.  Writing works from smtp_header
 * to message_spool, and on batches of one's own (inject.h); then EC_E_DENIED.
 * Values are UTF-8 without line ends: folding and encoded words are made and undone here.
 * A body that is a file (ec_batch_is_large) is read from disk, and written anew when its header changes: do that in a
 * job while the session is suspended.
 * Thread: whoever has the batch. */
#ifndef EC_HEADER_H
#define EC_HEADER_H

#include <ec/message.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EC_HEADER_SECTION_MAX = 512 * 1024 };   /* bytes of a header section that are looked at */

/** Value of the `n`-th field `name` (from 0; -1: the last one), unfolded, without the space around it, into `buffer`.
 * EC_E_NOT_FOUND; EC_E_TOO_LONG when it was cut to `room`. */
apr_status_t ec_header_get(const ec_batch_t *batch, const char *name, int n, char *buffer, apr_size_t room);
/** The same as people read it: encoded words decoded, bytes that are no UTF-8 replaced by "?". */
apr_status_t ec_header_get_text(const ec_batch_t *batch, const char *name, int n, char *buffer, apr_size_t room);

/** Visit all fields in order, values unfolded.  Texts are borrowed for the call.  Non-zero from `each` ends it. */
typedef int ec_header_each_fn(void *baton, const char *name, const char *value);
apr_status_t ec_header_each(const ec_batch_t *batch, ec_header_each_fn *each, void *baton);

/** Put a field behind the others, or in front of them.  EC_E_SYNTAX for a bad name, for control characters and for what
 * is no UTF-8; EC_E_TOO_LONG. */
apr_status_t ec_header_add(ec_batch_t *batch, const char *name, const char *value);
apr_status_t ec_header_prepend(ec_batch_t *batch, const char *name, const char *value);
/** Have one field `name`: the first one gets the value, others of this name go away; added when there is none. */
apr_status_t ec_header_set(ec_batch_t *batch, const char *name, const char *value);
/** Take all fields `name` away.  EC_E_NOT_FOUND when there is none. */
apr_status_t ec_header_remove(ec_batch_t *batch, const char *name);

/** A whole field with its CR LF as it goes into a message: folded at 78 columns where there is space to fold at, words
 * beyond ASCII as encoded words (in address fields only phrases, as RFC 2047 5 wants).  Errors as ec_header_add(). */
apr_status_t ec_header_format(const char *name, const char *value, char *buffer, apr_size_t room);
/** Undo encoded words: UTF-8 into `buffer`.  EC_E_TOO_LONG when it was cut.  What can not be decoded stays as it is. */
apr_status_t ec_header_decode(const char *value, char *buffer, apr_size_t room);

#ifdef __cplusplus
}
#endif
#endif
