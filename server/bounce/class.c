/* class.c - the documented bounce classes, and asking the modules for one
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/bounce.h>

#include <stddef.h>

#include "hook/hook.h"

/* log-formats.md section 10 */
static const ec_bounce_class_t classes[] = {
    { EC_BOUNCE_UNDETERMINED, "Undetermined", "Undetermined" },
    { EC_BOUNCE_INVALID_RECIPIENT, "Invalid Recipient", "Hard" },
    { EC_BOUNCE_SOFT, "Soft Bounce", "Soft" },
    { EC_BOUNCE_DNS_FAILURE, "DNS Failure", "Soft" },
    { EC_BOUNCE_MAILBOX_FULL, "Mailbox Full", "Soft" },
    { EC_BOUNCE_TOO_LARGE, "Too Large", "Soft" },
    { EC_BOUNCE_TIMEOUT, "Timeout", "Soft" },
    { EC_BOUNCE_ADMIN_FAILURE, "Admin Failure", "Admin" },
    { EC_BOUNCE_NO_RCPT, "Generic Bounce: No RCPT", "Hard" },
    { EC_BOUNCE_GENERIC, "Generic Bounce", "Soft" },
    { EC_BOUNCE_MAIL_BLOCK, "Mail Block", "Block" },
    { EC_BOUNCE_SPAM_BLOCK, "Spam Block", "Block" },
    { EC_BOUNCE_SPAM_CONTENT, "Spam Content", "Block" },
    { EC_BOUNCE_ATTACHMENT, "Prohibited Attachment", "Block" },
    { EC_BOUNCE_RELAYING_DENIED, "Relaying Denied", "Block" },
    { EC_BOUNCE_AUTO_REPLY, "Auto-Reply", "Soft" },
    { EC_BOUNCE_TRANSIENT, "Transient Failure", "Soft" },
    { EC_BOUNCE_SUBSCRIBE, "Subscribe", "Admin" },
    { EC_BOUNCE_UNSUBSCRIBE, "Unsubscribe", "Hard" },
    { EC_BOUNCE_CHALLENGE, "Challenge-Response", "Soft" },
};
enum { CLASSES = sizeof classes / sizeof classes[0] };

const ec_bounce_class_t *ec_bounce_class_at(int i)
{
    return i >= 0 && i < CLASSES ? &classes[i] : NULL;
}

const ec_bounce_class_t *ec_bounce_class(int code)
{
    for (int i = 0; i < CLASSES; i++) {
        if (classes[i].code == code) {
            return &classes[i];
        }
    }
    return NULL;
}

const ec_bounce_class_t *ec_bounce_classify(const char *reply, const char *domain)
{
    const hook_list_t *list = hook_list(EC_HOOK_smtp_error_classify);

    for (int i = 0; list != NULL && i < list->n; i++) {
        const hook_provider_t *provider = &list->provider[i];
        const ec_bounce_class_t *class =
            ((ec_hook_smtp_error_classify_fn *)provider->fn)(provider->self, reply, domain);

        if (class != NULL) {
            return class;
        }
    }
    return &classes[0];
}
