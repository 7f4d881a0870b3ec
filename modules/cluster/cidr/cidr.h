/* cidr.h - counts by address, asked for by network
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keys of a cidr_machine (gauge/gauge.h) are addresses: 4 or 16 bytes in network order.
 * An index keeps the sums for the lengths of prefix that somebody wants (/24, /64 ...), so a
 * question is one look-up.  It is this node's own and not replicated. */
#ifndef CLUSTER_CIDR_CIDR_H
#define CLUSTER_CIDR_CIDR_H

#include "cluster/gauge/gauge.h"

enum { CIDR_LENGTHS_MAX = 64 };

typedef struct {
    table_t addresses; /* counts, by address */
    table_t sums;      /* by length of the address, bits, prefix */
    struct {
        int bytes, bits;
    } lengths[CIDR_LENGTHS_MAX];
    int length_count;
} cidr_index_t;

/** An empty index is all zero.  Freed, it is empty, but knows the lengths that were added. */
void cidr_index_free(cidr_index_t *index);
/** Follow all that a gauge counts.  Keeps both; before the gauge's first event. */
void cidr_index_watch(cidr_index_t *index, gauge_t *gauge);
/** One address (4 or 16 bytes) counts by so much more or less.  Others are passed over. */
void cidr_index_count(cidr_index_t *index, const void *address, apr_size_t bytes, apr_int64_t by);
/** From now on networks of this length can be asked for; `bytes` is 4 or 16.  Returns 0 when there are too
 * many. */
int cidr_index_add(cidr_index_t *index, int bytes, int bits);
/** The sum over the network that the address is in.  0 also for lengths that were not added. */
apr_uint64_t cidr_index_sum(const cidr_index_t *index, const void *address, int bytes, int bits);

#endif
