/* listener.c - the listeners of a generation, and how many sessions they may have
 * SPDX-License-Identifier: Apache-2.0
 *
 * A listener belongs to no generation: it stays while its address is configured.  What
 * applies to a session is read from the generation in force when it is accepted, so a new
 * listener begins to accept only when its generation is in force.
 * Thread: the master loop, but for what sessions call. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"

/* Sessions that share one budget of listener_sessions: those of the listener, or, where a Peer stanza sets
 * another limit, those of its network, over all generations. */
typedef struct share share_t;
struct share {
    share_t *next;
    atomic_int sessions;
    char network[]; /* name of the Peer stanza */
};

struct in_listener {
    atomic_int refs;
    in_listener_t *next;
    char *address;
    net_listener_t *net;
    int is_wanted, is_started;
    atomic_int own; /* sessions of no share */
    share_t *shares;
    apr_thread_mutex_t *lock; /* of the list of shares; taken only for limits in Peer stanzas */
    apr_pool_t *pool;
};

static in_listener_t *listeners;
static in_listener_t *closing; /* their sockets are open until the last loop has come to it */
static in_listener_t *prepared; /* opened for a generation that is not in force yet */
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
    for (share_t *share = listener->shares; share != NULL;) {
        share_t *next = share->next;

        free(share);
        share = next;
    }
    apr_pool_destroy(pool);
}

static void on_net_closed(void *baton)
{
    in_listener_t **at = &closing;

    while (*at != baton) {
        at = &(*at)->next;
    }
    *at = (*at)->next;
    in_listener_unref(baton);
}

