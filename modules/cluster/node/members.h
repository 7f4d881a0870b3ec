/* members.h - who is in the control group, by what each says of itself
 * SPDX-License-Identifier: Apache-2.0
 *
 * A process says who it is when it comes in, when somebody else comes, and when something of it changes.
 * Thread: the node's, or under its lock. */
#ifndef CLUSTER_NODE_MEMBERS_H
#define CLUSTER_NODE_MEMBERS_H

#include "cluster/bus_cpg/bus_cpg.h"
#include "cluster/node/node.h"
#include "cluster/wire/wire.h"

typedef struct {
    struct node_member list[BUS_CPG_MEMBERS_MAX]; /* by name */
    int count;
} members_t;

/** What a process says of itself: a whole message of the control group. */
void members_write(const struct node_member *member, wire_writer_t *writer);
/** Into `*member`, but for id, pid and what the replica knows.  Returns NULL, or what is wrong. */
const char *members_read(struct node_member *member, const void *data, apr_size_t length);

/** Somebody said so.  Returns whether it says something new. */
int members_set(members_t *members, const struct node_member *member);
/** The processes of the control group now: others are forgotten.  Returns whether somebody is among them of whom nothing
 * is known. */
int members_keep(members_t *members, const struct bus_cpg_member *here, int count);
/** Somebody on another host who has the same name; NULL: nobody. */
const struct node_member *members_namesake(const members_t *members, const struct node_member *member);
const struct node_member *members_find(const members_t *members, bus_node_t id, apr_uint32_t pid);

#endif
