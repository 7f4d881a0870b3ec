/* destination_test.c - lines to programs and to syslog: none lost when those end and come again
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <apr_strings.h>
#include <ec/logfile.h>
#include <ec/logline.h>

#include "log/writer.h"
#include "runner.h"

static char top[] = "/tmp/ec-destination-test.XXXXXX";
static const char *path;
static ec_logfile_t *file;

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[8192];

static void on_message(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    pthread_mutex_lock(&said_lock);
    strncat(said, text, sizeof said - strlen(said) - 1);
    pthread_mutex_unlock(&said_lock);
}

static void await_said(const char *text)
{
    int is_there;

    do {
        sched_yield();
        pthread_mutex_lock(&said_lock);
        is_there = strstr(said, text) != NULL;
        pthread_mutex_unlock(&said_lock);
    } while (!is_there);
}

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(top));
    path = apr_pstrcat(test_pool, top, "/out", NULL);
    ec_log_stderr(0);
    ec_log_sink_add(on_message, NULL);
}

static void teardown(void)
{
    char command[128];

    ec_log_sink_remove(on_message, NULL);
    snprintf(command, sizeof command, "rm -rf %s", top);
    ck_assert_int_eq(system(command), 0);
}

static void open_log(const char *destination, const char *owner)
{
    const ec_logfile_options_t how = { 0640, owner };
    const char *why = NULL;

    ck_assert_msg(ec_logfile_open(&file, destination, &how, ec_log_root(), &why, test_pool) == APR_SUCCESS, "%s", why);
}

/* A program of the shell's, whose output goes to `path`. */
static void open_program(const char *script, const char *more)
{
    open_log(apr_psprintf(test_pool, "pipe:///bin/sh?arg1=-c&arg2=%s&env0=OUT%%3D%s%s", script, path, more), NULL);
}

static void put(const char *line)
{
    ec_logfile_write(file, line, strlen(line));
}

static void close_log(void)
{
    ec_logfile_close(file);
    log_files_finish();
}

static char *content(void)
{
    FILE *in = fopen(path, "r");
    char *text = apr_pcalloc(test_pool, 1024 * 1024);

    ck_assert_ptr_nonnull(in);
    ck_assert_uint_lt(fread(text, 1, 1024 * 1024 - 1, in), 1024 * 1024 - 1);
    fclose(in);
    return text;
}

/* ---- programs --------------------------------------------------------------------------------- */

START_TEST(a_program_gets_all_lines)
{
    open_program("exec cat > \"$OUT\"", "");
    put("one");
    put("two");
    close_log();
    ck_assert_str_eq(content(), "one\ntwo\n");
}
END_TEST

START_TEST(the_environment_is_as_asked)
{
    setenv("OUTER", "there", 1);
    open_program("echo \"$OUTER %25$X %26 $0\" > \"$OUT\"; exec cat > /dev/null",
                 _i == 0 ? "&env1=X%3Dy&arg0=called" : "&clear_env=1&env1=X%3Dy&reinvoke=1");
    put("x");
    close_log();
    ck_assert_str_eq(content(), _i == 0 ? "there %y & called\n" : " %y & /bin/sh\n");
}
END_TEST

/* `read` of the shell takes a line and no byte more: each program takes one line and ends. */
START_TEST(a_program_that_ends_is_started_again)
{
    open_program("read line; echo \"$line\" >> \"$OUT\"", "");
    put("one");
    put("two");
    put("three");
    await_said("has ended");
    while (strcmp(content(), "one\ntwo\nthree\n") != 0) {
        sched_yield();
    }
    close_log();
}
END_TEST

START_TEST(rotation_starts_a_new_program)
{
    ec_logfile_stats_t stats;
    char *text;

    open_program("echo begin >> \"$OUT\"; while read line; do echo \"$line\" >> \"$OUT\"; done", "");
    put("one");
    do {
        sched_yield();
        ec_logfile_stats(file, &stats);
    } while (stats.written == 0);
    ec_logfile_reopen(file);
    do {
        sched_yield();
        ec_logfile_stats(file, &stats);
    } while (stats.reopened == 0);
    put("two");
    close_log();
    text = content();
    ck_assert_ptr_nonnull(strstr(text, "one\n"));
    ck_assert_ptr_nonnull(strstr(text, "two\n"));
    ck_assert_ptr_nonnull(strstr(strstr(text, "begin") + 1, "begin"));
}
END_TEST

/* It reads nothing: it is killed when its five seconds are over, and lines beyond the buffer are counted. */
START_TEST(a_stuck_program_stops_nobody)
{
    static char line[1000];
    ec_logfile_stats_t stats;

    memset(line, 'x', sizeof line - 1);
    open_program("exec sleep 100000", "");
    for (int i = 0; i < 20000; i++) {
        put(line);
    }
    ec_logfile_stats(file, &stats);
    ck_assert_uint_gt(stats.dropped, 0);
    await_said("lines are dropped");
    close_log();
    await_said("killed");
}
END_TEST

