/* listener.c - accepting connections, on one loop or on all
 * SPDX-License-Identifier: Apache-2.0
 *
 * With all_loops every loop has a socket of its own on the same port (SO_REUSEPORT): the
 * kernel spreads the connections and no loop hands anything to another.  It also lets "*:25"
 * take the place of "127.0.0.1:25", the old one closing when the new one is there.  A UNIX socket
 * can not be shared that way and is served by the master loop.
 *
 * Life: made and closed by the master loop.  Each acceptor is started and stopped by a
 * post to its loop; the last one that has stopped lets the listener go (back on the
 * master loop), so `baton` must stay until then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_portable.h>
#include <apr_strings.h>

#include "net/address.h"
#include "net/bind.h"

enum {
    ACCEPTS_PER_EVENT = 64, /* then the other descriptors of the loop have their turn */
    ACCEPTS_AT_END = 1024,
    PAUSE = 1000000 /* microseconds without accepting after the process ran out of something */
};

typedef struct {
    net_listener_t *listener;
    ec_loop_t *loop;
    apr_pool_t *pool; /* the loop's; holds the wrapper of the descriptor */
    int fd;
    ec_watch_t watch;
    ec_timer_t pause;
    int is_short; /* a shortage was logged and is not over */
    ec_post_t start, stop, stopped;
} acceptor_t;

struct net_listener {
    apr_pool_t *pool; /* its own */
    ec_log_t *log;
    net_accept_fn *fn;
    void *baton;
    const char *path;         /* of a UNIX socket, to be removed */
    net_listen_options_t set; /* what was set last; no address */
    int port;
    int n_acceptors, n_stopped;
    acceptor_t *acceptors;
    ec_post_fn *done;
    void *done_baton;
};

/* ---- accepting ---------------------------------------------------------------------- */

static void on_pause_over(void *baton)
{
    acceptor_t *acceptor = baton;
    apr_status_t rv = ec_watch_set(&acceptor->watch, EC_READ);

    if (rv != APR_SUCCESS) {
        ec_log_rv(acceptor->listener->log, EC_LOG_CRITICAL, rv, "can not accept any more");
    }
}

static void pause_accepting(acceptor_t *acceptor, apr_status_t rv)
{
    if (!acceptor->is_short) {
        acceptor->is_short = 1;
        ec_log_rv(acceptor->listener->log, EC_LOG_ERROR, rv, "can not accept, trying again every second");
    }
    (void)ec_watch_set(&acceptor->watch, 0);
    ec_timer_start(&acceptor->pause, acceptor->loop, PAUSE, on_pause_over, acceptor);
}

static void take(acceptor_t *acceptor, int fd, net_sockaddr_t *from)
{
    net_endpoint_t peer, local;
    net_sockaddr_t here = { .length = sizeof here.u };
    apr_pool_t *pool = ec_loop_subpool(acceptor->loop);
    apr_socket_t *socket = NULL;
    apr_os_sock_info_t info = { .os_sock = &fd, .family = from->u.any.sa_family, .type = SOCK_STREAM };

    if (getsockname(fd, &here.u.any, &here.length) != 0 ||
        apr_os_sock_make(&socket, &info, pool) != APR_SUCCESS) {
        close(fd);
        apr_pool_destroy(pool);
        return;
    }
    net_endpoint_set(&peer, from);
    net_endpoint_set(&local, &here);
    acceptor->listener->fn(acceptor->listener->baton, acceptor->loop, socket, &peer, &local, pool);
}

static int is_of_one_connection(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == ENETUNREACH || error == EPERM;
}

