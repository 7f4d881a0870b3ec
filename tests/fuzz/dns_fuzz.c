/* dns_fuzz.c - answers of name servers, and texts that name hosts
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte chooses: 0 to 2 an answer to A, AAAA, MX; 3 a resolv.conf; 4 a gateway; 5 a route. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "dns/packet.h"
#include "dns/resolv_conf.h"
#include "dns/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_pool_t *pool;

static void check_packet(const uint8_t *data, size_t size, int type)
{
    dns_answer_t *answer = malloc(sizeof(*answer));

    if (dns_packet_read(answer, data, size, type) == APR_SUCCESS) {
        char name[DNS_NAME_ROOM];

        for (int i = 0; i < answer->n_mx; i++) {
            EC_ASSERT(dns_name_clean(name, answer->mx[i].name, strlen(answer->mx[i].name)));
            EC_ASSERT(strcmp(name, answer->mx[i].name) == 0);
        }
        for (int i = 0; i < answer->n_addresses; i++) {
            EC_ASSERT(dns_address_clean(name, answer->address[i], strlen(answer->address[i])));
        }
    }
    free(answer);
}

static void check_resolv_conf(const uint8_t *data, size_t size)
{
    resolv_conf_t conf;
    const char *why;

    if (resolv_conf_parse(&conf, (const char *)data, size, &why, pool) == APR_SUCCESS) {
        EC_ASSERT(conf.n > 0 && conf.n <= RESOLV_SERVERS_MAX);
    }
}

static void check_target(const uint8_t *data, size_t size, int is_route)
{
    dns_target_t target = { .group = 1 };
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = '\0';
    if (is_route ? dns_target_route(&target, text, "domain.test") : dns_target_gateway(&target, text)) {
        EC_ASSERT(target.name[0] != '\0' && target.port >= 0 && target.port <= 65535);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int types[] = { DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_MX };
    int kind;

    if (pool == NULL) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    if (size == 0) {
        return 0;
    }
    kind = data[0] % 6;
    data++;
    size--;
    if (kind < 3) {
        check_packet(data, size, types[kind]);
    } else if (kind == 3) {
        check_resolv_conf(data, size);
    } else {
        check_target(data, size, kind == 5);
    }
    apr_pool_clear(pool);
    return 0;
}
