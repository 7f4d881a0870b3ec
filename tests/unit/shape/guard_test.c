/* guard_test.c - connections end with the lease when the process that has them is stopped, and only those
 * SPDX-License-Identifier: Apache-2.0
 *
 * The "server" is a child of the test that has two connections to it, one marked; the test is their receiver.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ec/gate.h>

#include "runner.h"
#include "shape/guard.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

enum { LONG_MS = 20000, MEMORY = 64 << 20 };

struct server {
    pid_t pid;
    int guard;            /* its guard's number */
    apr_time_t until;     /* its first lease */
    int marked, unmarked; /* the receiver's ends */
    int talk;             /* a byte makes it do `next` */
};

struct hello {
    int guard;
    apr_time_t until;
};

typedef void server_fn(int talk);

static int dial(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

static void serve(const struct sockaddr_in *address, apr_interval_time_t lease, int talk, server_fn *next)
{
    struct hello hello = { 0, ec_gate_clock() + lease };
    int marked, unmarked;

    marked = dial(address);
    unmarked = dial(address);
    guard_mark(marked, 1);
    guard_mark(unmarked, 1);
    guard_mark(unmarked, 0);
    if (guard_lease(hello.until) != APR_SUCCESS) {
        _exit(3);
    }
    hello.guard = guard_pid();
    if (write(talk, &hello, sizeof hello) != sizeof hello) {
        _exit(4);
    }
    next(talk);
    _exit(0);
}

static void start(struct server *server, apr_interval_time_t lease, server_fn *next)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), talk[2];
    struct hello hello;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the guard of a dead server is ours */
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, talk), 0);
    server->pid = fork();
    if (server->pid == 0) {
        close(talk[0]);
        close(listener);
        setpgid(0, 0);
        serve(&address, lease, talk[1], next);
    }
    close(talk[1]);
    server->talk = talk[0];
    server->marked = accept(listener, NULL, NULL);
    server->unmarked = accept(listener, NULL, NULL);
    close(listener);
    ck_assert_int_eq(read(server->talk, &hello, sizeof hello), sizeof hello);
    server->guard = hello.guard;
    server->until = hello.until;
    ck_assert_int_gt(server->guard, 0);
}

static void wait_for_ever(int talk)
{
    for (;;) {
        pause();
    }
}

/* Awaits the end of a connection; by `end of file` or by a reset. */
static void await_end(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char byte;

    ck_assert_int_eq(poll(&p, 1, LONG_MS), 1);
    ck_assert_int_le(read(fd, &byte, 1), 0);
}

static int is_open(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) == 0;
}

static void kill_server(struct server *server)
{
    int status;

    kill(server->pid, SIGKILL);
    ck_assert_int_eq(waitpid(server->pid, &status, 0), server->pid);
    await_end(server->unmarked);
    ck_assert_int_eq(waitpid(server->guard, &status, __WALL), server->guard); /* it went, too */
    ck_assert(WIFSIGNALED(status));
}

START_TEST(stopped)
{
    struct server server;
    apr_time_t ended;

    start(&server, 200000, wait_for_ever);
    kill(_i == 0 ? server.pid : -server.pid, SIGSTOP); /* also when the whole process group is stopped */
    await_end(server.marked);
    ended = ec_gate_clock();
    ck_assert_int_ge(ended, server.until);
    ck_assert_int_lt(ended, server.until + apr_time_from_sec(10));
    ck_assert(is_open(server.unmarked));
    kill_server(&server);
}
END_TEST

static void renew(int talk)
{
    char byte;

    for (int i = 0; i < 30; i++) {
        guard_lease(ec_gate_clock() + 300000);
        poll(NULL, 0, 20);
    }
    guard_lease(ec_gate_clock() + 300000);
    if (write(talk, "x", 1) != 1 || read(talk, &byte, 1) < 0) {
        _exit(5);
    }
}

/* As long as the lease goes on, so do connections; a server that is not stopped, but hangs, is no different.
 */
START_TEST(renewed)
{
    struct server server;
    char byte;

    start(&server, 300000, renew);
    ck_assert_int_eq(read(server.talk, &byte, 1), 1);
    ck_assert(is_open(server.marked) || ec_gate_clock() > server.until + apr_time_from_msec(600));
    await_end(server.marked);
    ck_assert_int_ge(ec_gate_clock(), server.until + apr_time_from_msec(600));
    ck_assert(is_open(server.unmarked));
    kill_server(&server);
}
END_TEST

/* kill -9: the shared table of descriptors keeps nothing open. */
START_TEST(killed)
{
    struct server server;

    start(&server, apr_time_from_sec(1000), wait_for_ever);
    kill_server(&server);
    await_end(server.marked);
}
END_TEST

static void children(int talk)
{
    char name[] = "true", *const argv[] = { name, NULL }, *const envp[] = { NULL };
    pid_t pid = 0, forked;
    int status, guard = guard_pid();

    if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp) != 0 || waitpid(-1, &status, 0) != pid) {
        _exit(6);
    }
    forked = fork();
    if (forked == 0) {
        _exit(7);
    }
    if (waitpid(-1, &status, 0) != forked || WEXITSTATUS(status) != 7) {
        _exit(8);
    }
    if (waitpid(-1, &status, 0) != -1 || errno != ECHILD || guard_pid() != guard) {
        _exit(9); /* the guard is nobody's child */
    }
    guard_stop();
    if (guard_pid() != 0 || kill(guard, 0) == 0 || guard_lease(ec_gate_clock() + 100000) != APR_SUCCESS) {
        _exit(10);
    }
    kill(guard_pid(), SIGKILL); /* somebody ends it: the next lease makes another */
    while (guard_lease(ec_gate_clock() + 100000) == APR_SUCCESS && guard_pid() == 0) {
    }
    if (guard_pid() == 0) {
        _exit(11);
    }
    guard_stop();
    _exit(77);
}

START_TEST(other_children)
{
    struct server server;
    int status;

    start(&server, apr_time_from_sec(1000), children);
    ck_assert_int_eq(waitpid(server.pid, &status, 0), server.pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 77);
    await_end(server.marked);
    await_end(server.unmarked);
}
END_TEST

static long kilobytes(int pid, const char *name)
{
    char path[64], line[256];
    long value = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

/* What the server has in memory is not kept twice.  The guard gives it back after it has said that it is
 * ready. */
START_TEST(has_no_memory)
{
    char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long has = 0;

    memset(memory, 1, MEMORY);
    ck_assert_int_eq(guard_lease(ec_gate_clock() + apr_time_from_sec(1000)), APR_SUCCESS);
    for (int i = 0; i < LONG_MS && (has = kilobytes(guard_pid(), "Anonymous:")) > 4096; i++) {
        poll(NULL, 0, 1);
    }
    ck_assert_int_le(has, 4096);
    ck_assert_int_eq(memory[MEMORY - 1], 1);
    munmap(memory, MEMORY);
    guard_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "guard", 60);

    tcase_add_loop_test(tcase, stopped, 0, 2);
    tcase_add_test(tcase, renewed);
    tcase_add_test(tcase, killed);
    tcase_add_test(tcase, other_children);
    if (!IS_SANITIZED) {
        tcase_add_test(tcase, has_no_memory);
    }
}

TEST_MAIN("shape/guard", add)
