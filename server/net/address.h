/* address.h - socket addresses from texts and back
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts are numbers: names are the resolver's business, a listener or a bind never asks
 * one. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "net/listener.h"

typedef struct {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } u;
    socklen_t length;
} net_sockaddr_t;

/** An address without port: "127.0.0.1", "::1", "[::1]", or "/a/path".  EC_E_SYNTAX when it is none. */
apr_status_t net_sockaddr_set(net_sockaddr_t *to, const char *address, int port);
/** What listeners understand: "1.2.3.4:25", "[::1]:25", "*:25" and ":25" (any IPv4), "[*]:25" (any IPv6), "/a/path".
 * `*why` explains EC_E_SYNTAX, constant. */
apr_status_t net_sockaddr_parse(net_sockaddr_t *to, const char *text, const char **why);
/** Text and port; an IPv4 address inside IPv6 is shown as IPv4; a UNIX peer is "unix". */
void net_endpoint_set(net_endpoint_t *to, const net_sockaddr_t *from);
/** The port, 0 for UNIX sockets. */
int net_sockaddr_port(const net_sockaddr_t *address);

#endif
