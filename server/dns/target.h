/* target.h - what a routing domain, a gateway or a list of routes names
 * SPDX-License-Identifier: Apache-2.0 (message-flow.md F1, F2) */
#ifndef DNS_TARGET_H
#define DNS_TARGET_H

#include "dns/dns.h"
#include "dns/name.h"

typedef enum {
    DNS_TARGET_ADDRESS, /* `name` is an address */
    DNS_TARGET_HOST,    /* its addresses are looked up */
    DNS_TARGET_MX       /* its MX hosts, or its addresses when it has none */
} dns_target_kind_t;

typedef struct {
    dns_target_kind_t kind;
    int group;        /* its place among the others, best first; equal ones share the load */
    int port;         /* 0: the configured one */
    apr_uint32_t ttl; /* 0: what DNS says */
    char name[DNS_NAME_ROOM];
} dns_target_t;

enum { DNS_TARGETS_MAX = DNS_MAX_HOSTS, DNS_GROUP_MAX = 30000 };

/** Parse the question.  Returns the number of targets; routes that are no use are left out and counted in
 * `*refused`. */
int dns_targets(dns_target_t targets[DNS_TARGETS_MAX], const dns_question_t *question, int *refused);

/** One gateway: "host", "host:port", "192.0.2.1:port", "[v6]" or "[v6]:port".  0 when it is none. */
int dns_target_gateway(dns_target_t *target, const char *text);
/** One entry of `routes`.  `domain` stands in for __mx__.  0 when it is none. */
int dns_target_route(dns_target_t *target, const char *text, const char *domain);
#endif
