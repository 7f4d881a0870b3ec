/* classify.h - what a reply or a failure means for a message
 * SPDX-License-Identifier: Apache-2.0 (log-formats.md section 12 for the texts of our own) */
#ifndef SMTP_OUT_CLASSIFY_H
#define SMTP_OUT_CLASSIFY_H

#include "queue/queue.h"

enum { CLASSIFY_TEXT_MAX = 1024 };

/** What a reply at a place of the dialogue says about a recipient. */
typedef enum {
    REPLY_GOOD, /* go on; after the dot: delivered */
    REPLY_TRANSIENT,
    REPLY_PERMANENT,
    REPLY_FULL, /* no more recipients in this transaction, but in the next one */
    REPLY_ODD   /* not an answer to what was asked */
} reply_class_t;

/** `stage`: MAIL, RCPT, DATA, CONFIRM (also BODY). */
reply_class_t classify_reply(ec_stage_t stage, int code, const char *text);
/** Transient or permanent, for those two classes. */
queue_outcome_t classify_outcome(reply_class_t class);

/** Texts of our own; `text` is filled and returned. */
const char *classify_connect(apr_status_t rv, char *text, apr_size_t room);
const char *classify_lost(ec_stage_t stage, const char *why, char *text, apr_size_t room);
/** A route that was not found; says also what that means. */
queue_outcome_t classify_route(apr_status_t rv, const char *why, char *text, apr_size_t room);
#endif
