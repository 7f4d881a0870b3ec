/* order.h - which host comes first
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 5.1) */
#ifndef DNS_ORDER_H
#define DNS_ORDER_H

#include <apr.h>

/** A number from `*state`, which it moves on.  The same seed gives the same numbers; no secrets depend on it.
 */
apr_uint32_t dns_random(apr_uint64_t *state);

typedef struct {
    int group; /* place in a list of routes; compared first */
    int preference;
    apr_uint32_t dice; /* between equals; set by dns_order() */
    void *item;
} dns_rank_t;

/** Best first; equals in random order. */
void dns_order(dns_rank_t *ranks, int n, apr_uint64_t *random);
#endif
