/* relay.c - who may send where
 * SPDX-License-Identifier: Apache-2.0
 *
 * message-flow.md section C.  A recipient is accepted when the client may send to
 * anybody (its address, or a hook said so), when the sender's domain opens the way, or
 * when the recipient's domain is ours. */
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

int in_relay_match(const char *pattern, const char *domain)
{
    apr_size_t length = strlen(domain);
    apr_size_t wanted;

    if (pattern[0] != '*') {
        return util_text_equal_nocase(pattern, strlen(pattern), domain, length);
    }
    wanted = strlen(pattern + 1);
    /* "*.x": at least one more byte in front of ".x"; "*x": x itself, too */
    if (length < wanted || (pattern[1] == '.' && length == wanted)) {
        return 0;
    }
    return util_text_equal_nocase(pattern + 1, wanted, domain + length - wanted, wanted);
}

static int is_in(const ec_value_t *list, const char *domain)
{
    if (list == NULL || list->list == NULL) {
        return 0;
    }
    for (const char *const *pattern = list->list; *pattern != NULL; pattern++) {
        if (in_relay_match(*pattern, domain)) {
            return 1;
        }
    }
    return 0;
}

int in_relay_client(const conf_view_t *view, const char *peer)
{
    const ec_value_t *hosts = conf_get(view, CONF_O_RELAY_HOSTS);

    if (conf_int(view, CONF_O_OPEN_RELAY)) {
        return 1;
    }
    return hosts != NULL && hosts->cidr != NULL && ec_cidr_set_has(hosts->cidr, peer);
}

int in_relay_recipient(const ec_conn_t *conn, const char *sender_domain, const char *domain)
{
    const ec_value_t *senders = conf_get(conn->view, CONF_O_RELAY_FOR_SENDING_DOMAINS);

    if (conn->can_relay) {
        return 1;
    }
    if (senders != NULL && senders->list != NULL &&
        (senders->list[0] == NULL || is_in(senders, sender_domain))) {
        return 1;
    }
    return is_in(conf_get(conn->view, CONF_O_RELAY_DOMAINS), domain);
}
