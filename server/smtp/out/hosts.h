/* hosts.h - which address a session tries next, and which ones a queue leaves alone for a while
 * SPDX-License-Identifier: Apache-2.0
 * Thread: the queue's loop. */
#ifndef SMTP_OUT_HOSTS_H
#define SMTP_OUT_HOSTS_H

#include <ec/event.h>

#include "dns/dns.h"
#include "queue/queue.h"

enum { HOSTS_FAILED_MAX = 64, HOSTS_TEXT_MAX = 512, HOSTS_ADDRESS_MAX = 64 };

/** The way through a route, best host first; hosts of one preference in random order, anew for every session.
 */
typedef struct {
    dns_route_t *route; /* a reference, or NULL */
    unsigned char order[DNS_MAX_HOSTS];
    int host, address;            /* the next place to look at; indexes into order and its host's addresses */
    const char *name;             /* the one in use: of the route */
    char text[HOSTS_ADDRESS_MAX]; /* its address; stays when the route is gone */
    int port;
    /* the last failure, for the queue */
    ec_stage_t stage;
    char failure[HOSTS_TEXT_MAX];
    char failed[HOSTS_ADDRESS_MAX];
} hosts_t;

/** Takes the reference to `route`. */
void hosts_begin(hosts_t *hosts, dns_route_t *route, apr_uint64_t *random);
void hosts_end(hosts_t *hosts);

/** Go to the next address that is not left alone.  0: there is none any more. */
int hosts_next(hosts_t *hosts, queue_t *queue, int default_port);

/** Nothing more of the host that is in use: the next is another. */
void hosts_pass(hosts_t *hosts);

/** The address in use failed with this text: leave it alone for `retry`. */
void hosts_failed(hosts_t *hosts, queue_t *queue, ec_stage_t stage, const char *text,
                  apr_interval_time_t retry);
/** It works: forget that it ever failed. */
void hosts_worked(hosts_t *hosts, queue_t *queue);
#endif
