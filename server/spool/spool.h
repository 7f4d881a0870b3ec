/* spool.h - the durable store: what we said 250 for is in here, synced
 * SPDX-License-Identifier: Apache-2.0
 *
 * A log of segment files.  One writer thread owns the log and all references' places:
 * it takes all requests that have gathered, writes them with one writev, syncs once, and
 * posts each request back to its loop (group commit).  Requests of one loop are written
 * in order.
 *
 * Records: MESSAGE (envelope + body), STATE (attempts, next time, last reply of one
 * recipient), MARK (the final dot of an attempt is about to be sent), DROP (a recipient
 * is settled).  A recipient is *in doubt* when the last thing known of it is a MARK.
 *
 * Failure: a request that can not be made durable comes back with the error and has had no
 * effect.  A spool that fails says so once per cause (CRITICAL), answers spool_ready() with
 * 0, keeps trying by itself, and says once when it works again. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <ec/loop.h>
#include <ec/log.h>
#include "message/message.h"

typedef struct spool spool_t;

/** The durable form of a batch: where it is, which recipients are open.  Owned by the spool's writer;
 * others hold the pointer only as a name.  Valid until the drop of its last open recipient has been
 * requested.  Small: it is what a swapped-out batch costs. */
typedef struct spool_ref spool_ref_t;

typedef struct {
    const char *dir;                  /* spoolbase; made when missing */
    apr_size_t segment_size;          /* 0: 64 MiB */
    int is_synced;                    /* force_fsync; 0 only for measurements */
    int mode;                         /* spool_mode */
    apr_int64_t reserve;              /* free bytes below which new messages are refused, so that there is
                                         room for what ends the old ones; 0: 16 MiB */
    apr_size_t compact_rate;          /* bytes per second the compactor may copy; 0: 32 MiB */
} spool_options_t;

/** Lock the directory (EC_E_SPOOL_LOCKED when another process has it), check it, start the writer.
 * New mail can be stored at once; what is in the old segments comes by spool_recover(). */
apr_status_t spool_open(spool_t **spool, const spool_options_t *options, ec_log_t *log, const char **why,
                        apr_pool_t *pool);
/** Write and sync all that was requested, stop the writer, unlock.  Blocks.  All loops have stopped. */
void spool_close(spool_t *spool);

/** May new messages be stored (answers before DATA: 0 -> "452 4.3.1")?  Any thread, cheap. */
int spool_ready(const spool_t *spool);
/** Directory for large bodies, for body_limits_t. */
const char *spool_large_dir(const spool_t *spool);

/* ---- requests ------------------------------------------------------------------ */

typedef struct spool_request spool_request_t;
typedef void spool_done_fn(void *baton, apr_status_t rv);

/** State of one recipient as the store keeps it. */
typedef struct {
    apr_uint16_t attempts;
    apr_time_t next;                  /* wall time of the next attempt; 0: now */
    const char *reply;                /* last reply or error, at most 1 KiB kept; may be NULL */
} spool_state_t;

typedef enum { SPOOL_STORE, SPOOL_STATE, SPOOL_MARK, SPOOL_DROP } spool_verb_t;

/** Embed one; the caller fills the first part and keeps it, and all it points to, until `done` runs. */
struct spool_request {
    spool_verb_t verb;
    ec_batch_t *batch;                /* STORE: the batch (borrowed until done); on success batch->ref is set,
                                         unless all its recipients are is_dropped already */
    spool_ref_t *ref;                 /* STATE, MARK, DROP: whose; STORE: NULL, or with `rcpt`: the recipient
                                         that this batch (its bounce) settles: one record, both or neither */
    int rcpt;                         /* index into the batch's recipients */
    spool_state_t state;
    ec_loop_t *loop;                  /* where done runs */
    spool_done_fn *done;              /* once, never inside spool_submit(); NULL only with
                                         spool_submit_owned(), when nobody waits */
    void *baton;
    /* the spool's */
    spool_request_t *next;
    apr_status_t rv;
    ec_post_t post;
};

/** Queue a request.  Any thread; does not block; lock-free but for the STORE of a body that is a file.
 * While the spool fails, STORE and MARK come back with the error; STATE and DROP wait until they can be
 * written.  EC_E_TOO_LONG: an envelope that fits no segment. */
void spool_submit(spool_t *spool, spool_request_t *request);
/** As above, but the spool takes the request (one malloc'd piece, texts included) and frees it; `done` must
 * be NULL. */
void spool_submit_owned(spool_t *spool, spool_request_t *request);

/** Read a batch back: envelope, open recipients (others is_dropped) and body.  Blocks: run it as a job
 * (pool SwapIn).  The caller answers for an open recipient of `ref` meanwhile.  Returns a reference.
 * EC_E_SPOOL_CORRUPT when the check sum is wrong (logged, segment kept).  The check sum of a body that is a
 * file is not looked at. */
apr_status_t spool_load(spool_t *spool, spool_ref_t *ref, ec_batch_t **batch);
/** The last STATE's reply text of a recipient, from disk; blocks. */
apr_status_t spool_load_reply(spool_t *spool, spool_ref_t *ref, int rcpt, char *buffer, apr_size_t room);

/* ---- recovery ------------------------------------------------------------------ */

/** What the store knew of one open recipient.  Texts are borrowed for the call; state.reply may be NULL. */
typedef struct {
    spool_ref_t *ref;
    int rcpt;
    ec_id_t id, batch_id;
    apr_time_t received;
    apr_size_t size;
    const char *sender, *recipient, *domain;
    const char *group, *binding; /* by which it was to leave; NULL: the default one */
    spool_state_t state;
    int is_in_doubt;
} spool_found_t;

typedef struct {
    apr_uint64_t batches, recipients, in_doubt, bytes, segments;
    apr_uint64_t torn_bytes;          /* cut from tails */
    apr_uint64_t damaged;             /* records set aside in dir/damaged/ */
    apr_uint64_t duration_us;
} spool_report_t;

/** Scan what was there at open, on a thread of its own, while new mail is accepted.  `each` runs on that
 * thread for every open recipient; `done` afterwards on the master loop.  Damaged parts are copied to
 * dir/damaged/ and logged; never dropped in silence. */
typedef void spool_each_fn(void *baton, const spool_found_t *found);
typedef void spool_recovered_fn(void *baton, apr_status_t rv, const spool_report_t *report);
void spool_recover(spool_t *spool, spool_each_fn *each, spool_recovered_fn *done, void *baton);

/** Numbers for the console; any thread. */
typedef struct {
    apr_uint64_t segments, bytes, live_bytes, batches, commits, records, written_bytes;
    apr_uint64_t sync_us_total, compacted_bytes;
    int is_failed;
    char last_error[160];
} spool_stats_t;
void spool_stats(const spool_t *spool, spool_stats_t *stats);
#endif
