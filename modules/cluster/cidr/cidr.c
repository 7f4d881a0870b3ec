/* cidr.c - counts by address, asked for by network
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/cidr/cidr.h"

struct cidr_sum {
    struct table_item item;
    apr_uint64_t sum;
};

enum { KEY_LENGTH = 18 };

/* Length of the address, bits, and the prefix with zeros behind it. */
static void make_key(unsigned char key[KEY_LENGTH], const void *address, int bytes, int bits)
{
    memset(key, 0, KEY_LENGTH);
    key[0] = (unsigned char)bytes;
    key[1] = (unsigned char)bits;
    memcpy(key + 2, address, (size_t)(bits + 7) / 8);
    if (bits % 8 != 0)
        key[2 + bits / 8] &= (unsigned char)(0xff << (8 - bits % 8));
}

/* A sum that is 0 is not there. */
static void add_to(table_t *table, const void *key, apr_size_t length, apr_int64_t by)
{
    struct cidr_sum *sum = table_find(table, key, length);

    if (sum == NULL)
        sum = table_add(table, sizeof(*sum), key, length);
    sum->sum += (apr_uint64_t)by;
    if (sum->sum == 0)
        table_remove(table, &sum->item);
}

static void add_prefix(cidr_index_t *index, const void *address, int bytes, int bits, apr_int64_t by)
{
    unsigned char key[KEY_LENGTH];

    make_key(key, address, bytes, bits);
    add_to(&index->sums, key, KEY_LENGTH, by);
}

void cidr_index_count(cidr_index_t *index, const void *address, apr_size_t bytes, apr_int64_t by)
{
    if (by == 0 || (bytes != 4 && bytes != 16))
        return;
    add_to(&index->addresses, address, bytes, by);
    for (int i = 0; i < index->length_count; i++) {
        if ((apr_size_t)index->lengths[i].bytes == bytes)
            add_prefix(index, address, index->lengths[i].bytes, index->lengths[i].bits, by);
    }
}

static void on_watch(void *baton, bus_node_t node, const char *key, apr_size_t length, apr_int64_t by)
{
    cidr_index_count(baton, key, length, by);
}

void cidr_index_watch(cidr_index_t *index, gauge_t *gauge)
{
    gauge->watch = on_watch;
    gauge->watch_baton = index;
}

/* The lengths stay. */
void cidr_index_free(cidr_index_t *index)
{
    table_clear(&index->addresses);
    table_clear(&index->sums);
}

int cidr_index_add(cidr_index_t *index, int bytes, int bits)
{
    for (int i = 0; i < index->length_count; i++) {
        if (index->lengths[i].bytes == bytes && index->lengths[i].bits == bits)
            return 1;
    }
    if (index->length_count == CIDR_LENGTHS_MAX || (bytes != 4 && bytes != 16) || bits < 0 ||
        bits > bytes * 8)
        return 0;
    index->lengths[index->length_count].bytes = bytes;
    index->lengths[index->length_count++].bits = bits;
    TABLE_EACH(const struct cidr_sum, one, &index->addresses)
    {
        if (one->item.key_length == (apr_size_t)bytes)
            add_prefix(index, one->item.key, bytes, bits, (apr_int64_t)one->sum);
    }
    return 1;
}

apr_uint64_t cidr_index_sum(const cidr_index_t *index, const void *address, int bytes, int bits)
{
    unsigned char key[KEY_LENGTH];
    const struct cidr_sum *sum;

    make_key(key, address, bytes, bits);
    sum = table_find(&index->sums, key, KEY_LENGTH);
    return sum == NULL ? 0 : sum->sum;
}
