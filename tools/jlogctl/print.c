/* print.c - the records of a journal
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "../common/cli.h"
#include "jlogctl.h"

static ec_jlog_reader_t *open_reader(const char *path, const char *subscriber, apr_pool_t *pool)
{
    ec_jlog_reader_t *reader;
    const char *why;

    if (ec_jlog_reader_open(&reader, path, subscriber, ec_log_root(), &why, pool) == APR_SUCCESS)
        return reader;
    fprintf(stderr, "jlogctl: %s\n", why);
    return NULL;
}

static void print_place(const ec_jlog_record_t *record)
{
    char text[EC_JLOG_POSITION_TEXT];

    printf("%s %" PRId64 ".%06d ", ec_jlog_position_text(text, record->begins),
           (int64_t)apr_time_sec(record->when), (int)apr_time_usec(record->when));
}

static void print_record(const ec_jlog_record_t *record, const struct settings *settings)
{
    if (settings->verbose)
        print_place(record);
    fwrite(record->data, 1, record->length, stdout);
    putchar('\n');
}

/* `each` may be NULL; *records: how many there were. */
static bool read_all(ec_jlog_reader_t *reader, const char *path, const struct settings *settings,
                     void (*each)(const ec_jlog_record_t *, const struct settings *), uint64_t *records)
{
    ec_jlog_record_t record;
    char error[160];
    apr_status_t rv = APR_EOF;

    for (*records = 0; settings->count == 0 || *records < settings->count; ++*records) {
        rv = ec_jlog_read(reader, &record);
        if (rv != APR_SUCCESS)
            break;
        if (each != NULL)
            each(&record, settings);
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
        fprintf(stderr, "jlogctl: can not read the journal %s: %s\n", path,
                ec_strerror(rv, error, sizeof(error)));
        return false;
    }
    return ec_jlog_reader_lost(reader) == 0;
}

/* The checkpoint follows only what standard output has taken. */
static bool set_checkpoint(ec_jlog_reader_t *reader, const char *path)
{
    char error[160];
    apr_status_t rv;

    if (fflush(stdout) != 0 || ferror(stdout))
        cli_die("can not write to standard output; the checkpoint stays");
    rv = ec_jlog_checkpoint(reader, ec_jlog_reader_position(reader));
    if (rv != APR_SUCCESS)
        fprintf(stderr, "jlogctl: can not set the checkpoint in %s: %s\n", path,
                ec_strerror(rv, error, sizeof(error)));
    return rv == APR_SUCCESS;
}

static bool print_as(const char *path, const char *subscriber, bool is_checkpoint_set,
                     const struct settings *settings, apr_pool_t *pool)
{
    ec_jlog_reader_t *reader = open_reader(path, subscriber, pool);
    uint64_t records;
    bool is_good;

    if (reader == NULL)
        return false;
    is_good = read_all(reader, path, settings, print_record, &records);
    if (is_checkpoint_set && records > 0)
        is_good = set_checkpoint(reader, path) && is_good;
    ec_jlog_reader_close(reader);
    return is_good;
}

bool print_all(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    return print_as(path, NULL, false, settings, pool);
}

bool print_peek(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    return print_as(path, settings->peek, false, settings, pool);
}

bool print_read(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    return print_as(path, settings->read, true, settings, pool);
}

/* ---- checking ---------------------------------------------------------------------- */

static void print_size(const ec_jlog_record_t *record, const struct settings *settings)
{
    if (settings->verbose) {
        print_place(record);
        printf("%lu bytes\n", (unsigned long)record->length);
    }
}

static bool check_subscribers(const ec_jlog_status_t *status)
{
    bool is_good = true;

    for (int i = 0; i < status->subscriber_count; i++) {
        if (status->subscribers[i].is_damaged) {
            printf("  the checkpoint of %s is damaged\n", status->subscribers[i].name);
            is_good = false;
        }
    }
    return is_good;
}

/* Bytes behind the last whole record, when nobody writes: what a crash has torn, and the next writer cuts
 * off. */
static uint64_t torn_bytes(const ec_jlog_status_t *status, ec_jlog_position_t position)
{
    return status->end.segment == position.segment && status->end.marker > position.marker
               ? status->end.marker - position.marker
               : 0;
}

bool check_records(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    struct settings all = *settings;
    ec_jlog_reader_t *reader = open_reader(path, NULL, pool);
    ec_jlog_status_t status;
    const char *why;
    uint64_t records, torn = 0;
    bool is_good;

    if (reader == NULL)
        return false;
    all.count = 0;
    printf("%s\n", path);
    if (ec_jlog_status(&status, path, &why, pool) != APR_SUCCESS)
        cli_die("%s", why);
    is_good = read_all(reader, path, &all, print_size, &records);
    torn = torn_bytes(&status, ec_jlog_reader_position(reader));
    printf("  %" PRIu64 " records, %" PRIu64 " bytes are damaged\n", records,
           (uint64_t)ec_jlog_reader_lost(reader));
    if (torn > 0)
        printf("  %" PRIu64 " bytes at the end are no whole record: the next writer cuts them off\n", torn);
    ec_jlog_reader_close(reader);
    return check_subscribers(&status) && is_good && torn == 0;
}
