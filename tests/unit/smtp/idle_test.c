/* idle_test.c - what a client that only waits costs
 * SPDX-License-Identifier: Apache-2.0
 *
 * The clients are in a process of their own, so that resident memory here is the
 * server's alone.  Each has said EHLO, sent one message, and then waits. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "dialogue.h"

enum { MOST = 10000, WARM = 200, BYTES_EACH = 12 * 1024 };

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static int clients_allowed(void)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < MOST + 200 ? limit.rlim_max : MOST + 200;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return (int)limit.rlim_cur - 200;
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Blocking; ends the process when anything is wrong. */
static void hear_lines(int fd, int lines)
{
    char byte;

    while (lines > 0) {
        if (recv(fd, &byte, 1, 0) != 1) {
            _exit(2);
        }
        lines -= byte == '\n';
    }
}

static void one_client(int fd)
{
    static const char ehlo[] = "EHLO client.example\r\n";
    static const char message[] = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";
    static const char body[] = "Subject: x\r\n\r\nhello\r\n.\r\n";

    hear_lines(fd, 1);
    (void)!send(fd, ehlo, sizeof ehlo - 1, MSG_NOSIGNAL);
    hear_lines(fd, 5);
    (void)!send(fd, message, sizeof message - 1, MSG_NOSIGNAL);
    hear_lines(fd, 3);
    (void)!send(fd, body, sizeof body - 1, MSG_NOSIGNAL);
    hear_lines(fd, 1);
}

/* Opens `n` connections and waits to be ended. */
static void clients(int port, int n)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((apr_uint16_t)port) };

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
            _exit(1);
        }
        one_client(fd);
    }
    for (;;) {
        pause();
    }
}

static pid_t start_clients(int n)
{
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        clients(smtp_in_port(LISTEN), n);
    }
    return pid;
}

static int count;

static int are_there(void *baton)
{
    return store.accepts >= count;
}

/* Resident memory after `n` more clients. */
static long with_clients(int n, pid_t *pid)
{
    count += n;
    *pid = start_clients(n);
    ck_assert(event_run_until(loop, are_there, NULL, 1000000));
    (void)event_run_until(loop, NULL, NULL, 3);
    return resident();
}

static void end_clients(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0); /* it has not failed */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

START_TEST(idle_connection)
{
    int n = clients_allowed() - WARM;
    pid_t warm, many;
    long before, after;

    server_start("", "");
    before = with_clients(WARM, &warm);
    after = with_clients(n, &many);
    ck_assert_int_eq((int)ec_counter_value(ec_counter("smtp.in.sessions", "")), WARM + n);
    printf("%d idle connections: %ld bytes each\n", n, (after - before) / n);
    if (!IS_SANITIZED) {
        ck_assert_int_le((after - before) / n, BYTES_EACH);
    }
    end_clients(warm);
    end_clients(many);
    server_end();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "idle", 300);

    tcase_add_test(tcase, idle_connection);
}

TEST_MAIN("smtp/idle", add)
