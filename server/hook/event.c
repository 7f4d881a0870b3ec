/* event.c - the documented words for what events hold as numbers
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/event.h>

/* log-formats.md section 9 */
static const char *const stages[] = {
    "not connected",
    "idle",
    "during MAIL FROM",
    "after MAIL FROM",
    "during RCPT TO",
    "after RCPT TO",
    "during DATA",
    "after DATA",
    "sending body",
    "waiting for confirmation",
    "during EHLO",
    "after EHLO",
    "reading banner",
    "during RSET",
    "after RSET",
    "during STARTTLS",
    "after STARTTLS",
    "TLS handshake",
    "TLS renegotiation",
    "during XCLIENT",
    "after XCLIENT",
    "out-of-band bounce",
    "unknown",
};
enum { STAGES = sizeof stages / sizeof stages[0] };

const char *ec_stage_name(int stage)
{
    return stages[stage >= 0 && stage < STAGES ? stage : EC_STAGE_UNKNOWN];
}

/* log-formats.md section 11 */
static const char *const states[] = {
    "just connected",
    "sending banner",
    "awaiting ehlo/helo",
    "sending ehlo/helo response",
    "awaiting mailfrom",
    "sending mailfrom response",
    "awaiting rcptto",
    "sending rcptto response",
    "data phase",
    "reading body",
    "sending body response",
    "async body handler",
    "async body response",
    "relaying denied",
    "extension 1",
    "extension 2",
    "extension 3",
    "extension 4",
    "concurrency limit",
    "rcptto list response",
    "rcptto list final response",
    "esmtp setup phase",
};
enum { STATES = sizeof states / sizeof states[0] };

const char *ec_reception_state_name(int state)
{
    return state >= 0 && state < STATES ? states[state] : "unknown";
}
