/* module.h - the cluster module: its stanza, and the node that it brings to life
 * SPDX-License-Identifier: Apache-2.0
 *
 * The node and its parts belong to the process, not to an instance: a reload that changes the stanza hands them from the
 * old instance to the new one, so that a change of an option ends no connection.  What a node is called and which
 * groups it is in can not change without a restart.
 *
 * Thread: the master loop. */
#ifndef CLUSTER_MODULE_H
#define CLUSTER_MODULE_H

#include <ec/module.h>

#include "cluster/node/node.h"
#include "cluster/shared/shared.h"
#include "cluster/slots/slots.h"

/** An instance: a cluster stanza. */
struct cluster {
    const char *nodename, *nodeaddr, *subcluster, *cluster_group, *control_group, *log_group;
    apr_interval_time_t lease_window, lease_margin;
    const char *const *logs; /* name and path, by turns, up to NULL */
    /* documented, without effect yet */
    const char *cluster_listener, *mbus_daemon;
    int arp_all_hosts, unconditional_rebind;
    apr_int64_t duravip_balance_set_size, heartbeats_per_sec, if_down_limit, tcp_buffer_size;
    apr_interval_time_t heartbeat_start_delay, if_check_interval, log_active_interval, log_idle_interval;
    apr_interval_time_t view_balance_interval, view_broadcast_interval, view_mature_time;

    ec_option_handle_t cluster_service_sessions;

    const ec_instance_t *instance;
    struct cluster *before; /* whom the node was taken over from; it still runs */
    slots_t *slots;         /* with the node */
    shared_t *shared;       /* with the node */
    node_t *node;           /* NULL: not started, or the stanza is not enabled */
    int is_enabled;
};

/** A part of the node, as the module makes it: a row of the table in module.c. */
struct cluster_part {
    const struct node_part *type;
    /** In init of the first instance, whose stanza may be read.  The part is kept until the node ends.  NULL: `*why`. */
    void *(*create)(const ec_instance_t *instance, const char **why);
    /** After type->close(), or when type->open() was never called.  May be NULL. */
    void (*destroy)(void *part);
    /** In start of an instance that takes a running node over: its stanza can not be read any more, what init kept of it
     * can.  May be NULL. */
    void (*adopt)(void *part, const ec_instance_t *instance);
    /** In init of every instance, before create: read what the stanza says and keep it in the instance's pool, for create and
     * adopt.  Failing refuses the configuration.  May be NULL. */
    apr_status_t (*check)(const ec_instance_t *instance, const char **why);
};

/** commands.c */
extern const ec_command_t cluster_commands[];
ec_command_fn cluster_show_membership, cluster_show_info, cluster_show_shared_list, cluster_show_shared;

#endif
