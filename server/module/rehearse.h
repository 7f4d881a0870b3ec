/* rehearse.h - set up what a configuration wants of modules, and end it again: in a process that is only for that
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULE_REHEARSE_H
#define MODULE_REHEARSE_H

#include <apr_tables.h>
#include "conf/conf.h"

/** "set up" or "stopped" is what the code of the instance `name` does from now on; NULL: no code of a module runs. */
typedef void module_rehearse_fn(void *baton, const char *name, const char *doing);

/** init of all instances that `conf` wants, in order, then stop of those that it has accepted, newest first.  An error in
 * `problems` for each that it refuses; returns how many.  Master loop of a process that runs no loop. */
int module_rehearse(conf_t *conf, apr_array_header_t *problems, module_rehearse_fn *tell, void *baton, apr_pool_t *pool);
#endif
