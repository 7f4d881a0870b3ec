/* writer.c - lines into a journal
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/jlog/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "log/jlog/segment.h"
#include "log/jlog/subscribers.h"

enum {
    BATCH = 128 * 1024, /* bytes of records that are written at once; a larger record goes alone */
    OPEN_PATIENCE = 20  /* ms for the lock: a loop may wait for this */
};

struct jlog_writer {
    struct jlog_folder folder;
    ec_log_t *log;
    int fd; /* of the newest segment; -1: not looked at yet */
    apr_uint32_t number;
    apr_uint32_t end; /* behind its last whole record */
    int is_dirty;     /* there is something to sync */
    unsigned char *batch;
    apr_size_t room;
};

/* ---- the newest segment ------------------------------------------------------------ */

static void leave_segment(jlog_writer_t *writer)
{
    if (writer->fd >= 0) {
        close(writer->fd);
    }
    writer->fd = -1;
    writer->end = 0;
}

static apr_status_t begin_segment(jlog_writer_t *writer, apr_uint32_t number)
{
    int fd;

    if (number == 0) {
        return APR_ENOSPC; /* after four thousand million segments */
    }
    EC_TRY(jlog_folder_segment(&fd, &writer->folder, number, O_RDWR | O_CREAT | O_EXCL));
    leave_segment(writer);
    writer->fd = fd;
    writer->number = number;
    return APR_SUCCESS;
}

static apr_status_t go_on_in(jlog_writer_t *writer, apr_uint32_t number)
{
    EC_TRY(jlog_writer_sync(writer));
    EC_TRY(begin_segment(writer, number));
    return jlog_trim(&writer->folder);
}

/* A power failure can cost the end of a segment that a subscriber had read already.  What comes next must not
 * stand before its checkpoint. */
static apr_status_t get_past_subscribers(jlog_writer_t *writer)
{
    struct jlog_bounds bounds;

    EC_TRY(jlog_subscriber_bounds(&bounds, &writer->folder));
    if (!jlog_is_before((ec_jlog_position_t){ writer->number, writer->end }, bounds.max)) {
        return APR_SUCCESS;
    }
    ec_log(writer->log, EC_LOG_WARNING,
           "the end of the journal is missing, a subscriber has read it: going on behind it "
           "segment=%08x end=%08x",
           (unsigned)writer->number, (unsigned)writer->end);
    /* always the following one as well: by that others see that theirs is not the newest */
    EC_TRY(go_on_in(writer, writer->number + 1));
    return writer->number > bounds.max.segment ? APR_SUCCESS : go_on_in(writer, bounds.max.segment + 1);
}

/* Ours is there, and there is no following one. */
static int has_newest(const jlog_writer_t *writer)
{
    struct stat st;

    return writer->fd >= 0 && fstat(writer->fd, &st) == 0 && st.st_nlink > 0 &&
           !jlog_folder_has_segment(&writer->folder, writer->number + 1);
}

static apr_status_t open_newest(jlog_writer_t *writer)
{
    struct jlog_extent extent;
    int fd;

    if (has_newest(writer)) {
        return APR_SUCCESS;
    }
    EC_TRY(jlog_folder_extent(&extent, &writer->folder, 0));
    if (extent.count == 0) {
        return begin_segment(writer, writer->number + 1);
    }
    EC_TRY(jlog_folder_segment(&fd, &writer->folder, extent.last, O_RDWR));
    EC_TRY(jlog_writer_sync(writer));
    leave_segment(writer);
    writer->fd = fd;
    writer->number = extent.last;
    return APR_SUCCESS;
}

static apr_status_t cut(jlog_writer_t *writer, apr_uint64_t size)
{
    if (ftruncate(writer->fd, (off_t)writer->end) != 0) {
        return errno;
    }
    ec_log(writer->log, EC_LOG_WARNING,
           "a record of the journal was not whole and is cut off segment=%08x marker=%08x bytes=%lu",
           (unsigned)writer->number, (unsigned)writer->end, (unsigned long)(size - writer->end));
    return APR_SUCCESS;
}

