/* jlog_test.c - subscribers read at their own pace, what all have read goes, and nothing is lost silently
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <apr_strings.h>
#include <ec/logfile.h>

#include "log/jlog/subscribers.h"
#include "log/jlog/writer.h"
#include "log/writer.h"
#include "runner.h"

enum { SMALL = JLOG_SEGMENT_MIN };

static char top[64];
static const char *path;
static jlog_writer_t *writer;
static char said[4096]; /* what was logged */
static const char *const a_and_b[] = { "a", "b", NULL };
static const char *const only_a[] = { "a", NULL };

static void on_said(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

static void setup(void)
{
    /* in memory where that is possible: everything is synced here */
    snprintf(top, sizeof top, "%s/ec-jlog-test.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(top));
    path = apr_pstrcat(test_pool, top, "/j", NULL);
    ec_log_stderr(0);
    ec_log_sink_add(on_said, NULL);
    said[0] = '\0';
}

static void teardown(void)
{
    char command[128];

    ec_log_sink_remove(on_said, NULL);
    snprintf(command, sizeof command, "rm -rf %s", top);
    ck_assert_int_eq(system(command), 0);
}

/* ---- words ------------------------------------------------------------------------- */

static void open_writer(const char *const *subscribers)
{
    const jlog_folder_options_t options = { 0640, (uid_t)-1, (gid_t)-1, SMALL };

    ck_assert_int_eq(jlog_writer_open(&writer, path, subscribers, &options, ec_log_root()), APR_SUCCESS);
}

static void write_text(jlog_writer_t *to, const char *lines)
{
    apr_size_t length = strlen(lines), taken;

    while (length > 0) {
        apr_status_t rv = jlog_writer_append(to, lines, length, &taken);

        ck_assert(rv == APR_SUCCESS ||
                  rv == EC_E_BUSY); /* others may have the lock for long on a busy machine */
        ck_assert_int_eq(taken > 0, rv == APR_SUCCESS);
        lines += taken;
        length -= taken;
    }
}

static void put_numbers(int from, int to)
{
    for (int i = from; i < to; i++) {
        write_text(writer, apr_psprintf(test_pool,
                                        "%d of a line that has some length, so that segments get full\n", i));
    }
}

static ec_jlog_reader_t *reader_of(const char *subscriber)
{
    ec_jlog_reader_t *reader;
    const char *why = NULL;

    ck_assert_msg(ec_jlog_reader_open(&reader, path, subscriber, ec_log_root(), &why, test_pool) ==
                      APR_SUCCESS,
                  "%s", why);
    return reader;
}

/* NULL: the end. */
static const char *next_of(ec_jlog_reader_t *reader)
{
    ec_jlog_record_t record;
    apr_status_t rv;

    do {
        rv = ec_jlog_read(reader, &record);
    } while (rv == EC_E_BUSY);
    if (APR_STATUS_IS_EOF(rv)) {
        return NULL;
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    return apr_pstrmemdup(test_pool, record.data, record.length);
}

static void expect_numbers(ec_jlog_reader_t *reader, int from, int to)
{
    for (int i = from; i < to; i++) {
        const char *line = next_of(reader);

        ck_assert_msg(line != NULL, "no line %d", i);
        ck_assert_int_eq(atoi(line), i);
    }
}

static void set_checkpoint(ec_jlog_reader_t *reader)
{
    ck_assert_int_eq(ec_jlog_checkpoint(reader, ec_jlog_reader_position(reader)), APR_SUCCESS);
}

static ec_jlog_status_t status(void)
{
    ec_jlog_status_t now;
    const char *why = NULL;

    ck_assert_msg(ec_jlog_status(&now, path, &why, test_pool) == APR_SUCCESS, "%s", why);
    return now;
}

static int open_file(const char *name, int flags)
{
    int fd = open(apr_pstrcat(test_pool, path, "/", name, NULL), flags, 0600);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static void append_bytes(const char *name, const void *bytes, size_t length)
{
    int fd = open_file(name, O_WRONLY | O_APPEND);

    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

static void damage(const char *name, off_t at)
{
    int fd = open_file(name, O_RDWR);
    unsigned char byte;

    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 0x55;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* ---- reading and writing ----------------------------------------------------------- */

START_TEST(lines_come_in_order)
{
    ec_jlog_reader_t *reader;
    struct stat st;

    umask(077);
    open_writer(only_a);
    reader = reader_of("a");
    ck_assert_ptr_null(next_of(reader));
    write_text(writer, "one\n\ntwo\n");
    ck_assert_str_eq(next_of(reader), "one");
    ck_assert_str_eq(next_of(reader), "");
    ck_assert_str_eq(next_of(reader), "two");
    ck_assert_ptr_null(next_of(reader));
    put_numbers(0, 500); /* several segments */
    ck_assert_int_gt(status().segment_count, 5);
    expect_numbers(reader, 0, 500);
    ck_assert_ptr_null(next_of(reader));
    ck_assert_uint_eq(ec_jlog_reader_lost(reader), 0);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0750);
    ck_assert_int_eq(stat(apr_pstrcat(test_pool, path, "/segment-00000001", NULL), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(subscribers_read_independently_and_what_all_have_read_goes)
{
    ec_jlog_reader_t *a, *b;

    open_writer(a_and_b);
    put_numbers(0, 500);
    a = reader_of("a");
    b = reader_of("b");
    expect_numbers(a, 0, 500);
    set_checkpoint(a);
    ck_assert_uint_eq(status().first.segment, 1); /* b has read nothing */
    ck_assert_uint_eq(status().subscribers[0].unread, 0);
    ck_assert_uint_eq(status().subscribers[1].unread, status().bytes);
    expect_numbers(b, 0, 250);
    set_checkpoint(b);
    ck_assert_uint_eq(status().first.segment, ec_jlog_reader_position(b).segment);
    ck_assert_uint_gt(status().first.segment, 1);
    ec_jlog_reader_close(b); /* goes on where its checkpoint is */
    b = reader_of("b");
    expect_numbers(b, 250, 500);
    set_checkpoint(b);
    ck_assert_int_eq(status().segment_count, 1);
    ec_jlog_reader_close(a);
    ec_jlog_reader_close(b);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(removing_a_subscriber_lets_the_journal_shrink)
{
    ec_jlog_reader_t *a, *b;
    const char *why;

    open_writer(a_and_b);
    put_numbers(0, 500);
    a = reader_of("a");
    b = reader_of("b");
    expect_numbers(a, 0, 500);
    set_checkpoint(a);
    ck_assert_int_eq(ec_jlog_subscriber_remove(path, "b", &why, test_pool), APR_SUCCESS);
    ck_assert_int_eq(status().segment_count, 1);
    ck_assert_int_eq(status().subscriber_count, 1);
    ck_assert_int_eq(ec_jlog_subscriber_remove(path, "b", &why, test_pool), EC_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why, "no subscriber \"b\""));
    /* one that still reads does not come back by setting its checkpoint */
    ck_assert_int_eq(ec_jlog_checkpoint(b, ec_jlog_reader_position(b)), EC_E_NOT_FOUND);
    ck_assert_int_eq(status().subscriber_count, 1);
    ec_jlog_reader_close(b);
    ec_jlog_reader_close(a);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(without_subscribers_a_full_segment_is_not_kept)
{
    const char *why;

    open_writer(only_a);
    ck_assert_int_eq(ec_jlog_subscriber_remove(path, "a", &why, test_pool), APR_SUCCESS);
    put_numbers(0, 500);
    ck_assert_int_eq(status().segment_count, 1);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(a_subscriber_that_is_added_later_begins_where_it_is_told)
{
    ec_jlog_reader_t *old, *new;
    const char *why = NULL;

    open_writer(only_a);
    put_numbers(0, 100);
    ck_assert_int_eq(ec_jlog_subscriber_add(path, "old", 0, &why, test_pool), APR_SUCCESS);
    ck_assert_int_eq(ec_jlog_subscriber_add(path, "new", 1, &why, test_pool), APR_SUCCESS);
    ck_assert_int_eq(ec_jlog_subscriber_add(path, "new", 0, &why, test_pool), EEXIST);
    ck_assert_int_eq(ec_jlog_subscriber_add(path, "a/b", 0, &why, test_pool), APR_EINVAL);
    old = reader_of("old");
    new = reader_of("new");
    put_numbers(100, 110);
    expect_numbers(old, 0, 110);
    expect_numbers(new, 100, 110);
    ec_jlog_reader_close(old);
    ec_jlog_reader_close(new);
    jlog_writer_close(writer);
    open_writer(a_and_b); /* one more in the destination */
    ck_assert_int_eq(status().subscriber_count, 4);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(a_line_larger_than_a_segment_is_whole)
{
    char *line = apr_palloc(test_pool, 5 * SMALL + 2);
    ec_jlog_reader_t *reader;

    memset(line, 'x', 5 * SMALL);
    strcpy(line + 5 * SMALL, "\n");
    open_writer(only_a);
    put_numbers(0, 3);
    write_text(writer, line);
    put_numbers(3, 6);
    reader = reader_of("a");
    expect_numbers(reader, 0, 3);
    ck_assert_uint_eq(strlen(next_of(reader)), 5 * SMALL);
    expect_numbers(reader, 3, 6);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

static void *write_own_numbers(void *baton)
{
    const jlog_folder_options_t options = { 0640, (uid_t)-1, (gid_t)-1, SMALL };
    jlog_writer_t *own;
    char line[64];
    apr_status_t rv;

    do {
        rv = jlog_writer_open(&own, path, only_a, &options, ec_log_root());
    } while (rv == EC_E_BUSY);
    ck_assert_int_eq(rv, APR_SUCCESS);
    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "%d %d\n", (int)(intptr_t)baton, i);
        write_text(own, line);
    }
    jlog_writer_close(own);
    return NULL;
}

START_TEST(several_writers_lose_nothing)
{
    enum { WRITERS = 3 };
    pthread_t threads[WRITERS];
    int next[WRITERS] = { 0 }, who, number;
    ec_jlog_reader_t *reader;

    open_writer(only_a);
    reader = reader_of("a");
    for (intptr_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_own_numbers, (void *)i), 0);
    }
    for (int lines = 0; lines < WRITERS * 300;) { /* while they write */
        const char *line = next_of(reader);

        if (line == NULL) {
            sched_yield();
            continue;
        }
        ck_assert_int_eq(sscanf(line, "%d %d", &who, &number), 2);
        ck_assert_int_eq(number, next[who]++);
        lines++;
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_ptr_null(next_of(reader));
    ck_assert_str_eq(said, "");
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

/* ---- what may go wrong
 * --------------------------------------------------------------------------------------- */

START_TEST(a_torn_end_is_cut)
{
    static const int lengths[] = { 1, JLOG_NONCE, JLOG_HEAD - 1, JLOG_HEAD, JLOG_HEAD + 4 };
    unsigned char record[JLOG_HEAD + 8];
    ec_jlog_reader_t *reader;
    struct jlog_folder folder;

    open_writer(only_a);
    put_numbers(0, 3);
    jlog_writer_close(writer);
    ck_assert_int_eq(jlog_folder_open(&folder, path, NULL), APR_SUCCESS);
    jlog_record_write(record, "12345678", 8, 0, folder.settings.nonce);
    jlog_folder_close(&folder);
    append_bytes("segment-00000001", record, (size_t)lengths[_i]);
    reader = reader_of("a");
    expect_numbers(reader, 0, 3);
    ck_assert_ptr_null(next_of(reader)); /* it may be one that is being written */
    open_writer(only_a);
    put_numbers(3, 6);
    expect_numbers(reader, 3, 6);
    ck_assert_ptr_null(next_of(reader));
    ck_assert_uint_eq(ec_jlog_reader_lost(reader), 0);
    ck_assert_ptr_nonnull(strstr(said, "is cut off segment=00000001"));
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(another_writer_cuts_what_a_dead_one_left)
{
    ec_jlog_reader_t *reader;

    open_writer(only_a);
    put_numbers(0, 3);
    append_bytes("segment-00000001", "half", 4); /* by another that died, while we go on */
    put_numbers(3, 6);
    reader = reader_of("a");
    expect_numbers(reader, 0, 6);
    ck_assert_uint_eq(ec_jlog_reader_lost(reader), 0);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

/* `_i`: which byte of the second record. */
START_TEST(a_damaged_record_is_reported_and_skipped)
{
    ec_jlog_reader_t *reader;
    ec_jlog_position_t second;

    open_writer(only_a);
    put_numbers(0, 1);
    reader = reader_of("a");
    expect_numbers(reader, 0, 1);
    second = ec_jlog_reader_position(reader);
    put_numbers(1, 3);
    damage("segment-00000001", (off_t)second.marker + _i);
    ck_assert_int_eq(atoi(next_of(reader)), 2);
    ck_assert_uint_gt(ec_jlog_reader_lost(reader), JLOG_HEAD);
    ck_assert_ptr_nonnull(strstr(said, apr_psprintf(test_pool,
                                                    "damaged, bytes are skipped journal=%s segment=00000001 "
                                                    "marker=%08x",
                                                    path, (unsigned)second.marker)));
    ck_assert_ptr_null(next_of(reader));
    jlog_writer_close(writer);
    said[0] = '\0';
    open_writer(only_a); /* it is not cut: whole ones follow */
    put_numbers(3, 4);
    expect_numbers(reader, 3, 4);
    ck_assert_str_eq(said, "");
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(damage_at_the_end_of_a_full_segment_is_reported)
{
    ec_jlog_reader_t *reader;
    int lines = 0;

    open_writer(only_a);
    put_numbers(0, 100);
    ck_assert_int_gt(status().segment_count, 1);
    ck_assert_int_eq(truncate(apr_pstrcat(test_pool, path, "/segment-00000001", NULL),
                              (off_t)status().segments[0].bytes - 1),
                     0);
    reader = reader_of("a");
    for (const char *line = next_of(reader); line != NULL; line = next_of(reader)) {
        lines++;
    }
    ck_assert_int_eq(lines, 99);
    ck_assert_uint_gt(ec_jlog_reader_lost(reader), 0);
    ck_assert_ptr_nonnull(strstr(said, "bytes are skipped"));
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(a_missing_segment_is_reported)
{
    ec_jlog_reader_t *reader;
    int lines = 0;

    open_writer(only_a);
    put_numbers(0, 200);
    ck_assert_int_gt(status().segment_count, 3);
    ck_assert_int_eq(unlink(apr_pstrcat(test_pool, path, "/segment-00000002", NULL)), 0);
    reader = reader_of("a");
    while (next_of(reader) != NULL) {
        lines++;
    }
    ck_assert_int_gt(lines, 100);
    ck_assert_int_lt(lines, 200);
    ck_assert_uint_eq(ec_jlog_reader_lost(reader), 1);
    ck_assert_ptr_nonnull(strstr(said, "first=00000002 going_on_at=00000003"));
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(a_damaged_checkpoint_keeps_everything)
{
    ec_jlog_reader_t *a, *b;

    open_writer(a_and_b);
    put_numbers(0, 200);
    a = reader_of("a");
    expect_numbers(a, 0, 200);
    damage("checkpoint.b", 3);
    set_checkpoint(a);
    ck_assert_uint_eq(status().first.segment, 1);
    ck_assert_int_eq(status().subscribers[1].is_damaged, 1);
    b = reader_of("b");
    ck_assert_ptr_nonnull(strstr(said, "the checkpoint of a subscriber is damaged"));
    expect_numbers(b, 0, 200);
    set_checkpoint(b);
    ck_assert_int_eq(status().subscribers[1].is_damaged, 0);
    ec_jlog_reader_close(a);
    ec_jlog_reader_close(b);
    jlog_writer_close(writer);
}
END_TEST

/* What a power failure can do: the end was read, and is not on the disk. */
START_TEST(what_comes_after_a_lost_end_is_read)
{
    ec_jlog_reader_t *reader;
    ec_jlog_position_t middle;

    open_writer(only_a);
    put_numbers(0, 3);
    reader = reader_of("a");
    expect_numbers(reader, 0, 1);
    middle = ec_jlog_reader_position(reader);
    expect_numbers(reader, 1, 3);
    set_checkpoint(reader);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
    ck_assert_int_eq(truncate(apr_pstrcat(test_pool, path, "/segment-00000001", NULL), middle.marker), 0);
    open_writer(only_a);
    put_numbers(10, 20);
    ck_assert_ptr_nonnull(strstr(said, "the end of the journal is missing"));
    reader = reader_of("a");
    expect_numbers(reader, 10, 20);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

/* A killed process: each number that it told us, by a pipe, is there, whatever it was doing. */
START_TEST(a_kill_loses_nothing_that_was_written)
{
    int ends[2], told = -1, number;
    ec_jlog_reader_t *reader;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    open_writer(only_a);
    jlog_writer_close(writer);
    if ((child = fork()) == 0) {
        open_writer(only_a);
        for (int i = 0;; i++) {
            put_numbers(i, i + 1);
            if (write(ends[1], &i, sizeof i) != sizeof i) {
                _exit(1);
            }
        }
    }
    close(ends[1]);
    while (told < 500) {
        ck_assert_int_eq(read(ends[0], &told, sizeof told), sizeof told);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        told = number;
    }
    open_writer(only_a); /* the lock went with it */
    reader = reader_of("a");
    expect_numbers(reader, 0, told + 1);
    while (next_of(reader) != NULL) {
    }
    ck_assert_uint_eq(ec_jlog_reader_lost(reader), 0);
    write_text(writer, "again\n");
    ck_assert_str_eq(next_of(reader), "again");
    close(ends[0]);
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

/* Check's own files are not to be concerned. */
static apr_status_t append_within(rlim_t bytes, const char *lines, apr_size_t *taken)
{
    struct rlimit limit, before;
    apr_status_t rv;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){ bytes, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    rv = jlog_writer_append(writer, lines, strlen(lines), taken);
    setrlimit(RLIMIT_FSIZE, &before);
    return rv;
}

/* A disk that takes part of a batch: its whole records stay, since they may have been read. */
START_TEST(a_full_disk_leaves_whole_records)
{
    char *lines = apr_pstrdup(test_pool, "");
    apr_size_t taken;
    ec_jlog_reader_t *reader;

    for (int i = 0; i < 20; i++) {
        lines = apr_psprintf(test_pool, "%s%d of some lines that come at once\n", lines, i);
    }
    open_writer(only_a);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(append_within(500, lines, &taken), APR_SUCCESS);
    ck_assert(taken > 0 && taken < strlen(lines) && lines[taken - 1] == '\n');
    ck_assert_uint_le(status().bytes, 500);
    reader = reader_of("a");
    ck_assert_str_eq(next_of(reader), "0 of some lines that come at once");
    lines += taken;
    ck_assert_int_eq(append_within(500, lines, &taken), EFBIG);
    ck_assert_uint_eq(taken, 0);
    expect_numbers(reader, 1, atoi(lines));
    ck_assert_ptr_null(next_of(reader));
    write_text(writer, lines);
    expect_numbers(reader, atoi(lines), 20);
    ck_assert_ptr_null(next_of(reader));
    ck_assert_str_eq(said, "");
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(who_holds_the_lock_stops_nobody_for_ever)
{
    ec_jlog_reader_t *reader;
    apr_size_t taken;
    int fd;

    open_writer(only_a);
    write_text(writer, "one\n");
    fd = open_file("settings", O_RDONLY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(jlog_writer_append(writer, "two\n", 4, &taken), EC_E_BUSY);
    reader = reader_of("a");
    ck_assert_str_eq(next_of(reader), "one"); /* what is whole needs no lock */
    ck_assert_int_eq(ec_jlog_checkpoint(reader, ec_jlog_reader_position(reader)), EC_E_BUSY);
    close(fd);
    write_text(writer, "two\n");
    ck_assert_str_eq(next_of(reader), "two");
    ec_jlog_reader_close(reader);
    jlog_writer_close(writer);
}
END_TEST

START_TEST(other_directories_are_left_alone)
{
    const jlog_folder_options_t options = { 0640, (uid_t)-1, (gid_t)-1, SMALL };
    ec_jlog_reader_t *reader;
    ec_jlog_status_t now;
    const char *why = NULL;

    ck_assert_int_eq(ec_jlog_status(&now, path, &why, test_pool), APR_ENOENT);
    ck_assert_str_eq(why, apr_psprintf(test_pool, "there is no journal at %s", path));
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(ec_jlog_reader_open(&reader, path, NULL, ec_log_root(), &why, test_pool),
                     EC_E_JLOG_FOREIGN);
    close(open_file("something", O_WRONLY | O_CREAT));
    ck_assert_int_eq(jlog_writer_open(&writer, path, only_a, &options, ec_log_root()), EC_E_JLOG_FOREIGN);
    ck_assert_int_eq(unlink(apr_pstrcat(test_pool, path, "/something", NULL)), 0);
    open_writer(only_a); /* an empty one becomes a journal */
    jlog_writer_close(writer);
    ck_assert_int_eq(ec_jlog_reader_open(&reader, path, "b", ec_log_root(), &why, test_pool), EC_E_NOT_FOUND);
    damage("settings", 20);
    ck_assert_int_eq(jlog_writer_open(&writer, path, only_a, &options, ec_log_root()), EC_E_JLOG_DAMAGED);
    ck_assert_int_eq(ec_jlog_status(&now, path, &why, test_pool), EC_E_JLOG_DAMAGED);
    ck_assert_ptr_nonnull(strstr(why, "\"settings\""));
}
END_TEST

/* ---- as a destination
 * ----------------------------------------------------------------------------------------- */

static ec_logfile_t *open_log(const char *destination)
{
    ec_logfile_t *file;
    const char *why = NULL;

    ck_assert_msg(ec_logfile_open(&file, destination, &(ec_logfile_options_t){ .mode = 0644 }, ec_log_root(),
                                  &why, test_pool) == APR_SUCCESS,
                  "%s", why);
    return file;
}

static void await_empty(ec_logfile_t *file)
{
    ec_logfile_stats_t stats;

    do {
        sched_yield();
        ec_logfile_stats(file, &stats);
    } while (stats.waiting > 0);
}

START_TEST(a_log_goes_to_a_journal)
{
    static const struct {
        const char *scheme, *more, *subscriber;
        int count;
    } forms[] = { { "jlog://", "", "master", 1 },
                  { "cluster://", "", "master", 1 },
                  { "cluster://", "=>n1", "n1", 1 },
                  { "JLOG://", "?subscribers=m1,m2,master", "m2", 3 } };
    ec_logfile_t *file = open_log(apr_pstrcat(test_pool, forms[_i].scheme, path, forms[_i].more, NULL));
    ec_jlog_reader_t *reader;

    ec_logfile_write(file, "one", 3);
    ec_logfile_reopen(file);
    ec_logfile_write(file, "two\nlines", 9);
    await_empty(file);
    reader = reader_of(forms[_i].subscriber);
    ck_assert_str_eq(next_of(reader), "one");
    ck_assert_str_eq(next_of(reader), "two lines");
    ck_assert_int_eq(status().subscriber_count, forms[_i].count);
    ec_logfile_write(file, "three", 5);
    ec_logfile_close(file);
    log_files_finish();
    ck_assert_str_eq(next_of(reader), "three");
    ck_assert_str_eq(said, "");
    ec_jlog_reader_close(reader);
}
END_TEST

START_TEST(a_log_whose_journal_is_removed_makes_another)
{
    ec_logfile_t *file = open_log(apr_psprintf(test_pool, "jlog://%s", path));
    ec_jlog_reader_t *reader;
    ec_jlog_record_t record;

    ec_logfile_write(file, "one", 3);
    await_empty(file);
    reader = reader_of("master");
    ck_assert_int_eq(system(apr_psprintf(test_pool, "rm -r %s", path)), 0);
    ck_assert_int_eq(ec_jlog_read(reader, &record), APR_ENOENT);
    ec_jlog_reader_close(reader);
    ec_logfile_write(file, "two", 3);
    await_empty(file);
    reader = reader_of("master");
    ck_assert_str_eq(next_of(reader), "two");
    ec_jlog_reader_close(reader);
    ec_logfile_close(file);
    log_files_finish();
    ck_assert_ptr_nonnull(strstr(said, "can not write the log"));
    ck_assert_ptr_nonnull(strstr(said, "the log is written again"));
}
END_TEST

START_TEST(a_log_waits_for_the_lock)
{
    ec_logfile_t *file = open_log(apr_psprintf(test_pool, "jlog://%s", path));
    ec_jlog_reader_t *reader;
    int fd = open_file("settings", O_RDONLY);

    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ec_logfile_close(open_log(apr_psprintf(test_pool, "jlog://%s", path))); /* opened later */
    ec_logfile_write(file, "one", 3);
    close(fd);
    ec_logfile_close(file);
    log_files_finish();
    reader = reader_of("master");
    ck_assert_str_eq(next_of(reader), "one");
    ck_assert_str_eq(said, "");
    ec_jlog_reader_close(reader);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "jlog", 60);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, lines_come_in_order);
    tcase_add_test(tcase, subscribers_read_independently_and_what_all_have_read_goes);
    tcase_add_test(tcase, removing_a_subscriber_lets_the_journal_shrink);
    tcase_add_test(tcase, without_subscribers_a_full_segment_is_not_kept);
    tcase_add_test(tcase, a_subscriber_that_is_added_later_begins_where_it_is_told);
    tcase_add_test(tcase, a_line_larger_than_a_segment_is_whole);
    tcase_add_test(tcase, several_writers_lose_nothing);
    tcase_add_loop_test(tcase, a_torn_end_is_cut, 0, 5);
    tcase_add_test(tcase, another_writer_cuts_what_a_dead_one_left);
    tcase_add_loop_test(tcase, a_damaged_record_is_reported_and_skipped, 0, JLOG_HEAD + 2);
    tcase_add_test(tcase, damage_at_the_end_of_a_full_segment_is_reported);
    tcase_add_test(tcase, a_missing_segment_is_reported);
    tcase_add_test(tcase, a_damaged_checkpoint_keeps_everything);
    tcase_add_test(tcase, what_comes_after_a_lost_end_is_read);
    tcase_add_test(tcase, a_kill_loses_nothing_that_was_written);
    tcase_add_test(tcase, a_full_disk_leaves_whole_records);
    tcase_add_test(tcase, who_holds_the_lock_stops_nobody_for_ever);
    tcase_add_test(tcase, other_directories_are_left_alone);
    tcase_add_loop_test(tcase, a_log_goes_to_a_journal, 0, 4);
    tcase_add_test(tcase, a_log_whose_journal_is_removed_makes_another);
    tcase_add_test(tcase, a_log_waits_for_the_lock);
}

TEST_MAIN("log/jlog", add)
