/* jlog.h - journals: logs on disk that several subscribers read, each at its own pace
 * SPDX-License-Identifier: Apache-2.0
 *
 * A logger whose destination is jlog:///path (cluster:///path is the same) writes its lines as records into a directory;
 * ec_logfile_open() is the way to write.  A subscriber has a checkpoint there, the position of the next record for it.
 * What all subscribers have passed is removed; what one of them has not read stays, however much that becomes
 * (cluster.md L2, L3).  The manual's page logs.md says what is synced when.
 *
 * Position: number of the segment, and the offset in it, written segment:marker, eight hex digits each.
 *
 * Threads: everything here is file I/O and may block: use it on a thread of your own or in a job (ec/job.h), a reader on one at a time.
 * Processes: any number may read, write and look at once; they need to be of the same user, or root. */
#ifndef EC_JLOG_H
#define EC_JLOG_H

#include <apr_time.h>
#include <ec/log.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EC_JLOG_NAME_MAX = 64,                 /* of a subscriber: letters, digits, '-' '_' '.' '@' ':', no '.' at the beginning */
    EC_JLOG_RECORD_MAX = 8 * 1024 * 1024,  /* bytes of a line */
    EC_JLOG_POSITION_TEXT = 18             /* "0000002a:00001000" and NUL */
};

typedef struct {
    apr_uint32_t segment, marker;
} ec_jlog_position_t;

/** Write it to `buffer`, and return that. */
const char *ec_jlog_position_text(char buffer[EC_JLOG_POSITION_TEXT], ec_jlog_position_t position);

/* ---- reading ------------------------------------------------------------------------------ */

typedef struct ec_jlog_reader ec_jlog_reader_t;

typedef struct {
    const char *data;                      /* the line, without newline; until the next call with this reader */
    apr_size_t length;
    apr_time_t when;                       /* it was written to the journal */
    ec_jlog_position_t begins, ends;       /* ends: where the next one is sought */
} ec_jlog_record_t;

/** Begin where `subscriber` stands; NULL: at the oldest record, as nobody who keeps a checkpoint.  Damage is reported to `log`,
 * which is kept, like `path`.  Failing (no journal there: APR_ENOENT, no such subscriber: EC_E_NOT_FOUND) sets *why, in
 * `pool`, to a sentence.  A checkpoint that can not be read is reported, and reading begins at the oldest record. */
apr_status_t ec_jlog_reader_open(ec_jlog_reader_t **reader, const char *path, const char *subscriber, ec_log_t *log,
                                 const char **why, apr_pool_t *pool);

/** The next record.  APR_EOF: there is none now.  EC_E_BUSY: somebody holds the journal's lock for long; try again.
 * APR_ENOENT: the journal was removed.  What is damaged is skipped up to the next whole record, each time with an ERROR in
 * the log that says where and how much; ec_jlog_reader_lost() counts it. */
apr_status_t ec_jlog_read(ec_jlog_reader_t *reader, ec_jlog_record_t *record);

/** Where the next record is sought. */
ec_jlog_position_t ec_jlog_reader_position(const ec_jlog_reader_t *reader);
/** Bytes that were skipped since the open; a segment that is missing counts as one. */
apr_uint64_t ec_jlog_reader_lost(const ec_jlog_reader_t *reader);

/** What was read up to here is worked off: after APR_SUCCESS that is durable, and segments that nobody needs any more
 * are gone.  EC_E_NOT_FOUND: the subscriber was removed meanwhile, or the reader has none.  EC_E_BUSY: as above. */
apr_status_t ec_jlog_checkpoint(ec_jlog_reader_t *reader, ec_jlog_position_t position);

/** The checkpoint stays where it was set last. */
void ec_jlog_reader_close(ec_jlog_reader_t *reader);

/* ---- subscribers --------------------------------------------------------------------------- */

/** Add a subscriber to a journal that is there.  It begins at the oldest record that still exists, or, `at_end`,
 * behind the newest.  EEXIST: there is one of this name, which stays as it is.  *why as above. */
apr_status_t ec_jlog_subscriber_add(const char *path, const char *name, int at_end, const char **why, apr_pool_t *pool);

/** Remove one, and what only it had not read.  A server that names it in its destination adds it again when it opens
 * the journal the next time. */
apr_status_t ec_jlog_subscriber_remove(const char *path, const char *name, const char **why, apr_pool_t *pool);

/* ---- looking --------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    ec_jlog_position_t position;           /* of its checkpoint */
    apr_uint64_t unread;                   /* bytes behind it */
    int is_damaged;                        /* the checkpoint can not be read: counts as at the beginning */
} ec_jlog_subscriber_t;

typedef struct {
    apr_uint32_t number;
    apr_uint64_t bytes;
} ec_jlog_segment_t;

typedef struct {
    apr_uint64_t bytes;                    /* of all segments */
    apr_uint32_t segment_size;             /* a segment of so many is full */
    ec_jlog_position_t first, end;         /* the oldest record, and behind the newest */
    int segment_count, subscriber_count;
    const ec_jlog_segment_t *segments;     /* in order */
    const ec_jlog_subscriber_t *subscribers; /* by name */
} ec_jlog_status_t;

/** How a journal is.  Without a lock: of a moment while others go on.  All is in `pool`; *why as above. */
apr_status_t ec_jlog_status(ec_jlog_status_t *status, const char *path, const char **why, apr_pool_t *pool);

/** Remove the segments that nobody needs; a server does that by itself. */
apr_status_t ec_jlog_clean(const char *path, const char **why, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif
#endif
