/* hosts.c - which address a session tries next, and which ones a queue leaves alone for a while
 * SPDX-License-Identifier: Apache-2.0
 *
 * What failed is remembered with the queue (queue_set_note), so that its other sessions need not find out
 * again; host_failure_retry bounds how long.  The memory is a small table: when it is full, what ends soonest
 * makes room. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "dns/order.h"
#include "smtp/out/hosts.h"

struct failed {
    apr_time_t until; /* 0: free */
    int port;
    ec_stage_t stage;
    char address[HOSTS_ADDRESS_MAX];
    char text[HOSTS_TEXT_MAX / 2];
};

struct note {
    struct failed failed[HOSTS_FAILED_MAX];
};

static struct failed *failed_find(queue_t *queue, const char *address, int port)
{
    struct note *note = queue_note(queue);

    for (int i = 0; note != NULL && i < HOSTS_FAILED_MAX; i++) {
        struct failed *failed = &note->failed[i];

        if (failed->until != 0 && failed->port == port && strcmp(failed->address, address) == 0) {
            return failed;
        }
    }
    return NULL;
}

static struct failed *failed_slot(queue_t *queue, const char *address, int port)
{
    struct note *note = queue_note(queue);
    struct failed *slot = failed_find(queue, address, port);

    if (slot != NULL) {
        return slot;
    }
    if (note == NULL) {
        note = calloc(1, sizeof(*note));
        EC_ASSERT(note != NULL);
        queue_set_note(queue, note, free);
    }
    slot = &note->failed[0];
    for (int i = 1; i < HOSTS_FAILED_MAX; i++) {
        if (note->failed[i].until < slot->until) {
            slot = &note->failed[i];
        }
    }
    return slot;
}

void hosts_begin(hosts_t *hosts, dns_route_t *route, apr_uint64_t *random)
{
    dns_rank_t ranks[DNS_MAX_HOSTS];

    hosts_end(hosts);
    hosts->route = route;
    hosts->host = hosts->address = 0;
    hosts->failure[0] = hosts->failed[0] = '\0';
    for (int i = 0; i < route->n_hosts; i++) {
        ranks[i] = (dns_rank_t){ 0, route->host[i].preference, 0, &route->host[i] };
    }
    dns_order(ranks, route->n_hosts, random);
    for (int i = 0; i < route->n_hosts; i++) {
        hosts->order[i] = (unsigned char)((dns_host_t *)ranks[i].item - route->host);
    }
}

void hosts_end(hosts_t *hosts)
{
    if (hosts->route != NULL) {
        dns_route_unref(hosts->route);
        hosts->route = NULL;
    }
    hosts->name = NULL;
}

static void note_avoided(hosts_t *hosts, const struct failed *failed)
{
    hosts->stage = failed->stage;
    apr_cpystrn(hosts->failure, failed->text, sizeof(hosts->failure));
    apr_cpystrn(hosts->failed, failed->address, sizeof(hosts->failed));
}

int hosts_next(hosts_t *hosts, queue_t *queue, int default_port)
{
    apr_time_t now = ec_loop_now(queue_loop(queue));

    while (hosts->host < hosts->route->n_hosts) {
        const dns_host_t *host = &hosts->route->host[hosts->order[hosts->host]];
        int port = host->port != 0 ? host->port : default_port;
        const struct failed *failed;

        if (hosts->address >= host->n_addresses) {
            hosts->host++;
            hosts->address = 0;
            continue;
        }
        apr_cpystrn(hosts->text, host->address[hosts->address++], sizeof(hosts->text));
        failed = failed_find(queue, hosts->text, port);
        if (failed == NULL || failed->until <= now) {
            hosts->name = host->name;
            hosts->port = port;
            return 1;
        }
        note_avoided(hosts, failed);
    }
    hosts->name = NULL;
    return 0;
}

void hosts_pass(hosts_t *hosts)
{
    hosts->host++;
    hosts->address = 0;
}

void hosts_failed(hosts_t *hosts, queue_t *queue, ec_stage_t stage, const char *text,
                  apr_interval_time_t retry)
{
    struct failed *slot;

    hosts->stage = stage;
    apr_cpystrn(hosts->failure, text, sizeof(hosts->failure));
    apr_cpystrn(hosts->failed, hosts->text, sizeof(hosts->failed));
    if (retry <= 0) {
        return;
    }
    slot = failed_slot(queue, hosts->text, hosts->port);
    slot->until = ec_loop_now(queue_loop(queue)) + retry;
    slot->port = hosts->port;
    slot->stage = stage;
    apr_cpystrn(slot->address, hosts->text, sizeof(slot->address));
    apr_cpystrn(slot->text, text, sizeof(slot->text));
}

void hosts_worked(hosts_t *hosts, queue_t *queue)
{
    struct failed *failed = failed_find(queue, hosts->text, hosts->port);

    if (failed != NULL) {
        failed->until = 0;
    }
}
