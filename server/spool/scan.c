/* scan.c - sound records, gaps between them, and the torn end
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading is by a window of 1 MiB that grows when one record's meta needs it; bodies pass
 * through it.  A page that can not be read is a gap like any other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/scan.h"
#include "util/crc32c.h"

enum { WINDOW = 1024 * 1024 };

/* ---- window ---------------------------------------------------------------------------- */

static int fill_window(spool_scan_t *scan, apr_size_t start, apr_size_t length)
{
    apr_size_t got = length;

    scan->window_start = start;
    scan->window_length = 0;
    if (spool_io_read(scan->fd, scan->window, &got, start) != APR_SUCCESS) {
        return 0;
    }
    scan->window_length = got;
    return 1;
}

/* `length` bytes at `offset`, valid until the next call; NULL when they are not there or can not be read. */
static unsigned char *view(spool_scan_t *scan, apr_size_t offset, apr_size_t length)
{
    apr_size_t start = offset & ~(apr_size_t)(SPOOL_PAGE - 1);
    apr_size_t need = offset - start + length;

    if (offset > scan->file_size || length > scan->file_size - offset) {
        return NULL;
    }
    if (offset >= scan->window_start && offset - scan->window_start + length <= scan->window_length) {
        return scan->window + (offset - scan->window_start);
    }
    if (need > scan->window_room) {
        unsigned char *window = realloc(scan->window, need);

        if (window == NULL) {
            return NULL;
        }
        scan->window = window;
        scan->window_room = need;
    }
    if (!fill_window(scan, start, scan->window_room) && !fill_window(scan, start, need)) {
        return NULL; /* the first try may have failed at a page that is not asked for */
    }
    return need <= scan->window_length ? scan->window + (offset - start) : NULL;
}

/* ---- one record --------------------------------------------------------------------------- */

static int is_body_sound(spool_scan_t *scan, const spool_record_t *record, apr_size_t offset)
{
    apr_size_t at = offset + SPOOL_HEAD + record->meta, end = offset + record->length;
    apr_uint32_t crc = 0;

    if (record->flags & SPOOL_RECORD_LARGE) {
        return at == end;
    }
    while (at < end) {
        apr_size_t n = end - at < WINDOW / 2 ? end - at : WINDOW / 2;
        const unsigned char *bytes = view(scan, at, n);

        if (bytes == NULL) {
            return 0;
        }
        crc = util_crc32c(crc, bytes, n);
        at += n;
    }
    return crc == record->body_crc;
}

/* Is there a sound record at `offset`, before `limit`? */
static int is_sound(spool_scan_t *scan, spool_record_t *record, apr_size_t offset, apr_size_t limit)
{
    const unsigned char *head;

    if (offset + SPOOL_HEAD > limit) {
        return 0;
    }
    head = view(scan, offset, SPOOL_HEAD);
    if (head == NULL || !spool_record_head(record, head, scan->header.nonce, limit - offset) ||
        record->commit > offset || record->commit < SPOOL_START) {
        return 0;
    }
    head = view(scan, offset, SPOOL_HEAD + record->meta);
    return head != NULL && spool_record_is_sound(record, head) && is_body_sound(scan, record, offset);
}

/* The next place that starts with the segment's nonce, as every record does: what is left of a segment behind
 * its last record is passed over at the speed of reading.  Stops at a page that can not be read. */
static apr_size_t find_nonce(spool_scan_t *scan, apr_size_t offset, apr_size_t limit)
{
    unsigned char nonce[8];
    spool_cursor_t cursor = { nonce, nonce + sizeof nonce, 0 };

    spool_put_number(&cursor, scan->header.nonce, sizeof nonce);
    while (offset + SPOOL_HEAD <= limit && view(scan, offset, SPOOL_HEAD) != NULL) {
        apr_size_t end = scan->window_start + scan->window_length;

        end = end < limit ? end : limit;
        for (; offset + SPOOL_HEAD <= end; offset += SPOOL_ALIGN) {
            if (memcmp(scan->window + (offset - scan->window_start), nonce, sizeof nonce) == 0) {
                return offset;
            }
        }
    }
    return offset;
}

/* The next sound record from `offset` on; `limit` when there is none. */
static apr_size_t find_sound(spool_scan_t *scan, spool_record_t *record, apr_size_t offset, apr_size_t limit)
{
    while ((offset = find_nonce(scan, offset, limit)) + SPOOL_HEAD <= limit) {
        if (view(scan, offset, SPOOL_HEAD) == NULL) {
            offset = (offset / SPOOL_PAGE + 1) * SPOOL_PAGE;
        } else if (is_sound(scan, record, offset, limit)) {
            return offset;
        } else {
            offset += SPOOL_ALIGN;
        }
    }
    return limit;
}

/* ---- damage ----------------------------------------------------------------------------------- */

