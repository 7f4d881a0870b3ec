/* name.h - domain names and address texts: checked before they are asked for or used
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <apr.h>

enum {
    DNS_NAME_MAX = 253, /* characters of a name, without the final dot */
    DNS_NAME_ROOM = 256,
    DNS_LABEL_MAX = 63,
    DNS_ADDRESS_ROOM = 64 /* an address as text, with NUL */
};

/** Copy `text` (`length` bytes) into `name` in lower case and without a final dot.  Returns 0, and makes
 * `name` empty, when it is not a host or domain name: labels of letters, digits, hyphens and underscores, at
 * most 63 of them each and 253 in all.  The root is none. */
int dns_name_clean(char name[DNS_NAME_ROOM], const char *text, apr_size_t length);

/** Is this the text of an IPv4 (4) or IPv6 (6) address?  Then its canonical form is in `address`; 0
 * otherwise. */
int dns_address_clean(char address[DNS_ADDRESS_ROOM], const char *text, apr_size_t length);

/** An address literal of RFC 5321 4.1.3, "[192.0.2.1]" or "[IPv6:2001:db8::1]"; result as
 * dns_address_clean(). */
int dns_literal_clean(char address[DNS_ADDRESS_ROOM], const char *text, apr_size_t length);
#endif
