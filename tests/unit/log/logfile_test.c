/* logfile_test.c - no line is lost by a rotation, nothing waits for a reader, full buffers drop and count
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <ec/logfile.h>

#include "log/writer.h"
#include "runner.h"

enum { WRITERS = 4, EACH = 20000 };

static char top[] = "/tmp/ec-logfile-test.XXXXXX";
static const char *path;
static ec_logfile_t *file;

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(top));
    path = apr_pstrcat(test_pool, top, "/log", NULL);
    ec_log_stderr(0);
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", top);
    ck_assert_int_eq(system(command), 0);
}

static void open_file(const char *destination)
{
    const char *why = NULL;

    ck_assert_msg(ec_logfile_open(&file, destination, &(ec_logfile_options_t){ .mode = 0640 }, ec_log_root(), &why,
                                  test_pool) == APR_SUCCESS,
                  "%s", why);
}

static void close_file(void)
{
    ec_logfile_close(file);
    log_files_finish();
}

static void put(const char *line)
{
    ec_logfile_write(file, line, strlen(line));
}

static char *content(const char *name)
{
    FILE *in = fopen(name, "r");
    char *text = apr_pcalloc(test_pool, 16 * 1024 * 1024);

    ck_assert_ptr_nonnull(in);
    ck_assert_uint_lt(fread(text, 1, 16 * 1024 * 1024 - 1, in), 16 * 1024 * 1024 - 1);
    fclose(in);
    return text;
}

/* Waits for the writer thread by looking: it has no other sign. */
static void await_stats(int (*is_so)(const ec_logfile_stats_t *))
{
    ec_logfile_stats_t stats;

    do {
        sched_yield();
        ec_logfile_stats(file, &stats);
    } while (!is_so(&stats));
}

static int was_reopened(const ec_logfile_stats_t *stats)
{
    return stats->reopened > 0;
}

static int is_empty(const ec_logfile_stats_t *stats)
{
    return stats->waiting == 0;
}

START_TEST(lines_arrive)
{
    struct stat st;

    umask(077); /* the mode asked for is not the umask's business */
    open_file(apr_pstrcat(test_pool, "file://", path, NULL));
    put("one");
    put("");
    put("two\nlines");
    close_file();
    ck_assert_str_eq(content(path), "one\n\ntwo lines\n");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0640);
    open_file(path); /* appends */
    put("three");
    close_file();
    ck_assert_str_eq(content(path), "one\n\ntwo lines\nthree\n");
}
END_TEST

static const char *const refused[] = {
    "nowhere:///x",
    "jlog://relative",
    "jlog:///no/such/folder/log",
    "jlog:///etc",
    "jlog:///x=>",
    "jlog:///x=>.a",
    "jlog:///x=>a/b",
    "jlog:///x?subscribers=",
    "jlog:///x?subscribers=a&mode=b",
    "jlog:///x?subscriber=a",
    "jlog:///x?subscribers=a=>b",
    "cluster:///x?subscribers",
    "file://relative",
    "/no/such/folder/log",
    "/tmp",
    "://",
    "syslog://local0",
    "syslog://?facility=none",
    "syslog://?priority=",
    "syslog://?ident=a b",
    "syslog://?socket=relative",
    "syslog://?format=rfc1",
    "syslog://?x=y",
    "syslog://?facility",
    "syslog://?ident=%zz",
    "syslog://?ident=%00",
    "pipe://cat",
    "pipe:///no/such/program",
    "pipe:///bin/cat?arg65=x",
    "pipe:///bin/cat?arg2=x",
    "pipe:///bin/cat?env0=novalue",
    "pipe:///bin/cat?clear_env=yes",
    "pipe:///bin/cat?reinvoke=0",
    "pipe:///bin/cat?shell=1",
};

START_TEST(destinations_are_checked)
{
    const char *why = NULL;

    ck_assert_int_ne(ec_logfile_open(&file, refused[_i], &(ec_logfile_options_t){ .mode = 0644 }, ec_log_root(), &why,
                                     test_pool),
                     APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, refused[_i]));
}
END_TEST

/* ---- rotation ------------------------------------------------------------------------------------ */

static void *write_many(void *baton)
{
    char line[64];

    for (int i = 0; i < EACH; i++) {
        put(apr_snprintf(line, sizeof line, "%d %d of a line that has some length", (int)(intptr_t)baton, i) >
                    0
                ? line
                : "");
    }
    return NULL;
}

/* Counts the lines and checks that each writer's come in order. */
static int count(const char *text, int next[WRITERS])
{
    int lines = 0, writer, number, end;

    for (; *text != '\0'; text += end + 1, lines++) {
        ck_assert_int_eq(sscanf(text, "%d %d of a line that has some length%n", &writer, &number, &end), 2);
        ck_assert_int_eq(text[end], '\n');
        ck_assert_int_eq(number, next[writer]++);
    }
    return lines;
}

