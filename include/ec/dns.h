/* dns.h - names looked up without waiting
 * SPDX-License-Identifier: Apache-2.0
 *
 * The server's own resolver: one cache for all.  A hook asks, returns EC_SUSPEND, and resumes the session in the
 * answer. */
#ifndef EC_DNS_H
#define EC_DNS_H

#include <ec/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { EC_DNS_A = 1, EC_DNS_PTR = 12, EC_DNS_MX = 15, EC_DNS_TXT = 16, EC_DNS_AAAA = 28 } ec_dns_type_t;

typedef struct {
    int n;
    const char *const *text;       /* A, AAAA: addresses; PTR: names; MX: "10 mx.example"; TXT: their strings joined */
    apr_uint32_t ttl;              /* seconds */
} ec_dns_answer_t;

/** APR_SUCCESS with at least one record; EC_E_DNS_NXDOMAIN, EC_E_DNS_NODATA: there is none (n is 0); EC_E_DNS_TRANSIENT:
 * not known now.  The answer is borrowed for the call. */
typedef void ec_dns_fn(void *baton, apr_status_t rv, const ec_dns_answer_t *answer);

/** Ask.  Copies `name`.  `fn` runs once, on `loop`, never inside this call, and certainly: at the latest when the server
 * stops.  There is no cancelling: the baton is kept until then (an instance is held for that: ec_instance_hold() in module.h).  Any thread. */
void ec_dns_ask(ec_loop_t *loop, const char *name, ec_dns_type_t type, ec_dns_fn *fn, void *baton);

/** The name to ask for PTR records of an address ("4.3.2.1.in-addr.arpa"), or, with `zone`, the name under a list's zone
 * ("4.3.2.1.list.example").  Into `buffer`; EC_E_SYNTAX for what is no address, EC_E_TOO_LONG.  Any thread. */
apr_status_t ec_dns_reverse(char *buffer, apr_size_t room, const char *address, const char *zone);

#ifdef __cplusplus
}
#endif
#endif
