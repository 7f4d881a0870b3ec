/* commands.c - what the console tells about this node and the other members
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>

#include <ec/gate.h>

#include "cluster/group/api.h"
#include "cluster/logs/logs.h"
#include "cluster/module.h"

/* NULL: the answer says why there is none. */
static node_t *node_of(const struct cluster *cluster, ec_answer_t *answer)
{
    if (cluster->node == NULL)
        ec_answer_error(answer, "The cluster stanza is not enabled: set enabled = true.");
    return cluster->node;
}

/* "#connection-process#node", as documented. */
static const char *private_name(const struct node_member *member, apr_pool_t *pool)
{
    return member->is_manager
               ? apr_psprintf(pool, "#%s#%s", member->name, member->name)
               : apr_psprintf(pool, "#ec%u-%u#%s", (unsigned)member->id, (unsigned)member->pid, member->name);
}

static const char *groups_of(const struct node_member *member, const struct node_settings *settings,
                             apr_pool_t *pool)
{
    const char *cluster = member->in_cluster ? settings->cluster_group : "";

    if (member->is_manager)
        return cluster[0] != '\0' ? cluster : settings->control_group;
    return apr_pstrcat(pool, cluster, cluster[0] != '\0' ? " " : "", settings->control_group, " ec_sc_",
                       member->subcluster, NULL);
}

static void add_member(ec_node_t *table, const struct node_member *member,
                       const struct node_settings *settings, apr_pool_t *pool)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "private_name", private_name(member, pool));
    ec_node_text(row, "node", member->name);
    ec_node_text(row, "subcluster", member->subcluster);
    ec_node_text(row, "type", member->is_manager ? "Manager" : "Momentum");
    ec_node_text(row, "version", member->version);
    ec_node_text(row, "address", member->address);
    ec_node_text(row, "active", member->is_active ? "yes" : "no");
    ec_node_text(row, "groups", groups_of(member, settings, pool));
}

void cluster_show_membership(void *self, ec_answer_t *answer)
{
    node_t *node = node_of(self, answer);
    const struct node_member *members;
    const char *trouble;
    int count;

    if (node == NULL)
        return;
    node_lock(node);
    trouble = node_trouble(node);
    if (trouble == NULL) {
        ec_node_t *table = ec_node_table(ec_answer_root(answer), "members");

        count = node_members(node, &members);
        for (int i = 0; i < count; i++)
            add_member(table, &members[i], node_settings(node), ec_answer_pool(answer));
    } else {
        ec_node_note(ec_answer_root(answer), "Not in the cluster: %s", trouble);
    }
    node_unlock(node);
}

/* The one that sends snapshots: the first of the active ones. */
static const char *leader_of(node_t *node)
{
    const struct node_member *members, *leader = NULL;
    int count = node_members(node, &members);

    for (int i = 0; i < count; i++) {
        if (members[i].is_active && (leader == NULL || members[i].id < leader->id))
            leader = &members[i];
    }
    return leader != NULL ? leader->name : "none";
}

static void add_state(ec_node_t *root, node_t *node)
{
    struct replica_info info;
    apr_time_t now = ec_gate_clock(), until = replica_clock(node_replica(node))->until;

    replica_info(node_replica(node), &info);
    ec_node_text(root, "state", replica_phase_name(info.phase));
    ec_node_text(root, "active", info.is_active ? "yes" : "no");
    ec_node_text(root, "share", info.is_half ? "half of each limit: alone of two hosts" : "of all hosts");
    ec_node_format(root, "lease_left", "%d ms", until > now ? (int)apr_time_as_msec(until - now) : 0);
    ec_node_int(root, "position", (apr_int64_t)info.position);
    ec_node_int(root, "messages_refused", (apr_int64_t)info.refused);
}