/* From the end that we know to the end that there is.  Damage that whole records follow stays: readers tell. */
static apr_status_t scan(jlog_writer_t *writer, apr_uint64_t size)
{
    struct jlog_segment segment;
    ec_jlog_record_t record;
    jlog_found_t found;
    apr_status_t rv;

    jlog_segment_borrow(&segment, &writer->folder, writer->number, writer->fd);
    while ((rv = jlog_segment_next(&segment, writer->end, &found, &record)) == APR_SUCCESS &&
           found == JLOG_FOUND) {
        writer->end = record.ends.marker;
    }
    jlog_segment_close(&segment);
    if (rv == APR_SUCCESS && found == JLOG_TORN) {
        rv = cut(writer, size);
    }
    return rv;
}

static apr_status_t follow_others(jlog_writer_t *writer)
{
    struct stat st;

    if (fstat(writer->fd, &st) != 0) {
        return errno;
    }
    if ((apr_uint64_t)st.st_size < writer->end) {
        writer->end = 0;
    }
    return (apr_uint64_t)st.st_size > writer->end ? scan(writer, (apr_uint64_t)st.st_size) : APR_SUCCESS;
}

/* With the lock: where do we append? */
static apr_status_t settle(jlog_writer_t *writer)
{
    int was_open = writer->fd >= 0;
    apr_uint32_t before = writer->number;
    apr_status_t rv = open_newest(writer);

    if (rv == APR_SUCCESS) {
        rv = follow_others(writer);
    }
    if (rv == APR_SUCCESS && (!was_open || writer->number < before)) {
        rv = get_past_subscribers(writer);
    }
    if (rv != APR_SUCCESS) {
        leave_segment(writer); /* the next attempt begins here again */
    }
    return rv;
}

/* ---- appending --------------------------------------------------------------------- */

static apr_status_t make_room(jlog_writer_t *writer, apr_size_t want)
{
    unsigned char *batch;

    if (want <= writer->room) {
        return APR_SUCCESS;
    }
    if ((batch = realloc(writer->batch, want)) == NULL) {
        return APR_ENOMEM;
    }
    writer->batch = batch;
    writer->room = want;
    return APR_SUCCESS;
}

/* As many lines as segment and batch take, at least one when the segment is empty; *taken: of the lines. */
static apr_status_t fill_batch(jlog_writer_t *writer, const char *lines, apr_size_t length, apr_size_t *used,
                               apr_size_t *taken)
{
    apr_uint32_t size = writer->folder.settings.segment_size;
    apr_time_t now = apr_time_now();

    *used = *taken = 0;
    while (*taken < length) {
        const char *line = lines + *taken, *newline = memchr(line, '\n', length - *taken);
        apr_size_t bytes = newline != NULL ? (apr_size_t)(newline - line) : length - *taken;
        apr_size_t more = JLOG_HEAD + bytes;

        if ((*used > 0 && *used + more > BATCH) ||
            (writer->end + *used > 0 && writer->end + *used + more > size)) {
            break;
        }
        EC_TRY(make_room(writer, more > BATCH ? more : BATCH));
        jlog_record_write(writer->batch + *used, line, bytes, now, writer->folder.settings.nonce);
        *used += more;
        *taken += bytes + (newline != NULL);
    }
    return APR_SUCCESS;
}

/* Bytes of the first `bytes` of the batch that are whole records; *taken: of the lines in them. */
static apr_size_t whole_records(const jlog_writer_t *writer, apr_size_t bytes, apr_size_t *taken)
{
    ec_jlog_record_t record;
    apr_size_t at = 0;

    *taken = 0;
    while (jlog_record_read(&record, writer->batch + at, bytes - at, writer->folder.settings.nonce) ==
           JLOG_WHOLE) {
        at += JLOG_HEAD + record.length;
        *taken += record.length + 1; /* its newline */
    }
    return at;
}

/* A reader may have seen the whole ones already: they stay.  When there are any, the next attempt fails. */
static apr_status_t keep_part(jlog_writer_t *writer, apr_size_t done, apr_status_t rv, apr_size_t *taken)
{
    apr_size_t kept = whole_records(writer, done, taken);

    writer->end += (apr_uint32_t)kept;
    if (ftruncate(writer->fd, (off_t)writer->end) != 0) {
        leave_segment(writer); /* look at it anew, and cut it then */
    }
    return kept > 0 ? APR_SUCCESS : rv;
}

