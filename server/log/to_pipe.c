/* to_pipe.c - lines into the standard input of a program
 * SPDX-License-Identifier: Apache-2.0
 *
 *   pipe:///path/of/program[?arg1=-x&arg2=y&env1=NAME%3Dvalue&clear_env=1]
 *
 * No shell is involved.  We keep the reading end of the pipe open ourselves and give it to
 * each program that we start: so lines that a program had not read when it ended are read
 * by the next one, and a write can not fail because nobody reads.
 *
 * A program that ends is started again, after a pause that doubles while it keeps ending
 * soon.  For a rotation it gets the end of its input and is left to finish; the next one
 * starts with a new pipe. */
#include "log/destination.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <apr_strings.h>

#include "util/child.h"

enum {
    ARGUMENTS_MAX = 64,
    LEAVING_MAX = 16,      /* programs that still finish after rotations */
    PAUSE_MIN_MS = 250,
    PAUSE_MAX_MS = 30000,
    SETTLED_MS = 1000      /* one that has run so long is no failure */
};

extern char **environ;

struct state {
    const char *path;
    char *argv[ARGUMENTS_MAX + 2];
    char *own_env[ARGUMENTS_MAX + 1];
    int clear_env;

    int read_end;
    pid_t pid;                     /* 0: none runs */
    pid_t leaving[LEAVING_MAX];
    long long started, next_start; /* ms of the monotonic clock */
    int pause;
};

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- parameters --------------------------------------------------------------------------------- */

/* "arg12" with the word "arg": 12; -1 when it is no such key. */
static int number_of(const char *key, const char *word)
{
    size_t length = strlen(word);
    char *end;
    long n;

    if (strncasecmp(key, word, length) != 0 || key[length] < '0' || key[length] > '9') {
        return -1;
    }
    n = strtol(key + length, &end, 10);
    return *end == '\0' && n <= ARGUMENTS_MAX ? (int)n : -1;
}

static int set_parameter(struct state *state, const char *key, const char *value, apr_pool_t *pool)
{
    int argument = number_of(key, "arg"), env = number_of(key, "env");

    if (argument >= 0) {
        state->argv[argument] = apr_pstrdup(pool, value);
        return 1;
    }
    if (env >= 0 && env < ARGUMENTS_MAX) {
        state->own_env[env] = apr_pstrdup(pool, value);
        return strchr(value, '=') > value;
    }
    if (strcasecmp(key, "clear_env") == 0) {
        state->clear_env = value[0] == '1';
        return strcmp(value, "0") == 0 || strcmp(value, "1") == 0;
    }
    return strcasecmp(key, "reinvoke") == 0 && strcmp(value, "1") == 0; /* what we always do */
}

