/* child.c - running a program and waiting for its end, for so long
 * SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int spawn(pid_t *child, char *const *argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, standard;
    int error;

    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawn(child, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int poll_until(int fd, int seconds)
{
    double end = now() + seconds;

    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        double left = end - now();
        int n = poll(&ready, 1, seconds == 0 ? -1 : left > 0 ? (int)(left * 1000) + 1 : 0);

        if (n > 0)
            return 1;
        if (n == 0 || errno != EINTR)
            return 0;
    }
}

int child_run(char *const *argv, int seconds)
{
    int error, status, process;
    pid_t child;

    fflush(stdout); /* in the order of what happened */
    if ((error = spawn(&child, argv)) != 0) {
        errno = error;
        return CHILD_STARTED_NOT;
    }
    if ((process = child_open(child)) >= 0 && !child_await_end(process, seconds))
        return CHILD_STILL_RUNS;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_open(pid_t pid)
{
    return pidfd_open(pid, 0);
}

int child_await_end(int process, int seconds)
{
    int has_ended = poll_until(process, seconds);

    close(process);
    return has_ended;
}
