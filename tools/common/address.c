/* address.c - ADDR:PORT texts and the sockets made from them
 * SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;
    unsigned long value;

    if (*text < '0' || *text > '9')
        return false;
    value = strtoul(text, &end, 10);
    if (*end != '\0' || value > 65535)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

static bool parse_host(struct address *address, const char *host, in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->sa;

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        address->length = sizeof(*v4);
        return true;
    }
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        address->length = sizeof(*v6);
        return true;
    }
    return false;
}

bool address_parse(struct address *address, const char *text)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    size_t length;
    in_port_t port;

    memset(address, 0, sizeof(*address));
    if (colon == NULL || !parse_port(colon + 1, &port))
        return false;
    length = (size_t)(colon - text);
    if (length >= sizeof(host))
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    if (host[0] != '[')
        return strchr(host, ':') == NULL && parse_host(address, host, port);
    if (length < 3 || host[length - 1] != ']')
        return false;
    host[length - 1] = '\0';
    return strchr(host, ':') != NULL && parse_host(address, host + 1, port);
}

void address_format(const struct address *address, char text[ADDRESS_TEXT])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->sa;
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->sa.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(text, ADDRESS_TEXT, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(text, ADDRESS_TEXT, "%s:%u", host, ntohs(v4->sin_port));
    }
}

static int close_keeping_errno(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
    return -1;
}

int address_listen(struct address *address)
{
    int on = 1, family = address->sa.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address->sa, address->length) != 0 || listen(fd, BACKLOG) != 0)
        return close_keeping_errno(fd);
    address->length = sizeof(address->sa);
    if (getsockname(fd, (struct sockaddr *)&address->sa, &address->length) != 0)
        return close_keeping_errno(fd);
    return fd;
}

int address_connect(const struct address *address)
{
    int on = 1;
    int fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&address->sa, address->length) != 0 && errno != EINPROGRESS)
        return close_keeping_errno(fd);
    return fd;
}
