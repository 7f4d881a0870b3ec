/* segment.h - the records of a segment, one after the other, whatever state it is in
 * SPDX-License-Identifier: Apache-2.0
 *
 * Others may append, or cut a torn end off, while it is read. */
#ifndef LOG_JLOG_SEGMENT_H
#define LOG_JLOG_SEGMENT_H

#include "log/jlog/folder.h"

struct jlog_segment {
    int fd;                        /* -1: none is open */
    int is_owner;                  /* the descriptor is closed with it */
    apr_uint32_t number;
    apr_uint64_t nonce;
    unsigned char *window;         /* bytes of the file from `start` on */
    apr_size_t room, length;
    apr_uint64_t start;
};

typedef enum {
    JLOG_FOUND,                    /* a record */
    JLOG_END,                      /* the file ends here, behind a whole record */
    JLOG_TORN                      /* there is something, but no whole record in it */
} jlog_found_t;

/** Open for reading. */
apr_status_t jlog_segment_open(struct jlog_segment *segment, const struct jlog_folder *folder, apr_uint32_t number);
/** Read what a writer has open; it stays the writer's. */
void jlog_segment_borrow(struct jlog_segment *segment, const struct jlog_folder *folder, apr_uint32_t number, int fd);
void jlog_segment_close(struct jlog_segment *segment);
/** Read from the file again: it may have changed. */
void jlog_segment_forget(struct jlog_segment *segment);

/** Bytes of the file. */
apr_uint64_t jlog_segment_size(const struct jlog_segment *segment);

/** The first whole record at or behind `marker`; FOUND: record->begins.marker tells where, and record->data is valid until
 * the next call. */
apr_status_t jlog_segment_next(struct jlog_segment *segment, apr_uint32_t marker, jlog_found_t *found,
                               ec_jlog_record_t *record);

#endif
