/* child.c - run a program to its end and take what it says
 * SPDX-License-Identifier: Apache-2.0 */
#include "util/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "config.h"

extern char **environ;

static void set_descriptors(posix_spawn_file_actions_t *actions, const child_t *child, int out)
{
    posix_spawn_file_actions_init(actions);
    if (child->in >= 0)
        posix_spawn_file_actions_adddup2(actions, child->in, 0);
    else
        posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(actions, out, 1);
    posix_spawn_file_actions_adddup2(actions, out, 2);
    posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

int child_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, char *const argv[], char *const env[])
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(pid, path, actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int spawn(pid_t *pid, const child_t *child, int out)
{
    posix_spawn_file_actions_t actions;
    int error;

    set_descriptors(&actions, child, out);
    error = child_spawn(pid, child->argv[0], &actions, (char *const *)child->argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Everything that it says, up to its end.  0: it is not to be waited for any more. */
static int read_output(child_t *child, int fd, apr_pool_t *pool)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(child->seconds);
    apr_size_t room = 0;

    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        apr_time_t left = end - apr_time_now();
        ssize_t n;

        if (room - child->length < 4096 &&
            (child->output = realloc(child->output, room = room * 2 + 8192)) == NULL)
            abort();
        if (left <= 0 || poll(&ready, 1, (int)apr_time_as_msec(left) + 1) == 0) {
            child->failure = apr_psprintf(pool, "the check took more than %d seconds", child->seconds);
            return 0;
        }
        if ((n = read(fd, child->output + child->length, room - child->length - 1)) < 0 && errno != EINTR)
            n = 0;
        if (n == 0)
            return 1;
        child->length += n > 0 ? (apr_size_t)n : 0;
        if (child->length > child->output_max) {
            child->failure = "the check says more than can be shown";
            return 0;
        }
    }
}

void child_run(child_t *child, apr_pool_t *pool)
{
    int ends[2], error;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        child->failure = "no pipe can be made";
        return;
    }
    error = spawn(&pid, child, ends[1]);
    close(ends[1]);
    if (error == 0) {
        child->has_run = 1;
        if (!read_output(child, ends[0], pool))
            kill(-pid, SIGKILL);
        while (waitpid(pid, &child->status, 0) < 0 && errno == EINTR) {
        }
        child->output[child->length] = '\0';
    } else {
        child->failure = apr_psprintf(pool, "%s can not be run: %s", child->argv[0], strerror(error));
    }
    close(ends[0]);
}

const char *child_program(const char *name, apr_pool_t *pool)
{
    const char *folder = getenv("BINDIR");

    return apr_pstrcat(pool, folder != NULL && folder[0] == '/' ? folder : EC_BINDIR, "/", name, NULL);
}
