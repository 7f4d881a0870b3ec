/* bounce.h - delivery status notices (RFC 3464) for mail that failed
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BOUNCE_BOUNCE_H
#define BOUNCE_BOUNCE_H

#include "conf/conf.h"
#include "message/message.h"

typedef struct {
    const ec_batch_t
        *batch; /* the failed one; memory body, or NULL body: then only what is known is reported */
    const char *recipient;
    const char *text;     /* last reply or internal text */
    const char *remote;   /* server that said it: name or address, "" when none */
    const char *hostname; /* ours */
    const char *from;     /* mailerdaemon */
    int inline_original;  /* bounces_inline_original: 0 none, 1 headers, 2 all */
    int is_expired;
    int attempts;
    apr_time_t now; /* wall */
} bounce_facts_t;

/** A new batch (protocol "internal", null sender, recipient = the sender of the failed one) or NULL: the
 * failed one had the null sender, so no notice may be made (RFC 5321 6.1).  multipart/report with the three
 * parts of RFC 3464; Auto-Submitted: auto-replied; enhanced status code taken from the text, else made from
 * the reply code. */
ec_batch_t *bounce_make(const bounce_facts_t *facts);

/** Enhanced code of a reply text into `code` ("5.1.1"); from the reply code when the text has none. */
void bounce_status_code(const char *text, int is_permanent, char code[16]);
#endif