static apr_status_t copy_range(spool_scan_t *scan, int to, apr_size_t start, apr_size_t end)
{
    static const unsigned char unreadable[SPOOL_PAGE];

    for (apr_size_t at = start; at < end;) {
        apr_size_t n = SPOOL_PAGE - at % SPOOL_PAGE;
        const unsigned char *bytes;

        n = n < end - at ? n : end - at;
        bytes = view(scan, at, n);
        if (write(to, bytes != NULL ? bytes : unreadable, n) != (ssize_t)n) {
            return errno == 0 ? APR_ENOSPC : errno;
        }
        at += n;
    }
    return APR_SUCCESS;
}

/* What is there from `start` to `end` is copied to a file of its own, once. */
static void set_aside(spool_scan_t *scan, apr_size_t start, apr_size_t end, const char *what)
{
    const spool_t *spool = scan->spool;
    char path[SPOOL_PATH];
    apr_status_t rv = APR_SUCCESS;
    int fd;

    snprintf(path, sizeof path, "%s/segment-%08x-%08lx-%08lx", spool->damaged_dir, scan->sequence,
             (unsigned long)start, (unsigned long)end);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, spool->mode);
    if (fd < 0) {
        rv = errno == EEXIST ? APR_SUCCESS : errno;
    } else {
        errno = 0;
        rv = copy_range(scan, fd, start, end);
        if (rv == APR_SUCCESS && fdatasync(fd) != 0) {
            rv = errno;
        }
        close(fd);
        if (rv != APR_SUCCESS) {
            unlink(path);
        }
    }
    if (rv == APR_SUCCESS) {
        ec_log(spool->log, EC_LOG_ERROR, "%s file=%s offset=%lu bytes=%lu copy=%s", what, scan->path,
               (unsigned long)start, (unsigned long)(end - start), path);
    } else {
        scan->is_unsaved = 1;
        ec_log_rv(spool->log, EC_LOG_ERROR, rv,
                  "%s and can not be copied, the segment is kept file=%s offset=%lu bytes=%lu", what,
                  scan->path, (unsigned long)start, (unsigned long)(end - start));
    }
}

static void damage(spool_scan_t *scan, apr_size_t start, apr_size_t end)
{
    scan->damaged++;
    set_aside(scan, start, end, "spool data is damaged, what can not be read was set aside");
}

/* ---- the end of a segment that was being written to ----------------------------------------------- */

/* Start of the newest commit of which anything sound is left. */
static apr_size_t last_commit(spool_scan_t *scan, apr_size_t offset, apr_size_t limit)
{
    spool_record_t record;

    if (scan->last_commit != 0) {
        return scan->last_commit;
    }
    while ((offset = find_sound(scan, &record, offset, limit)) < limit) {
        scan->last_commit = record.commit > scan->last_commit ? record.commit : scan->last_commit;
        offset += spool_align(record.length);
    }
    return scan->last_commit;
}

static apr_size_t non_zero(spool_scan_t *scan, apr_size_t start, apr_size_t end)
{
    apr_size_t last = start;

    for (apr_size_t at = start; at < end;) {
        apr_size_t n = SPOOL_PAGE - at % SPOOL_PAGE;
        const unsigned char *bytes;

        n = n < end - at ? n : end - at;
        bytes = view(scan, at, n);
        for (apr_size_t i = 0; bytes != NULL && i < n; i++) {
            last = bytes[i] != 0 ? at + i + 1 : last;
        }
        at += n;
    }
    return last - start;
}

/* How much of something is at the end, where nothing sound follows.  Behind the last commit of a
 * file in use for the first time there are zeros; of one used again, zeros up to the end of the page. */
static apr_size_t torn_length(spool_scan_t *scan, apr_size_t at)
{
    spool_record_t record;
    const unsigned char *head = view(scan, at, SPOOL_HEAD);
    apr_size_t rest = scan->file_size > at ? scan->file_size - at : 0;
    apr_size_t to_page = SPOOL_PAGE - at % SPOOL_PAGE;

    if (head != NULL && spool_record_head(&record, head, scan->header.nonce, rest)) {
        return record.length;
    }
    if (scan->header.is_reused && at % SPOOL_PAGE == 0) {
        return 0;
    }
    if (scan->header.is_reused) {
        rest = rest < to_page ? rest : to_page;
    }
    return non_zero(scan, at, at + rest);
}

static void cut(spool_scan_t *scan, apr_size_t at, apr_size_t length)
{
    if (length == 0) {
        return;
    }
    scan->torn_bytes += length;
    ec_log(scan->spool->log, EC_LOG_NOTICE,
           "unfinished write cut from the end of a segment file=%s offset=%lu bytes=%lu", scan->path,
           (unsigned long)at, (unsigned long)length);
}

/* Nothing sound at `at`.  Returns where to go on, `limit` at the end. */
static apr_size_t on_gap(spool_scan_t *scan, apr_size_t at, apr_size_t limit)
{
    spool_record_t record;
    apr_size_t next = find_sound(scan, &record, at + SPOOL_ALIGN, limit);

    if (scan->seal != 0) {
        damage(scan, at, next);
    } else if (next == limit) {
        cut(scan, at, torn_length(scan, at));
    } else if (record.commit <= at && record.commit == last_commit(scan, next, limit)) {
        scan->torn_bytes += next - at; /* a hole in a commit that was never finished, or the disk lost it */
        set_aside(scan, at, next, "the last commit of a segment has a hole");
    } else {
        damage(scan, at, next);
    }
    return next;
}

