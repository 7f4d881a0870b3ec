/* bounce.h - what a refusal means: the documented classes
 * SPDX-License-Identifier: Apache-2.0
 *
 * log-formats.md section 10.  The core knows the classes; what a reply means is said by
 * the modules that provide the hook smtp_error_classify (hook.h), such as bounce_classifier. */
#ifndef EC_BOUNCE_H
#define EC_BOUNCE_H

#ifdef __cplusplus
extern "C" {
#endif

/** The documented codes; modules may have more of their own below 100. */
enum {
    EC_BOUNCE_UNDETERMINED = 1, EC_BOUNCE_INVALID_RECIPIENT = 10, EC_BOUNCE_SOFT = 20, EC_BOUNCE_DNS_FAILURE = 21,
    EC_BOUNCE_MAILBOX_FULL = 22, EC_BOUNCE_TOO_LARGE = 23, EC_BOUNCE_TIMEOUT = 24, EC_BOUNCE_ADMIN_FAILURE = 25,
    EC_BOUNCE_NO_RCPT = 30, EC_BOUNCE_GENERIC = 40, EC_BOUNCE_MAIL_BLOCK = 50, EC_BOUNCE_SPAM_BLOCK = 51,
    EC_BOUNCE_SPAM_CONTENT = 52, EC_BOUNCE_ATTACHMENT = 53, EC_BOUNCE_RELAYING_DENIED = 54, EC_BOUNCE_AUTO_REPLY = 60,
    EC_BOUNCE_TRANSIENT = 70, EC_BOUNCE_SUBSCRIBE = 80, EC_BOUNCE_UNSUBSCRIBE = 90, EC_BOUNCE_CHALLENGE = 100
};

typedef struct {
    int code;
    const char *name;              /* "Invalid Recipient" */
    const char *category;          /* "Undetermined", "Hard", "Soft", "Block", "Admin" */
} ec_bounce_class_t;

/** The documented class with this code; NULL when there is none.  Constant.  Any thread. */
const ec_bounce_class_t *ec_bounce_class(int code);

/** The i-th documented class, in order of code; NULL behind the last.  Constant.  Any thread. */
const ec_bounce_class_t *ec_bounce_class_at(int i);

/** Ask the modules what `reply` (code and text, as in ec_event_t.text) of a server for `domain` (routing domain, may
 * be "") means.  Never NULL: Undetermined when nobody knows.  Borrows both; the answer is valid until the callback
 * ends.  Loop threads only. */
const ec_bounce_class_t *ec_bounce_classify(const char *reply, const char *domain);

#ifdef __cplusplus
}
#endif
#endif
