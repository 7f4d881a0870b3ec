/* policy.c - the hooks of an outbound session
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are asked and answer at once.  What a hook refuses is worded as a reply, so that logs, retries and bounces
 * treat it like one of the other side: 4xx is tried again, 5xx is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/hook.h"
#include "smtp/out/session.h"

enum { REPLY_MAX = 400 };

static void forget(session_t *session)
{
    free(session->verdict);
    session->verdict = NULL;
}

/* The words of a refusal; those of the hook, or ours. */
static const char *words(session_t *session, ec_verdict_t verdict, const char *module)
{
    if (verdict != EC_REJECT) {
        return NULL;
    }
    if (session->verdict == NULL && asprintf(&session->verdict, "451 4.7.0 [internal] refused by module %s", module) < 0) {
        session->verdict = NULL;
        return "451 4.7.0 [internal] refused by a module";
    }
    return session->verdict;
}

const char *policy_connect(session_t *session)
{
    ec_verdict_t verdict;
    const char *module;

    if (hook_list(EC_HOOK_out_connect) == NULL) {
        return NULL;
    }
    forget(session);
    HOOK_ASK(&verdict, &module, out_connect, session);
    return words(session, verdict, module);
}

const char *policy_greeting(session_t *session)
{
    ec_verdict_t verdict;
    const char *module;

    if (hook_list(EC_HOOK_out_greeting) == NULL) {
        return NULL;
    }
    forget(session);
    HOOK_ASK(&verdict, &module, out_greeting, session, session->reply.code, session->reply.text);
    return words(session, verdict, module);
}

const char *policy_attempt(session_t *session, const queue_attempt_t *attempt, int n)
{
    ec_verdict_t verdict;
    const char *module;

    if (hook_list(EC_HOOK_out_attempt) == NULL) {
        return NULL;
    }
    forget(session);
    HOOK_ASK(&verdict, &module, out_attempt, session, attempt->batch, attempt->rcpt, n);
    return words(session, verdict, module);
}

void policy_reply(session_t *session)
{
    HOOK_CALL(out_reply, session, session_stage(session), session->reply.code, session->reply.text);
}

void policy_connected(session_t *session)
{
    HOOK_CALL(out_connected, session);
}

void policy_disconnect(session_t *session)
{
    HOOK_CALL(out_disconnect, session);
}

/* ---- what hooks see (include/ec/out.h) ------------------------------------------------------- */

const char *ec_out_domain(const ec_out_t *out)
{
    return queue_domain(out->queue);
}

const char *ec_out_binding(const ec_out_t *out)
{
    return queue_binding(out->queue);
}

const char *ec_out_group(const ec_out_t *out)
{
    return queue_group(out->queue);
}

const char *ec_out_host(const ec_out_t *out)
{
    return out->hosts.name != NULL ? out->hosts.name : "";
}

const char *ec_out_address(const ec_out_t *out)
{
    return out->hosts.text;
}

int ec_out_port(const ec_out_t *out)
{
    return out->hosts.port;
}

ec_id_t ec_out_connection(const ec_out_t *out)
{
    return out->connection;
}

void ec_out_set_reply(ec_out_t *out, int code, const char *text)
{
    char reply[REPLY_MAX];

    snprintf(reply, sizeof reply, "%d %s", code >= 400 && code <= 599 ? code : 451, text);
    for (char *p = reply; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 127) {
            *p = '?';
        }
    }
    free(out->verdict);
    out->verdict = strdup(reply);
    EC_ASSERT(out->verdict != NULL);
}
