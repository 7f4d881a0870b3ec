/* reader.c - a subscriber's way through a journal
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is not whole may be a record that is being written, or one that a crash has torn, or damage.  To know
 * which, the reader looks a second time with the lock: nobody writes then.  At the end of the newest segment
 * it waits: a torn record is the writer's to cut.  Anywhere else it is damage, and is told. */
#include <apr_strings.h>

#include "log/jlog/segment.h"
#include "log/jlog/subscribers.h"

struct ec_jlog_reader {
    apr_pool_t *pool; /* its own; it lives in it */
    struct jlog_folder folder;
    struct jlog_segment segment; /* that of `position`, when it is open */
    const char *path, *subscriber;
    ec_log_t *log;
    ec_jlog_position_t position;
    apr_uint64_t lost;
};

/* ---- opening ----------------------------------------------------------------------- */

static void report_damaged_checkpoint(const ec_jlog_reader_t *reader)
{
    ec_log(reader->log, EC_LOG_ERROR,
           "the checkpoint of a subscriber is damaged, reading from the oldest record: lines may come again "
           "journal=%s subscriber=%s",
           reader->path, reader->subscriber);
}

static apr_status_t find_begin(ec_jlog_reader_t *reader, const char **why, apr_pool_t *pool)
{
    apr_status_t rv;

    if (reader->subscriber == NULL) {
        return APR_SUCCESS;
    }
    rv = jlog_subscriber_load(&reader->folder, reader->subscriber, &reader->position);
    if (rv == EC_E_JLOG_DAMAGED) {
        report_damaged_checkpoint(reader);
        return APR_SUCCESS;
    }
    if (rv == EC_E_NOT_FOUND) {
        *why =
            apr_psprintf(pool, "the journal %s has no subscriber \"%s\"", reader->path, reader->subscriber);
    } else if (rv != APR_SUCCESS) {
        *why = jlog_folder_why(rv, reader->path, pool);
    }
    return rv;
}

apr_status_t ec_jlog_reader_open(ec_jlog_reader_t **result, const char *path, const char *subscriber,
                                 ec_log_t *log, const char **why, apr_pool_t *pool)
{
    ec_jlog_reader_t *reader;
    apr_pool_t *own;
    apr_status_t rv;

    *why = "out of memory";
    EC_TRY(apr_pool_create(&own, NULL)); /* a root: it may be closed on another thread */
    reader = apr_pcalloc(own, sizeof *reader);
    *reader = (ec_jlog_reader_t){
        .pool = own, .segment.fd = -1, .path = path, .subscriber = subscriber, .log = log
    };
    rv = jlog_folder_open(&reader->folder, path, NULL);
    if (rv != APR_SUCCESS) {
        *why = jlog_folder_why(rv, path, pool);
    } else {
        rv = find_begin(reader, why, pool);
    }
    if (rv != APR_SUCCESS) {
        ec_jlog_reader_close(reader);
        return rv;
    }
    *result = reader;
    return APR_SUCCESS;
}

void ec_jlog_reader_close(ec_jlog_reader_t *reader)
{
    jlog_segment_close(&reader->segment);
    jlog_folder_close(&reader->folder);
    apr_pool_destroy(reader->pool);
}

ec_jlog_position_t ec_jlog_reader_position(const ec_jlog_reader_t *reader)
{
    return reader->position;
}

apr_uint64_t ec_jlog_reader_lost(const ec_jlog_reader_t *reader)
{
    return reader->lost;
}

/* ---- reading ----------------------------------------------------------------------- */

static void report_damage(ec_jlog_reader_t *reader, apr_uint64_t bytes)
{
    reader->lost += bytes;
    ec_log(reader->log, EC_LOG_ERROR,
           "the journal is damaged, bytes are skipped journal=%s segment=%08x marker=%08x bytes=%lu",
           reader->path, (unsigned)reader->position.segment, (unsigned)reader->position.marker,
           (unsigned long)bytes);
}

static void go_to(ec_jlog_reader_t *reader, apr_uint32_t segment)
{
    jlog_segment_close(&reader->segment);
    reader->position = (ec_jlog_position_t){ segment, 0 };
}

/* For one without a checkpoint nothing is kept: what was read may go. */
static int is_missing(const ec_jlog_reader_t *reader, const struct jlog_extent *extent)
{
    return reader->position.segment != 0 && (reader->subscriber != NULL || extent->next != extent->first);
}

