/* packet.h - what we want to know of a DNS answer, read from its wire form
 * SPDX-License-Identifier: Apache-2.0 (RFC 1035 4.1, RFC 3596, RFC 7505)
 *
 * The bytes come from a name server, so every length is checked and every number of records bounded.  Names
 * that are no host names (name.h) are counted and left out. */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include <ec/status.h>

#include "dns/dns.h"
#include "dns/name.h"

enum { DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_TYPE_SOA = 6, DNS_TYPE_PTR = 12, DNS_TYPE_MX = 15, DNS_TYPE_TXT = 16, DNS_TYPE_AAAA = 28 };
enum { DNS_RCODE_NOERROR = 0, DNS_RCODE_SERVFAIL = 2, DNS_RCODE_NXDOMAIN = 3 };
enum { DNS_MX_MAX = 64, DNS_RECORDS_MAX = 1024, DNS_TEXTS_MAX = 16, DNS_TEXT_ROOM = 1024 };

typedef struct {
    int preference;
    char name[DNS_NAME_ROOM];
} dns_mx_t;

/** Records of one type, all from one answer. */
typedef struct {
    int rcode;
    apr_uint32_t ttl; /* least one of the records, or of the negative answer; seconds */
    int n_mx;
    dns_mx_t mx[DNS_MX_MAX]; /* as they came; the root is left out */
    int n_root;              /* MX records with the name "." */
    int n_refused;           /* records that were no use: bad names, bad lengths */
    int n_addresses;
    char address[DNS_MAX_ADDRESSES][DNS_ADDRESS_ROOM];
    int n_texts; /* TXT, their strings joined (what is longer than the room, or has a NUL, is refused); PTR */
    char text[DNS_TEXTS_MAX][DNS_TEXT_ROOM];
} dns_answer_t;

/** Read the records of `type` (A, AAAA, MX, TXT, PTR) from an answer.  EC_E_SYNTAX when it is not one. */
apr_status_t dns_packet_read(dns_answer_t *answer, const unsigned char *packet, apr_size_t length, int type);
#endif
