/* address.c - addresses and parameters of MAIL and RCPT
 * SPDX-License-Identifier: Apache-2.0
 *
 * Strict where a loose reading would let two hosts see different addresses (quotes,
 * control characters, empty labels); nothing is normalised. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "smtp/address.h"

static const char too_long[] = "5.1.3 Address too long";
static const char bad_syntax[] = "5.1.3 Bad address syntax";
static const char bad_local[] = "5.1.3 Bad local part of address";
static const char bad_domain[] = "5.1.3 Bad domain of address";
static const char not_ascii[] = "5.6.7 Address is not ASCII";

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 3.2.3 */
static int is_atom(char c)
{
    return is_letter_or_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* ---- domains ---------------------------------------------------------------------- */

static int domain_ok(const char *domain, apr_size_t length)
{
    apr_size_t label = 0;

    if (length == 0 || length > SMTP_DOMAIN_MAX) {
        return 0;
    }
    for (apr_size_t i = 0; i < length; i++) {
        char c = domain[i];

        if (c == '.') {
            if (label == 0 || domain[i - 1] == '-') {
                return 0;
            }
            label = 0;
        } else if (!is_letter_or_digit(c) && (c != '-' || label == 0)) {
            return 0;
        } else if (++label > 63) {
            return 0;
        }
    }
    return label > 0 && domain[length - 1] != '-';
}

int smtp_domain_valid(const char *domain)
{
    return domain_ok(domain, strnlen(domain, SMTP_DOMAIN_MAX + 1));
}

/* [1.2.3.4] or [IPv6:...]; other kinds of literal have no use that we know. */
static int literal_ok(const char *literal, apr_size_t length)
{
    char inside[64];
    unsigned char address[sizeof(struct in6_addr)];

    if (length < 3 || length - 2 >= sizeof inside || literal[length - 1] != ']') {
        return 0;
    }
    memcpy(inside, literal + 1, length - 2);
    inside[length - 2] = '\0';
    if (strncasecmp(inside, "IPv6:", 5) == 0) {
        return inet_pton(AF_INET6, inside + 5, address) == 1;
    }
    return inet_pton(AF_INET, inside, address) == 1;
}

/* ---- local parts -------------------------------------------------------------------- */

/* Each returns the end of what it takes, or NULL. */
static const char *dot_string(const char *p)
{
    int is_after_dot = 1;

    for (; is_atom(*p) || *p == '.'; p++) {
        if (*p == '.' && is_after_dot) {
            return NULL;
        }
        is_after_dot = *p == '.';
    }
    return is_after_dot ? NULL : p;
}

static const char *quoted_string(const char *p)
{
    for (p++; *p != '"'; p++) {
        if (*p == '\\') {
            p++;
        }
        if (*p < ' ' || *p > '~') {
            return NULL; /* also the end of the text; bytes above 127 are negative or above '~' */
        }
    }
    return p + 1;
}

static int has_high_bytes(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text > 127) {
            return 1;
        }
    }
    return 0;
}

/* "@a,@b:" in front of the address; NULL when it is malformed. */
static const char *skip_route(const char *p)
{
    while (*p == '@') {
        apr_size_t length = strcspn(p + 1, ",:>");

        if (!domain_ok(p + 1, length)) {
            return NULL;
        }
        p += 1 + length;
        if (*p == ':') {
            return p + 1;
        }
        if (*p++ != ',') {
            return NULL;
        }
    }
    return NULL;
}

/* ---- paths ---------------------------------------------------------------------------- */

static const char *take_domain(smtp_address_t *address, const char *p, const char **why)
{
    apr_size_t length = *p == '[' ? strcspn(p, "]>") + (strchr(p, ']') != NULL) : strcspn(p, "> \t");

    if (length > SMTP_DOMAIN_MAX) {
        *why = too_long;
        return NULL;
    }
    address->is_literal = *p == '[';
    if (address->is_literal ? !literal_ok(p, length) : !domain_ok(p, length)) {
        *why = bad_domain;
        return NULL;
    }
    address->text[address->local_length] = '@';
    memcpy(address->text + address->local_length + 1, p, length);
    address->text[address->local_length + 1 + length] = '\0';
    return p + length;
}

/* What stands between < and >; returns the end of it, or NULL. */
static const char *take_mailbox(smtp_address_t *address, const char *p, const char **why)
{
    const char *end = *p == '"' ? quoted_string(p) : dot_string(p);
    apr_size_t length;

    if (end == NULL) {
        *why = bad_local;
        return NULL;
    }
    length = (apr_size_t)(end - p);
    if (length > SMTP_LOCAL_MAX) {
        *why = too_long;
        return NULL;
    }
    memcpy(address->text, p, length);
    address->text[length] = '\0';
    address->local_length = length;
    return *end == '@' ? take_domain(address, end + 1, why) : end;
}

apr_status_t smtp_address_parse(smtp_address_t *address, const char **text, const char **why)
{
    const char *begin = *text;
    const char *p = begin + 1;

    memset(address, 0, sizeof *address);
    *why = bad_syntax;
    if (*begin != '<') {
        return EC_E_SYNTAX;
    }
    if (*p == '@' && (p = skip_route(p)) == NULL) {
        return EC_E_SYNTAX;
    }
    if (*p != '>' || p != begin + 1) {
        p = take_mailbox(address, p, why);
    }
    if (p == NULL || *p != '>') {
        if (has_high_bytes(begin)) {
            *why = not_ascii;
        } else if (p != NULL) {
            *why = bad_syntax;
        }
        return EC_E_SYNTAX;
    }
    if (p + 1 - begin > SMTP_PATH_MAX) {
        *why = too_long;
        return EC_E_TOO_LONG;
    }
    *text = p + 1;
    return APR_SUCCESS;
}

/* ---- parameters -------------------------------------------------------------------------- */

/* esmtp-keyword of RFC 5321 4.1.2 */
static apr_size_t keyword_length(const char *p)
{
    apr_size_t length = 0;

    while (is_letter_or_digit(p[length]) || (length > 0 && p[length] == '-')) {
        length++;
    }
    return length;
}

static apr_size_t value_length(const char *p)
{
    apr_size_t length = 0;

    while (p[length] > ' ' && p[length] <= '~' && p[length] != '=') {
        length++;
    }
    return length;
}

int smtp_params_split(char *text, smtp_param_t params[SMTP_PARAMS_MAX])
{
    int n = 0;

    while (*text == ' ') {
        char *name;

        for (; *text == ' '; text++) {
            *text = '\0';
        }
        if (*text == '\0') {
            return n;
        }
        if (n == SMTP_PARAMS_MAX || keyword_length(text) == 0) {
            return -1;
        }
        name = text;
        text += keyword_length(text);
        params[n].name = name;
        params[n].value = NULL;
        if (*text == '=') {
            *text++ = '\0';
            params[n].value = text;
            if (value_length(text) == 0) {
                return -1;
            }
            text += value_length(text);
        }
        n++;
    }
    return *text == '\0' ? n : -1;
}