START_TEST(rotation_loses_nothing)
{
    enum { ROTATIONS = 20 };
    pthread_t threads[WRITERS];
    int next[WRITERS] = { 0 }, lines = 0;

    open_file(path);
    for (intptr_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, (void *)i), 0);
    }
    for (int i = 0; i < ROTATIONS; i++) {
        ec_logfile_stats_t before, after;

        ec_logfile_stats(file, &before);
        ck_assert_int_eq(rename(path, apr_psprintf(test_pool, "%s.%d", path, i)), 0);
        ec_logfile_reopen(file);
        do {
            sched_yield();
            ec_logfile_stats(file, &after);
        } while (after.reopened == before.reopened);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    close_file();
    for (int i = 0; i < ROTATIONS; i++) {
        lines += count(content(apr_psprintf(test_pool, "%s.%d", path, i)), next);
    }
    lines += count(content(path), next);
    ck_assert_int_eq(lines, WRITERS * EACH);
}
END_TEST

START_TEST(a_reopen_that_fails_keeps_the_old_file)
{
    const char *moved = apr_pstrcat(test_pool, top, ".moved", NULL);

    open_file(path);
    put("one");
    await_stats(is_empty);
    ck_assert_int_eq(rename(top, moved), 0);
    ec_logfile_reopen(file);
    await_stats(was_reopened);
    put("two");
    close_file();
    ck_assert_int_eq(rename(moved, top), 0);
    ck_assert_str_eq(content(path), "one\ntwo\n");
}
END_TEST

/* ---- trouble ------------------------------------------------------------------------------------- */

static pthread_mutex_t trouble_lock = PTHREAD_MUTEX_INITIALIZER;
static char trouble[8192]; /* all messages */
static int troubles;

static void on_message(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    pthread_mutex_lock(&trouble_lock);
    troubles++;
    strncat(trouble, text, sizeof trouble - strlen(trouble) - 1);
    pthread_mutex_unlock(&trouble_lock);
}

static int was_said(const char *text)
{
    int result;

    pthread_mutex_lock(&trouble_lock);
    result = strstr(trouble, text) != NULL;
    pthread_mutex_unlock(&trouble_lock);
    return result;
}

static int has_dropped_loudly(const ec_logfile_stats_t *stats)
{
    return was_said("lines are dropped");
}

START_TEST(a_fifo_that_nobody_reads_stops_nobody)
{
    static char line[1000];
    ec_logfile_stats_t stats;
    int fd;

    ec_log_sink_add(on_message, NULL);
    memset(line, 'x', sizeof line - 1);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    fd = _i == 0 ? -1 : open(path, O_RDWR | O_NONBLOCK); /* without a reader; with one that does not read */
    open_file(path);
    for (int i = 0; i < 20000; i++) { /* 20 MB: more than there is room for */
        put(line);
    }
    ec_logfile_stats(file, &stats);
    ck_assert_uint_gt(stats.dropped, 0);
    ck_assert_uint_le(stats.waiting, EC_LOGFILE_BUFFER);
    ck_assert_uint_gt(stats.waiting, EC_LOGFILE_BUFFER - 2 * sizeof line);
    await_stats(has_dropped_loudly);
    close_file(); /* gives up after its five seconds */
    ec_log_sink_remove(on_message, NULL);
    ck_assert_int_eq(troubles, 2);
    if (fd >= 0) {
        close(fd);
    }
}
END_TEST

/* Closing does not wait: the reader comes only afterwards, in the same thread. */
START_TEST(a_fifo_read_late_gets_everything)
{
    static char buffer[65536];
    size_t total = 0;
    ssize_t n;
    int fd;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    open_file(path);
    for (int i = 0; i < 100000; i++) {
        put("0123456789");
    }
    ec_logfile_close(file);
    fd = open(path, O_RDONLY);
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        total += (size_t)n;
    }
    close(fd);
    log_files_finish();
    ck_assert_uint_eq(total, 100000 * 11);
}
END_TEST

static int has_trouble(const ec_logfile_stats_t *stats)
{
    return was_said("can not write the log");
}

static int has_recovered(const ec_logfile_stats_t *stats)
{
    return stats->waiting == 0 && was_said("written again");
}

/* A limit of the file's size stands for the full disk (EFBIG for ENOSPC). */
START_TEST(a_full_disk_is_said_once_and_overcome)
{
    struct rlimit limit = { 4096, RLIM_INFINITY };
    char *text;

    signal(SIGXFSZ, SIG_IGN);
    ec_log_sink_add(on_message, NULL);
    open_file(path);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 1000; i++) {
        put("0123456789");
    }
    await_stats(has_trouble);
    ck_assert(was_said(path));
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    await_stats(has_recovered);
    ec_log_sink_remove(on_message, NULL);
    ck_assert_int_eq(troubles, 2);
    close_file();
    text = content(path);
    ck_assert_uint_eq(strlen(text), 11000);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(strncmp(text + 11 * i, "0123456789\n", 11), 0);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "logfile", 120);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, lines_arrive);
    tcase_add_loop_test(tcase, destinations_are_checked, 0, TEST_COUNT(refused));
    tcase_add_test(tcase, rotation_loses_nothing);
    tcase_add_test(tcase, a_reopen_that_fails_keeps_the_old_file);
    tcase_add_loop_test(tcase, a_fifo_that_nobody_reads_stops_nobody, 0, 2);
    tcase_add_test(tcase, a_fifo_read_late_gets_everything);
    tcase_add_test(tcase, a_full_disk_is_said_once_and_overcome);
}

TEST_MAIN("log/logfile", add)