void cluster_show_info(void *self, ec_answer_t *answer)
{
    node_t *node = node_of(self, answer);
    ec_node_t *root = ec_answer_root(answer);
    const struct node_settings *settings;

    if (node == NULL)
        return;
    node_lock(node);
    settings = node_settings(node);
    ec_node_text(root, "node", settings->name);
    ec_node_text(root, "subcluster", settings->subcluster);
    ec_node_text(root, "address", settings->address);
    ec_node_text(root, "corosync", node_trouble(node) != NULL ? node_trouble(node) : "connected");
    ec_node_int(root, "corosync_node_id", node_self(node));
    ec_node_text(root, "cluster_group", settings->cluster_group);
    ec_node_text(root, "leader", leader_of(node));
    ec_node_text(root, "control_group", settings->control_group);
    ec_node_text(root, "logger_group", "none");
    ec_node_int(root, "configured_nodes", settings->nodes);
    add_state(root, node);
    node_unlock(node);
}

static void nodename(void *self, ec_answer_t *answer)
{
    node_t *node = node_of(self, answer);

    if (node != NULL)
        ec_node_text(ec_answer_root(answer), "nodename", node_settings(node)->name);
}

static void nodeaddr(void *self, ec_answer_t *answer)
{
    node_t *node = node_of(self, answer);

    if (node != NULL)
        ec_node_text(ec_answer_root(answer), "nodeaddr", node_settings(node)->address);
}

static void reset(void *self, ec_answer_t *answer)
{
    node_t *node = node_of(self, answer);

    if (node == NULL)
        return;
    node_reset(node);
    ec_node_note(ec_answer_root(answer), "Leaving the groups and coming in again; see cluster membership.");
}

void cluster_show_shared_list(void *self, ec_answer_t *answer)
{
    struct cluster *cluster = self;

    if (node_of(cluster, answer) != NULL)
        shared_command_list(cluster->shared, cluster->slots, answer);
}

void cluster_show_shared(void *self, ec_answer_t *answer)
{
    struct cluster *cluster = self;

    if (node_of(cluster, answer) != NULL)
        shared_command_show(cluster->shared, cluster->slots, answer);
}

static void limits(void *self, ec_answer_t *answer)
{
    struct cluster *cluster = self;
    node_t *node = node_of(cluster, answer);

    if (node == NULL)
        return;
    node_lock(node);
    slots_command(cluster->slots, node, answer);
    node_unlock(node);
}

static void group_list(void *self, ec_answer_t *answer)
{
    if (node_of(self, answer) != NULL)
        group_command_list(answer);
}

static void show_logs(void *self, ec_answer_t *answer)
{
    const struct cluster *cluster = self;

    if (node_of(cluster, answer) != NULL)
        logs_command(cluster->logs, answer);
}

static void help(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "commands");

    for (const ec_command_t *command = cluster_commands; command->grammar != NULL; command++) {
        ec_node_t *row = ec_node_row(table);

        ec_node_format(row, "command", "cluster %s", command->grammar);
        ec_node_text(row, "help", command->help);
    }
}

const ec_command_t cluster_commands[] = {
    { "membership", EC_CMD_READ, cluster_show_membership, "who is in the cluster" },
    { "info", EC_CMD_READ, cluster_show_info, "this node: groups, state, lease" },
    { "nodename", EC_CMD_READ, nodename, "name of this node" },
    { "nodeaddr", EC_CMD_READ, nodeaddr, "address of this node for others" },
    { "limits [<pattern>]", EC_CMD_READ, limits, "who holds what of the cluster's limits" },
    { "group list", EC_CMD_READ, group_list, "groups of modules that nodes are in" },
    { "shared list", EC_CMD_READ, cluster_show_shared_list, "what nodes share by Replicate stanzas" },
    { "shared show <object>", EC_CMD_READ, cluster_show_shared, "a shared object: the sum of all nodes" },
    { "shared show <object> from <node>", EC_CMD_READ, cluster_show_shared, "what one node counts" },
    { "show logs [<log>]", EC_CMD_READ, show_logs, "logs for aggregators: bytes on disk, who has read how far" },
    { "reset", EC_CMD_WRITE, reset, "leave the groups and come in again" },
    { "help", EC_CMD_READ, help, "these commands" },
    EC_COMMAND_END
};
