/* recovery.h - the old segments are read once, in the background
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOOL_RECOVERY_H
#define SPOOL_RECOVERY_H

#include "spool/store.h"

/** Look what is there, before anything new is; sets spool->next_sequence.  Called by spool_open(). */
apr_status_t spool_recovery_prepare(spool_t *spool, const char **why, apr_pool_t *pool);
/** Ends the thread, wherever it is.  `done` of spool_recover() does not run if it has not yet. */
void spool_recovery_stop(spool_t *spool);

#endif
