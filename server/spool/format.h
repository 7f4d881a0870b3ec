/* format.h - what a segment file looks like
 * SPDX-License-Identifier: Apache-2.0
 *
 * A segment is a file of a fixed size, written ahead with zeros or used a second time:
 *
 *   0      header: magic, version, sequence, size, nonce, flags, CRC-32C
 *   4096   records, one after the other, each at a multiple of 8
 *   ...    zeros up to the next multiple of 4096, then zeros or what an earlier use left
 *
 * Record: a head of 32 bytes, `meta` (what the type says), `body` (of a message).
 *
 *   0  nonce     8   of the segment: random, new at each use of the file.  It tells a live
 *                    record from one that an earlier use left, and nobody outside knows it,
 *                    so the text of a mail can not pass for a record
 *   8  length    4   of head, meta and body
 *   12 type      1
 *   13 flags     1
 *   14 0         2
 *   16 commit    4   where the commit that brought this record began
 *   20 meta      4   length of meta
 *   24 body CRC  4
 *   28 CRC       4   of the head up to here and of meta
 *
 * All numbers are little-endian.  Pure: no I/O.  Any thread. */
#ifndef SPOOL_FORMAT_H
#define SPOOL_FORMAT_H

#include <apr.h>
#include <ec/id.h>
#include <ec/status.h>

enum {
    SPOOL_PAGE = 4096,
    SPOOL_START = SPOOL_PAGE,             /* of the records in a segment */
    SPOOL_ALIGN = 8,
    SPOOL_HEAD = 32,                      /* of a record */
    SPOOL_VERSION = 1
};

typedef enum {
    SPOOL_RECORD_SEAL = 1,                /* sequence, end: nothing behind `end` in that segment counts */
    SPOOL_RECORD_MESSAGE,                 /* envelope.h */
    SPOOL_RECORD_STATE,                   /* place, recipient, attempts, next, reply */
    SPOOL_RECORD_MARK,                    /* place, recipient */
    SPOOL_RECORD_DROP,                    /* place, recipient */
    SPOOL_RECORD_TYPES
} spool_record_type_t;

enum { SPOOL_RECORD_LARGE = 1 };          /* MESSAGE: the body is a file; body CRC is the file's */

/** Where a record is. */
typedef struct {
    apr_uint32_t sequence;                /* of the segment; 0: nowhere */
    apr_uint32_t offset;
} spool_place_t;

typedef struct {
    apr_uint32_t length, commit, meta, body_crc;
    unsigned char type, flags;
} spool_record_t;

typedef struct {
    apr_uint32_t sequence;
    apr_uint64_t size, nonce;
    int is_reused;                        /* behind the records there may be old ones */
} spool_header_t;

static inline apr_size_t spool_align(apr_size_t length)
{
    return (length + SPOOL_ALIGN - 1) & ~(apr_size_t)(SPOOL_ALIGN - 1);
}

/** Write the head at `to`; meta, `record->meta` bytes, follows it already. */
void spool_record_finish(unsigned char *to, const spool_record_t *record, apr_uint64_t nonce);
/** Read a head (SPOOL_HEAD bytes).  0 when the nonce is not this one or the lengths are impossible
 * in `room` bytes.  The check sums are not looked at. */
int spool_record_head(spool_record_t *record, const unsigned char *from, apr_uint64_t nonce, apr_size_t room);
/** Is the check sum of head and meta right?  `from` has both. */
int spool_record_is_sound(const spool_record_t *record, const unsigned char *from);

void spool_header_write(unsigned char to[SPOOL_PAGE], const spool_header_t *header);
apr_status_t spool_header_read(spool_header_t *header, const unsigned char from[SPOOL_PAGE]);

/* ---- cursors: bounded reading and writing of meta -------------------------------------- */

/** Going over the end sets is_cut; nothing is written or read from then on (reads give 0 and ""). */
typedef struct {
    unsigned char *at, *end;
    int is_cut;
} spool_cursor_t;

void spool_put_number(spool_cursor_t *cursor, apr_uint64_t value, int bytes);
void spool_put_text(spool_cursor_t *cursor, const char *text);      /* length in 4 bytes, text, NUL */
void spool_put_id(spool_cursor_t *cursor, ec_id_t id);
void spool_put_place(spool_cursor_t *cursor, spool_place_t place);
apr_uint64_t spool_get_number(spool_cursor_t *cursor, int bytes);
/** Points into the record: valid as long as that. */
const char *spool_get_text(spool_cursor_t *cursor);
ec_id_t spool_get_id(spool_cursor_t *cursor);
spool_place_t spool_get_place(spool_cursor_t *cursor);

#endif
