/* log_test.c - levels, prefixes, sinks, recent lines, standard error
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <ec/log.h>

#include "runner.h"

static char last[5000];
static int seen;

static void keep(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    ck_assert_int_gt(when, 0);
    apr_cpystrn(last, text, sizeof last);
    seen++;
}

static void begin(void)
{
    ec_log_stderr(0);
    ec_log_sink_add(keep, NULL);
}

START_TEST(prefixes_and_texts)
{
    ec_log_t *outer = ec_log_child(ec_log_root(), test_pool, "smtp in %s", "192.0.2.1");
    ec_log_t *inner = ec_log_child(outer, test_pool, "session %d", 7);

    begin();
    ec_log(ec_log_root(), EC_LOG_ERROR, "root a=%d", 1);
    ck_assert_str_eq(last, "root a=1");
    ec_log(inner, EC_LOG_ERROR, "refused");
    ck_assert_str_eq(last, "smtp in 192.0.2.1: session 7: refused");
    ec_log_rv(outer, EC_LOG_ERROR, ENOENT, "can not open file=%s", "x");
    ck_assert_str_eq(last, "smtp in 192.0.2.1: can not open file=x error=\"No such file or directory\"");
    ec_log(outer, EC_LOG_ERROR, "from outside: %s", "a\r\nb\x1b[0m");
    ck_assert_str_eq(last, "smtp in 192.0.2.1: from outside: a\\r\\nb\\x1B[0m");
}
END_TEST

START_TEST(levels_follow_the_parent)
{
    ec_log_t *outer = ec_log_child(ec_log_root(), test_pool, "outer");
    ec_log_t *inner = ec_log_child(outer, test_pool, "inner");

    begin();
    ck_assert(!ec_log_enabled(inner, EC_LOG_DEBUG));
    ec_log(inner, EC_LOG_DEBUG, "muted");
    ck_assert_int_eq(seen, 0);
    ec_log_set_level(outer, EC_LOG_DEBUG); /* after inner was made */
    ec_log(inner, EC_LOG_DEBUG, "heard");
    ck_assert_int_eq(seen, 1);
    ck_assert(!ec_log_enabled(ec_log_root(), EC_LOG_DEBUG));
    ec_log_set_level(inner, EC_LOG_ERROR);
    ck_assert(!ec_log_enabled(inner, EC_LOG_WARNING));
    ck_assert(ec_log_enabled(outer, EC_LOG_DEBUG));
    ec_log_set_level(ec_log_root(), EC_LOG_CRITICAL);
    ck_assert(!ec_log_enabled(ec_log_root(), EC_LOG_ERROR));
    ck_assert(ec_log_enabled(outer, EC_LOG_DEBUG));
}
END_TEST

START_TEST(level_ends_with_its_context)
{
    apr_pool_t *pool;
    ec_log_t *log;

    apr_pool_create(&pool, test_pool);
    log = ec_log_child(ec_log_root(), pool, "short-lived");
    ec_log_set_level(log, EC_LOG_INFO);
    ec_log_set_level(log, EC_LOG_DEBUG);
    ck_assert(ec_log_enabled(log, EC_LOG_DEBUG));
    apr_pool_destroy(pool); /* a sanitizer sees if anything still points there */
    ec_log_set_level(ec_log_root(), EC_LOG_WARNING);
    ck_assert(!ec_log_enabled(ec_log_root(), EC_LOG_NOTICE));
}
END_TEST

START_TEST(long_message_is_cut)
{
    char *text = apr_palloc(test_pool, 10000);

    begin();
    memset(text, 'x', 9999);
    text[9999] = '\0';
    ec_log(ec_log_root(), EC_LOG_ERROR, "%s", text);
    ck_assert_uint_lt(strlen(last), 4000);
    ck_assert_str_eq(last + strlen(last) - 5, "xx...");
}
END_TEST

