/* connect.c - outgoing connections
 * SPDX-License-Identifier: Apache-2.0
 *
 * One watch and one timer; whichever comes first decides.  A result that is known at
 * once (UNIX sockets, loopback refusals) waits for the timer with no delay, since the
 * callback must not run inside net_connect(). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include <apr_portable.h>

#include "net/address.h"

struct net_connect {
    ec_loop_t *loop;
    apr_pool_t *pool;
    int fd; /* -1 when given away or closed */
    int family;
    apr_status_t rv; /* known before the loop says so */
    ec_watch_t watch;
    ec_timer_t timer;
    net_mark_fn *mark; /* or NULL */
    net_connect_fn *fn;
    void *baton;
};

static void release(net_connect_t *connect)
{
    ec_watch_stop(&connect->watch);
    ec_timer_cancel(&connect->timer);
    if (connect->fd >= 0) {
        if (connect->mark != NULL) {
            connect->mark(connect->fd, 0);
        }
        close(connect->fd);
        connect->fd = -1;
    }
}

static apr_status_t on_pool_end(void *data)
{
    release(data);
    return APR_SUCCESS;
}

void net_connect_cancel(net_connect_t *connect)
{
    apr_pool_cleanup_run(connect->pool, connect, on_pool_end);
}

static void fail(net_connect_t *connect, apr_status_t rv)
{
    net_endpoint_t none = { .text = "" };

    net_connect_cancel(connect);
    connect->fn(connect->baton, rv, NULL, &none);
}

/* The descriptor is the socket's then, and nothing is left of the connecting. */
static apr_status_t give_away(net_connect_t *connect, apr_socket_t **socket)
{
    apr_os_sock_info_t info = { .os_sock = &connect->fd, .family = connect->family, .type = SOCK_STREAM };

    ec_watch_stop(&connect->watch);
    EC_TRY(apr_os_sock_make(socket, &info, connect->pool));
    connect->fd = -1;
    net_connect_cancel(connect);
    return APR_SUCCESS;
}

static void succeed(net_connect_t *connect)
{
    net_sockaddr_t here = { .length = sizeof here.u };
    apr_socket_t *socket = NULL;
    net_endpoint_t local;
    apr_status_t rv;

    if (getsockname(connect->fd, &here.u.any, &here.length) != 0) {
        fail(connect, errno);
        return;
    }
    if ((rv = give_away(connect, &socket)) != APR_SUCCESS) {
        fail(connect, rv);
        return;
    }
    net_endpoint_set(&local, &here);
    connect->fn(connect->baton, APR_SUCCESS, socket, &local);
}

/* The kernel's word, which may be newer than what the loop has heard. */
static int is_connected(const net_connect_t *connect)
{
    net_sockaddr_t there = { .length = sizeof there.u };

    return getpeername(connect->fd, &there.u.any, &there.length) == 0;
}

apr_socket_t *net_connect_take(net_connect_t *connect)
{
    apr_socket_t *socket = NULL;

    if (!is_connected(connect) || give_away(connect, &socket) != APR_SUCCESS) {
        net_connect_cancel(connect);
        return NULL;
    }
    return socket;
}

static void on_writable(void *baton, int ready)
{
    net_connect_t *connect = baton;
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(connect->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    if (error != 0) {
        fail(connect, error);
    } else {
        succeed(connect);
    }
}

/* A loop that was busy may hear of its time before it hears of the connection. */
static void on_timer(void *baton)
{
    if (is_connected(baton)) {
        succeed(baton);
    } else {
        fail(baton, APR_TIMEUP);
    }
}

static void on_known(void *baton)
{
    net_connect_t *connect = baton;

    if (connect->rv == APR_SUCCESS) {
        succeed(connect);
    } else {
        fail(connect, connect->rv);
    }
}

static apr_status_t open_socket(net_connect_t *connect, const char *source)
{
    net_sockaddr_t from;
    int on = 1;

    connect->fd = socket(connect->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect->fd < 0) {
        return errno;
    }
    if (connect->mark != NULL) {
        connect->mark(connect->fd, 1);
    }
    if (connect->family == AF_UNIX) {
        return APR_SUCCESS;
    }
    (void)setsockopt(connect->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source == NULL || source[0] == '\0') {
        return APR_SUCCESS;
    }
    EC_TRY(net_sockaddr_set(&from, source, 0));
    if (from.u.any.sa_family != connect->family) {
        return EAFNOSUPPORT;
    }
    /* The port is chosen at connect: one source address can then have more than 28,000 connections. */
    (void)setsockopt(connect->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(connect->fd, &from.u.any, from.length) == 0 ? APR_SUCCESS : errno;
}

static apr_status_t begin(net_connect_t *pending, const net_sockaddr_t *to, apr_interval_time_t timeout)
{
    int rv;

    do {
        rv = connect(pending->fd, &to->u.any, to->length);
    } while (rv != 0 && errno == EINTR);
    if (rv != 0 && errno == EINPROGRESS) {
        EC_TRY(ec_watch_start_fd(&pending->watch, pending->loop, pending->fd, EC_WRITE, on_writable, pending,
                                 pending->pool));
        ec_timer_start(&pending->timer, pending->loop, timeout, on_timer, pending);
        return APR_SUCCESS;
    }
    pending->rv = rv == 0 ? APR_SUCCESS : errno;
    ec_timer_start(&pending->timer, pending->loop, 0, on_known, pending);
    return APR_SUCCESS;
}

apr_status_t net_connect(net_connect_t **result, ec_loop_t *loop, const char *address, int port,
                         const char *source, apr_interval_time_t timeout, net_connect_fn *fn, void *baton,
                         apr_pool_t *pool)
{
    return net_connect_marked(result, loop, address, port, source, timeout, NULL, fn, baton, pool);
}

apr_status_t net_connect_marked(net_connect_t **result, ec_loop_t *loop, const char *address, int port,
                                const char *source, apr_interval_time_t timeout, net_mark_fn *mark,
                                net_connect_fn *fn, void *baton, apr_pool_t *pool)
{
    net_connect_t *connect;
    net_sockaddr_t to;
    apr_status_t rv;

    EC_TRY(net_sockaddr_set(&to, address, port));
    connect = apr_pcalloc(pool, sizeof *connect);
    connect->loop = loop;
    connect->pool = pool;
    connect->fd = -1;
    connect->family = to.u.any.sa_family;
    connect->mark = mark;
    connect->fn = fn;
    connect->baton = baton;
    if ((rv = open_socket(connect, source)) != APR_SUCCESS ||
        (rv = begin(connect, &to, timeout)) != APR_SUCCESS) {
        release(connect);
        return rv;
    }
    apr_pool_cleanup_register(pool, connect, on_pool_end, apr_pool_cleanup_null);
    *result = connect;
    return APR_SUCCESS;
}