/* Returns when nothing waits, or after `most`. */
static void accept_waiting(acceptor_t *acceptor, int most)
{
    for (int i = 0; i < most && acceptor->watch.loop != NULL; i++) {
        net_sockaddr_t from = { .length = sizeof from.u };
        int fd = accept4(acceptor->fd, &from.u.any, &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            acceptor->is_short = 0;
            take(acceptor, fd, &from);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (!is_of_one_connection(errno)) {
            pause_accepting(acceptor, errno);
            return;
        }
    }
}

static void on_acceptable(void *baton, int ready)
{
    accept_waiting(baton, ACCEPTS_PER_EVENT);
}

/* ---- life --------------------------------------------------------------------------- */

static void start_acceptor(void *baton)
{
    acceptor_t *acceptor = baton;
    apr_status_t rv;

    acceptor->pool = ec_loop_subpool(acceptor->loop);
    rv = ec_watch_start_fd(&acceptor->watch, acceptor->loop, acceptor->fd, EC_READ, on_acceptable, acceptor,
                           acceptor->pool);
    if (rv != APR_SUCCESS) {
        ec_log_rv(acceptor->listener->log, EC_LOG_CRITICAL, rv, "can not accept on loop %d",
                  ec_loop_index(acceptor->loop));
    }
}

/* Master loop: one acceptor has stopped. */
static void on_stopped(void *baton)
{
    acceptor_t *acceptor = baton;
    net_listener_t *listener = acceptor->listener;

    if (++listener->n_stopped < listener->n_acceptors) {
        return;
    }
    if (listener->done != NULL) {
        listener->done(listener->done_baton);
    }
    apr_pool_destroy(listener->pool);
}

static void stop_acceptor(void *baton)
{
    acceptor_t *acceptor = baton;

    accept_waiting(acceptor, ACCEPTS_AT_END); /* close() would reset them */
    ec_timer_cancel(&acceptor->pause);
    ec_watch_stop(&acceptor->watch);
    close(acceptor->fd);
    if (acceptor->pool != NULL) {
        apr_pool_destroy(acceptor->pool);
    }
    ec_loop_post(ec_loop_at(0), &acceptor->stopped, on_stopped, acceptor);
}

void net_listener_close_then(net_listener_t *listener, ec_post_fn *done, void *baton)
{
    listener->done = done;
    listener->done_baton = baton;
    if (listener->path != NULL) {
        unlink(listener->path);
    }
    for (int i = 0; i < listener->n_acceptors; i++) {
        acceptor_t *acceptor = &listener->acceptors[i];

        ec_loop_post(acceptor->loop, &acceptor->stop, stop_acceptor, acceptor);
    }
}

void net_listener_close(net_listener_t *listener)
{
    net_listener_close_then(listener, NULL, NULL);
}

void net_listener_start(net_listener_t *listener)
{
    for (int i = 0; i < listener->n_acceptors; i++) {
        acceptor_t *acceptor = &listener->acceptors[i];

        ec_loop_post(acceptor->loop, &acceptor->start, start_acceptor, acceptor);
    }
}

void net_listener_adjust(net_listener_t *listener, const net_listen_options_t *options)
{
    apr_status_t rv = APR_SUCCESS;

    for (int i = 0; i < listener->n_acceptors && rv == APR_SUCCESS; i++) {
        rv = net_bind_adjust(listener->acceptors[i].fd, listener->path, &listener->set, options);
    }
    if (rv != APR_SUCCESS) {
        ec_log_rv(listener->log, EC_LOG_ERROR, rv, "can not change the settings of the listening socket");
    }
    listener->set = *options;
    listener->set.address = NULL;
}

int net_listener_port(const net_listener_t *listener)
{
    return listener->port;
}

static void close_all(net_listener_t *listener)
{
    for (int i = 0; i < listener->n_acceptors; i++) {
        close(listener->acceptors[i].fd);
    }
    apr_pool_destroy(listener->pool);
}

static apr_status_t bind_all(net_listener_t *listener, net_sockaddr_t *address, const net_bind_t *how, int n,
                             const char **why, apr_pool_t *pool)
{
    if (how->is_shared && !how->options->may_overlap) {
        EC_TRY(net_bind_probe(address, how, why, pool));
    }
    for (int i = 0; i < n; i++) {
        acceptor_t *acceptor = &listener->acceptors[i];

        EC_TRY(net_bind(&acceptor->fd, address, how, why, pool));
        listener->n_acceptors++;
        acceptor->listener = listener;
        acceptor->loop = ec_loop_at(i);
        listener->port = net_sockaddr_port(address); /* the others take the port that the first one got */
    }
    return APR_SUCCESS;
}

apr_status_t net_listen(net_listener_t **result, const net_listen_options_t *options, net_accept_fn *fn,
                        void *baton, const char **why, apr_pool_t *pool)
{
    net_bind_t how = { .options = options };
    net_listener_t *listener;
    net_sockaddr_t address;
    const char *reason;
    apr_pool_t *own;
    apr_status_t rv;
    int n;

    if ((rv = net_sockaddr_parse(&address, options->address, &reason)) != APR_SUCCESS) {
        *why = apr_psprintf(pool, "%s is no address to listen on: %s", options->address, reason);
        return rv;
    }
    EC_TRY(apr_pool_create(&own, NULL));
    n = options->all_loops && address.u.any.sa_family != AF_UNIX ? ec_loop_count() : 1;
    how.is_shared = options->all_loops && address.u.any.sa_family != AF_UNIX;
    listener = apr_pcalloc(own, sizeof *listener);
    listener->pool = own;
    listener->fn = fn;
    listener->baton = baton;
    listener->acceptors = apr_pcalloc(own, (apr_size_t)n * sizeof *listener->acceptors);
    if ((rv = bind_all(listener, &address, &how, n, why, pool)) != APR_SUCCESS) {
        close_all(listener);
        return rv;
    }
    listener->log = ec_log_child(ec_log_root(), own, "listener %s", options->address);
    if (address.u.any.sa_family == AF_UNIX) {
        listener->path = apr_pstrdup(own, options->address);
    }
    listener->set = *options;
    listener->set.address = NULL;
    if (!options->is_held) {
        net_listener_start(listener);
    }
    *result = listener;
    return APR_SUCCESS;
}
