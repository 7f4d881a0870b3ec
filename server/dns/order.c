/* order.c - which host comes first
 * SPDX-License-Identifier: Apache-2.0
 *
 * Equal hosts share the load because every look-up throws the dice anew. */
#include <stdlib.h>

#include "dns/order.h"

apr_uint32_t dns_random(apr_uint64_t *state)
{
    apr_uint64_t z = *state += 0x9e3779b97f4a7c15ull; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return (apr_uint32_t)((z ^ z >> 31) >> 32);
}

static int compare(const void *left, const void *right)
{
    const dns_rank_t *a = left, *b = right;

    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->preference != b->preference) {
        return a->preference < b->preference ? -1 : 1;
    }
    return a->dice == b->dice ? 0 : a->dice < b->dice ? -1 : 1;
}

void dns_order(dns_rank_t *ranks, int n, apr_uint64_t *random)
{
    for (int i = 0; i < n; i++) {
        ranks[i].dice = dns_random(random);
    }
    qsort(ranks, (size_t)n, sizeof(*ranks), compare);
}
