/* store.h - the inside of a spool: segments, references, and who may touch what
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads:
 *   writer    writes the log, owns all references and the segment that is written to
 *   keeper    prepares the next segment, removes what is dead, reads for the compactor
 *   syncer    syncs bodies that are files, before the writer sees their message
 *   recovery  reads the old segments once, then is gone
 *   loaders   threads of a pool inside spool_load()
 *
 * `lock` guards the list of segments, the list of references in each, and what a reference
 * says.  The writer alone changes those (recovery: before anybody else knows of them), so it
 * reads them without the lock and takes it, once a commit, only to change them.  Nobody does
 * I/O while holding it. */
#ifndef SPOOL_STORE_H
#define SPOOL_STORE_H

#include <pthread.h>

#include "spool/envelope.h"
#include "spool/io.h"
#include "spool/spool.h"

/* ---- references ------------------------------------------------------------------- */

typedef struct spool_segment spool_segment_t;

/** A recipient of a batch that has several. */
typedef struct {
    spool_place_t state;          /* its last STATE; nowhere: what the MESSAGE says */
    unsigned char flags;          /* SPOOL_IS_... */
} spool_ref_rcpt_t;

/** 40 bytes, for the million of them. */
struct spool_ref {
    spool_segment_t *segment;     /* that has its MESSAGE */
    union {
        spool_place_t state;      /* of the only recipient */
        spool_ref_rcpt_t *many;   /* n_rcpts of them */
    } of;
    apr_uint32_t offset, length;  /* of the MESSAGE */
    apr_uint32_t index;           /* in segment->refs */
    apr_uint32_t n_rcpts, n_open;
    unsigned char flags;          /* of the only recipient */
    unsigned char is_large;
    ec_id_t large_id[];           /* one when large: names the file */
};

/** NULL only when memory is out.  All recipients are open. */
spool_ref_t *spool_ref_create(const ec_id_t *large_id, apr_uint32_t n_rcpts);
void spool_ref_destroy(spool_ref_t *ref);
unsigned char *spool_ref_flags(spool_ref_t *ref, apr_uint32_t rcpt);
spool_place_t *spool_ref_state(spool_ref_t *ref, apr_uint32_t rcpt);

/* ---- segments --------------------------------------------------------------------- */

struct spool_segment {
    apr_uint32_t sequence;
    apr_uint32_t low;             /* lowest sequence that its records speak of, its own if none is lower */
    apr_uint64_t nonce;
    apr_size_t size;              /* of the file */
    apr_size_t end;               /* of what is committed */
    int fd;                       /* while it is written to, else -1 */
    int is_sealed;                /* nothing more will be written to it */
    apr_uint32_t n_refs, room_refs, n_live;
    apr_uint64_t live_bytes;
    spool_ref_t **refs;           /* in the order of their offsets; NULL where one has gone */
    spool_segment_t *next;        /* in the list of ready or of dead ones */
};

spool_segment_t *spool_segment_create(apr_uint32_t sequence, apr_uint64_t nonce, apr_size_t size);
/** Closes and frees; it has no references any more. */
void spool_segment_destroy(spool_segment_t *segment);
/** The MESSAGE of `ref` is in `segment` from now on. */
void spool_segment_add(spool_segment_t *segment, spool_ref_t *ref, apr_size_t offset, apr_size_t length);
void spool_segment_remove(spool_ref_t *ref);
/** A record in `segment` speaks of `sequence`. */
void spool_segment_refer(spool_segment_t *segment, apr_uint32_t sequence);

typedef struct {
    spool_segment_t *first, *last;
} spool_segment_list_t;
void spool_segment_push(spool_segment_list_t *list, spool_segment_t *segment);
spool_segment_t *spool_segment_pop(spool_segment_list_t *list);

/* ---- the spool -------------------------------------------------------------------- */

/** Requests in order. */
typedef struct {
    spool_request_t *first, *last;
    apr_size_t count;
} spool_queue_t;
void spool_queue_push(spool_queue_t *queue, spool_request_t *request);
spool_request_t *spool_queue_pop(spool_queue_t *queue);

/** A large body's file that nobody needs any more. */
typedef struct spool_leftover spool_leftover_t;
struct spool_leftover {
    spool_leftover_t *next;
    ec_id_t id;
};

typedef struct spool_writer spool_writer_t;
typedef struct spool_keeper spool_keeper_t;
typedef struct spool_syncer spool_syncer_t;
typedef struct spool_recovery spool_recovery_t;

enum { SPOOL_PATH = 4096 };

struct spool {
    char *dir, *segment_dir, *large_dir, *damaged_dir;
    apr_size_t segment_size, inline_max, compact_rate;
    apr_int64_t reserve;
    int is_synced, mode, lock_fd;
    ec_log_t *log;
    const spool_io_t *io;

    spool_request_t *inbox;       /* atomic: a stack, turned round by the writer */
    int is_asleep;                /* atomic: the writer sleeps on it */
    int has_news;                 /* atomic: something besides the inbox wants the writer */
    int is_failed;                /* atomic: nothing can be written */
    int is_full;                  /* atomic: too little room for new messages */
    int is_short;                 /* atomic: the last segment is full but for its margin */
    int is_stopping;              /* atomic */

    pthread_mutex_t lock;
    spool_segment_t **segments;   /* by sequence */
    apr_size_t n_segments, room_segments;
    int is_recovered;             /* the old segments are in the list */
    int is_sweep_due;             /* a segment may have become dead */
    apr_uint64_t total_bytes, live_bytes, batches;
    spool_segment_list_t ready;   /* prepared by the keeper */
    apr_status_t prepare_rv;      /* why there is none */
    spool_segment_list_t dead;    /* to be removed, oldest first */
    spool_leftover_t *leftovers;
    apr_uint32_t next_sequence;
    char last_error[160];

    spool_stats_t stats;          /* the counting part, by atomic additions */
    spool_writer_t *writer;
    spool_keeper_t *keeper;
    spool_syncer_t *syncer;
    spool_recovery_t *recovery;
};

void spool_lock(spool_t *spool);
void spool_unlock(spool_t *spool);

/** Put a request in the inbox and wake the writer.  Any thread. */
void spool_push(spool_t *spool, spool_request_t *request);
/** The request is over: post or free it.  Writer and syncer. */
void spool_complete(spool_t *spool, spool_request_t *request, apr_status_t rv);
/** Wake the writer to look at more than its inbox.  Any thread. */
void spool_news(spool_t *spool);

/* All with the lock held. */
void spool_segments_insert(spool_t *spool, spool_segment_t *segment);
spool_segment_t *spool_segments_find(spool_t *spool, apr_uint32_t sequence);
/** Move the segments that nobody needs to the dead ones. */
void spool_segments_sweep(spool_t *spool);
/** `rcpt` of `ref` is settled; frees `ref` when it was the last one. */
void spool_drop(spool_t *spool, spool_ref_t *ref, apr_uint32_t rcpt);

/** "segment-0000002a" in the segment directory, and so on; writes into `path` and returns it. */
char *spool_segment_path(const spool_t *spool, apr_uint32_t sequence, char path[SPOOL_PATH]);
char *spool_large_path(const spool_t *spool, ec_id_t id, char path[SPOOL_PATH]);

#endif