START_TEST(keeps_errno)
{
    begin();
    errno = EBADF;
    ec_log(ec_log_root(), EC_LOG_ERROR, "x");
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(names)
{
    for (int level = 0; level < EC_LOG_LEVELS; level++) {
        ck_assert_int_eq(ec_log_level_parse(ec_log_level_name(level)), level);
    }
    ck_assert_int_eq(ec_log_level_parse("wArNiNg"), EC_LOG_WARNING);
    ck_assert_int_eq(ec_log_level_parse("loud"), -1);
}
END_TEST

START_TEST(removed_sink_is_silent)
{
    begin();
    ec_log_sink_remove(keep, NULL);
    ec_log_sink_remove(keep, NULL);
    ec_log(ec_log_root(), EC_LOG_ERROR, "x");
    ck_assert_int_eq(seen, 0);
}
END_TEST

static void expect_next(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    int *next = baton;

    ck_assert_int_eq(level, EC_LOG_ERROR);
    ck_assert_str_eq(text, apr_psprintf(test_pool, "line %d", (*next)++));
    ec_log(ec_log_root(), EC_LOG_CRITICAL, "a reader may log");
}

START_TEST(recent_lines)
{
    int next = 0;

    begin();
    for (int i = 0; i < 3; i++) {
        ec_log(ec_log_root(), EC_LOG_ERROR, "line %d", i);
    }
    ec_log_recent(EC_LOG_ERROR, expect_next, &next);
    ck_assert_int_eq(next, 3);
    for (int i = 3; i < 25; i++) {
        ec_log(ec_log_root(), EC_LOG_ERROR, "line %d", i);
    }
    next = 15;
    ec_log_recent(EC_LOG_ERROR, expect_next, &next);
    ck_assert_int_eq(next, 25);
}
END_TEST

/* Standard error becomes a pipe; returns its reading end. */
static int capture_stderr(void)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    return ends[0];
}

START_TEST(stderr_line)
{
    int fd = capture_stderr();
    char line[200];
    ssize_t length;

    ec_log(ec_log_root(), EC_LOG_WARNING, "hello a=%d", 1);
    length = read(fd, line, sizeof line - 1);
    ck_assert_int_gt(length, 0);
    line[length] = '\0';
    ck_assert_str_eq(line + strlen("2025-01-01T00:00:00.000000Z"), " WARNING hello a=1\n");
}
END_TEST

START_TEST(slow_stderr_does_not_block)
{
    int fd = capture_stderr(), lost = 0;
    static char all[1 << 20];
    ssize_t length;

    fcntl(STDERR_FILENO, F_SETFL, 0); /* blocking, so a write too many would hang */
    for (int i = 0; i < 5000; i++) {
        ec_log(ec_log_root(), EC_LOG_WARNING, "%0100d", i);
    }
    length = read(fd, all, sizeof all);
    ck_assert_int_gt(length, 4096);
    ck_assert_int_eq(all[length - 1], '\n'); /* whole lines only */
    for (ssize_t i = 0, lines = 0; i < length; i++) {
        lines += all[i] == '\n';
        lost = 5000 - (int)lines;
    }
    ec_log(ec_log_root(), EC_LOG_WARNING, "again");
    length = read(fd, all, sizeof all - 1);
    ck_assert_int_gt(length, 0);
    all[length] = '\0';
    ck_assert_ptr_nonnull(
        strstr(all, apr_psprintf(test_pool, "WARNING [%d lines lost before] again\n", lost)));
}
END_TEST

static void *log_much(void *baton)
{
    ec_log_t *log = baton;

    for (int i = 0; i < 500; i++) {
        ec_log_set_level(log, i % 2 ? EC_LOG_DEBUG : EC_LOG_ERROR);
        ec_log(ec_log_root(), EC_LOG_ERROR, "line %d", i);
        ec_log(log, EC_LOG_DEBUG, "debug %d", i);
    }
    return NULL;
}

static void ignore(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
}

START_TEST(threads) /* for the thread sanitizer */
{
    pthread_t logging[3];

    ec_log_stderr(0);
    for (int i = 0; i < 3; i++) {
        ec_log_t *log = ec_log_child(ec_log_root(), test_pool, "thread %d", i);

        ck_assert_int_eq(pthread_create(&logging[i], NULL, log_much, log), 0);
    }
    for (int i = 0; i < 200; i++) {
        ec_log_sink_add(ignore, &i);
        ec_log_recent(EC_LOG_ERROR, ignore, NULL);
        ec_log_sink_remove(ignore, &i);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(logging[i], NULL);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "log", 30);

    tcase_add_test(tcase, prefixes_and_texts);
    tcase_add_test(tcase, levels_follow_the_parent);
    tcase_add_test(tcase, level_ends_with_its_context);
    tcase_add_test(tcase, long_message_is_cut);
    tcase_add_test(tcase, keeps_errno);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, removed_sink_is_silent);
    tcase_add_test(tcase, recent_lines);
    tcase_add_test(tcase, stderr_line);
    tcase_add_test(tcase, slow_stderr_does_not_block);
    tcase_add_test(tcase, threads);
}

TEST_MAIN("log/log", add)
