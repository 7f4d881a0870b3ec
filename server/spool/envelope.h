/* envelope.h - meta of the records: what is kept of a batch and of its recipients
 * SPDX-License-Identifier: Apache-2.0
 *
 * MESSAGE: id, connection (10 each), received (8), flags (4), body size (8), from (8),
 *          settled place (8) and recipient (4), sender, source, protocol, helo (texts),
 *          count (4); per recipient id (10), flags (1), attempts (2), next (8), address, reply;
 *          where there is any (else the meta ends here): length (4) and bytes of the context, count (4) of
 *          recipients routed elsewhere, of each its number (4) and domain (text); where there is any (else
 *          the meta ends here): count (4) of recipients that do not leave by the default binding, of each its
 *          number (4), binding group and binding (texts)
 * STATE:   place (8), recipient (4), attempts (2), next (8), reply (text)
 * MARK, DROP: place (8), recipient (4)
 * SEAL:    sequence (4), end (4)
 *
 * `from` names the record that this one replaces (a copy made by the compactor).  A settled
 * place names the recipient that this batch, its bounce, puts an end to: one record holds
 * both facts, so both are on disk or neither is.
 * Pure.  Any thread. */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include "spool/format.h"
#include "spool/spool.h"

enum { SPOOL_REPLY_MAX = 1024, SPOOL_RCPTS_MAX = 1 << 20 };

/** What is known of a recipient. */
enum {
    SPOOL_IS_DROPPED = 1,
    SPOOL_IS_MARKED = 2,          /* in doubt */
    SPOOL_IS_TRIED = 4            /* has a state */
};

typedef struct {
    ec_id_t id;                   /* decoding only: when encoding, the batch says it */
    const char *address;          /* likewise */
    int flags;
    spool_state_t state;          /* reply may be NULL when encoding; "" when decoded */
} spool_rcpt_t;

typedef struct {
    ec_id_t id, connection;
    apr_time_t received;
    int flags;
    apr_uint64_t size;            /* of the body */
    spool_place_t from, settles;
    apr_uint32_t settles_rcpt;
    const char *sender, *source, *protocol, *helo;
    apr_uint32_t n_rcpts;
} spool_envelope_t;

/** What a batch says of itself; `from` and `settles` are nowhere. */
void spool_envelope_of(spool_envelope_t *envelope, const ec_batch_t *batch);
/** Room that it takes.  `rcpts` NULL: nobody was tried. */
apr_size_t spool_envelope_size(const spool_envelope_t *envelope, const ec_batch_t *batch,
                               const spool_rcpt_t *rcpts);
void spool_envelope_put(spool_cursor_t *cursor, const spool_envelope_t *envelope, const ec_batch_t *batch,
                        const spool_rcpt_t *rcpts);
/** The texts point into the record.  The recipients follow: one call each. */
apr_status_t spool_envelope_get(spool_cursor_t *cursor, spool_envelope_t *envelope);
apr_status_t spool_rcpt_get(spool_cursor_t *cursor, spool_rcpt_t *rcpt);
/** What follows the recipients: context, routes and bindings.  `each` (may be NULL) gets the routes, `bound` (may be
 * NULL) the bindings; the texts are in the record. */
typedef struct {
    const char *context; /* in the record */
    apr_size_t length;
    void (*each)(void *baton, apr_uint32_t rcpt, const char *domain);
    void (*bound)(void *baton, apr_uint32_t rcpt, const char *group, const char *name);
    void *baton;
} spool_extra_t;
apr_status_t spool_extra_get(spool_cursor_t *cursor, spool_extra_t *extra, apr_uint32_t n_rcpts);

/** STATE, MARK and DROP: of whom they speak. */
typedef struct {
    spool_place_t place;
    apr_uint32_t rcpt;
    spool_state_t state;          /* STATE only */
} spool_note_t;

enum {
    SPOOL_NOTE_SIZE = 12,
    SPOOL_STATE_SIZE = SPOOL_NOTE_SIZE + 2 + 8 + 4 + 1 + SPOOL_REPLY_MAX,
    SPOOL_SEAL_SIZE = 8
};
/** `has_state`: a STATE.  Cuts the reply at SPOOL_REPLY_MAX. */
void spool_note_put(spool_cursor_t *cursor, const spool_note_t *note, int has_state);
apr_status_t spool_note_get(spool_cursor_t *cursor, spool_note_t *note, int has_state);

#endif
