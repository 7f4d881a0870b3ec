/* signals.c - signals as callbacks of a loop
 * SPDX-License-Identifier: Apache-2.0
 *
 * A descriptor of the kernel (signalfd) delivers them, so no code runs in a handler. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <sys/signalfd.h>

#include <ec/log.h>

#include "event/loop.h"
#include "event/runtime.h"

static const int watched[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

struct signals {
    ec_watch_t watch;
    event_signal_fn *fn;
    void *baton;
    sigset_t saved; /* the thread's mask before */
    int fd;
};

static void on_readable(void *baton, int ready)
{
    struct signals *signals = baton;
    struct signalfd_siginfo info;

    if (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        signals->fn(signals->baton, (int)info.ssi_signo);
    }
}

static apr_status_t undo(void *baton)
{
    struct signals *signals = baton;

    ec_watch_stop(&signals->watch);
    close(signals->fd);
    pthread_sigmask(SIG_SETMASK, &signals->saved, NULL);
    return APR_SUCCESS;
}

apr_status_t event_signals(ec_loop_t *loop, event_signal_fn *fn, void *baton)
{
    struct signals *signals = apr_pcalloc(loop->pool, sizeof *signals);
    sigset_t set;
    apr_status_t rv;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        sigaddset(&set, watched[i]);
    }
    signals->fn = fn;
    signals->baton = baton;
    signals->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0) {
        return APR_FROM_OS_ERROR(errno);
    }
    rv = ec_watch_start_fd(&signals->watch, loop, signals->fd, EC_READ, on_readable, signals, loop->pool);
    if (rv != APR_SUCCESS) {
        close(signals->fd);
        return rv;
    }
    pthread_sigmask(SIG_BLOCK, &set, &signals->saved);
    apr_pool_cleanup_register(loop->pool, signals, undo, apr_pool_cleanup_null);
    return APR_SUCCESS;
}