START_TEST(a_program_that_can_not_start_is_said)
{
    FILE *script = fopen(path, "w");

    fputs("#!/no/such/interpreter\n", script);
    fclose(script);
    ck_assert_int_eq(chmod(path, 0755), 0);
    open_log(apr_pstrcat(test_pool, "pipe://", path, NULL), NULL);
    await_said("can not start the program");
    close_log();
}
END_TEST

/* ---- syslog ------------------------------------------------------------------------------------ */

static int bind_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    apr_cpystrn(address.sun_path, path, sizeof address.sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static const char *receive(int fd)
{
    char *text = apr_pcalloc(test_pool, 65536);

    ck_assert_int_ge(recv(fd, text, 65535, 0), 0);
    return text;
}

static const struct {
    const char *parameters, *head, *ident, *rest; /* the process number between these */
} forms[] = {
    { "", "<19>", " ecelerity[", "]: a line" },
    { "&facility=local3&priority=info&ident=mx1", "<158>", " mx1[", "]: a line" },
    { "&format=rfc5424&facility=daemon&priority=notice", "<29>1 2", " ecelerity ", " - - a line" },
};

START_TEST(syslog_forms)
{
    int fd = bind_socket();
    const char *text, *tail = apr_psprintf(test_pool, "%s%ld%s", forms[_i].ident, (long)getpid(), forms[_i].rest);

    open_log(apr_psprintf(test_pool, "syslog://?socket=%s%s", path, forms[_i].parameters), NULL);
    put("a line");
    text = receive(fd);
    ck_assert_int_eq(strncmp(text, forms[_i].head, strlen(forms[_i].head)), 0);
    ck_assert_msg(strlen(text) > strlen(tail) && strcmp(text + strlen(text) - strlen(tail), tail) == 0, "%s", text);
    close_log();
    close(fd);
}
END_TEST

START_TEST(syslog_comes_and_goes)
{
    int fd;

    open_log(apr_psprintf(test_pool, "syslog://?socket=%s", path), NULL); /* nobody is there yet */
    put("one");
    await_said("can not write the log");
    fd = bind_socket();
    ck_assert_ptr_nonnull(strstr(receive(fd), "one"));
    await_said("written again");
    close(fd);
    unlink(path);
    said[0] = '\0';
    put("two");
    await_said("can not write the log");
    fd = bind_socket();
    ck_assert_ptr_nonnull(strstr(receive(fd), "two"));
    close_log();
    close(fd);
}
END_TEST

/* Its beginning arrives, and the next line. */
START_TEST(a_long_line_is_cut)
{
    int fd = bind_socket();
    static char line[3 * EC_LINE_MAX];

    memset(line, 'x', sizeof line - 1);
    open_log(apr_psprintf(test_pool, "syslog://?socket=%s", path), NULL);
    put(line);
    put("next");
    ck_assert_uint_ge(strlen(receive(fd)), EC_LINE_MAX);
    ck_assert_ptr_nonnull(strstr(receive(fd), "next"));
    close_log();
    close(fd);
}
END_TEST

/* ---- owner ---------------------------------------------------------------------------------------- */

START_TEST(new_files_get_their_owner)
{
    struct stat st;

    if (geteuid() != 0) {
        return;
    }
    open_log(path, _i == 0 ? "65534:12" : "nobody");
    put("x");
    close_log();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, 65534);
    ck_assert_uint_eq(st.st_gid, _i == 0 ? 12 : getegid());
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

static const char *const no_owners[] = { "no such user", ":no such group", "4294967295", "1x" };

START_TEST(owners_are_checked)
{
    const ec_logfile_options_t how = { 0640, no_owners[_i] };
    const char *why = NULL;

    ck_assert_int_ne(ec_logfile_open(&file, path, &how, ec_log_root(), &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, "to own it"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "destination", 120);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_program_gets_all_lines);
    tcase_add_loop_test(tcase, the_environment_is_as_asked, 0, 2);
    tcase_add_test(tcase, a_program_that_ends_is_started_again);
    tcase_add_test(tcase, rotation_starts_a_new_program);
    tcase_add_test(tcase, a_stuck_program_stops_nobody);
    tcase_add_test(tcase, a_program_that_can_not_start_is_said);
    tcase_add_loop_test(tcase, syslog_forms, 0, TEST_COUNT(forms));
    tcase_add_test(tcase, syslog_comes_and_goes);
    tcase_add_test(tcase, a_long_line_is_cut);
    tcase_add_loop_test(tcase, new_files_get_their_owner, 0, 2);
    tcase_add_loop_test(tcase, owners_are_checked, 0, TEST_COUNT(no_owners));
}

TEST_MAIN("log/destination", add)
