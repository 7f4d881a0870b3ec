/* listener.c - the listeners of a generation, and how many sessions they may have
 * SPDX-License-Identifier: Apache-2.0
 *
 * A listener belongs to no generation: it stays while its address is configured.  What
 * applies to a session is read from the generation in force when it is accepted; between
 * smtp_in_apply() and conf_install() a new listener has only the generation that it was
 * made for.
 * Thread: the master loop, but for what sessions call. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"

/* Sessions that share one budget of listener_sessions: those of the listener, or, where a Peer stanza sets
 * another limit, those of its network. */
typedef struct share share_t;
struct share {
    share_t *next;
    const conf_view_t *key;  /* NULL: the listener's own */
    apr_uint64_t generation; /* of the key */
    atomic_int sessions;
};

struct in_listener {
    atomic_int refs;
    in_listener_t *next;
    char *address;
    net_listener_t *net;
    conf_t *conf; /* the generation that it was made for */
    int is_wanted;
    share_t own;
    apr_thread_mutex_t *lock; /* of the list of shares; taken only for limits in Peer stanzas */
    apr_pool_t *pool;
};

static in_listener_t *listeners;
static atomic_int service_sessions;

/* ---- life --------------------------------------------------------------------------- */

in_listener_t *in_listener_ref(in_listener_t *listener)
{
    atomic_fetch_add_explicit(&listener->refs, 1, memory_order_relaxed);
    return listener;
}