static void close_listener(in_listener_t *listener)
{
    listener->is_wanted = 0;
    listener->next = closing;
    closing = listener;
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

static net_listen_options_t options_of(conf_t *conf, const conf_stanza_t *listen)
{
    const conf_view_t *view = conf_inbound(conf, listen, NULL);

    return (net_listen_options_t){
        .address = conf_stanza_name(listen),
        .backlog = (int)conf_int(view, CONF_O_LISTEN_BACKLOG),
        .all_loops = 1,
        .is_held = 1,
        .socket_mode = (int)conf_int(view, CONF_O_FILE_MODE),
        .receive_buffer = (int)conf_int(view, CONF_O_TCP_RECV_BUFFER_SIZE),
        .send_buffer = (int)conf_int(view, CONF_O_TCP_SEND_BUFFER_SIZE),
    };
}

static const char *port_of(const char *address)
{
    return address[0] == '/' ? NULL : strrchr(address, ':');
}

static int has_unwanted(const in_listener_t *list, const char *port)
{
    for (; list != NULL; list = list->next) {
        const char *other = port_of(list->address);

        if (!list->is_wanted && other != NULL && strcmp(other, port) == 0) {
            return 1;
        }
    }
    return 0;
}

/* One that will be closed, or is being closed, has the port: "*:25" and "127.0.0.1:25" can follow one another
 * without a gap, and an address can be taken again at once. */
static int is_taking_over(const char *address)
{
    const char *port = port_of(address);

    return port != NULL && (has_unwanted(listeners, port) || has_unwanted(closing, port));
}

static apr_status_t open_listener(in_listener_t **result, conf_t *conf, const conf_stanza_t *listen,
                                  const char **why, apr_pool_t *scratch)
{
    net_listen_options_t options = options_of(conf, listen);
    in_listener_t *listener;
    apr_pool_t *pool;
    apr_status_t rv;

    EC_TRY(apr_pool_create(&pool, NULL));
    listener = apr_pcalloc(pool, sizeof *listener);
    listener->pool = pool;
    atomic_init(&listener->refs, 1);
    listener->address = apr_pstrdup(pool, options.address);
    listener->is_wanted = 1;
    EC_TRY(apr_thread_mutex_create(&listener->lock, APR_THREAD_MUTEX_DEFAULT, pool));
    options.may_overlap = is_taking_over(options.address);
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

typedef apr_status_t listen_fn(in_listener_t **fresh, conf_t *conf, const conf_stanza_t *listen,
                               const char **why, apr_pool_t *scratch);

/* Those that are there already; what is left unwanted is known before the first new one is opened. */
static apr_status_t keep(in_listener_t **fresh, conf_t *conf, const conf_stanza_t *listen, const char **why,
                         apr_pool_t *scratch)
{
    in_listener_t *listener = find(listeners, conf_stanza_name(listen));

    if (listener != NULL && listener->is_wanted) {
        *why = apr_psprintf(scratch, "two Listen stanzas have the address %s", listener->address);
        return EC_E_CONFIG;
    }
    if (listener != NULL) {
        listener->is_wanted = 1;
    }
    return APR_SUCCESS;
}

static apr_status_t add(in_listener_t **fresh, conf_t *conf, const conf_stanza_t *listen, const char **why,
                        apr_pool_t *scratch)
{
    const char *address = conf_stanza_name(listen);
    in_listener_t *listener;
    apr_status_t rv;

    if (find(listeners, address) != NULL) {
        return APR_SUCCESS;
    }
    if (find(*fresh, address) != NULL) {
        *why = apr_psprintf(scratch, "two Listen stanzas have the address %s", address);
        return EC_E_CONFIG;
    }
    if ((rv = open_listener(&listener, conf, listen, why, scratch)) != APR_SUCCESS) {
        *why = apr_psprintf(scratch, "%s: %s", conf_stanza_place(listen, scratch), *why);
        return rv;
    }
    listener->next = *fresh;
    *fresh = listener;
    return APR_SUCCESS;
}

static apr_status_t each_listen(listen_fn *fn, in_listener_t **fresh, conf_t *conf, const char **why,
                                apr_pool_t *scratch)
{
    const conf_stanza_t *parent = NULL, *listen;

    while ((parent = conf_next(conf, NULL, "esmtp_listener", parent)) != NULL) {
        for (listen = NULL; (listen = conf_next(conf, parent, "listen", listen)) != NULL;) {
            if (conf_int(conf_inbound(conf, listen, NULL), CONF_O_ENABLE)) {
                EC_TRY(fn(fresh, conf, listen, why, scratch));
            }
        }
    }
    return APR_SUCCESS;
}

static apr_status_t want_all(in_listener_t **fresh, conf_t *conf, const char **why, apr_pool_t *scratch)
{
    for (in_listener_t *listener = listeners; listener != NULL; listener = listener->next) {
        listener->is_wanted = 0;
    }
    EC_TRY(each_listen(keep, fresh, conf, why, scratch));
    return each_listen(add, fresh, conf, why, scratch);
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

void in_listeners_in_force(conf_t *conf)
{
    for (in_listener_t *listener = listeners; listener != NULL; listener = listener->next) {
        const conf_stanza_t *listen = find_stanza(conf, listener->address);

        if (!listener->is_started) {
            listener->is_started = 1;
            net_listener_start(listener->net);
        } else if (listen != NULL) {
            net_listen_options_t options = options_of(conf, listen);

            net_listener_adjust(listener->net, &options);
        }
    }
}

apr_status_t smtp_in_prepare(conf_t *conf, const char **why)
{
    static char text[512];
    const char *said = "out of memory";
    apr_pool_t *scratch;
    apr_status_t rv;

    EC_TRY(apr_pool_create(&scratch, NULL));
    rv = want_all(&prepared, conf, &said, scratch);
    if (rv != APR_SUCCESS) {
        smtp_in_rollback();
        apr_cpystrn(text, said, sizeof text);
        *why = text;
    }
    apr_pool_destroy(scratch);
    return rv;
}

void smtp_in_rollback(void)
{
    in_listener_t *list = prepared;

    prepared = NULL;
    close_list(list);
}

void smtp_in_commit(conf_t *conf)
{
    in_listener_t *fresh = prepared;

    prepared = NULL;
    switch_to(fresh);
    if (conf == conf_current()) {
        in_listeners_in_force(conf);
    }
}

apr_status_t smtp_in_apply(conf_t *conf, const char **why)
{
    EC_TRY(smtp_in_prepare(conf, why));
    smtp_in_commit(conf);
    return APR_SUCCESS;
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

static atomic_int *share_of(in_listener_t *listener, const char *network)
{
    apr_size_t length = strlen(network);
    share_t *share;

    apr_thread_mutex_lock(listener->lock);
    for (share = listener->shares; share != NULL && strcmp(share->network, network) != 0;) {
        share = share->next;
    }
    if (share == NULL) {
        share = calloc(1, sizeof *share + length + 1);
        EC_ASSERT(share != NULL);
        memcpy(share->network, network, length);
        share->next = listener->shares;
        listener->shares = share;
    }
    apr_thread_mutex_unlock(listener->lock);
    return &share->sessions;
}

int in_share_take(ec_conn_t *conn)
{
    apr_int64_t limit = conf_int(conn->view, CONF_O_LISTENER_SESSIONS);
    const conf_stanza_t *listen = in_listener_stanza(conn->listener, conn->conf);
    atomic_int *share = &conn->listener->own;

    if (limit != 0 && limit != conf_int(conf_inbound(conn->conf, listen, NULL), CONF_O_LISTENER_SESSIONS)) {
        share = share_of(conn->listener,
                         conf_stanza_name(conf_inbound_origin(conn->conf, listen, in_peer_for_matching(conn),
                                                              CONF_O_LISTENER_SESSIONS)));
    }
    if (!try_take(share, limit)) {
        return 0;
    }
    if (!try_take(&service_sessions, conf_int(conn->view, CONF_O_SERVICE_SESSIONS))) {
        atomic_fetch_sub(share, 1);
        return 0;
    }
    conn->share = share;
    return 1;
}

void in_share_give(ec_conn_t *conn)
{
    atomic_int *share = conn->share;

    if (share != NULL) {
        conn->share = NULL;
        atomic_fetch_sub(share, 1);
        atomic_fetch_sub(&service_sessions, 1);
    }
}
