/* format.h - what is in the files of a journal
 * SPDX-License-Identifier: Apache-2.0
 *
 * A journal is a directory:
 *
 *   settings          text, written once: version, size of a segment, nonce, check sum.  Its lock is the journal's
 *   segment-XXXXXXXX  records, one after the other from offset 0; numbers from 1 up, eight hex digits
 *   checkpoint.NAME   text, one a subscriber: the position of the next record for it, and a check sum
 *
 * Record: a head of 24 bytes, then the line without its newline.
 *
 *   0  nonce   8   of the journal: random, so that the text of a log line can not pass for a record
 *   8  length  4   of the line
 *   12 time    8   microseconds since 1970: when it was written here
 *   20 CRC     4   CRC-32C of the head up to here and of the line
 *
 * All numbers are little-endian.  Pure: no I/O.  Any thread. */
#ifndef LOG_JLOG_FORMAT_H
#define LOG_JLOG_FORMAT_H

#include <ec/jlog.h>

enum {
    JLOG_HEAD = 24,
    JLOG_NONCE = 8,                /* bytes, at the beginning of each record */
    JLOG_TEXT = 160,               /* room for the text of any of the small files */
    JLOG_SEGMENT_MIN = 4096,
    JLOG_SEGMENT_MAX = 1024 * 1024 * 1024,
    JLOG_SEGMENT_DEFAULT = 4 * 1024 * 1024
};

struct jlog_settings {
    apr_uint32_t segment_size;     /* a segment that has so many bytes is full */
    apr_uint64_t nonce;
};

/** What a look at some bytes says. */
typedef enum {
    JLOG_WHOLE,
    JLOG_SHORT,                    /* may be the beginning of one: it needs more bytes */
    JLOG_BAD
} jlog_look_t;

/** Is there a record at `data`?  WHOLE: `record` has data (in `data`), length and when.  SHORT: record->length is that
 * of the line, when the head is there, else 0. */
jlog_look_t jlog_record_read(ec_jlog_record_t *record, const unsigned char *data, apr_size_t room, apr_uint64_t nonce);
/** Write one to `to`, JLOG_HEAD + `length` bytes; the line may be there already. */
void jlog_record_write(unsigned char *to, const char *line, apr_size_t length, apr_time_t when, apr_uint64_t nonce);
/** The nonce as it stands in a record. */
void jlog_nonce_write(unsigned char to[JLOG_NONCE], apr_uint64_t nonce);

/** The texts; return their length.  Reading takes exactly what writing makes, else it returns 0. */
int jlog_settings_write(char to[JLOG_TEXT], const struct jlog_settings *settings);
int jlog_settings_read(struct jlog_settings *settings, const char *text, apr_size_t length);
int jlog_checkpoint_write(char to[JLOG_TEXT], ec_jlog_position_t position);
int jlog_checkpoint_read(ec_jlog_position_t *position, const char *text, apr_size_t length);

/** Letters, digits, '-', '_', '.', '@' and ':', not beginning with '.', up to EC_JLOG_NAME_MAX. */
int jlog_is_name(const char *name);

#endif
