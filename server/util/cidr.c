/* cidr.c - networks of IP addresses and sets of them
 * SPDX-License-Identifier: Apache-2.0
 *
 * A set is a sorted array of ranges that do not touch, so that a look-up in thousands
 * of networks is a dozen comparisons. */
#include "util/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* family and address, so that memcmp() orders IPv4 before IPv6 */
typedef struct {
    unsigned char bytes[17];
} order_t;

typedef struct {
    order_t first, last;
} range_t;

struct ec_cidr_set {
    int count;
    range_t *ranges;
};

static int family_bits(const cidr_t *cidr)
{
    return cidr->family == 4 ? 32 : 128;
}

static void clear_host_bits(cidr_t *cidr)
{
    for (int bit = cidr->bits; bit < 128; bit++)
        cidr->addr[bit / 8] &= (unsigned char)~(0x80 >> (bit % 8));
}

/* ::ffff:1.2.3.4 is 1.2.3.4, and ::ffff:1.2.0.0/112 is 1.2.0.0/16 */
static void unmap(cidr_t *cidr)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (cidr->family != 6 || cidr->bits < 96 || memcmp(cidr->addr, mapped, sizeof(mapped)) != 0)
        return;
    memmove(cidr->addr, cidr->addr + 12, 4);
    memset(cidr->addr + 4, 0, 12);
    cidr->family = 4;
    cidr->bits = (unsigned char)(cidr->bits - 96);
}

static int parse_bits(const char *text, int limit, unsigned char *bits)
{
    char *end;
    long value;

    if (text[0] < '0' || text[0] > '9' || strlen(text) > 3)
        return 0;
    value = strtol(text, &end, 10);
    if (*end != '\0' || value > limit)
        return 0;
    *bits = (unsigned char)value;
    return 1;
}

int cidr_parse(cidr_t *cidr, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);

    if (length >= sizeof(address))
        return 0;
    memcpy(address, text, length);
    address[length] = '\0';
    memset(cidr, 0, sizeof(*cidr));
    cidr->family = strchr(address, ':') != NULL ? 6 : 4;
    if (inet_pton(cidr->family == 6 ? AF_INET6 : AF_INET, address, cidr->addr) != 1)
        return 0;
    cidr->bits = (unsigned char)family_bits(cidr);
    if (slash != NULL && !parse_bits(slash + 1, cidr->bits, &cidr->bits))
        return 0;
    clear_host_bits(cidr);
    unmap(cidr);
    return 1;
}

int cidr_parse_address(cidr_t *cidr, const char *text)
{
    return strchr(text, '/') == NULL && cidr_parse(cidr, text);
}

int cidr_contains(const cidr_t *outer, const cidr_t *inner)
{
    cidr_t cut = *inner;

    if (outer->family != inner->family || outer->bits > inner->bits)
        return 0;
    cut.bits = outer->bits;
    clear_host_bits(&cut);
    return memcmp(cut.addr, outer->addr, sizeof(cut.addr)) == 0;
}

const char *cidr_format(const cidr_t *cidr, char *buf)
{
    size_t length;

    inet_ntop(cidr->family == 6 ? AF_INET6 : AF_INET, cidr->addr, buf, CIDR_TEXT_MAX);
    length = strlen(buf);
    if (cidr->bits != family_bits(cidr))
        snprintf(buf + length, CIDR_TEXT_MAX - length, "/%d", cidr->bits);
    return buf;
}

/* ---- sets --------------------------------------------------------------------------- */

static void range_of(range_t *range, const cidr_t *cidr)
{
    range->first.bytes[0] = cidr->family;
    memcpy(range->first.bytes + 1, cidr->addr, 16);
    range->last = range->first;
    for (int bit = cidr->bits; bit < 128; bit++)
        range->last.bytes[1 + bit / 8] |= (unsigned char)(0x80 >> (bit % 8));
}

static int compare_ranges(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(order_t));
}

/* Sorted ranges of networks are either apart or one inside the other. */
static int drop_inner_ranges(range_t *ranges, int count)
{
    int kept = 0;

    qsort(ranges, (size_t)count, sizeof(*ranges), compare_ranges);
    for (int i = 0; i < count; i++) {
        if (kept == 0 || memcmp(&ranges[i].first, &ranges[kept - 1].last, sizeof(order_t)) > 0)
            ranges[kept++] = ranges[i];
        else if (memcmp(&ranges[i].last, &ranges[kept - 1].last, sizeof(order_t)) > 0)
            ranges[kept - 1].last = ranges[i].last;
    }
    return kept;
}

apr_status_t cidr_set_create(ec_cidr_set_t **set, const char *const *list, const char **bad, apr_pool_t *pool)
{
    int count = 0;

    while (list[count] != NULL)
        count++;
    *set = apr_palloc(pool, sizeof(**set));
    (*set)->ranges = apr_palloc(pool, sizeof(range_t) * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        cidr_t cidr;

        if (!cidr_parse(&cidr, list[i])) {
            *bad = list[i];
            return EC_E_SYNTAX;
        }
        range_of(&(*set)->ranges[i], &cidr);
    }
    (*set)->count = count > 0 ? drop_inner_ranges((*set)->ranges, count) : 0;
    return APR_SUCCESS;
}

static int compare_to_range(const void *key, const void *range)
{
    const range_t *r = range;

    if (memcmp(key, &r->first, sizeof(order_t)) < 0)
        return -1;
    return memcmp(key, &r->last, sizeof(order_t)) > 0 ? 1 : 0;
}

int ec_cidr_set_has(const ec_cidr_set_t *set, const char *address)
{
    cidr_t cidr;
    range_t one;

    if (set == NULL || set->count == 0 || !cidr_parse_address(&cidr, address))
        return 0;
    range_of(&one, &cidr);
    return bsearch(&one.first, set->ranges, (size_t)set->count, sizeof(range_t), compare_to_range) != NULL;
}
