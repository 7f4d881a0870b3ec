/* policy.c - asking policy hooks, which may take their time
 * SPDX-License-Identifier: Apache-2.0
 *
 * Providers are asked in order.  When one suspends, the session waits (its stream is
 * paused, a reference is held) until ec_conn_resume() posts the verdict to its loop; then
 * the next one is asked.  The table of providers may have changed meanwhile: the place to
 * go on is found by the instance, not by the number alone. */
#include <stdlib.h>
#include <string.h>

#include "hook/hook.h"
#include "smtp/in/session.h"

/* ---- one call per hook type --------------------------------------------------------- */

typedef ec_verdict_t ask_fn(const hook_provider_t *provider, ec_conn_t *conn);

static ec_verdict_t ask_connect(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_connect_fn *)provider->fn)(provider->self, conn);
}

static ec_verdict_t ask_ehlo(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_ehlo_fn *)provider->fn)(provider->self, conn, ec_conn_helo(conn));
}

static ec_verdict_t ask_mail(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_mail_fn *)provider->fn)(provider->self, conn, ec_conn_sender(conn));
}

static ec_verdict_t ask_rcpt(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_rcpt_fn *)provider->fn)(provider->self, conn, conn->txn->rcpt.text);
}

static ec_verdict_t ask_data(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_data_fn *)provider->fn)(provider->self, conn);
}

static ec_verdict_t ask_message(const hook_provider_t *provider, ec_conn_t *conn)
{
    return ((ec_hook_smtp_message_fn *)provider->fn)(provider->self, conn, conn->txn->batch);
}

static ask_fn *const ask[EC_HOOK_COUNT] = {
    [EC_HOOK_smtp_connect] = ask_connect, [EC_HOOK_smtp_ehlo] = ask_ehlo,
    [EC_HOOK_smtp_mail] = ask_mail,       [EC_HOOK_smtp_rcpt] = ask_rcpt,
    [EC_HOOK_smtp_data] = ask_data,       [EC_HOOK_smtp_message] = ask_message,
};

/* ---- the walk ----------------------------------------------------------------------- */

void in_forget_reply(in_policy_t *policy)
{
    free(policy->text);
    policy->text = NULL;
    policy->code = 0;
}

static void decide(ec_conn_t *conn, int is_refused)
{
    in_policy_t *policy = &conn->policy;

    if (is_refused) {
        int code = policy->code != 0 ? policy->code : 550;
        int log_state = policy->hook == EC_HOOK_smtp_data ? IN_LOG_DATA : -1;

        in_refuse_as(conn, log_state, code, policy->text != NULL ? policy->text : "5.7.1 Refused by policy");
    }
    in_forget_reply(policy);
    policy->module = NULL;
    policy->then(conn, is_refused);
}

/* The instance may not end, nor the session be freed, before it is resumed.  A hook that forgets it is given up after
 * the time that a client waits: then the session ends, and what is left is freed when it is resumed after all. */
static void suspend(ec_conn_t *conn, const hook_provider_t *provider)
{
    conn->policy.suspender = provider->self;
    conn->policy.held = provider->owner;
    conn->is_suspended = 1;
    hook_hold(provider->owner);
    in_suspended(in_ref(conn));
    if (conn->policy.hook == EC_HOOK_smtp_connect) {
        conn->is_waiting = 1; /* it still reads, to see clients that do not wait for the banner */
    } else {
        in_wait(conn);
        stream_deadline(conn->stream, IN_SUSPEND_MAX);
    }
}

static void walk(ec_conn_t *conn)
{
    in_policy_t *policy = &conn->policy;
    const hook_list_t *list = hook_list(policy->hook);

    while (list != NULL && policy->next < list->n) {
        const hook_provider_t *provider = &list->provider[policy->next++];

        policy->module = provider->module;
        switch (ask[policy->hook](provider, conn)) {
        case EC_CONTINUE:
            break;
        case EC_DONE:
            decide(conn, 0);
            return;
        case EC_REJECT:
            decide(conn, 1);
            return;
        case EC_SUSPEND:
            suspend(conn, provider);
            return;
        }
    }
    decide(conn, 0);
}

