/* address.h - addresses and parameters of MAIL and RCPT
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 4.1.2, 4.1.3; quoted local parts, literals) */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <ec/status.h>
#include <apr.h>

enum { SMTP_LOCAL_MAX = 64, SMTP_DOMAIN_MAX = 255, SMTP_PATH_MAX = 256, SMTP_PARAMS_MAX = 16 };

typedef struct {
    char text[SMTP_LOCAL_MAX + SMTP_DOMAIN_MAX + 2]; /* local@domain; "" for <> */
    apr_size_t local_length;
    int is_literal; /* domain is [1.2.3.4] or [IPv6:...] */
} smtp_address_t;

/** Parse "<path>" at `*text`, leaving `*text` behind it.  A source route is dropped (RFC 5321 4.1.1.3).
 * `*why` is set to the answer's text on failure, for example "5.1.3 Bad address syntax". */
apr_status_t smtp_address_parse(smtp_address_t *address, const char **text, const char **why);
/** A domain (not a literal): letters, digits, hyphens, dots, bytes above 127 refused; lengths as in RFC 1035.
 */
int smtp_domain_valid(const char *domain);

typedef struct {
    const char *name, *value; /* value NULL without '='; point into the changed text */
} smtp_param_t;
/** Split " NAME=value NAME ..." in place.  Returns the count, or -1 when malformed or too many. */
int smtp_params_split(char *text, smtp_param_t params[SMTP_PARAMS_MAX]);
#endif
