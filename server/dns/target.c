/* target.c - what a routing domain, a gateway or a list of routes names
 * SPDX-License-Identifier: Apache-2.0
 *
 * In a list without `pref` each entry is a group of its own, so the list is tried strictly in order; `pref`
 * puts an entry into the group of that number, and entries of one group share the load. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/check.h"
#include "dns/target.h"

static const char scheme[] = "smtp://";

/* A decimal number of the whole text; -1 when it is not one or above `max`. */
static long number_of(const char *text, apr_size_t length, long max)
{
    long value = 0;

    if (length == 0 || length > 10) {
        return -1;
    }
    for (apr_size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value <= max ? value : -1;
}

static int set_port(dns_target_t *target, const char *text, apr_size_t length)
{
    long port = number_of(text, length, 65535);

    target->port = port > 0 ? (int)port : 0;
    return port > 0;
}

/* A host or address without port; `kind` is that of a name. */
static int set_host(dns_target_t *target, const char *text, apr_size_t length, dns_target_kind_t kind)
{
    char address[DNS_ADDRESS_ROOM];

    target->kind = kind;
    if (length > 0 && text[0] == '[') {
        if (length < 2 || text[length - 1] != ']') {
            return 0;
        }
        target->kind = DNS_TARGET_ADDRESS;
        if (!dns_address_clean(address, text + 1, length - 2) && !dns_literal_clean(address, text, length)) {
            return 0;
        }
        memcpy(target->name, address, sizeof(address));
        return 1;
    }
    if (dns_address_clean(address, text, length)) {
        target->kind = DNS_TARGET_ADDRESS;
        memcpy(target->name, address, sizeof(address));
        return 1;
    }
    return dns_name_clean(target->name, text, length);
}

/* "host[:port]".  An IPv6 address without brackets has no port. */
static int set_host_port(dns_target_t *target, const char *text, apr_size_t length, dns_target_kind_t kind)
{
    const char *bracket = length > 0 && text[0] == '[' ? memchr(text, ']', length) : NULL;
    const char *from = bracket != NULL ? bracket : text;
    const char *colon = memchr(from, ':', length - (apr_size_t)(from - text));
    char address[DNS_ADDRESS_ROOM];

    if (colon == NULL || dns_address_clean(address, text, length) == 6) {
        return set_host(target, text, length, kind);
    }
    return set_port(target, colon + 1, length - (apr_size_t)(colon + 1 - text)) &&
           set_host(target, text, (apr_size_t)(colon - text), kind);
}

int dns_target_gateway(dns_target_t *target, const char *text)
{
    memset(target, 0, sizeof(*target));
    return set_host_port(target, text, strlen(text), DNS_TARGET_MX);
}

/* ---- arguments of a URI ------------------------------------------------------------ */

typedef int argument_fn(dns_target_t *target, const char *value, apr_size_t length);

static int set_pref(dns_target_t *target, const char *value, apr_size_t length)
{
    long group = number_of(value, length, DNS_GROUP_MAX);

    target->group = (int)group;
    return group >= 0;
}

static int set_ttl(dns_target_t *target, const char *value, apr_size_t length)
{
    long ttl = number_of(value, length, 0x7fffffff);

    target->ttl = ttl > 0 ? (apr_uint32_t)ttl : 0;
    return ttl >= 0;
}

static int set_type(dns_target_t *target, const char *value, apr_size_t length)
{
    int is_mx = length == 2 && strncasecmp(value, "mx", 2) == 0;
    int is_a = length == 1 && (*value == 'a' || *value == 'A');

    if (target->kind != DNS_TARGET_ADDRESS) {
        target->kind = is_mx ? DNS_TARGET_MX : DNS_TARGET_HOST;
    }
    return is_mx || is_a;
}

static const struct {
    const char *name;
    argument_fn *set;
} arguments[] = { { "pref", set_pref }, { "port", set_port }, { "ttl", set_ttl }, { "type", set_type } };

static int set_argument(dns_target_t *target, const char *text, apr_size_t length)
{
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
        apr_size_t n = strlen(arguments[i].name);

        if (length > n && text[n] == '=' && strncasecmp(text, arguments[i].name, n) == 0) {
            return length == n + 1 || arguments[i].set(target, text + n + 1, length - n - 1);
        }
    }
    return 0;
}

static int set_arguments(dns_target_t *target, const char *text)
{
    while (*text != '\0') {
        apr_size_t length = strcspn(text, "&");

        if (length > 0 && !set_argument(target, text, length)) {
            return 0;
        }
        text += length + (text[length] == '&');
    }
    return 1;
}

int dns_target_route(dns_target_t *target, const char *text, const char *domain)
{
    int group = target->group;
    apr_size_t length;

    memset(target, 0, sizeof(*target));
    target->group = group;
    if (strcasecmp(text, "__mx__") == 0) {
        return set_host(target, domain, strlen(domain), DNS_TARGET_MX);
    }
    if (strncasecmp(text, scheme, sizeof(scheme) - 1) == 0) {
        text += sizeof(scheme) - 1;
    } else if (strstr(text, "://") != NULL) {
        return 0;
    }
    length = strcspn(text, "/?");
    if (!set_host_port(target, text, length, DNS_TARGET_HOST)) {
        return 0;
    }
    text += length;
    text += *text == '/';
    return *text == '\0' || (*text == '?' && set_arguments(target, text + 1));
}

/* The domain of a recipient: a name, or an address only when it stands in brackets. */
static int set_domain(dns_target_t *target, const char *domain)
{
    target->kind = DNS_TARGET_MX;
    return domain[0] == '[' ? set_host(target, domain, strlen(domain), DNS_TARGET_MX)
                            : dns_name_clean(target->name, domain, strlen(domain));
}

int dns_targets(dns_target_t targets[DNS_TARGETS_MAX], const dns_question_t *question, int *refused)
{
    int n = 0;

    *refused = 0;
    if (question->routes != NULL) {
        for (int i = 0; question->routes[i] != NULL && n < DNS_TARGETS_MAX; i++) {
            targets[n].group = i;
            if (dns_target_route(&targets[n], question->routes[i], question->domain)) {
                n++;
            } else {
                (*refused)++;
            }
        }
        return n;
    }
    if (question->is_gateway) {
        n = dns_target_gateway(&targets[0], question->domain);
    } else {
        memset(&targets[0], 0, sizeof(targets[0]));
        n = set_domain(&targets[0], question->domain);
    }
    *refused = !n;
    return n;
}

/* ---- when a configuration is loaded ------------------------------------------------ */

static const char *check_gateway(const char *text, int *is_warning)
{
    dns_target_t target;

    return *text == '\0' || dns_target_gateway(&target, text)
               ? NULL
               : "a gateway is host, host:port, an address, [IPv6] or [IPv6]:port";
}

static const char *check_route(const char *text, int *is_warning)
{
    dns_target_t target = { .group = 0 };

    if (dns_target_route(&target, text, "example.com")) {
        return NULL;
    }
    if (strstr(text, "://") != NULL && strncasecmp(text, scheme, sizeof(scheme) - 1) != 0) {
        *is_warning = 1;
        return "a route of this scheme has no effect yet";
    }
    return "a route is a host, an address, host:port, __mx__ or smtp://host?pref=&ttl=&port=&type=mx|a";
}

void dns_check_values(void)
{
    conf_check_register(CONF_O_GATEWAY, check_gateway);
    conf_check_register(CONF_O_ROUTES, check_route);
}
