/* link.h - a process group of corosync that we are in whenever corosync is there
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opening and closing a bus waits for corosync's answer, for ever when its process is stopped.  So a thread of each
 * link does that and nothing else; the owner goes on and looks at the outcome in its next turn.  When the owner
 * goes and that thread is still waiting, it is left behind: it ends when corosync answers.
 *
 * Thread: the owner's, but for that one. */
#ifndef CLUSTER_NODE_LINK_H
#define CLUSTER_NODE_LINK_H

#include <ec/log.h>

#include "cluster/bus_cpg/bus_cpg.h"

typedef struct link link_t;

struct link_settings {
    const char *group;
    const struct bus_events *events; /* kept; called inside of link_turn() */
    void *baton;
    int wake_fd;   /* an eventfd: the outcome is there */
    ec_log_t *log; /* kept; says when the bus is lost and back, once each */
    ec_log_level_t lost, back; /* how urgent that is */
};

enum link_news { LINK_SAME, LINK_UP, LINK_DOWN };

/** NULL: no thread can be made. */
link_t *link_create(const struct link_settings *settings);
/** Leaves the group; waits at most until `patience` is over. */
void link_destroy(link_t *link, apr_interval_time_t patience);

/** Open when it is time to, deliver what is there.  After LINK_DOWN nothing of the old bus comes any more; the next is
 * tried after a second, or at once after link_reset().  `*has_more`: there is more to deliver. */
enum link_news link_turn(link_t *link, apr_time_t now, int *has_more);
/** When link_turn() is due without other cause; 0: never. */
apr_time_t link_next(const link_t *link);
/** NULL: it is not there now. */
bus_cpg_t *link_bus(const link_t *link);
/** Leave the group and come in again: the next turn says LINK_DOWN. */
void link_reset(link_t *link);
/** Why it is not there, for the console; NULL when it is. */
const char *link_trouble(const link_t *link);

#endif