void in_policy(ec_conn_t *conn, ec_hook_id_t hook, in_decided_fn *then)
{
    in_ref(conn);
    conn->policy.hook = hook;
    conn->policy.next = 0;
    conn->policy.then = then;
    if (hook_list(hook) == NULL) {
        then(conn, 0);
    } else {
        in_forget_reply(&conn->policy);
        walk(conn);
    }
    in_unref(conn);
}

/* ---- going on ----------------------------------------------------------------------- */

static void find_place(in_policy_t *policy)
{
    const hook_list_t *list = hook_list(policy->hook);

    for (int i = 0; list != NULL && i < list->n; i++) {
        if (list->provider[i].self == policy->suspender) {
            policy->next = i + 1;
            return;
        }
    }
}

static void on_resume(void *baton)
{
    ec_conn_t *conn = baton;

    conn->is_waiting = 0;
    conn->is_suspended = 0;
    util_list_remove(&conn->suspended);
    hook_release(conn->policy.held);
    if (in_is_open(conn)) {
        find_place(&conn->policy);
        if (conn->policy.verdict == EC_CONTINUE) {
            walk(conn);
        } else {
            decide(conn, conn->policy.verdict == EC_REJECT);
        }
        if (!conn->is_waiting) {
            in_go_on(conn);
        }
    }
    in_unref(conn);
}

void ec_conn_resume(ec_conn_t *conn, ec_verdict_t verdict)
{
    EC_ASSERT(verdict != EC_SUSPEND);
    conn->policy.verdict = verdict;
    ec_loop_post(conn->loop, &conn->policy.resume, on_resume, conn);
}

/* ---- what hooks see (include/ec/conn.h) --------------------------------------------- */

ec_id_t ec_conn_id(const ec_conn_t *conn)
{
    return conn->id;
}

const char *ec_conn_peer(const ec_conn_t *conn)
{
    return conn->peer.text;
}

int ec_conn_peer_port(const ec_conn_t *conn)
{
    return conn->peer.port;
}

const char *ec_conn_local(const ec_conn_t *conn)
{
    return conn->local.text;
}

int ec_conn_local_port(const ec_conn_t *conn)
{
    return conn->local.port;
}

const char *ec_conn_helo(const ec_conn_t *conn)
{
    return conn->helo == NULL ? "" : conn->helo;
}

const char *ec_conn_sender(const ec_conn_t *conn)
{
    return conn->txn == NULL ? NULL : ec_batch_sender(conn->txn->batch);
}

const ec_options_t *ec_conn_options(const ec_conn_t *conn)
{
    return conn->view;
}

const char *ec_conn_network(const ec_conn_t *conn, const char *option)
{
    const conf_stanza_t *listen = in_listener_stanza(conn->listener, conn->conf);
    const conf_stanza_t *origin = conf_inbound_origin_of(conn->conf, listen, in_peer_for_matching(conn), option);

    return origin != NULL && strcmp(conf_stanza_type(origin), "peer") == 0 ? conf_stanza_name(origin) : NULL;
}

ec_batch_t *ec_conn_batch(const ec_conn_t *conn)
{
    return conn->txn == NULL ? NULL : conn->txn->batch;
}

apr_status_t ec_conn_context_set(ec_conn_t *conn, const char *name, const char *value)
{
    return context_set(&conn->context, EC_CONTEXT_CONN, name, value);
}

void ec_conn_context_each(const ec_conn_t *conn, ec_context_each_fn *each, void *baton)
{
    context_each(&conn->context, EC_CONTEXT_CONN, each, baton);
}

const char *ec_conn_context_get(const ec_conn_t *conn, const char *name)
{
    return context_get(&conn->context, EC_CONTEXT_CONN, name);
}

void *ec_conn_slot(ec_conn_t *conn, const ec_slot_t *slot)
{
    return util_slot_get(&conn->slots, slot, 1);
}

int ec_conn_can_relay(const ec_conn_t *conn)
{
    return conn->can_relay;
}

void ec_conn_set_can_relay(ec_conn_t *conn, int can)
{
    conn->can_relay = can != 0;
}

void ec_conn_reply(ec_conn_t *conn, int code, const char *text)
{
    char *copy = strndup(text, 400);

    EC_ASSERT(copy != NULL);
    for (char *p = copy; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 127) {
            *p = '?';
        }
    }
    free(conn->policy.text);
    conn->policy.text = copy;
    conn->policy.code = code >= 400 && code <= 599 ? code : 550;
}
