/* name.c - domain names and address texts: checked before they are asked for or used
 * SPDX-License-Identifier: Apache-2.0
 *
 * A name goes to name servers, into logs and back into a comparison, so what is not a plain host name is
 * refused here, at one place.  Underscores are let through: they are no host names, but they are in use. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "util/text.h"

static int is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int dns_name_clean(char name[DNS_NAME_ROOM], const char *text, apr_size_t length)
{
    apr_size_t label = 0;

    name[0] = '\0';
    if (length > 0 && text[length - 1] == '.') {
        length--;
    }
    if (length == 0 || length > DNS_NAME_MAX) {
        return 0;
    }
    for (apr_size_t i = 0; i < length; i++) {
        char c = util_lower(text[i]);

        label = c == '.' ? 0 : label + 1;
        if ((c == '.' && (i == 0 || name[i - 1] == '.')) || (c != '.' && !is_name_char(c)) ||
            label > DNS_LABEL_MAX) {
            name[0] = '\0';
            return 0;
        }
        name[i] = c;
    }
    name[length] = '\0';
    if (label == 0) {
        name[0] = '\0';
    }
    return label > 0;
}

int dns_address_clean(char address[DNS_ADDRESS_ROOM], const char *text, apr_size_t length)
{
    static const struct {
        int family, version;
    } families[] = { { AF_INET, 4 }, { AF_INET6, 6 } };
    char copy[DNS_ADDRESS_ROOM];
    unsigned char bytes[sizeof(struct in6_addr)];

    address[0] = '\0';
    if (length >= sizeof(copy) || memchr(text, '\0', length) != NULL) {
        return 0;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    for (int i = 0; i < 2; i++) {
        if (inet_pton(families[i].family, copy, bytes) == 1) {
            inet_ntop(families[i].family, bytes, address, DNS_ADDRESS_ROOM);
            return families[i].version;
        }
    }
    return 0;
}

int dns_literal_clean(char address[DNS_ADDRESS_ROOM], const char *text, apr_size_t length)
{
    static const char tag[] = "IPv6:";
    apr_size_t skip = 1;
    int wanted = 4;

    address[0] = '\0';
    if (length < 2 || text[0] != '[' || text[length - 1] != ']') {
        return 0;
    }
    if (length > sizeof(tag) && strncasecmp(text + 1, tag, sizeof(tag) - 1) == 0) {
        skip = sizeof(tag);
        wanted = 6;
    }
    if (dns_address_clean(address, text + skip, length - skip - 1) != wanted) {
        address[0] = '\0';
        return 0;
    }
    return wanted;
}
