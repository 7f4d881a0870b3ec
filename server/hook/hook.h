/* hook.h - who is registered where, and calling them
 * SPDX-License-Identifier: Apache-2.0
 *
 * All providers of all hooks are one immutable table, swapped whole when modules change;
 * a loop reads it with one atomic load.  Calls: HOOK_CALL(log_delivery, &event) for void
 * hooks; policy hooks walk hook_list() themselves, because a session may be suspended in
 * the middle (and must look the list up anew when it goes on: it may have changed).
 *
 * Change: make a set with the providers in order, install it.  A loop that is inside a
 * callback may still call providers of the old table, so `done` tells when every loop has
 * passed a turn: from then on nobody is inside a provider that the new table lacks. */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include <stdatomic.h>

#include <ec/hook.h>

/** Who owns providers and may not end while somebody waits for it: a session that it suspended holds it. */
typedef struct {
    atomic_int holds;              /* 1 for itself, 1 for each that waits */
    void (*unused)(void *baton);   /* posted to the master loop when the last hold is gone */
    void *baton;
    ec_post_t post;
} hook_owner_t;

typedef struct {
    ec_hook_any_fn *fn;
    void *self;
    const char *module;            /* for logs: who refused */
    hook_owner_t *owner;           /* may be NULL */
} hook_provider_t;

typedef struct {
    int n;
    hook_provider_t *provider;
} hook_list_t;

typedef struct hook_set hook_set_t;

/** `done(baton)` runs once, on the master loop, never inside the call that was given it (but for a
 * process without loops: then at once). */
typedef void hook_done_fn(void *baton);

/** An empty table that is not in force yet. */
hook_set_t *hook_set_create(void);
/** Add the rows of `table` for the instance `self` after those already there.  Keeps `self` and `module` (until `done`
 * of the install that replaces the set). */
void hook_set_add(hook_set_t *set, const ec_hook_t *table, void *self, const char *module);
/** The same with an owner (kept likewise). */
void hook_set_add_owned(hook_set_t *set, const ec_hook_t *table, void *self, const char *module, hook_owner_t *owner);

/** One that waits for `owner` (may be NULL) more or less.  Any thread. */
void hook_hold(hook_owner_t *owner);
void hook_release(hook_owner_t *owner);

/** For a set that is not installed after all. */
void hook_set_destroy(hook_set_t *set);

/** Put `set` (taken) in force at once for every call that begins from now on.  `done` may be NULL.  Master loop. */
void hook_install(hook_set_t *set, hook_done_fn *done, void *baton);

/** The same for one instance: the table in force with the rows of `table` added, or without anything of `self`.
 * Master loop. */
void hook_add(const ec_hook_t *table, void *self, const char *module);
void hook_remove(void *self, hook_done_fn *done, void *baton);

/** Forget everything at once: for the end, when no loop runs any more. */
void hook_clear(void);

/** Providers of a hook, NULL when there are none.  Any loop; valid until the callback ends. */
const hook_list_t *hook_list(ec_hook_id_t hook);
#ifdef EC_NO_HOOKS /* --disable-hooks: to measure what they cost */
#define hook_list(hook) ((const hook_list_t *)NULL)
#endif

/** For `module hooks`: name, C prototype. */
const char *hook_name(ec_hook_id_t hook);
const char *hook_prototype(ec_hook_id_t hook);

/** Call all providers of a void hook. */
#define HOOK_CALL(name, ...)                                                                   \
    do {                                                                                       \
        const hook_list_t *hook_list_ = hook_list(EC_HOOK_##name);                             \
        for (int hook_i_ = 0; hook_list_ != NULL && hook_i_ < hook_list_->n; hook_i_++) {      \
            const hook_provider_t *hook_p_ = &hook_list_->provider[hook_i_];                   \
            ((ec_hook_##name##_fn *)hook_p_->fn)(hook_p_->self __VA_OPT__(, ) __VA_ARGS__);    \
        }                                                                                      \
    } while (0)

/** Ask all providers of a hook whose answer is needed now: `*verdict` is EC_CONTINUE, EC_DONE or EC_REJECT, and
 * `*module` is who said so, "" when nobody did. */
#define HOOK_ASK(verdict, who, name, ...)                                                      \
    do {                                                                                       \
        const hook_list_t *hook_list_ = hook_list(EC_HOOK_##name);                             \
        *(verdict) = EC_CONTINUE;                                                              \
        *(who) = "";                                                                           \
        for (int hook_i_ = 0; hook_list_ != NULL && hook_i_ < hook_list_->n; hook_i_++) {      \
            const hook_provider_t *hook_p_ = &hook_list_->provider[hook_i_];                   \
            *(verdict) = hook_now(((ec_hook_##name##_fn *)hook_p_->fn)(hook_p_->self __VA_OPT__(, ) __VA_ARGS__), \
                                  EC_HOOK_##name, hook_p_->module);                            \
            if (*(verdict) != EC_CONTINUE) {                                                   \
                *(who) = hook_p_->module;                                                      \
                break;                                                                         \
            }                                                                                  \
        }                                                                                      \
    } while (0)

/** For HOOK_ASK: EC_SUSPEND where nobody can wait is reported and becomes EC_CONTINUE. */
ec_verdict_t hook_now(ec_verdict_t verdict, ec_hook_id_t hook, const char *module);
#endif
