/* route.h - from a question to a route
 * SPDX-License-Identifier: Apache-2.0
 * Thread: the master loop's. */
#ifndef DNS_ROUTE_H
#define DNS_ROUTE_H

#include "dns/dns.h"
#include "dns/resolver.h"

enum { DNS_PLAN_LIMIT_SECONDS = 30, DNS_RETRY_TTL_SECONDS = 60 };

/** As dns_route_fn; may run inside dns_plan_run(). */
typedef void dns_plan_fn(void *baton, apr_status_t rv, dns_route_t *route, const char *why);

/** Find the route.  Borrows the question; moves `*random` on and keeps it. */
void dns_plan_run(ec_loop_t *loop, const dns_resolver_t *resolver, const dns_question_t *question,
                  apr_uint64_t *random, dns_plan_fn *done, void *baton);
#endif
