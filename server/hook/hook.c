/* hook.c - the table of providers: built aside, swapped by one store, freed after a turn of every loop
 * SPDX-License-Identifier: Apache-2.0
 *
 * Readers take no reference: a loop holds a table no longer than one callback, and a
 * post runs between callbacks.  So when a post sent to every loop after the swap has run
 * everywhere, the old table is unknown to all, and so are the instances it named. */
#include "hook/hook.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <ec/log.h>
#include <ec/loop.h>

#undef hook_list

struct hook_set {
    hook_list_t list[EC_HOOK_COUNT];
};

/* One wait for a turn of every loop; frees itself on the master loop. */
struct turn {
    hook_set_t *old;
    hook_done_fn *done;
    void *baton;
    atomic_int left;
    ec_post_t last;
    ec_post_t post[]; /* one a loop */
};

static hook_set_t empty;
static hook_set_t *_Atomic current = &empty;

static const struct {
    const char *name, *prototype;
} hooks[EC_HOOK_COUNT] = {
#define HOOK_TEXT(name, result, params) { #name, #result " " #name #params },
    EC_HOOK_LIST(HOOK_TEXT)
#undef HOOK_TEXT
};

const char *hook_name(ec_hook_id_t hook)
{
    return hooks[hook].name;
}

const char *hook_prototype(ec_hook_id_t hook)
{
    return hooks[hook].prototype;
}

const hook_list_t *hook_list(ec_hook_id_t hook)
{
    const hook_list_t *list = &atomic_load_explicit(&current, memory_order_acquire)->list[hook];

    return list->n > 0 ? list : NULL;
}

/* ---- sets ------------------------------------------------------------------------ */

static void *must(void *memory)
{
    EC_ASSERT(memory != NULL);
    return memory;
}

hook_set_t *hook_set_create(void)
{
    return must(calloc(1, sizeof(hook_set_t)));
}

void hook_set_destroy(hook_set_t *set)
{
    if (set == &empty) {
        return;
    }
    for (int i = 0; i < EC_HOOK_COUNT; i++) {
        free(set->list[i].provider);
    }
    free(set);
}

static void list_add(hook_list_t *list, const hook_provider_t *provider)
{
    list->provider = must(realloc(list->provider, (size_t)(list->n + 1) * sizeof *provider));
    list->provider[list->n++] = *provider;
}

void hook_set_add(hook_set_t *set, const ec_hook_t *table, void *self, const char *module)
{
    hook_set_add_owned(set, table, self, module, NULL);
}

void hook_set_add_owned(hook_set_t *set, const ec_hook_t *table, void *self, const char *module, hook_owner_t *owner)
{
    for (const ec_hook_t *row = table; row != NULL && row->hook >= 0; row++) {
        hook_provider_t provider = { row->fn, self, module, owner };

        EC_ASSERT(row->hook < EC_HOOK_COUNT);
        list_add(&set->list[row->hook], &provider);
    }
}

/* The table in force, without what belongs to `except` (NULL: all of it). */
static hook_set_t *copy_of_current(const void *except)
{
    const hook_set_t *from = atomic_load(&current);
    hook_set_t *set = hook_set_create();

    for (int i = 0; i < EC_HOOK_COUNT; i++) {
        for (int j = 0; j < from->list[i].n; j++) {
            if (except == NULL || from->list[i].provider[j].self != except) {
                list_add(&set->list[i], &from->list[i].provider[j]);
            }
        }
    }
    return set;
}

/* ---- the swap -------------------------------------------------------------------- */

static void on_all_passed(void *baton)
{
    struct turn *turn = baton;

    hook_set_destroy(turn->old);
    if (turn->done != NULL) {
        turn->done(turn->baton);
    }
    free(turn);
}

static void on_turn(void *baton)
{
    struct turn *turn = baton;

    if (atomic_fetch_sub(&turn->left, 1) == 1) {
        ec_loop_post(ec_loop_at(0), &turn->last, on_all_passed, turn);
    }
}

void hook_install(hook_set_t *set, hook_done_fn *done, void *baton)
{
    int loops = ec_loop_count();
    struct turn *turn = must(calloc(1, sizeof *turn + (size_t)loops * sizeof turn->post[0]));

    turn->old = atomic_exchange(&current, set);
    turn->done = done;
    turn->baton = baton;
    if (loops == 0) { /* before there are loops nobody can be inside a hook */
        on_all_passed(turn);
        return;
    }
    atomic_store(&turn->left, loops);
    for (int i = 0; i < loops; i++) {
        ec_loop_post(ec_loop_at(i), &turn->post[i], on_turn, turn);
    }
}

void hook_add(const ec_hook_t *table, void *self, const char *module)
{
    hook_set_t *set = copy_of_current(NULL);

    hook_set_add(set, table, self, module);
    hook_install(set, NULL, NULL);
}

void hook_remove(void *self, hook_done_fn *done, void *baton)
{
    hook_install(copy_of_current(self), done, baton);
}

void hook_clear(void)
{
    hook_set_destroy(atomic_exchange(&current, &empty));
}

/* ---- owners ---------------------------------------------------------------------- */

void hook_hold(hook_owner_t *owner)
{
    if (owner != NULL) {
        atomic_fetch_add(&owner->holds, 1);
    }
}

void hook_release(hook_owner_t *owner)
{
    if (owner != NULL && atomic_fetch_sub(&owner->holds, 1) == 1) {
        ec_loop_post(ec_loop_at(0), &owner->post, owner->unused, owner->baton);
    }
}

ec_verdict_t hook_now(ec_verdict_t verdict, ec_hook_id_t hook, const char *module)
{
    if (verdict == EC_SUSPEND) {
        ec_log(ec_log_root(), EC_LOG_ERROR, "a hook can not suspend here hook=%s module=%s", hook_name(hook), module);
        return EC_CONTINUE;
    }
    return verdict;
}
