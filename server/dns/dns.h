/* dns.h - resolver, and where a domain's mail goes
 * SPDX-License-Identifier: Apache-2.0
 *
 * One libunbound context for the process, driven by the master loop through its event
 * interface; it caches with the records' TTLs and answers negatively from cache.  Other
 * loops ask by post.  Tests point it at their own server: resolv_conf lines may say
 * `nameserver 127.0.0.1@5300`. */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include <ec/loop.h>
#include <ec/log.h>

/** Read `resolv_conf` (nameserver lines with optional @port, `options edns0 ...` ignored) and make the
 * resolver on the master loop.  Not called: dns_* answer EC_E_DNS_TRANSIENT. */
apr_status_t dns_start(const char *resolv_conf, const char **why);
void dns_stop(void);
/** From now on gateways and routes are looked at when a configuration is loaded.  Before the first load. */
void dns_check_values(void);

enum { DNS_MAX_HOSTS = 32, DNS_MAX_ADDRESSES = 16 };

typedef struct {
    const char *name; /* lower case, without final dot */
    int preference;
    int port; /* 0: the configured remote_smtp_port */
    int n_addresses;
    const char *address[DNS_MAX_ADDRESSES];
} dns_host_t;

/** Where to deliver, best first; hosts of one preference are in random order (RFC 5321 5.1).
 * Immutable, reference-counted, any thread. */
typedef struct dns_route dns_route_t;
struct dns_route {
    apr_uint32_t refs;
    apr_pool_t *pool;
    apr_time_t expires; /* loop time: TTL of the records, bounded by min_dns_ttl and max_dns_ttl */
    int is_implicit;    /* from address records of the domain itself (RFC 5321 5.1) */
    int is_fallback;    /* likewise, because MX could not be looked up (may_fall_back) */
    int n_hosts;
    dns_host_t host[DNS_MAX_HOSTS];
};
dns_route_t *dns_route_ref(dns_route_t *route);
void dns_route_unref(dns_route_t *route);

typedef struct {
    const char *domain; /* routing domain, gateway host, or "[1.2.3.4]" / "[IPv6:...]" literal */
    const char *const
        *routes;    /* NULL: MX of `domain`; else the `routes` list: hosts, addresses, host:port,
                       smtp://host?pref=&port=&type=mx|a, __mx__ (message-flow.md F2), tried in order */
    int is_gateway; /* `domain` is a `gateway` value: host or [v6] with optional :port; no MX lookup for
                       a literal; MX first, then A, for a name (F1) */
    int prefer_ipv6, use_ipv6;
    int may_fall_back; /* MX failed often enough (mx_failures_fallback_to_a): when it fails for now
                          again, try the domain's addresses */
    apr_uint32_t min_ttl, max_ttl; /* seconds */
} dns_question_t;

/** `rv`: APR_SUCCESS with a route (returns a reference); EC_E_DNS_TRANSIENT server failure or timeout,
 * or every host's address lookup failed that way: try later; EC_E_DNS_NXDOMAIN, EC_E_DNS_NODATA no such
 * domain or nowhere to deliver; EC_E_DNS_NULL_MX (RFC 7505).  `why` is a sentence for logs, borrowed. */
typedef void dns_route_fn(void *baton, apr_status_t rv, dns_route_t *route, const char *why);

typedef struct dns_query dns_query_t;
/** Ask; copies the question.  `fn` runs once on the calling loop, never inside this call. */
dns_query_t *dns_route_find(ec_loop_t *loop, const dns_question_t *question, dns_route_fn *fn, void *baton);
/** After this `fn` does not run.  Not after `fn` ran. */
void dns_query_cancel(dns_query_t *query);
#endif
