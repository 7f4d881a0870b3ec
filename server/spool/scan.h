/* scan.h - one segment file, record by record, whatever state it is in
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is not sound is never passed on.  In a sealed segment it is damage: it is copied to
 * the directory for damaged parts and reported, and the scan goes on at the next sound record.
 * A segment without a seal is one that a process was writing to when it ended: what is not
 * sound in its last commit was never acknowledged, is cut and counted.
 * Only reads, besides the copies. */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include "spool/format.h"
#include "spool/store.h"

typedef struct {
    spool_t *spool;
    apr_uint32_t sequence;
    apr_size_t seal;              /* end by a later segment's seal; 0: none */
    const int *is_ending;         /* atomic: stop early */
    /* results */
    spool_header_t header;
    apr_size_t end;               /* behind the last sound record */
    apr_size_t file_size;
    apr_uint64_t torn_bytes, damaged, records;
    int is_unsaved;               /* damage could not be copied: the file must stay */
    /* the scan's own */
    char path[SPOOL_PATH];
    int fd;
    unsigned char *window;
    apr_size_t window_room, window_start, window_length;
    apr_size_t last_commit;       /* start of the newest commit; found when it is needed first */
} spool_scan_t;

/** `meta` is borrowed for the call, writable, record->meta bytes. */
typedef void spool_scan_fn(void *baton, const spool_record_t *record, apr_size_t offset, unsigned char *meta);

/** Fill in spool, sequence, seal, is_ending; all else zero.  An error means that the file could not be
 * looked at at all. */
apr_status_t spool_scan_run(spool_scan_t *scan, spool_scan_fn *each, void *baton);
/** Only the seals at its beginning.  Reports nothing. */
apr_status_t spool_scan_seals(spool_scan_t *scan, spool_scan_fn *each, void *baton);

#endif
