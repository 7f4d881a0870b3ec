/* slot.c - the data that modules keep at an object
 * SPDX-License-Identifier: Apache-2.0 */
#include "util/slot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64 };

struct ec_slot_kind {
    ec_slot_kind_t *next;
    char *module, *instance, *name;
    apr_size_t size;
    ec_slot_end_fn *_Atomic end;
    _Atomic apr_int64_t bytes; /* that live */
};

struct util_slot {
    util_slot_t *next;
    ec_slot_kind_t *kind;
    _Alignas(max_align_t) char data[];
};

static struct {
    pthread_mutex_t lock;
    ec_slot_kind_t *kinds;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *must(void *memory)
{
    EC_ASSERT(memory != NULL);
    return memory;
}

static int is_kind(const ec_slot_kind_t *kind, const ec_instance_t *instance, const char *name, apr_size_t size)
{
    return kind->size == size && strcmp(kind->name, name) == 0 && strcmp(kind->module, instance->module) == 0 &&
           strcmp(kind->instance, instance->name) == 0;
}

static ec_slot_kind_t *make_kind(const ec_instance_t *instance, const char *name, apr_size_t size)
{
    ec_slot_kind_t *kind = must(calloc(1, sizeof *kind));

    kind->module = must(strdup(instance->module));
    kind->instance = must(strdup(instance->name));
    kind->name = must(strdup(name));
    kind->size = size;
    kind->next = state.kinds;
    state.kinds = kind;
    return kind;
}

void ec_slot_init(ec_slot_t *slot, const ec_instance_t *instance, const char *name, apr_size_t size, ec_slot_end_fn *end)
{
    ec_slot_kind_t *kind;

    pthread_mutex_lock(&state.lock);
    for (kind = state.kinds; kind != NULL && !is_kind(kind, instance, name, size); kind = kind->next) {
    }
    if (kind == NULL) {
        kind = make_kind(instance, name, size);
    }
    atomic_store(&kind->end, end);
    pthread_mutex_unlock(&state.lock);
    slot->kind = kind;
}

void *util_slot_get(util_slots_t *slots, const ec_slot_t *slot, int may_make)
{
    util_slot_t *at;

    EC_ASSERT(slot->kind != NULL); /* ec_slot_init() is missing */
    for (at = slots->first; at != NULL && at->kind != slot->kind; at = at->next) {
    }
    if (at == NULL && may_make) {
        at = must(calloc(1, sizeof *at + slot->kind->size));
        at->kind = slot->kind;
        at->next = slots->first;
        slots->first = at;
        atomic_fetch_add_explicit(&at->kind->bytes, (apr_int64_t)at->kind->size, memory_order_relaxed);
    }
    return at != NULL ? at->data : NULL;
}

void util_slots_end(util_slots_t *slots)
{
    util_slot_t *at;

    while ((at = slots->first) != NULL) {
        ec_slot_end_fn *end = atomic_load(&at->kind->end);

        slots->first = at->next;
        if (end != NULL) {
            end(at->data);
        }
        atomic_fetch_sub_explicit(&at->kind->bytes, (apr_int64_t)at->kind->size, memory_order_relaxed);
        free(at);
    }
}

apr_int64_t util_slot_bytes(const char *module, const char *instance)
{
    apr_int64_t bytes = 0;

    pthread_mutex_lock(&state.lock);
    for (const ec_slot_kind_t *kind = state.kinds; kind != NULL; kind = kind->next) {
        if (strcmp(kind->module, module) == 0 && strcmp(kind->instance, instance) == 0) {
            bytes += atomic_load(&kind->bytes);
        }
    }
    pthread_mutex_unlock(&state.lock);
    return bytes;
}

void ec_loop_slot_init(ec_loop_slot_t *slot, const ec_instance_t *instance, apr_size_t size)
{
    int n = ec_loop_count();
    apr_size_t start;

    slot->stride = (size + LINE - 1) / LINE * LINE;
    slot->data = apr_pcalloc(instance->pool, slot->stride * (apr_size_t)n + LINE);
    start = (apr_size_t)((apr_uintptr_t)slot->data % LINE);
    slot->data += start > 0 ? LINE - start : 0;
}
