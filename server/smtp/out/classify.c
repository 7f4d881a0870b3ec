/* classify.c - what a reply or a failure means for a message
 * SPDX-License-Identifier: Apache-2.0
 *
 * RFC 5321 4.2.1: the first digit decides.  What is decided beyond that:
 *   - a banner, or an answer to EHLO and HELO, that is not positive speaks of the host and not of a message
 * (also 554, RFC 5321 3.1): the next host is tried, and when none is left the messages fail for now;
 *   - RCPT refused by 452 because of too many recipients (RFC 5321 4.5.3.1.10): when others of the
 * transaction were accepted, the recipient goes into the next transaction at once and no attempt is counted
 * (transaction.c);
 *   - 421 on a connection that has served before, as first answer: the peer has had enough of the connection,
 * not of the message; tried again on a new one (transaction.c);
 *   - a domain that does not exist fails for good, one that has no mail server for now (documented as 454);
 *   - after the final dot an answer that is none leaves the message in doubt. */
#include <string.h>

#include <apr_strings.h>

#include "smtp/out/classify.h"

/* Good answers by stage: an inclusive range of codes. */
static const struct {
    ec_stage_t stage;
    int from, to;
} good[] = {
    { EC_STAGE_MAIL, 200, 299 },
    { EC_STAGE_RCPT, 200, 299 },
    { EC_STAGE_DATA, 354, 354 },
    { EC_STAGE_CONFIRM, 200, 299 },
};

static int says_too_many(const char *text)
{
    return strstr(text, "4.5.3") != NULL || strstr(text, "oo many recipients") != NULL;
}

reply_class_t classify_reply(ec_stage_t stage, int code, const char *text)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (good[i].stage == stage && code >= good[i].from && code <= good[i].to) {
            return REPLY_GOOD;
        }
    }
    if (code >= 400 && code <= 499) {
        return stage == EC_STAGE_RCPT && code == 452 && says_too_many(text) ? REPLY_FULL : REPLY_TRANSIENT;
    }
    return code >= 500 && code <= 599 ? REPLY_PERMANENT : REPLY_ODD;
}

queue_outcome_t classify_outcome(reply_class_t class)
{
    return class == REPLY_PERMANENT ? QUEUE_PERMANENT : QUEUE_TRANSIENT;
}

const char *classify_connect(apr_status_t rv, char *text, apr_size_t room)
{
    char error[120];

    if (APR_STATUS_IS_TIMEUP(rv)) {
        apr_cpystrn(text, "450 4.4.1 [internal] connect timeout", room);
    } else {
        apr_snprintf(text, room, "451 4.4.1 [internal] could not connect: %s",
                     ec_strerror(rv, error, sizeof(error)));
    }
    return text;
}

static const struct {
    ec_stage_t stage;
    const char *name;
} stages[] = {
    { EC_STAGE_BANNER, "the banner" },     { EC_STAGE_EHLO, "EHLO" }, { EC_STAGE_MAIL, "MAIL FROM" },
    { EC_STAGE_RCPT, "RCPT TO" },          { EC_STAGE_DATA, "DATA" }, { EC_STAGE_BODY, "the message" },
    { EC_STAGE_CONFIRM, "the final dot" }, { EC_STAGE_RSET, "RSET" },
};

const char *classify_lost(ec_stage_t stage, const char *why, char *text, apr_size_t room)
{
    const char *name = "the session";

    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        if (stages[i].stage == stage) {
            name = stages[i].name;
        }
    }
    apr_snprintf(text, room, "451 4.4.2 [internal] %s failed: %s", name, why);
    return text;
}

static const struct {
    apr_status_t rv;
    queue_outcome_t outcome;
    const char *code;
} routes[] = {
    { EC_E_DNS_NULL_MX, QUEUE_PERMANENT, "550 5.4.4" },
    { EC_E_DNS_NXDOMAIN, QUEUE_PERMANENT, "554 5.4.4" },
    { EC_E_DNS_NODATA, QUEUE_TRANSIENT, "454 4.4.4" },
};

queue_outcome_t classify_route(apr_status_t rv, const char *why, char *text, apr_size_t room)
{
    queue_outcome_t outcome = QUEUE_TRANSIENT;
    const char *code = "451 4.4.3";
    char error[120];

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (routes[i].rv == rv) {
            outcome = routes[i].outcome;
            code = routes[i].code;
        }
    }
    if (why == NULL || why[0] == '\0') {
        why = ec_strerror(rv, error, sizeof(error));
    }
    apr_snprintf(text, room, "%s [internal] %s", code, why);
    return outcome;
}
