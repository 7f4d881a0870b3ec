/* logs.h - the logs that this node offers to aggregators: journals on disk, by name (cluster.md L4, L10)
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_LOGS_H
#define CLUSTER_LOGS_H

#include <ec/command.h>

/** NULL, or a sentence that says what is wrong with the option `logs`: names and absolute paths, by turns. */
const char *logs_check(const char *const *logs, apr_pool_t *pool);

/** "show logs [<log>]": bytes on disk and subscribers with their positions.  Copies `logs`; looks at the disk on a pool's
 * thread and answers later. */
void logs_command(const char *const *logs, ec_answer_t *answer);

#endif
