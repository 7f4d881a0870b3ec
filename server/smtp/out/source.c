/* source.c - the address that connections of a binding come from
 * SPDX-License-Identifier: Apache-2.0
 *
 * bind_address, or bind_address_secondary where that is of the host's address family.  A binding that has an
 * address, but none of this family, does not use the host: its mail must not come from an address that nobody
 * has chosen.  A reload with another address holds for new connections; an open one takes no message more. */
#include <errno.h>
#include <string.h>

#include <apr_strings.h>

#include "smtp/out/session.h"

static const char of_kernel[] = "*";

static int is_ipv6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static int is_usable(const char *address, const char *host)
{
    return address != NULL && strcmp(address, of_kernel) != 0 && is_ipv6(address) == is_ipv6(host);
}

/* "*": any; NULL: there is none for this host. */
static const char *source_for(session_t *session, const char *host)
{
    const conf_view_t *view = queue_view(session->queue);
    const char *first = conf_str(view, CONF_O_BIND_ADDRESS);
    const char *second = conf_str(view, CONF_O_BIND_ADDRESS_SECONDARY);

    if (host[0] == '/' || first == NULL) {
        return of_kernel;
    }
    if (is_usable(first, host)) {
        return first;
    }
    if (is_usable(second, host)) {
        return second;
    }
    return strcmp(first, of_kernel) == 0 ? of_kernel : NULL;
}

int source_choose(session_t *session, char *why, apr_size_t room)
{
    const char *source = source_for(session, session->hosts.text);

    if (source == NULL) {
        apr_snprintf(
            why, room,
            "451 4.4.1 [internal] binding %s has no %s address: set bind_address or bind_address_secondary",
            queue_binding(session->queue), is_ipv6(session->hosts.text) ? "IPv6" : "IPv4");
        return 0;
    }
    apr_cpystrn(session->source, strcmp(source, of_kernel) == 0 ? "" : source, sizeof(session->source));
    return 1;
}

int source_is_missing(session_t *session, apr_status_t rv, char *why, apr_size_t room)
{
    if (rv != EADDRNOTAVAIL || session->source[0] == '\0') {
        return 0;
    }
    apr_snprintf(why, room, "451 4.4.1 [internal] binding %s: this machine does not have its bind_address %s",
                 queue_binding(session->queue), session->source);
    return 1;
}

int source_has_changed(session_t *session)
{
    const char *source = source_for(session, session->hosts.text);

    return source == NULL || strcmp(strcmp(source, of_kernel) == 0 ? "" : source, session->source) != 0;
}
