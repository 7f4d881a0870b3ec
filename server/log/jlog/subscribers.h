/* subscribers.h - who reads a journal, how far each is, and what nobody needs any more
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LOG_JLOG_SUBSCRIBERS_H
#define LOG_JLOG_SUBSCRIBERS_H

#include "log/jlog/folder.h"

static inline int jlog_is_before(ec_jlog_position_t a, ec_jlog_position_t b)
{
    return a.segment < b.segment || (a.segment == b.segment && a.marker < b.marker);
}

/** EC_E_NOT_FOUND: no such subscriber.  EC_E_JLOG_DAMAGED: its checkpoint is; *position is 0:0, before everything. */
apr_status_t jlog_subscriber_load(const struct jlog_folder *folder, const char *name, ec_jlog_position_t *position);

/* The rest with the lock. */

apr_status_t jlog_subscriber_store(const struct jlog_folder *folder, const char *name, ec_jlog_position_t position);
/** `position` NULL: at the oldest record.  EEXIST: it is there. */
apr_status_t jlog_subscriber_add(const struct jlog_folder *folder, const char *name, const ec_jlog_position_t *position);
apr_status_t jlog_subscriber_remove(const struct jlog_folder *folder, const char *name);

struct jlog_bounds {
    int count;
    ec_jlog_position_t min, max;   /* of all checkpoints */
};
apr_status_t jlog_subscriber_bounds(struct jlog_bounds *bounds, const struct jlog_folder *folder);

/** Remove the segments that all subscribers have passed.  The newest one stays. */
apr_status_t jlog_trim(const struct jlog_folder *folder);

/** The text with which names of checkpoints begin. */
#define JLOG_CHECKPOINT "checkpoint."

#endif
