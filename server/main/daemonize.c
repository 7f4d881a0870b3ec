/* daemonize.c - into the background, and telling when we are ready
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parent waits on a pipe: a byte means ready, the end without one means that the
 * start failed (the child has said why on standard error). */
#include "main/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

static void wait_for_child(int fd, pid_t child) __attribute__((noreturn));
static void wait_for_child(int fd, pid_t child)
{
    char byte;
    int status = 0;
    ssize_t n;

    while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR) {
    }
    if (n == 1) {
        _exit(0);
    }
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

apr_status_t server_daemonize(int *ready_fd)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    child = fork();
    if (child < 0) {
        return errno;
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_child(ends[0], child);
    }
    close(ends[0]);
    setsid();
    *ready_fd = ends[1];
    return APR_SUCCESS;
}

void server_say_ready(server_t *server)
{
    int null_fd;

    if (server->ready_fd < 0) {
        return;
    }
    if (write(server->ready_fd, "R", 1) != 1) {
        ec_log(server->log, EC_LOG_WARNING, "the starting process has gone before we were ready");
    }
    close(server->ready_fd);
    server->ready_fd = -1;
    ec_log_stderr(0);
    if ((null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0) {
        dup2(null_fd, 0);
        dup2(null_fd, 1);
        dup2(null_fd, 2);
        close(null_fd);
    }
    if (chdir("/") != 0) {
        ec_log_rv(server->log, EC_LOG_WARNING, errno, "can not change to /");
    }
}

apr_status_t server_open_pidfile(server_t *server, const char **why)
{
    const char *path = conf_str(conf_global(server->conf), CONF_O_PIDFILE);

    if (path == NULL || *path == '\0') {
        return APR_SUCCESS;
    }
    server->pid_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (server->pid_fd < 0) {
        apr_status_t rv = errno;
        *why = apr_psprintf(server->pool, "can not write the process id to %s (option pidfile)", path);
        return rv;
    }
    server->pidfile = apr_pstrdup(server->pool, path);
    return APR_SUCCESS;
}

void server_write_pidfile(server_t *server)
{
    if (server->pid_fd < 0) {
        return;
    }
    if (ftruncate(server->pid_fd, 0) != 0 || dprintf(server->pid_fd, "%d\n", (int)getpid()) < 0) {
        ec_log_rv(server->log, EC_LOG_WARNING, errno, "can not write the process id to %s", server->pidfile);
    }
    server->is_pid_written = 1;
}

void server_remove_pidfile(server_t *server)
{
    if (server->pid_fd < 0) {
        return;
    }
    /* the folder may belong to root, whom we have left: then at least no pid stays in it */
    if (server->is_pid_written && unlink(server->pidfile) != 0 && ftruncate(server->pid_fd, 0) != 0) {
        ec_log_rv(server->log, EC_LOG_WARNING, errno, "can not remove %s", server->pidfile);
    }
    close(server->pid_fd);
    server->pid_fd = -1;
}
