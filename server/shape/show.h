/* show.h - gates as the console shows them
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SHAPE_SHOW_H
#define SHAPE_SHOW_H

#include <ec/command.h>

typedef struct {
    const char *key; /* borrowed for the call */
    apr_int64_t limit, units, used, wanted;
    apr_interval_time_t window; /* 0: slots */
    int users, waiting;
    int is_cluster;
    int is_leased, is_open; /* its units are leased; they may be used at this moment */
} shape_info_t;
typedef void shape_each_fn(void *baton, const shape_info_t *info);

/** All gates, in no order.  `each` may not call this room.  Any thread. */
void shape_each(shape_each_fn *each, void *baton);

extern const ec_command_t shape_commands[];

#endif