void in_listener_unref(in_listener_t *listener)
{
    apr_pool_t *pool = listener->pool;

    if (atomic_fetch_sub_explicit(&listener->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (share_t *share = listener->own.next; share != NULL;) {
        share_t *next = share->next;

        free(share);
        share = next;
    }
    conf_unref(listener->conf);
    apr_pool_destroy(pool);
}

static void on_net_closed(void *baton)
{
    in_listener_unref(baton);
}

static void close_listener(in_listener_t *listener)
{
    ec_log(in_log(), EC_LOG_INFO, "listener closed address=%s", listener->address);
    net_listener_close_then(listener->net, on_net_closed, listener);
}

static const conf_stanza_t *find_stanza(const conf_t *conf, const char *address)
{
    const conf_stanza_t *parent = NULL;
    const conf_stanza_t *listen;

    while ((parent = conf_next(conf, NULL, "esmtp_listener", parent)) != NULL) {
        for (listen = NULL; (listen = conf_next(conf, parent, "listen", listen)) != NULL;) {
            if (strcmp(conf_stanza_name(listen), address) == 0) {
                return listen;
            }
        }
    }
    return NULL;
}

const conf_stanza_t *in_listener_stanza(const in_listener_t *listener, const conf_t *conf)
{
    return find_stanza(conf, listener->address);
}

conf_t *in_listener_conf(const in_listener_t *listener)
{
    return listener->conf;
}

static apr_status_t open_listener(in_listener_t **result, conf_t *conf, const conf_stanza_t *listen,
                                  const char **why, apr_pool_t *scratch)
{
    const conf_view_t *view = conf_inbound(conf, listen, NULL);
    net_listen_options_t options = {
        .address = conf_stanza_name(listen),
        .backlog = (int)conf_int(view, CONF_O_LISTEN_BACKLOG),
        .all_loops = 1,
        .socket_mode = (int)conf_int(view, CONF_O_FILE_MODE),
        .receive_buffer = (int)conf_int(view, CONF_O_TCP_RECV_BUFFER_SIZE),
        .send_buffer = (int)conf_int(view, CONF_O_TCP_SEND_BUFFER_SIZE),
    };
    in_listener_t *listener;
    apr_pool_t *pool;
    apr_status_t rv;

    EC_TRY(apr_pool_create(&pool, NULL));
    listener = apr_pcalloc(pool, sizeof *listener);
    listener->pool = pool;
    atomic_init(&listener->refs, 1);
    listener->address = apr_pstrdup(pool, options.address);
    listener->conf = conf_ref(conf);
    listener->is_wanted = 1;
    EC_TRY(apr_thread_mutex_create(&listener->lock, APR_THREAD_MUTEX_DEFAULT, pool));
    rv = net_listen(&listener->net, &options, in_conn_accept, listener, why, scratch);
    if (rv != APR_SUCCESS) {
        in_listener_unref(listener);
        return rv;
    }
    *result = listener;
    return APR_SUCCESS;
}

/* ---- a new generation --------------------------------------------------------------- */

static in_listener_t *find(in_listener_t *list, const char *address)
{
    while (list != NULL && strcmp(list->address, address) != 0) {
        list = list->next;
    }
    return list;
}

static void close_list(in_listener_t *list)
{
    while (list != NULL) {
        in_listener_t *next = list->next;

        close_listener(list);
        list = next;
    }
}

static apr_status_t want(in_listener_t **fresh, conf_t *conf, const conf_stanza_t *listen, const char **why,
                         apr_pool_t *scratch)
{
    const char *address = conf_stanza_name(listen);
    in_listener_t *listener = find(listeners, address);
    apr_status_t rv;

    if (!conf_int(conf_inbound(conf, listen, NULL), CONF_O_ENABLE)) {
        return APR_SUCCESS;
    }
    if ((listener != NULL && listener->is_wanted) || find(*fresh, address) != NULL) {
        *why = apr_psprintf(scratch, "two Listen stanzas have the address %s", address);
        return EC_E_CONFIG;
    }
    if (listener != NULL) {
        listener->is_wanted = 1;
        return APR_SUCCESS;
    }
    if ((rv = open_listener(&listener, conf, listen, why, scratch)) != APR_SUCCESS) {
        *why = apr_psprintf(scratch, "%s: %s", conf_stanza_place(listen, scratch), *why);
        return rv;
    }
    listener->next = *fresh;
    *fresh = listener;
    return APR_SUCCESS;
}

static apr_status_t want_all(in_listener_t **fresh, conf_t *conf, const char **why, apr_pool_t *scratch)
{
    const conf_stanza_t *parent = NULL;
    const conf_stanza_t *listen;

    for (in_listener_t *listener = listeners; listener != NULL; listener = listener->next) {
        listener->is_wanted = 0;
    }
    while ((parent = conf_next(conf, NULL, "esmtp_listener", parent)) != NULL) {
        for (listen = NULL; (listen = conf_next(conf, parent, "listen", listen)) != NULL;) {
            EC_TRY(want(fresh, conf, listen, why, scratch));
        }
    }
    return APR_SUCCESS;
}

static void switch_to(in_listener_t *fresh)
{
    in_listener_t **at = &listeners;

    while (*at != NULL) {
        in_listener_t *listener = *at;

        if (listener->is_wanted) {
            at = &listener->next;
        } else {
            *at = listener->next;
            close_listener(listener);
        }
    }
    *at = fresh;
    for (; fresh != NULL; fresh = fresh->next) {
        ec_log(in_log(), EC_LOG_INFO, "listener open address=%s port=%d", fresh->address,
               net_listener_port(fresh->net));
    }
}

apr_status_t smtp_in_apply(conf_t *conf, const char **why)
{
    static char text[512];
    in_listener_t *fresh = NULL;
    const char *said = "out of memory";
    apr_pool_t *scratch;
    apr_status_t rv;

    EC_TRY(apr_pool_create(&scratch, NULL));
    rv = want_all(&fresh, conf, &said, scratch);
    if (rv == APR_SUCCESS) {
        switch_to(fresh);
    } else {
        close_list(fresh);
        apr_cpystrn(text, said, sizeof text);
        *why = text;
    }
    apr_pool_destroy(scratch);
    return rv;
}

void in_listeners_close(void)
{
    in_listener_t *list = listeners;

    listeners = NULL;
    close_list(list);
}

in_listener_t *in_listener_at(const char *address)
{
    return find(listeners, address);
}

int smtp_in_port(const char *address)
{
    const in_listener_t *listener = in_listener_at(address);

    return listener == NULL ? 0 : net_listener_port(listener->net);
}

/* ---- how many ----------------------------------------------------------------------- */

static int try_take(atomic_int *sessions, apr_int64_t limit)
{
    if (atomic_fetch_add(sessions, 1) < limit || limit == 0) {
        return 1;
    }
    atomic_fetch_sub(sessions, 1);
    return 0;
}

static share_t *share_of(in_listener_t *listener, const conf_view_t *key, apr_uint64_t generation)
{
    share_t *share;

    apr_thread_mutex_lock(listener->lock);
    for (share = listener->own.next; share != NULL; share = share->next) {
        if (share->key == key && share->generation == generation) {
            break;
        }
    }
    if (share == NULL) {
        share = calloc(1, sizeof *share);
        EC_ASSERT(share != NULL);
        share->key = key;
        share->generation = generation;
        share->next = listener->own.next;
        listener->own.next = share;
    }
    apr_thread_mutex_unlock(listener->lock);
    return share;
}

int in_share_take(ec_conn_t *conn)
{
    apr_int64_t limit = conf_int(conn->view, CONF_O_LISTENER_SESSIONS);
    const conf_stanza_t *listen = in_listener_stanza(conn->listener, conn->conf);
    share_t *share = &conn->listener->own;

    if (limit != 0 && limit != conf_int(conf_inbound(conn->conf, listen, NULL), CONF_O_LISTENER_SESSIONS)) {
        share = share_of(conn->listener, conn->view, conf_generation(conn->conf));
    }
    if (!try_take(&share->sessions, limit)) {
        return 0;
    }
    if (!try_take(&service_sessions, conf_int(conn->view, CONF_O_SERVICE_SESSIONS))) {
        atomic_fetch_sub(&share->sessions, 1);
        return 0;
    }
    conn->share = share;
    return 1;
}

void in_share_give(ec_conn_t *conn)
{
    share_t *share = conn->share;

    if (share != NULL) {
        conn->share = NULL;
        atomic_fetch_sub(&share->sessions, 1);
        atomic_fetch_sub(&service_sessions, 1);
    }
}
