/* bind.h - a bound, listening descriptor
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_BIND_H
#define NET_BIND_H

#include "net/address.h"

typedef struct {
    const net_listen_options_t *options;
    int is_shared; /* several sockets on one port */
} net_bind_t;

/** `address` comes back as what was bound (the port, when 0 was asked for).  `*why` is a complete sentence.
 */
apr_status_t net_bind(int *fd, net_sockaddr_t *address, const net_bind_t *how, const char **why,
                      apr_pool_t *pool);
/** Where somebody listens already, try for so long (0, the default: not again).  For the start of a server, which may
 * follow so soon after one that was killed that its guard (shape/guard.h) still has the descriptors; blocks. */
void net_bind_set_patience(apr_interval_time_t longest);
/** Fails when anybody listens at `address`, also one that shares its port; done before the first of several
 * sockets. */
apr_status_t net_bind_probe(const net_sockaddr_t *address, const net_bind_t *how, const char **why,
                            apr_pool_t *pool);

/** Change what differs of backlog, buffers and, at `path` (NULL: none), mode. */
apr_status_t net_bind_adjust(int fd, const char *path, const net_listen_options_t *before,
                             const net_listen_options_t *after);

#endif
