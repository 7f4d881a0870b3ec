/* resolver.h - one question to the name servers: a name and a type
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table of one function, so that the choice of hosts can be tested without a network.
 * Thread: the master loop's. */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <ec/loop.h>

#include "dns/packet.h"

/** `rv`: APR_SUCCESS with at least one record (or n_root, n_refused) of the type; EC_E_DNS_NODATA or
 * EC_E_DNS_NXDOMAIN with answer->ttl; EC_E_DNS_TRANSIENT, answer is NULL.  The answer is borrowed. */
typedef void dns_lookup_fn(void *baton, apr_status_t rv, const dns_answer_t *answer);

typedef struct {
    /* Ask for `type` of `name` (cleaned).  `fn` runs once, maybe inside this call, and certainly: at the
     * latest when the resolver is closed. */
    void (*ask)(void *self, const char *name, int type, dns_lookup_fn *fn, void *baton);
    void *self;
} dns_resolver_t;

/** A resolver over libunbound on `loop` that forwards to the name servers of the file.  `*why` in `pool`. */
apr_status_t dns_resolver_open(const dns_resolver_t **resolver, ec_loop_t *loop, const char *resolv_conf,
                               const char **why, apr_pool_t *pool);
/** The one of the process (dns_start()), NULL when there is none.  Master loop. */
const dns_resolver_t *dns_resolver(void);
/** Open questions are answered with EC_E_DNS_TRANSIENT. */
void dns_resolver_close(const dns_resolver_t *resolver);
#endif
