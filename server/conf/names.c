/* names.c - stanza names in the one form in which they are compared
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two spellings of one domain, network or endpoint name the same scope
 * (config-language.md section 3, "Address notation"). */
#include "conf/scopes.h"
#include "util/cidr.h"
#include "util/units.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

int scope_name_is_regex(const char *name)
{
    size_t length = strlen(name);

    return length >= 2 && name[0] == '/' && name[length - 1] == '/';
}

static const char *lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

/* "[IPv6:2001:DB8:0::1]" to "[ipv6:2001:db8::1]"; NULL when it is not of this form. */
static const char *ipv6_domain(const char *written, apr_pool_t *pool)
{
    char text[CIDR_TEXT_MAX];
    size_t length = strlen(written);
    cidr_t address;

    if (strncasecmp(written, "[ipv6:", 6) != 0 || written[length - 1] != ']' || length > CIDR_TEXT_MAX)
        return NULL;
    if (!cidr_parse_address(&address, apr_pstrmemdup(pool, written + 6, length - 7)) || address.family != 6)
        return NULL;
    return apr_pstrcat(pool, "[ipv6:", cidr_format(&address, text), "]", NULL);
}

static const char *domain_name(const char *written, const char **why, apr_pool_t *pool)
{
    const char *name;

    if (scope_name_is_regex(written)) {
        if (strlen(written) > 2)
            return written;
        *why = "an empty regular expression matches nothing useful";
        return NULL;
    }
    if (written[0] == '/') {
        *why = "a regular expression has a slash at its end, too, and no domain begins with one";
        return NULL;
    }
    if (written[0] == '[') {
        if ((name = ipv6_domain(written, pool)) == NULL)
            *why = "an IPv6 address as a domain is written \"[IPv6:address]\"";
        return name;
    }
    if (strlen(written) > 255 || strpbrk(written, " \t\r\n") != NULL) {
        *why = "not a domain name";
        return NULL;
    }
    return lower(written, pool);
}

static const char *plain_name(const char *written, const char *refused, const char *what, const char **why)
{
    if (strpbrk(written, refused) == NULL)
        return written;
    *why = what;
    return NULL;
}

static const char *network_name(const char *written, const char **why, apr_pool_t *pool)
{
    char text[CIDR_TEXT_MAX];
    cidr_t cidr;

    if (cidr_parse(&cidr, written))
        return apr_pstrdup(pool, cidr_format(&cidr, text));
    *why = "not an IP address or network (address/length)";
    return NULL;
}

/* "" and "*" any IPv4 address, "[*]" any IPv6 address, or one address; IPv6 in brackets. */
static const char *endpoint_host(const char *host, apr_pool_t *pool)
{
    char text[CIDR_TEXT_MAX];
    size_t length = strlen(host);
    cidr_t address;

    if (length == 0 || strcmp(host, "*") == 0)
        return "*";
    if (host[0] != '[')
        return cidr_parse_address(&address, host) && address.family == 4 && strchr(host, ':') == NULL ? host
                                                                                                      : NULL;
    if (host[length - 1] != ']')
        return NULL;
    host = apr_pstrmemdup(pool, host + 1, length - 2);
    if (strcmp(host, "*") == 0)
        return "[::]";
    if (strchr(host, ':') == NULL || !cidr_parse_address(&address, host))
        return NULL;
    return apr_pstrcat(pool, "[", address.family == 4 ? "::ffff:" : "", cidr_format(&address, text), "]",
                       NULL);
}

const char *scope_endpoint_name(const char *written, const char **why, apr_pool_t *pool)
{
    const char *colon = strrchr(written, ':'), *host;
    apr_int64_t port;

    if (written[0] == '/')
        return written;
    if (colon == NULL || !units_parse_int(colon + 1, &port) || !isdigit((unsigned char)colon[1])) {
        *why = "the port is missing; write address:port, [IPv6 address]:port or the path of a socket";
        return NULL;
    }
    if (port < 0 || port > 65535) {
        *why = "a port is a number from 0 to 65535";
        return NULL;
    }
    if ((host = endpoint_host(apr_pstrmemdup(pool, written, (apr_size_t)(colon - written)), pool)) == NULL) {
        *why = "not an IP address; IPv6 addresses stand in brackets here";
        return NULL;
    }
    return apr_psprintf(pool, "%s:%d", host, (int)port);
}

const char *scope_name(const conf_scope_t *scope, const char *written, const char **why, apr_pool_t *pool)
{
    if (*written == '\0' && scope->kind != NAME_TEXT) {
        *why = "the name is empty";
        return NULL;
    }
    if (strlen(written) > 1024) {
        *why = "the name is longer than 1024 bytes";
        return NULL;
    }
    switch (scope->kind) {
    case NAME_DOMAIN:
        return domain_name(written, why, pool);
    case NAME_GROUP:
        return plain_name(written, " \t\r\n", "such a name may not contain spaces", why);
    case NAME_BINDING:
        return plain_name(written, " \t\r\n:", "a binding's name may not contain spaces or colons", why);
    case NAME_NETWORK:
        return network_name(written, why, pool);
    case NAME_ENDPOINT:
        return scope_endpoint_name(written, why, pool);
    case NAME_TEXT:
        break;
    }
    return written;
}