/* ---- scan --------------------------------------------------------------------------------------------- */

/* A lost header is no loss yet: the nonce is in each record. */
static apr_status_t read_header(spool_scan_t *scan)
{
    const unsigned char *page = view(scan, 0, SPOOL_PAGE);
    spool_record_t record;
    unsigned char *first;
    spool_cursor_t cursor;

    if (page != NULL && spool_header_read(&scan->header, page) == APR_SUCCESS &&
        scan->header.sequence == scan->sequence) {
        return APR_SUCCESS;
    }
    first = view(scan, SPOOL_START, SPOOL_HEAD);
    if (first == NULL) {
        return EC_E_SPOOL_CORRUPT;
    }
    cursor = (spool_cursor_t){ first, first + SPOOL_HEAD, 0 };
    scan->header.nonce = spool_get_number(&cursor, 8);
    scan->header.is_reused = 1; /* at worst less of a torn end is counted */
    return is_sound(scan, &record, SPOOL_START, scan->file_size) ? EC_E_NOT_FOUND : EC_E_SPOOL_CORRUPT;
}

static apr_status_t open_file(spool_scan_t *scan)
{
    struct stat st;

    spool_segment_path(scan->spool, scan->sequence, scan->path);
    scan->fd = open(scan->path, O_RDONLY | O_CLOEXEC);
    if (scan->fd < 0) {
        return errno;
    }
    if (fstat(scan->fd, &st) != 0) {
        return errno;
    }
    scan->file_size = (apr_size_t)st.st_size < APR_INT32_MAX ? (apr_size_t)st.st_size : APR_INT32_MAX;
    scan->window_room = WINDOW;
    scan->window = malloc(WINDOW);
    scan->end = SPOOL_START;
    return scan->window == NULL ? APR_ENOMEM : APR_SUCCESS;
}

static void close_file(spool_scan_t *scan)
{
    if (scan->fd >= 0) {
        close(scan->fd);
    }
    free(scan->window);
    scan->window = NULL;
}

static void scan_records(spool_scan_t *scan, spool_scan_fn *each, void *baton)
{
    apr_size_t limit = scan->seal != 0 && scan->seal < scan->file_size ? scan->seal : scan->file_size;
    apr_size_t at = SPOOL_START;

    while (at < limit && !__atomic_load_n(scan->is_ending, __ATOMIC_RELAXED)) {
        unsigned char *head = NULL;
        spool_record_t record;

        if (is_sound(scan, &record, at, limit)) {
            head = view(scan, at, SPOOL_HEAD + record.meta); /* again: the body went through the window */
        }
        if (head == NULL) {
            at = on_gap(scan, at, limit);
            continue;
        }
        each(baton, &record, at, head + SPOOL_HEAD);
        scan->records++;
        at += spool_align(record.length);
        scan->end = at;
    }
    if (scan->seal > scan->file_size) {
        damage(scan, scan->end, scan->file_size); /* the file has lost its end */
    }
}

apr_status_t spool_scan_run(spool_scan_t *scan, spool_scan_fn *each, void *baton)
{
    apr_status_t rv = open_file(scan);

    if (rv == APR_SUCCESS) {
        /* what we find may be in the page cache alone, and we are going to build on it */
        if (scan->seal == 0 && scan->spool->is_synced && fdatasync(scan->fd) != 0) {
            ec_log_rv(scan->spool->log, EC_LOG_WARNING, errno, "segment can not be synced file=%s",
                      scan->path);
        }
        rv = read_header(scan);
        if (rv == EC_E_NOT_FOUND) {
            damage(scan, 0, SPOOL_PAGE);
            rv = APR_SUCCESS;
        }
        if (rv == APR_SUCCESS) {
            scan_records(scan, each, baton);
        } else {
            damage(scan, 0, non_zero(scan, 0, scan->file_size));
            rv = APR_SUCCESS;
        }
    }
    close_file(scan);
    return rv;
}

apr_status_t spool_scan_seals(spool_scan_t *scan, spool_scan_fn *each, void *baton)
{
    apr_status_t rv = open_file(scan);
    apr_size_t at = SPOOL_START;
    spool_record_t record;

    if (rv == APR_SUCCESS) {
        rv = read_header(scan);
        rv = rv == EC_E_NOT_FOUND ? APR_SUCCESS : rv;
    }
    while (rv == APR_SUCCESS && is_sound(scan, &record, at, scan->file_size) &&
           record.type == SPOOL_RECORD_SEAL) {
        unsigned char *head = view(scan, at, SPOOL_HEAD + record.meta);

        if (head == NULL) {
            break;
        }
        each(baton, &record, at, head + SPOOL_HEAD);
        at += spool_align(record.length);
    }
    close_file(scan);
    return rv;
}