static int has_gap(char *const *argv)
{
    int last = ARGUMENTS_MAX;

    while (last > 0 && argv[last] == NULL) {
        last--;
    }
    for (int i = 0; i < last; i++) {
        if (argv[i] == NULL) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t parse(destination_t *to, const char *rest, const char **why)
{
    struct state *state = apr_pcalloc(to->pool, sizeof *state);
    char *path = apr_pstrdup(to->pool, rest);
    const char *const *list = destination_parameters(path, to->pool);

    *state = (struct state){ .path = path, .argv = { path }, .read_end = -1, .pause = PAUSE_MIN_MS };
    to->state = state;
    to->is_settled = 0;
    if (list == NULL || path[0] != '/') {
        *why = "use pipe:///path/of/program?arg1=first&arg2=second";
        return EC_E_CONFIG;
    }
    for (; *list != NULL; list += 2) {
        if (!set_parameter(state, list[0], list[1], to->pool)) {
            *why = apr_psprintf(to->pool, "%s=%s is not possible; there are arg0 to arg%d, env0 to env%d (NAME=value), "
                                          "clear_env and reinvoke=1",
                                list[0], list[1], ARGUMENTS_MAX, ARGUMENTS_MAX - 1);
            return EC_E_CONFIG;
        }
    }
    if (has_gap(state->argv)) {
        *why = "an argument is missing: number them from arg1 without a gap";
        return EC_E_CONFIG;
    }
    if (access(path, X_OK) != 0) {
        *why = apr_psprintf(to->pool, "%s can not be executed", path);
        return EC_E_CONFIG;
    }
    return APR_SUCCESS;
}

/* ---- starting ------------------------------------------------------------------------------------- */

/* malloc'd: ours first, so that they win. */
static char **make_env(const struct state *state)
{
    size_t own = 0, inherited = 0, n = 0;
    char **env;

    while (!state->clear_env && environ != NULL && environ[inherited] != NULL) {
        inherited++;
    }
    if ((env = calloc(ARGUMENTS_MAX + inherited + 1, sizeof *env)) == NULL) {
        return NULL;
    }
    for (own = 0; own < ARGUMENTS_MAX; own++) {
        if (state->own_env[own] != NULL) {
            env[n++] = state->own_env[own];
        }
    }
    own = n;
    for (size_t i = 0; i < inherited; i++) {
        size_t k = 0, name = strcspn(environ[i], "=") + 1;

        while (k < own && strncmp(env[k], environ[i], name) != 0) {
            k++;
        }
        if (k == own) {
            env[n++] = environ[i];
        }
    }
    return env;
}

/* The console's Ctrl-C is not for it, and it gets no descriptor but the three. */
static apr_status_t spawn(struct state *state, char **env)
{
    posix_spawn_file_actions_t actions;
    int rv;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, state->read_end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    rv = child_spawn(&state->pid, state->path, &actions, state->argv, env);
    posix_spawn_file_actions_destroy(&actions);
    return rv;
}

static void pause_longer(struct state *state, long long now)
{
    state->next_start = now + state->pause;
    state->pause = state->pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : state->pause * 2;
}

static apr_status_t start_program(destination_t *to)
{
    struct state *state = to->state;
    char **env = make_env(state);
    apr_status_t rv = env != NULL ? spawn(state, env) : APR_ENOMEM;

    free(env);
    state->started = now_ms();
    if (rv != APR_SUCCESS) {
        if (state->pause == PAUSE_MIN_MS) { /* said once */
            ec_log_rv(to->log, EC_LOG_CRITICAL, rv, "can not start the program of the log program=%s", state->path);
        }
        state->pid = 0;
        pause_longer(state, state->started);
    }
    return rv;
}

static apr_status_t open_pipe(destination_t *to)
{
    struct state *state = to->state;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    fcntl(ends[1], F_SETFL, O_NONBLOCK); /* the writing end only: the program's is as programs expect it */
    state->read_end = ends[0];
    to->fd = ends[1];
    return APR_SUCCESS;
}

static void shut(destination_t *to)
{
    struct state *state = to->state;

    if (to->fd >= 0) {
        close(to->fd);
        close(state->read_end);
        to->fd = state->read_end = -1;
    }
}

/* Lines in the pipe need somebody to read them. */
static void close_pipe(destination_t *to)
{
    struct state *state = to->state;
    int unread = 0;

    if (state->pid == 0 && to->fd >= 0 && ioctl(to->fd, FIONREAD, &unread) == 0 && unread > 0) {
        start_program(to);
    }
    shut(to);
}

/* ---- looking after it ------------------------------------------------------------------------------- */

static void on_ended(destination_t *to, int status)
{
    struct state *state = to->state;
    long long now = now_ms();
    int was_settled = to->is_settled;

    state->pid = 0;
    to->is_settled = 0;
    if (was_settled) {
        state->pause = PAUSE_MIN_MS;
    }
    pause_longer(state, now);
    if (was_settled || state->pause == 2 * PAUSE_MIN_MS) { /* one that never runs is said once */
        ec_log(to->log, EC_LOG_ERROR, "the program of the log has ended, it is started again program=%s %s=%d", state->path,
               WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static void reap_leaving(struct state *state)
{
    for (int i = 0; i < LEAVING_MAX; i++) {
        if (state->leaving[i] != 0 && waitpid(state->leaving[i], NULL, WNOHANG) != 0) {
            state->leaving[i] = 0;
        }
    }
}

static void tend(destination_t *to)
{
    struct state *state = to->state;
    int status = 0;

    reap_leaving(state);
    if (state->pid != 0 && waitpid(state->pid, &status, WNOHANG) == state->pid) {
        on_ended(to, status);
    }
    if (state->pid != 0 && !to->is_settled && now_ms() - state->started >= SETTLED_MS) {
        to->is_settled = 1;
    }
    if (state->pid == 0 && to->fd >= 0 && now_ms() >= state->next_start) {
        start_program(to);
    }
}

static apr_status_t write_pipe(destination_t *to, const char *data, size_t length, size_t *taken)
{
    ssize_t n = write(to->fd, data, length);

    *taken = n > 0 ? (size_t)n : 0;
    return n >= 0 || errno == EINTR ? APR_SUCCESS : errno;
}

static pid_t *free_place(struct state *state)
{
    for (int i = 0; i < LEAVING_MAX; i++) {
        if (state->leaving[i] == 0) {
            return &state->leaving[i];
        }
    }
    return NULL;
}

static apr_status_t reopen_pipe(destination_t *to)
{
    struct state *state = to->state;
    pid_t *place;

    reap_leaving(state);
    if ((place = free_place(state)) == NULL) {
        return EC_E_LIMIT;
    }
    if (state->pid == 0) { /* what is in the pipe waits for a program: there is nothing to start anew */
        return APR_SUCCESS;
    }
    *place = state->pid;
    state->pid = 0;
    to->is_settled = 0;
    shut(to);
    EC_TRY(open_pipe(to));
    return start_program(to);
}

/* ---- the end ------------------------------------------------------------------------------------------- */

/* The pipe is closed: it works off what is left, and ends. */
static int is_done(destination_t *to)
{
    struct state *state = to->state;
    int status, is_any = 0;

    reap_leaving(state);
    for (int i = 0; i < LEAVING_MAX; i++) {
        is_any |= state->leaving[i] != 0;
    }
    if (state->pid != 0 && waitpid(state->pid, &status, WNOHANG) != 0) {
        state->pid = 0;
    }
    return !is_any && state->pid == 0;
}

static void abandon(destination_t *to)
{
    struct state *state = to->state;

    ec_log(to->log, EC_LOG_ERROR, "the program of the log does not end by itself, it is killed program=%s", state->path);
    for (int i = 0; i <= LEAVING_MAX; i++) {
        pid_t pid = i < LEAVING_MAX ? state->leaving[i] : state->pid;

        if (pid != 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
}

const destination_ops_t destination_pipe = {
    .scheme = "pipe",
    .parse = parse,
    .open = open_pipe,
    .write = write_pipe,
    .reopen = reopen_pipe,
    .close = close_pipe,
    .tend = tend,
    .is_done = is_done,
    .abandon = abandon,
};
