/* inbound.c - how many connections clients may have to all nodes together
 * SPDX-License-Identifier: Apache-2.0
 *
 * What this node has is known exactly at the moment (tally.h); what others have is as they have told it, up
 * to max_delay ago.  So the limit can be passed by what other nodes let in meanwhile, and by no more. */
#include <stdlib.h>
#include <string.h>

#include "cluster/shared/inside.h"

/* ---- what others have ------------------------------------------------------------------------------ */

static void count(shared_t *shared, const char *key, apr_size_t length, apr_int64_t by)
{
    pthread_mutex_lock(&shared->others_lock);
    cidr_index_count(&shared->others, key, length, by);
    shared->others_count += by;
    pthread_mutex_unlock(&shared->others_lock);
}

static void on_count(void *baton, bus_node_t node, const char *key, apr_size_t length, apr_int64_t by)
{
    shared_t *shared = baton;

    if (node != shared->self)
        count(shared, key, length, by);
}

static int add_others(void *baton, const char *key, apr_size_t length, apr_uint64_t value)
{
    shared_t *shared = baton;

    count(shared, key, length, (apr_int64_t)(value - gauge_of(shared->inbound, key, length, shared->self)));
    return 1;
}

void shared_watch_inbound(shared_t *shared, gauge_t *gauge)
{
    if (shared->inbound != NULL)
        shared->inbound->watch = NULL;
    shared->inbound = gauge;
    pthread_mutex_lock(&shared->others_lock);
    cidr_index_free(&shared->others);
    shared->others_count = 0;
    pthread_mutex_unlock(&shared->others_lock);
    if (gauge == NULL)
        return;
    gauge_each(gauge, 0, add_others, shared);
    gauge->watch = on_count;
    gauge->watch_baton = shared;
}

static apr_int64_t others_have(void *baton, const struct tally_conn *conn, int bits)
{
    shared_t *shared = baton;
    apr_int64_t have;

    pthread_mutex_lock(&shared->others_lock);
    if (bits < 0)
        have = shared->others_count;
    else if (cidr_index_add(&shared->others, conn->bytes, bits))
        have = (apr_int64_t)cidr_index_sum(&shared->others, conn->address, conn->bytes, bits);
    else
        have = 0;
    pthread_mutex_unlock(&shared->others_lock);
    return have;
}

/* ---- hooks -------------------------------------------------------------------------------------------- */

static int bits_of(const ec_conn_t *conn, const struct tally_conn *noted)
{
    const char *network = ec_conn_network(conn, "cluster_service_sessions");
    const char *slash = network != NULL ? strchr(network, '/') : NULL;

    if (network == NULL || noted->bytes == 0)
        return -1;
    return slash != NULL ? atoi(slash + 1) : noted->bytes * 8;
}

static struct tally_conn inbound_conn(const ec_conn_t *conn)
{
    struct tally_conn noted = { .side = TALLY_IN, .domain = "", .binding = "", .group = "" };

    tally_address(&noted, ec_conn_peer(conn));
    return noted;
}

ec_verdict_t shared_smtp_connect(shared_t *shared, ec_conn_t *conn, ec_option_handle_t option)
{
    const ec_value_t *value = ec_option_value(ec_conn_options(conn), option);
    struct tally_conn noted = inbound_conn(conn);
    struct tally_limit limit = { .limit = value != NULL ? value->i : 0,
                                 .others = others_have,
                                 .baton = shared };

    ec_counter_add(shared->series[METRICS_CONNECT], 1);
    if (limit.limit > 0)
        limit.bits = bits_of(conn, &noted);
    if (tally_admit(ec_conn_id(conn), &noted, limit.limit > 0 ? &limit : NULL))
        return EC_CONTINUE;
    ec_conn_reply(conn, 421, "4.4.5 Too many connections, try again later");
    return EC_REJECT;
}

void shared_smtp_disconnect(shared_t *shared, ec_conn_t *conn)
{
    tally_close(TALLY_IN, ec_conn_id(conn));
}

static struct tally_conn outbound_conn(const ec_out_t *out)
{
    struct tally_conn noted = {
        .side = TALLY_OUT,
        .domain = ec_out_domain(out),
        .binding = ec_out_binding(out),
        .group = ec_out_group(out),
    };

    tally_address(&noted, ec_out_address(out));
    return noted;
}

void shared_out_connected(shared_t *shared, ec_out_t *out)
{
    struct tally_conn noted = outbound_conn(out);

    tally_open(ec_out_connection(out), &noted);
}

void shared_out_disconnect(shared_t *shared, ec_out_t *out)
{
    tally_close(TALLY_OUT, ec_out_connection(out));
}

#define EVENT(name, id)                                  \
    void shared_##name(shared_t *shared)                 \
    {                                                    \
        ec_counter_add(shared->series[METRICS_##id], 1); \
    }
EVENT(delivery, DELIVERY)
EVENT(transient_failure, TRANSFAIL)
EVENT(permanent_failure, PERMFAIL)
EVENT(reception, RECEPTION)
EVENT(rejection, REJECTION)
