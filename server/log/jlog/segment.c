/* segment.c - the records of a segment, one after the other, whatever state it is in
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is seen through a window of 64 KiB, or of a record that is larger. */
#include "log/jlog/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

enum { WINDOW = 64 * 1024 };

apr_status_t jlog_segment_open(struct jlog_segment *segment, const struct jlog_folder *folder,
                               apr_uint32_t number)
{
    int fd;

    EC_TRY(jlog_folder_segment(&fd, folder, number, O_RDONLY));
    jlog_segment_borrow(segment, folder, number, fd);
    segment->is_owner = 1;
    return APR_SUCCESS;
}

void jlog_segment_borrow(struct jlog_segment *segment, const struct jlog_folder *folder, apr_uint32_t number,
                         int fd)
{
    *segment = (struct jlog_segment){ .fd = fd, .number = number, .nonce = folder->settings.nonce };
}

void jlog_segment_close(struct jlog_segment *segment)
{
    if (segment->is_owner && segment->fd >= 0) {
        close(segment->fd);
    }
    free(segment->window);
    *segment = (struct jlog_segment){ .fd = -1 };
}

void jlog_segment_forget(struct jlog_segment *segment)
{
    segment->length = 0;
}

apr_uint64_t jlog_segment_size(const struct jlog_segment *segment)
{
    struct stat st;

    return fstat(segment->fd, &st) == 0 ? (apr_uint64_t)st.st_size : 0;
}

/* ---- the window -------------------------------------------------------------------- */

static apr_status_t make_room(struct jlog_segment *segment, apr_size_t want)
{
    unsigned char *window;

    if (want <= segment->room) {
        return APR_SUCCESS;
    }
    if ((window = realloc(segment->window, want)) == NULL) {
        return APR_ENOMEM;
    }
    segment->window = window;
    segment->room = want;
    return APR_SUCCESS;
}

static apr_status_t fill(struct jlog_segment *segment, apr_uint64_t at)
{
    segment->start = at;
    segment->length = 0;
    while (segment->length < segment->room) {
        ssize_t n = pread(segment->fd, segment->window + segment->length, segment->room - segment->length,
                          (off_t)(at + segment->length));

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            break;
        }
        segment->length += n > 0 ? (apr_size_t)n : 0;
    }
    return APR_SUCCESS;
}

/* `want` bytes from `at` on, or what the file has of them; *got may be more. */
static apr_status_t view(struct jlog_segment *segment, apr_uint64_t at, apr_size_t want,
                         const unsigned char **data, apr_size_t *got)
{
    int is_there = at >= segment->start && at + want <= segment->start + segment->length;

    if (!is_there) {
        EC_TRY(make_room(segment, want > WINDOW ? want : WINDOW));
        EC_TRY(fill(segment, at));
    }
    *data = segment->window + (at - segment->start);
    *got = (apr_size_t)(segment->start + segment->length - at);
    if (at + *got > APR_UINT32_MAX) { /* no position there: no journal of ours is so large */
        *got = at < APR_UINT32_MAX ? (apr_size_t)(APR_UINT32_MAX - at) : 0;
    }
    return APR_SUCCESS;
}

/* ---- records ----------------------------------------------------------------------- */

static apr_status_t look(struct jlog_segment *segment, apr_uint64_t at, jlog_look_t *result,
                         ec_jlog_record_t *record, apr_size_t *got)
{
    const unsigned char *data;

    EC_TRY(view(segment, at, JLOG_HEAD, &data, got));
    *result = jlog_record_read(record, data, *got, segment->nonce);
    if (*result == JLOG_SHORT && *got >= JLOG_HEAD) {
        EC_TRY(view(segment, at, JLOG_HEAD + record->length, &data, got));
        *result = jlog_record_read(record, data, *got, segment->nonce);
    }
    record->begins = (ec_jlog_position_t){ segment->number, (apr_uint32_t)at };
    record->ends = (ec_jlog_position_t){ segment->number, (apr_uint32_t)(at + JLOG_HEAD + record->length) };
    return APR_SUCCESS;
}

/* From `at` on: where a nonce stands, and a record with it. */
static apr_status_t search(struct jlog_segment *segment, apr_uint64_t at, jlog_found_t *found,
                           ec_jlog_record_t *record)
{
    unsigned char nonce[JLOG_NONCE];
    const unsigned char *data, *hit;
    apr_size_t got;
    jlog_look_t result;

    jlog_nonce_write(nonce, segment->nonce);
    *found = JLOG_TORN;
    for (;;) {
        EC_TRY(view(segment, at, JLOG_HEAD, &data, &got));
        if (got < JLOG_HEAD) {
            return APR_SUCCESS;
        }
        if ((hit = memmem(data, got, nonce, JLOG_NONCE)) == NULL) {
            at += got - JLOG_NONCE + 1;
            continue;
        }
        at += (apr_uint64_t)(hit - data);
        EC_TRY(look(segment, at, &result, record, &got));
        if (result == JLOG_WHOLE) {
            *found = JLOG_FOUND;
            return APR_SUCCESS;
        }
        at++;
    }
}

apr_status_t jlog_segment_next(struct jlog_segment *segment, apr_uint32_t marker, jlog_found_t *found,
                               ec_jlog_record_t *record)
{
    apr_size_t got;
    jlog_look_t result;

    EC_TRY(look(segment, marker, &result, record, &got));
    if (result == JLOG_WHOLE || got == 0) {
        *found = result == JLOG_WHOLE ? JLOG_FOUND : JLOG_END;
        return APR_SUCCESS;
    }
    return search(segment, (apr_uint64_t)marker + 1, found, record);
}