/* The segment of the position, or the one that follows when it is missing. */
static apr_status_t open_segment(ec_jlog_reader_t *reader)
{
    struct jlog_extent extent;

    if (reader->segment.fd >= 0) {
        return APR_SUCCESS;
    }
    EC_TRY(jlog_folder_extent(&extent, &reader->folder, reader->position.segment));
    if (extent.next == 0) {
        return jlog_folder_is_gone(&reader->folder) ? APR_ENOENT : APR_EOF;
    }
    if (extent.next != reader->position.segment) {
        if (is_missing(reader, &extent)) {
            reader->lost++;
            ec_log(reader->log, EC_LOG_ERROR,
                   "segments of the journal are missing journal=%s first=%08x going_on_at=%08x", reader->path,
                   (unsigned)reader->position.segment, (unsigned)extent.next);
        }
        go_to(reader, extent.next);
    }
    return jlog_segment_open(&reader->segment, &reader->folder, extent.next);
}

/* With the lock: what is at the position, and is there a following segment?  0: none. */
static apr_status_t look_again(ec_jlog_reader_t *reader, jlog_found_t *found, ec_jlog_record_t *record,
                               apr_uint32_t *next)
{
    struct jlog_extent extent;
    apr_status_t rv;

    EC_TRY(jlog_folder_lock(&reader->folder, JLOG_PATIENCE));
    jlog_segment_forget(&reader->segment);
    rv = jlog_segment_next(&reader->segment, reader->position.marker, found, record);
    if (rv == APR_SUCCESS) {
        rv = jlog_folder_extent(&extent, &reader->folder, reader->position.segment + 1);
        *next = extent.next;
    }
    jlog_folder_unlock(&reader->folder);
    return rv;
}

/* The file's bytes behind the position. */
static apr_uint64_t rest_of(const ec_jlog_reader_t *reader)
{
    apr_uint64_t size = jlog_segment_size(&reader->segment);

    return size > reader->position.marker ? size - reader->position.marker : 0;
}

/* Something else than a record stands at the position. */
static apr_status_t find_way(ec_jlog_reader_t *reader, ec_jlog_record_t *record)
{
    jlog_found_t found;
    apr_uint32_t next;

    EC_TRY(look_again(reader, &found, record, &next));
    if (found == JLOG_FOUND) {
        if (record->begins.marker != reader->position.marker) {
            report_damage(reader, record->begins.marker - reader->position.marker);
        }
        reader->position = record->ends;
        return APR_SUCCESS;
    }
    if (next == 0) {
        return APR_EOF;
    }
    if (found == JLOG_TORN) {
        report_damage(reader, rest_of(reader));
    }
    if (next != reader->position.segment + 1) {
        reader->position = (ec_jlog_position_t){ reader->position.segment + 1, 0 };
        jlog_segment_close(&reader->segment); /* open_segment() tells what is missing */
    } else {
        go_to(reader, next);
    }
    return EAGAIN;
}

static apr_status_t read_here(ec_jlog_reader_t *reader, ec_jlog_record_t *record)
{
    jlog_found_t found;

    EC_TRY(open_segment(reader));
    EC_TRY(jlog_segment_next(&reader->segment, reader->position.marker, &found, record));
    if (found != JLOG_FOUND || record->begins.marker != reader->position.marker) {
        return find_way(reader, record);
    }
    reader->position = record->ends;
    return APR_SUCCESS;
}

apr_status_t ec_jlog_read(ec_jlog_reader_t *reader, ec_jlog_record_t *record)
{
    apr_status_t rv;

    do {
        rv = read_here(reader, record);
    } while (APR_STATUS_IS_EAGAIN(rv)); /* each time a segment further */
    return rv;
}

/* ---- checkpoint -------------------------------------------------------------------- */

static apr_status_t store(ec_jlog_reader_t *reader, ec_jlog_position_t position)
{
    ec_jlog_position_t there;
    apr_status_t rv = jlog_subscriber_load(&reader->folder, reader->subscriber, &there);

    if (rv != APR_SUCCESS && rv != EC_E_JLOG_DAMAGED) {
        return rv; /* it was removed: it must not come back by this */
    }
    EC_TRY(jlog_subscriber_store(&reader->folder, reader->subscriber, position));
    return jlog_trim(&reader->folder);
}

apr_status_t ec_jlog_checkpoint(ec_jlog_reader_t *reader, ec_jlog_position_t position)
{
    apr_status_t rv;

    if (reader->subscriber == NULL) {
        return EC_E_NOT_FOUND;
    }
    EC_TRY(jlog_folder_lock(&reader->folder, JLOG_PATIENCE));
    rv = store(reader, position);
    jlog_folder_unlock(&reader->folder);
    return rv;
}
