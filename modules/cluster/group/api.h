/* api.h - the service "cluster" (ec/cluster.h): groups as a part of the node
 * SPDX-License-Identifier: Apache-2.0
 *
 * Groups belong to the process: they are there before, between and after nodes, and then nobody is in them.
 * Thread: the master loop. */
#ifndef CLUSTER_GROUP_API_H
#define CLUSTER_GROUP_API_H

#include <ec/module.h>

#include "cluster/node/node.h"

extern const struct node_part group_part;
void *group_part_create(const ec_instance_t *instance, const char **why);

/** In init of an instance: the service is there as long as it is. */
void group_offer(const ec_instance_t *instance);

/** "cluster group list" */
void group_command_list(ec_answer_t *answer);

#endif
