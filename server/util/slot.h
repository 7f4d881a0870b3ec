/* slot.h - the data that modules keep at an object: a short list of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Kinds are known to the process by (module, instance, name, size) and never end; the list of an object has one entry a
 * kind.  Thread: that of the object; kinds are made on the master loop. */
#ifndef UTIL_SLOT_H
#define UTIL_SLOT_H

#include <ec/slot.h>

typedef struct util_slot util_slot_t;
typedef struct {
    util_slot_t *first; /* newest first */
} util_slots_t;

/** The data of this kind.  `may_make` 0: NULL when there is none. */
void *util_slot_get(util_slots_t *slots, const ec_slot_t *slot, int may_make);
/** End all of it. */
void util_slots_end(util_slots_t *slots);
/** Bytes that live in slots of an instance.  Any thread. */
apr_int64_t util_slot_bytes(const char *module, const char *instance);
#endif
