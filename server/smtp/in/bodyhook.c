/* bodyhook.c - the hooks that see a message while it comes
 * SPDX-License-Identifier: Apache-2.0
 *
 * They answer at once.  A refusal is kept until the end of data, since a client reads no answer before; from then on
 * the rest of the message is read and thrown away, and no hook sees it. */
#include "smtp/in/session.h"

static void refuse(in_body_t *body, in_txn_t *txn, const char *module)
{
    in_policy_t *policy = &txn->conn->policy;

    policy->module = module;
    in_body_refuse(body, policy->code != 0 ? policy->code : 550,
                   policy->text != NULL ? batch_strdup(txn->batch, policy->text) : "5.7.1 Refused by policy");
}

static void on_header(in_body_t *body, void *baton)
{
    in_txn_t *txn = baton;
    apr_size_t before = ec_batch_size(txn->batch), after;
    ec_verdict_t verdict;
    const char *module;

    HOOK_ASK(&verdict, &module, smtp_header, txn->conn, txn->batch);
    after = ec_batch_size(txn->batch);
    body->ours += after > before ? after - before : 0;
    if (verdict == EC_REJECT) {
        refuse(body, txn, module);
    }
}

static void on_bytes(in_body_t *body, void *baton, const char *data, apr_size_t len)
{
    in_txn_t *txn = baton;
    ec_verdict_t verdict;
    const char *module;

    HOOK_ASK(&verdict, &module, smtp_body, txn->conn, data, len);
    if (verdict == EC_REJECT) {
        refuse(body, txn, module);
    }
}

void in_watch_body(in_txn_t *txn)
{
    if (hook_list(EC_HOOK_smtp_header) != NULL || hook_list(EC_HOOK_smtp_body) != NULL) {
        in_forget_reply(&txn->conn->policy);
        txn->watch = (in_body_watch_t){ on_header, on_bytes, txn };
        txn->body.watch = &txn->watch;
    }
}
