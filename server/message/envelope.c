/* envelope.c - what modules may change of a batch before it is stored
 * SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of modules are held to what the wire allows: nothing that could speak SMTP or break a line. */
#include <string.h>

#include "hook/hook.h"
#include "message/message.h"

enum { ADDRESS_MAX = 320, DOMAIN_MAX = 255 };

static int is_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c <= ' ' || c == 127 || c == '<' || c == '>') {
            return 0;
        }
    }
    return 1;
}

/* local@domain; spaces are legal within a quoted local part, and not worth the risk. */
static apr_status_t check_address(const char *address)
{
    const char *at = strrchr(address, '@');

    if (strlen(address) > ADDRESS_MAX) {
        return EC_E_TOO_LONG;
    }
    return is_clean(address) && at != NULL && at > address && at[1] != '\0' ? APR_SUCCESS : EC_E_SYNTAX;
}

apr_status_t ec_batch_set_sender(ec_batch_t *batch, const char *sender)
{
    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    if (sender[0] != '\0') {
        EC_TRY(check_address(sender));
    }
    batch_set_sender(batch, sender);
    return APR_SUCCESS;
}

apr_status_t ec_batch_add_recipient(ec_batch_t *batch, const char *recipient)
{
    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    EC_TRY(check_address(recipient));
    if (batch->n_rcpts >= EC_BATCH_RECIPIENTS_MAX) {
        return EC_E_LIMIT;
    }
    batch_add_rcpt(batch, recipient);
    return APR_SUCCESS;
}

apr_status_t ec_batch_remove_recipient(ec_batch_t *batch, int i)
{
    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    if (i < 0 || i >= batch->n_rcpts) {
        return APR_EINVAL;
    }
    if (batch->is_sealing && batch->n_rcpts == 1) {
        return EC_E_DENIED; /* too late to tell anybody that nothing is stored */
    }
    batch->n_rcpts--;
    memmove(&batch->rcpts[i], &batch->rcpts[i + 1], (apr_size_t)(batch->n_rcpts - i) * sizeof batch->rcpts[0]);
    return APR_SUCCESS;
}

apr_status_t ec_batch_set_route(ec_batch_t *batch, int i, const char *domain)
{
    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    if (i < 0 || i >= batch->n_rcpts) {
        return APR_EINVAL;
    }
    if (strlen(domain) > DOMAIN_MAX) {
        return EC_E_TOO_LONG;
    }
    if (domain[0] == '\0' || !is_clean(domain)) {
        return EC_E_SYNTAX;
    }
    batch_route(batch, i, domain);
    return APR_SUCCESS;
}

static apr_status_t wish(ec_batch_t *batch, int i, const char *name, int is_group)
{
    if (batch->is_sealed) {
        return EC_E_DENIED;
    }
    if (i < 0 || i >= batch->n_rcpts) {
        return APR_EINVAL;
    }
    if (strlen(name) > BINDING_NAME_MAX) {
        return EC_E_TOO_LONG;
    }
    if (name[0] == '\0' || !is_clean(name)) {
        return EC_E_SYNTAX;
    }
    batch->rcpts[i].wish = batch_strdup(batch, name);
    batch->rcpts[i].is_group = is_group != 0;
    return APR_SUCCESS;
}

apr_status_t ec_batch_set_binding(ec_batch_t *batch, int i, const char *name)
{
    return wish(batch, i, name, 0);
}

apr_status_t ec_batch_set_binding_group(ec_batch_t *batch, int i, const char *name)
{
    return wish(batch, i, name, 1);
}

void *ec_batch_slot(ec_batch_t *batch, const ec_slot_t *slot)
{
    return util_slot_get(&batch->slots, slot, !batch->is_sealed);
}

void batch_seal(ec_batch_t *batch)
{
    if (batch->is_sealed) {
        return;
    }
    batch->is_sealing = 1;
    HOOK_CALL(message_spool, batch);
    if (hook_list(EC_HOOK_message_route) != NULL) {
        for (int i = 0; i < batch->n_rcpts; i++) {
            HOOK_CALL(message_route, batch, i);
        }
    }
    batch->is_sealed = 1;
}
