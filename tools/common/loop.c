/* loop.c - one epoll set and the signals that end or question a tool
 * SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "cli.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

enum { EVENTS = 512 };

volatile sig_atomic_t loop_stop_asked;
volatile sig_atomic_t loop_counters_asked;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        loop_counters_asked = 1;
    else
        loop_stop_asked = 1;
}

void loop_open(struct loop *loop)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1 };
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t blocked;

    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        cli_die("epoll_create1: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaddset(&blocked, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &loop->unblocked);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigdelset(&loop->unblocked, numbers[i]);
}

static void control(struct loop *loop, int operation, int fd, uint32_t events, struct loop_source *source)
{
    struct epoll_event event = { .events = events, .data.ptr = source };

    if (epoll_ctl(loop->epoll, operation, fd, &event) != 0)
        cli_die("epoll_ctl: %s", strerror(errno));
}

void loop_add(struct loop *loop, int fd, uint32_t events, struct loop_source *source)
{
    control(loop, EPOLL_CTL_ADD, fd, events, source);
}

void loop_change(struct loop *loop, int fd, uint32_t events, struct loop_source *source)
{
    control(loop, EPOLL_CTL_MOD, fd, events, source);
}

void loop_turn(struct loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_pwait(loop->epoll, events, EVENTS, timeout_ms, &loop->unblocked);

    if (count < 0 && errno != EINTR)
        cli_die("epoll_pwait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;

        source->ready(source, events[i].events);
    }
}
