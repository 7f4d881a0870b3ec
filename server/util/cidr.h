/* cidr.h - networks of IP addresses and sets of them
 * SPDX-License-Identifier: Apache-2.0
 *
 * An IPv4-mapped IPv6 address counts as IPv4 everywhere; "::/0" holds IPv6 only.
 * Pure; any thread. */
#ifndef UTIL_CIDR_H
#define UTIL_CIDR_H

#include <apr_pools.h>
#include <ec/option.h>

typedef struct {
    unsigned char family;   /* 4 or 6 */
    unsigned char bits;     /* length of the prefix: 0..32 or 0..128 */
    unsigned char addr[16]; /* network order, bits behind the prefix are 0; IPv4 uses four */
} cidr_t;

enum { CIDR_TEXT_MAX = 64 };

/** "10.0.0.0/8", "::1/128", or an address alone (all bits count).  Returns whether it was understood. */
int cidr_parse(cidr_t *cidr, const char *text);
/** An address without prefix length. */
int cidr_parse_address(cidr_t *cidr, const char *text);
/** Is `inner` (address or network) part of `outer`? */
int cidr_contains(const cidr_t *outer, const cidr_t *inner);
/** Canonical text in `buf` (CIDR_TEXT_MAX); a single address has no "/n".  Returns `buf`. */
const char *cidr_format(const cidr_t *cidr, char *buf);

/** A set of the networks in `list` (up to NULL, borrowed).  On EC_E_SYNTAX `*bad` is the item that
 * was not understood.  See ec_cidr_set_has() in ec/option.h. */
apr_status_t cidr_set_create(ec_cidr_set_t **set, const char *const *list, const char **bad,
                             apr_pool_t *pool);

#endif
