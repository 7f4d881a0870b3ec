/* check.c - "config check": the files are checked by a process of its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * validate_config loads the modules that the files name; one that crashes or hangs there takes nothing with
 * it.  It is run on a pool thread, with a limit of time and of output; its lines "SEVERITY tab FILE tab LINE
 * tab TEXT" become rows. */
#include <ec/job.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "conf/ask/ask_private.h"

enum {
    CHECK_SECONDS = 60,
    CHECK_OUTPUT_MAX = 16 << 20,
    CHECK_STRAY_MAX = 20 /* lines that are no problem of a file, such as a linker's complaint */
};

extern char **environ;

struct check {
    ec_job_t job;
    ec_answer_t *answer;
    apr_pool_t *pool;
    const char *program, *file;

    char *output; /* malloc'd */
    apr_size_t length;
    const char *failure; /* why there is no result; NULL */
    ec_node_t *table;
    int errors, warnings, strays;
};

/* ---- the child ------------------------------------------------------------------------------- */

/* Nothing of ours but the pipe: no signals, no descriptors, a process group that can be ended as one. */
static int spawn(pid_t *child, const struct check *check, int out)
{
    char *argv[] = { (char *)check->program, (char *)"--tabs", (char *)"-c", (char *)check->file, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, out, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(child, check->program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Everything the child says, up to its end.  0: it is not to be waited for any more. */
static int read_output(struct check *check, int fd)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(CHECK_SECONDS);
    apr_size_t room = 0;

    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        apr_time_t left = end - apr_time_now();
        ssize_t n;

        if (room - check->length < 4096 &&
            (check->output = realloc(check->output, room = room * 2 + 8192)) == NULL)
            abort();
        if (left <= 0 || poll(&ready, 1, (int)apr_time_as_msec(left) + 1) == 0) {
            check->failure = apr_psprintf(check->pool, "the check took more than %d seconds", CHECK_SECONDS);
            return 0;
        }
        if ((n = read(fd, check->output + check->length, room - check->length - 1)) < 0 && errno != EINTR)
            n = 0;
        if (n == 0)
            return 1;
        check->length += n > 0 ? (apr_size_t)n : 0;
        if (check->length > CHECK_OUTPUT_MAX) {
            check->failure = "the check says more than can be shown";
            return 0;
        }
    }
}

static void judge_status(struct check *check, int status)
{
    if (check->failure != NULL)
        return;
    if (WIFSIGNALED(status))
        check->failure =
            apr_psprintf(check->pool, "%s was ended by signal %d (%s): one of the modules may have crashed",
                         check->program, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) > 1 || (WEXITSTATUS(status) == 1) != (check->errors > 0))
        check->failure =
            apr_psprintf(check->pool, "%s ended with status %d", check->program, WEXITSTATUS(status));
}

static int run_child(struct check *check, int *status)
{
    int ends[2], error;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        check->failure = "no pipe can be made";
        return 0;
    }
    error = spawn(&child, check, ends[1]);
    close(ends[1]);
    if (error == 0) {
        if (!read_output(check, ends[0]))
            kill(-child, SIGKILL);
        while (waitpid(child, status, 0) < 0 && errno == EINTR) {
        }
    } else {
        check->failure = apr_psprintf(check->pool, "%s can not be run: %s", check->program, strerror(error));
    }
    close(ends[0]);
    return error == 0;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void put_problem(struct check *check, char *const field[4])
{
    ec_node_t *row = ec_node_row(check->table);
    int is_error = strcmp(field[0], "error") == 0;

    ec_node_text(row, "severity", is_error ? "error" : "warning");
    ec_node_text(row, "file", field[1]);
    ec_node_int(row, "line", apr_atoi64(field[2]));
    ec_node_text(row, "text", field[3]);
    check->errors += is_error;
    check->warnings += !is_error;
}

static void take_line(struct check *check, char *line)
{
    char *field[4] = { line, NULL, NULL, NULL };
    int n = 1;

    for (char *at = line; n < 4 && (at = strchr(at, '\t')) != NULL; n++) {
        *at++ = '\0';
        field[n] = at;
    }
    if (n == 4)
        put_problem(check, field);
    else if (*line != '\0' && strcmp(line, "Configuration valid") != 0 && check->strays++ < CHECK_STRAY_MAX)
        ec_node_note(ec_answer_root(check->answer), "%s", line);
}

static void take_output(struct check *check)
{
    char *line = check->output, *end;

    if (check->output == NULL)
        return;
    check->output[check->length] = '\0';
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        take_line(check, line);
    }
    take_line(check, line);
}

static void answer_result(const struct check *check)
{
    ec_node_t *root = ec_answer_root(check->answer);

    ec_node_text(root, "checked", check->file);
    ec_node_int(root, "errors", check->errors);
    ec_node_int(root, "warnings", check->warnings);
    if (check->failure != NULL)
        ec_answer_error(check->answer, "not checked: %s", check->failure);
    else if (check->errors > 0)
        ec_answer_error(check->answer, "%d %s: this configuration would be refused", check->errors,
                        check->errors == 1 ? "error" : "errors");
    else
        ec_node_note(root, "Configuration valid.");
}

/* Pool thread; the answer is ours until finish(). */
static void work(void *baton)
{
    struct check *check = baton;
    int status = 0, has_run;

    check->table = ec_node_table(ec_answer_root(check->answer), "problems");
    has_run = run_child(check, &status);
    take_output(check);
    if (has_run)
        judge_status(check, status);
    answer_result(check);
    free(check->output);
}

static void finish(void *baton)
{
    struct check *check = baton;

    ec_answer_finish(check->answer);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* The file that the running configuration begins with. */
static const char *main_file(apr_pool_t *pool)
{
    const conf_t *conf = conf_latest();

    if (conf->files_of != NULL)
        conf = conf->files_of;
    return conf->files->nelts > 0
               ? apr_pstrdup(pool, APR_ARRAY_IDX(conf->files, 0, const conf_file_t *)->path)
               : NULL;
}

static const char *program(apr_pool_t *pool)
{
    const char *folder = getenv("BINDIR");

    return apr_pstrcat(pool, folder != NULL && folder[0] == '/' ? folder : EC_BINDIR, "/validate_config",
                       NULL);
}

void ask_check(void *self, ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    struct check *check = apr_pcalloc(pool, sizeof(*check));

    check->answer = answer;
    check->pool = pool;
    check->program = program(pool);
    check->file = ec_answer_arg(answer, "path");
    if (check->file == NULL)
        check->file = main_file(pool);
    if (check->file == NULL || check->file[0] != '/') {
        ec_answer_error(answer, "write the whole path of the file: config check /path/of/ecelerity.conf");
        return;
    }
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &check->job, work, finish, check);
}