static apr_status_t write_batch(jlog_writer_t *writer, apr_size_t used, apr_size_t *taken)
{
    apr_size_t done = 0;

    writer->is_dirty = 1;
    while (done < used) {
        ssize_t n = pwrite(writer->fd, writer->batch + done, used - done, (off_t)(writer->end + done));
        apr_status_t rv = n < 0 ? errno : APR_ENOSPC;

        if (n > 0) {
            done += (apr_size_t)n;
        } else if (rv != EINTR) {
            return keep_part(writer, done, rv, taken);
        }
    }
    writer->end += (apr_uint32_t)used;
    return APR_SUCCESS;
}

static apr_status_t append_locked(jlog_writer_t *writer, const char *lines, apr_size_t length,
                                  apr_size_t *taken)
{
    apr_size_t used;

    EC_TRY(settle(writer));
    EC_TRY(fill_batch(writer, lines, length, &used, taken));
    if (*taken == 0) {
        EC_TRY(go_on_in(writer, writer->number + 1));
        EC_TRY(fill_batch(writer, lines, length, &used, taken));
    }
    return write_batch(writer, used, taken);
}

apr_status_t jlog_writer_append(jlog_writer_t *writer, const char *lines, apr_size_t length,
                                apr_size_t *taken)
{
    apr_status_t rv;

    *taken = 0;
    EC_TRY(jlog_folder_lock(&writer->folder, JLOG_PATIENCE));
    rv = append_locked(writer, lines, length, taken);
    jlog_folder_unlock(&writer->folder);
    if (rv != APR_SUCCESS) {
        *taken = 0;
    }
    return rv;
}

int jlog_writer_fd(const jlog_writer_t *writer)
{
    return writer->folder.lock_fd;
}

apr_status_t jlog_writer_sync(jlog_writer_t *writer)
{
    if (!writer->is_dirty || writer->fd < 0) {
        return APR_SUCCESS;
    }
    if (fdatasync(writer->fd) != 0) {
        return errno;
    }
    writer->is_dirty = 0;
    return APR_SUCCESS;
}

/* ---- opening
 * ----------------------------------------------------------------------------------------------- */

static apr_status_t subscribe(jlog_writer_t *writer, const char *const *subscribers)
{
    for (; *subscribers != NULL; subscribers++) {
        apr_status_t rv = jlog_subscriber_add(&writer->folder, *subscribers, NULL);

        if (rv != APR_SUCCESS && rv != EEXIST) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* A journal has a segment from the beginning, so that every position is one. */
static apr_status_t prepare(jlog_writer_t *writer, const char *const *subscribers)
{
    struct jlog_extent extent;
    apr_status_t rv;

    EC_TRY(jlog_folder_lock(&writer->folder, OPEN_PATIENCE));
    rv = jlog_folder_extent(&extent, &writer->folder, 0);
    if (rv == APR_SUCCESS && extent.count == 0) {
        rv = settle(writer);
    }
    if (rv == APR_SUCCESS) {
        rv = subscribe(writer, subscribers);
    }
    jlog_folder_unlock(&writer->folder);
    return rv;
}

apr_status_t jlog_writer_open(jlog_writer_t **result, const char *path, const char *const *subscribers,
                              const jlog_folder_options_t *options, ec_log_t *log)
{
    jlog_writer_t *writer = calloc(1, sizeof *writer);
    apr_status_t rv;

    if (writer == NULL) {
        return APR_ENOMEM;
    }
    *writer = (jlog_writer_t){ .fd = -1, .log = log };
    rv = jlog_folder_open(&writer->folder, path, options);
    if (rv == APR_SUCCESS) {
        rv = prepare(writer, subscribers);
    }
    if (rv != APR_SUCCESS) {
        jlog_writer_close(writer);
        return rv;
    }
    *result = writer;
    return APR_SUCCESS;
}

void jlog_writer_close(jlog_writer_t *writer)
{
    jlog_writer_sync(writer);
    leave_segment(writer);
    jlog_folder_close(&writer->folder);
    free(writer->batch);
    free(writer);
}
