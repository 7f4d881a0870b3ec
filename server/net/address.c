/* address.c - socket addresses from texts and back
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"

static apr_status_t set_path(net_sockaddr_t *to, const char *path)
{
    if (strlen(path) >= sizeof to->u.path.sun_path) {
        return EC_E_TOO_LONG;
    }
    to->u.path.sun_family = AF_UNIX;
    memcpy(to->u.path.sun_path, path, strlen(path) + 1);
    to->length = sizeof to->u.path;
    return APR_SUCCESS;
}

static void set_v4(net_sockaddr_t *to, struct in_addr address, int port)
{
    to->u.v4.sin_family = AF_INET;
    to->u.v4.sin_addr = address;
    to->u.v4.sin_port = htons((apr_uint16_t)port);
    to->length = sizeof to->u.v4;
}

static void set_v6(net_sockaddr_t *to, struct in6_addr address, int port)
{
    to->u.v6.sin6_family = AF_INET6;
    to->u.v6.sin6_addr = address;
    to->u.v6.sin6_port = htons((apr_uint16_t)port);
    to->length = sizeof to->u.v6;
}

/* Copies what stands in brackets; 0 when there are none or the rest does not fit. */
static int unbracket(char *room, apr_size_t size, const char *text)
{
    apr_size_t length = strlen(text);

    if (length < 2 || text[0] != '[' || text[length - 1] != ']' || length - 2 >= size) {
        return 0;
    }
    memcpy(room, text + 1, length - 2);
    room[length - 2] = '\0';
    return 1;
}

apr_status_t net_sockaddr_set(net_sockaddr_t *to, const char *address, int port)
{
    char bare[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    memset(to, 0, sizeof *to);
    if (address[0] == '/') {
        return set_path(to, address);
    }
    if (unbracket(bare, sizeof bare, address)) {
        address = bare;
    } else if (inet_pton(AF_INET, address, &v4) == 1) {
        set_v4(to, v4, port);
        return APR_SUCCESS;
    }
    if (inet_pton(AF_INET6, address, &v6) != 1) {
        return EC_E_SYNTAX;
    }
    set_v6(to, v6, port);
    return APR_SUCCESS;
}

static int parse_port(const char *text)
{
    int port = 0;
    int digits = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        port = port * 10 + (*text - '0');
        if (++digits > 5) {
            return -1;
        }
    }
    return *text != '\0' || digits == 0 || port > 65535 ? -1 : port;
}

apr_status_t net_sockaddr_parse(net_sockaddr_t *to, const char *text, const char **why)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    int port;

    memset(to, 0, sizeof *to);
    if (text[0] == '/') {
        *why = "the path is too long for a socket";
        return set_path(to, text);
    }
    if (colon == NULL || (port = parse_port(colon + 1)) < 0) {
        *why = "a port between 0 and 65535 is missing after the address";
        return EC_E_SYNTAX;
    }
    *why = "it is neither an IPv4 address, nor an IPv6 address in brackets, nor *";
    if ((apr_size_t)(colon - text) >= sizeof host) {
        return EC_E_SYNTAX;
    }
    memcpy(host, text, (apr_size_t)(colon - text));
    host[colon - text] = '\0';
    if (host[0] == '\0' || strcmp(host, "*") == 0) {
        set_v4(to, (struct in_addr){ .s_addr = htonl(INADDR_ANY) }, port);
        return APR_SUCCESS;
    }
    if (strcmp(host, "[*]") == 0) {
        set_v6(to, in6addr_any, port);
        return APR_SUCCESS;
    }
    if (host[0] != '[' && strchr(host, ':') != NULL) {
        return EC_E_SYNTAX; /* where the port begins would be a guess */
    }
    return net_sockaddr_set(to, host, port);
}

void net_endpoint_set(net_endpoint_t *to, const net_sockaddr_t *from)
{
    memset(to, 0, sizeof *to);
    to->port = net_sockaddr_port(from);
    if (from->u.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &from->u.v4.sin_addr, to->text, sizeof to->text);
    } else if (from->u.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from->u.v6.sin6_addr)) {
        (void)inet_ntop(AF_INET, from->u.v6.sin6_addr.s6_addr + 12, to->text, sizeof to->text);
    } else if (from->u.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &from->u.v6.sin6_addr, to->text, sizeof to->text);
    } else {
        memcpy(to->text, "unix", sizeof "unix");
    }
}

int net_sockaddr_port(const net_sockaddr_t *address)
{
    if (address->u.any.sa_family == AF_INET) {
        return ntohs(address->u.v4.sin_port);
    }
    return address->u.any.sa_family == AF_INET6 ? ntohs(address->u.v6.sin6_port) : 0;
}
