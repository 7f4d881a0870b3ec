/* hook.h - who is registered where, and calling them
 * SPDX-License-Identifier: Apache-2.0
 *
 * The set of providers is an immutable table, swapped whole when modules change; a loop
 * reads it with one atomic load.  Calls: HOOK_CALL(log_delivery, &event) for void hooks,
 * hook_policy_*() for verdicts. */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include <ec/hook.h>

typedef struct {
    ec_hook_any_fn *fn;
    void *self;
    const char *module;            /* for logs: who refused */
} hook_provider_t;

typedef struct {
    int n;
    hook_provider_t *provider;
} hook_list_t;

/** Add the rows of `table` for the instance `self` after those already there.  Keeps `self` and `module`.
 * Master loop, before or between generations. */
void hook_add(const ec_hook_t *table, void *self, const char *module);
/** Remove everything of `self`.  When it returns no loop is inside one of its hooks (waits for a turn of each). */
void hook_remove(void *self);

/** Providers of a hook, NULL when there are none.  Any loop; valid until the callback ends. */
const hook_list_t *hook_list(ec_hook_id_t hook);

/** Call all providers of a void hook. */
#define HOOK_CALL(name, ...)                                                                   \
    do {                                                                                       \
        const hook_list_t *hook_list_ = hook_list(EC_HOOK_##name);                             \
        for (int hook_i_ = 0; hook_list_ != NULL && hook_i_ < hook_list_->n; hook_i_++) {      \
            const hook_provider_t *hook_p_ = &hook_list_->provider[hook_i_];                   \
            ((ec_hook_##name##_fn *)hook_p_->fn)(hook_p_->self __VA_OPT__(, ) __VA_ARGS__);    \
        }                                                                                      \
    } while (0)
#endif
