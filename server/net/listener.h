/* listener.h - accepting sockets and outgoing connects
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <ec/loop.h>
#include <ec/log.h>
#include <ec/option.h>

/** An address as text: "127.0.0.1", "2001:db8::1", or "unix" for the ends of a UNIX socket. */
typedef struct {
    char text[64];
    int port; /* 0 for UNIX sockets */
} net_endpoint_t;

typedef struct net_listener net_listener_t;

/** A new connection.  Runs on the accepting loop, which owns `socket` from then on (non-blocking,
 * close-on-exec).  The callee takes `socket` and `pool` (the connection's own, made with the loop's
 * allocator; destroy it to free everything). */
typedef void net_accept_fn(void *baton, ec_loop_t *loop, apr_socket_t *socket, const net_endpoint_t *peer,
                           const net_endpoint_t *local, apr_pool_t *pool);

typedef struct {
    const char *address; /* "127.0.0.1:2525", "*:25", ":25", "[::1]:25", "/path/of/socket" */
    int backlog;
    int all_loops;   /* 1: every loop accepts (SO_REUSEPORT socket each); 0: the master loop only */
    int socket_mode; /* for UNIX sockets: permission bits */
    int receive_buffer, send_buffer; /* 0: the kernel's */
    int is_held;     /* listen, but accept nothing before net_listener_start() */
    int may_overlap; /* with a listener of our own that is about to be closed ("*:25" and "127.0.0.1:25"): it is
                      * not looked whether somebody else is there.  Needs all_loops. */
} net_listen_options_t;

/** Bind and listen.  Keeps `fn`, `baton`.  Call on the master loop (or before loops run).  `*why` says what
 * failed, in a complete sentence with the address (in `pool`).  The listener lives until it is closed.  A
 * stale UNIX socket is replaced, a living one refused.  On EMFILE the listener pauses for a second and logs
 * once. */
apr_status_t net_listen(net_listener_t **listener, const net_listen_options_t *options, net_accept_fn *fn,
                        void *baton, const char **why, apr_pool_t *pool);
/** Begin to accept, after is_held.  On each loop this comes behind what was posted to it before.  Master loop. */
void net_listener_start(net_listener_t *listener);
/** Change backlog, buffer sizes and mode to those of `options`; sockets and connections stay.  What the system
 * refuses is logged.  Master loop. */
void net_listener_adjust(net_listener_t *listener, const net_listen_options_t *options);
/** The port in use (when 0 was asked for). */
int net_listener_port(const net_listener_t *listener);
/** Stop accepting; running connections are not touched.  Other loops may still be inside `fn` for a moment, and
 * connections that the kernel has made by then are still handed to it.
 * Takes `listener`, which lives until then (not in a pool of the caller).  Master loop. */
void net_listener_close(net_listener_t *listener);
/** As above; `done(baton)` runs on the master loop when `fn` will not run any more. */
void net_listener_close_then(net_listener_t *listener, ec_post_fn *done, void *baton);

typedef struct net_connect net_connect_t;
/** `rv` APR_SUCCESS: the callee takes `socket`.  Runs on the calling loop, never inside net_connect(). */
typedef void net_connect_fn(void *baton, apr_status_t rv, apr_socket_t *socket, const net_endpoint_t *local);

/** Connect to an address text (also a UNIX socket's path) and port, from `source` (address text or NULL).
 * `timeout` in microseconds.  The result and the socket live in `pool`; destroying it cancels.  What fails at
 * once (a text that is no address, a source that this machine does not have, no descriptors) is returned;
 * then `fn` does not run. */
apr_status_t net_connect(net_connect_t **connect, ec_loop_t *loop, const char *address, int port,
                         const char *source, apr_interval_time_t timeout, net_connect_fn *fn, void *baton,
                         apr_pool_t *pool);
/** The same; `mark` hears of the socket before it connects (is_open 1), and before it is closed here (0).  The socket that `fn`
 * gets stays as it was said last. */
typedef void net_mark_fn(int fd, int is_open);
apr_status_t net_connect_marked(net_connect_t **connect, ec_loop_t *loop, const char *address, int port,
                                const char *source, apr_interval_time_t timeout, net_mark_fn *mark,
                                net_connect_fn *fn, void *baton, apr_pool_t *pool);
void net_connect_cancel(net_connect_t *connect);
/** As net_connect_cancel(), unless the kernel has made the connection already, of which nobody was told yet: then its socket, which
 * the caller takes; it stays marked.  `fn` does not run.  NULL: cancelled. */
apr_socket_t *net_connect_take(net_connect_t *connect);
#endif
