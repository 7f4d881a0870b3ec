/* numbers.h - replicated: gauge caches, numbers by key that all nodes add to, each with a lifetime
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a node adds stays when it goes.  A machine has no clock, so each change brings the time of its sender: a change that comes
 * after the end of the key's lifetime begins from 0, and keys whose lifetime was over when a change of the cache was made are
 * forgotten.  Bounded as the caches are (the sender says how), and by NUMBERS_KEYS_MAX over all.  Pure. */
#ifndef CLUSTER_NUMBERS_NUMBERS_H
#define CLUSTER_NUMBERS_NUMBERS_H

#include <ec/gauge.h>

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

extern const struct machine_type numbers_machine; /* state: numbers_t */

enum { NUMBERS_CACHES_MAX = EC_GAUGE_MAX, NUMBERS_KEYS_MAX = 1 << 20 };

typedef struct {
    table_t caches; /* by name */
    apr_size_t keys;
    /** A change, as it is applied; or all is gone.  NULL: nobody hears. */
    void (*changed)(void *baton, bus_node_t sender, const ec_gauge_change_t *change);
    void (*cleared)(void *baton);
    void *baton;
} numbers_t;

void numbers_free(numbers_t *numbers);
/** All values; `each` returns 0 to end.  Of a value `n` is the number and `time` that of its last change. */
typedef int numbers_each_fn(void *baton, const ec_gauge_change_t *value);
void numbers_each(const numbers_t *numbers, numbers_each_fn *each, void *baton);

/** This node's half: changes that wait.  An empty one is all zero. */
typedef struct {
    wire_writer_t unsent;
} numbers_local_t;
extern const struct machine_local numbers_local; /* local: numbers_local_t */

void numbers_tell(numbers_local_t *local, const ec_gauge_change_t *change);
/** The changes that wait. */
void numbers_unsent_each(const numbers_local_t *local, numbers_each_fn *each, void *baton);
void numbers_local_free(numbers_local_t *local);

#endif
