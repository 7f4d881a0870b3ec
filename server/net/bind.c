/* bind.c - a bound, listening descriptor
 * SPDX-License-Identifier: Apache-2.0
 *
 * SO_REUSEPORT would let a second server of the same user share our port without a word.
 * So the first of several sockets is preceded by a probe without it: the probe fails
 * when anybody else listens there. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include <apr_strings.h>

#include "net/bind.h"

enum { BACKLOG = 511, PAUSE = 10 * 1000 };

static apr_interval_time_t patience;

void net_bind_set_patience(apr_interval_time_t longest)
{
    patience = longest;
}

/* Something failed: may it be tried again?  `left` begins at `patience`. */
static int may_retry(apr_interval_time_t *left)
{
    if (errno != EADDRINUSE || *left <= 0) {
        return 0;
    }
    apr_sleep(PAUSE);
    *left -= PAUSE;
    return 1;
}

static apr_status_t failed(const net_bind_t *how, const char *what, const char **why, apr_pool_t *pool)
{
    int error = errno;
    const char *hint = "";
    char text[128];

    if (error == EADDRINUSE) {
        hint = "; stop the program that uses it or choose another address";
    } else if (error == EACCES) {
        hint = "; start as root or choose another place";
    } else if (error == ENOENT) {
        hint = "; make the folder, for the user that the server runs as";
    } else if (error == EADDRNOTAVAIL) {
        hint = "; this machine does not have the address";
    }
    *why = apr_psprintf(pool, "can not %s %s: %s%s", what, how->options->address,
                        ec_strerror(error, text, sizeof text), hint);
    return error;
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- UNIX sockets ------------------------------------------------------------------- */

/* ECONNREFUSED: nobody serves it; EADDRINUSE: somebody does. */
static int knock(const net_sockaddr_t *address)
{
    int fd = open_socket(AF_UNIX), rv;

    if (fd < 0) {
        return errno;
    }
    rv = connect(fd, &address->u.any, address->length) == 0 ? EADDRINUSE : errno;
    close(fd);
    return rv == EAGAIN ? EADDRINUSE : rv; /* EAGAIN: it lives and its queue is full */
}

/* Makes room at the path: a socket that nobody serves is removed. */
static apr_status_t clear_path(const net_sockaddr_t *address, const net_bind_t *how, const char **why,
                               apr_pool_t *pool)
{
    const char *path = address->u.path.sun_path;
    apr_interval_time_t left = patience;
    struct stat info;
    int rv;

    if (lstat(path, &info) != 0) {
        return errno == ENOENT ? APR_SUCCESS : failed(how, "listen on", why, pool);
    }
    if (!S_ISSOCK(info.st_mode)) {
        *why = apr_psprintf(pool, "can not listen on %s: there is something that is no socket", path);
        return EEXIST;
    }
    while ((rv = knock(address)) != ECONNREFUSED) {
        errno = rv;
        if (!may_retry(&left)) {
            return failed(how, "listen on", why, pool);
        }
    }
    return unlink(path) == 0 || errno == ENOENT ? APR_SUCCESS
                                                : failed(how, "remove the old socket", why, pool);
}

static int bind_path(int fd, const net_sockaddr_t *address, int mode)
{
    /* fchmod before bind: the path never exists with a wider mode; chmod after it undoes the umask. */
    if (fchmod(fd, (mode_t)mode) != 0 || bind(fd, &address->u.any, address->length) != 0) {
        return -1;
    }
    return chmod(address->u.path.sun_path, (mode_t)mode);
}

/* ---- TCP ---------------------------------------------------------------------------- */

static int prepare(int fd, const net_sockaddr_t *address, const net_bind_t *how, int is_shared)
{
    const net_listen_options_t *options = how->options;

    if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
        (is_shared && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0)) {
        return -1;
    }
    /* so that "*:25" and "[*]:25" can be had side by side */
    if (address->u.any.sa_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) {
        return -1;
    }
    /* Accepted connections inherit these.  We write whole answers, so Nagle could only delay them. */
    (void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options->receive_buffer > 0) {
        (void)set(fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer);
    }
    if (options->send_buffer > 0) {
        (void)set(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer);
    }
    return 0;
}

static int probe(const net_sockaddr_t *address, const net_bind_t *how)
{
    int fd = open_socket(address->u.any.sa_family);
    int rv, error;

    if (fd < 0) {
        return -1;
    }
    rv = prepare(fd, address, how, 0) != 0 ? -1 : bind(fd, &address->u.any, address->length);
    if (rv == 0) {
        rv = listen(fd, 1); /* on some systems only this one tells */
    }
    error = errno;
    close(fd);
    errno = error;
    return rv;
}

static int bind_tcp(int fd, net_sockaddr_t *address, const net_bind_t *how)
{
    if (prepare(fd, address, how, how->is_shared) != 0 || bind(fd, &address->u.any, address->length) != 0) {
        return -1;
    }
    address->length = sizeof address->u;
    return getsockname(fd, &address->u.any, &address->length);
}

apr_status_t net_bind(int *result, net_sockaddr_t *address, const net_bind_t *how, const char **why,
                      apr_pool_t *pool)
{
    const net_listen_options_t *options = how->options;
    int is_path = address->u.any.sa_family == AF_UNIX;
    apr_interval_time_t left = patience;
    int fd, rv;

    if (is_path) {
        EC_TRY(clear_path(address, how, why, pool));
    }
    fd = open_socket(address->u.any.sa_family);
    if (fd < 0) {
        return failed(how, "make a socket for", why, pool);
    }
    do {
        rv = is_path ? bind_path(fd, address, options->socket_mode) : bind_tcp(fd, address, how);
    } while (rv != 0 && !is_path && may_retry(&left));
    if (rv != 0 || listen(fd, options->backlog > 0 ? options->backlog : BACKLOG) != 0) {
        apr_status_t status = failed(how, "listen on", why, pool);

        close(fd);
        return status;
    }
    *result = fd;
    return APR_SUCCESS;
}

apr_status_t net_bind_adjust(int fd, const char *path, const net_listen_options_t *before,
                             const net_listen_options_t *after)
{
    if (path == NULL && after->receive_buffer != before->receive_buffer && after->receive_buffer > 0) {
        (void)set(fd, SOL_SOCKET, SO_RCVBUF, after->receive_buffer);
    }
    if (path == NULL && after->send_buffer != before->send_buffer && after->send_buffer > 0) {
        (void)set(fd, SOL_SOCKET, SO_SNDBUF, after->send_buffer);
    }
    if (path != NULL && after->socket_mode != before->socket_mode && chmod(path, (mode_t)after->socket_mode) != 0) {
        return errno;
    }
    if (after->backlog != before->backlog && listen(fd, after->backlog > 0 ? after->backlog : BACKLOG) != 0) {
        return errno;
    }
    return APR_SUCCESS;
}

apr_status_t net_bind_probe(const net_sockaddr_t *address, const net_bind_t *how, const char **why,
                            apr_pool_t *pool)
{
    apr_interval_time_t left = patience;

    if (net_sockaddr_port(address) == 0) {
        return APR_SUCCESS;
    }
    while (probe(address, how) != 0) {
        if (errno == EAFNOSUPPORT) {
            return APR_SUCCESS;
        }
        if (!may_retry(&left)) {
            return failed(how, "listen on", why, pool);
        }
    }
    return APR_SUCCESS;
}
