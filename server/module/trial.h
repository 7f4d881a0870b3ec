/* trial.h - code that is new to a running server runs in a process of its own first
 * SPDX-License-Identifier: Apache-2.0
 *
 * Code that crashes ends its process.  So before this process loads a module file, another one does; and before it sets up
 * an instance of code that it has never set up one of, another one sets up the whole configuration that is about to come
 * into force.  That one is validate_config, made without a copy of this process.  Code that has set up an instance here is
 * trusted: a child for each reload of options would cost each of them more than the reload. */
#ifndef MODULE_TRIAL_H
#define MODULE_TRIAL_H

#include <apr_tables.h>
#include "conf/conf.h"

enum { TRIAL_CRASHED = 3 }; /* exit status of validate_config --trial: its last line says who */

/** From now on; before, nothing is tried.  Once, when the server is ready. */
void trial_begin(void);

/** Load the module `name` of the folders `path` elsewhere.  NULL: this process may, as far as that can be seen; else a
 * sentence in `scratch`.  Waits for the other process: any thread but a loop's, without a lock that a loop may want. */
const char *trial_of_file(const char *name, const char *path, apr_pool_t *scratch);

/** Set up the instances of `conf` elsewhere, when code of one of them is new here.  An error in `problems` (texts in `pool`) and
 * EC_E_CONFIG when `conf` must not come into force.  Threads as above. */
apr_status_t trial_of_conf(const conf_t *conf, apr_array_header_t *problems, apr_pool_t *pool);
#endif
