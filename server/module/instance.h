/* instance.h - one stanza's module at work
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything of an instance lives in its own pool, which ends with it.  Master loop. */
#ifndef MODULE_INSTANCE_H
#define MODULE_INSTANCE_H

#include <ec/module.h>
#include "conf/conf.h"
#include "hook/hook.h"

typedef struct {
    const ec_module_t *module;
    ec_instance_t info;            /* what the module sees */
    apr_pool_t *pool;
    void *self;
    const char *values;            /* options as text: the same text, the same instance */
    int level;                     /* debug_level of the stanza, -1: as the server's; changes without a new instance */
    hook_owner_t owner;            /* held by sessions that it has suspended, and by itself (ec_instance_hold()) */
    const char *prefix;            /* of its commands: "ec_logger:main" */
    const char *where;             /* file:line of the stanza */
    int is_enabled;
    int is_kept;                   /* prepared: it is one of those in force */
    int next_level;                /* ... with this level then */
    int is_leaving;                /* replaced; stops when nobody is inside it any more */
} module_instance_t;

/** Make the instance for `stanza`: options are set, init is not called.  Its level and name are the stanza's. */
module_instance_t *module_instance_create(const ec_module_t *module, const conf_t *conf, const conf_stanza_t *stanza,
                                          ec_log_t *log);
/** init of the module; `*why` is what it says. */
apr_status_t module_instance_try_init(module_instance_t *instance, const char **why);
/** init and start of the module; on failure `*why` is a sentence with file and line, in `scratch`. */
apr_status_t module_instance_init(module_instance_t *instance, const char **why, apr_pool_t *scratch);
apr_status_t module_instance_start(module_instance_t *instance, const char **why, apr_pool_t *scratch);
/** stop of the module (only after a successful init), and the end of everything. */
void module_instance_stop(module_instance_t *instance);
/** Without stop: for one whose init failed or was not called. */
void module_instance_destroy(module_instance_t *instance);

/** Level of its log; -1: as the server's. */
void module_instance_set_level(module_instance_t *instance, int level);
/** Bytes that we know of: struct, options, slots of connections and messages. */
apr_int64_t module_instance_memory(const module_instance_t *instance);

/** Would the stanza of `b` make what `a` already is? */
int module_instance_is_same(const module_instance_t *a, const module_instance_t *b);
#endif
