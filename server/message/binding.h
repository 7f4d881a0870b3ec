/* binding.h - the names under which mail leaves: a binding in its group
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each pair of group and binding that mail ever had is one binding_t, which lives as long as the process: the
 * configuration names them, so there are few, and two are the same exactly when their addresses are.  What a
 * binding means (its address, its limits) is the business of a configuration's views; a binding_t says
 * nothing about whether one has it at present. */
#ifndef MESSAGE_BINDING_H
#define MESSAGE_BINDING_H

#include <stdatomic.h>

#include <apr_pools.h>

enum { BINDING_NAME_MAX = 255 };

typedef struct binding binding_t;
struct binding {
    const char *group, *name;
    apr_uint64_t hash; /* of both; 0 for the default binding */
    /* what queues of it did that have ended; the others have numbers of their own */
    _Atomic apr_uint64_t received, delivered, failed, transient;
    binding_t *chain;
};

/** Mail for which nobody has chosen: binding default of group default. */
extern binding_t binding_default;

/** The one of this group and name; made when it is new.  Copies.  Any thread; takes a lock. */
binding_t *binding_of(const char *group, const char *name);
/** All that there are, the default one first, in an array in `pool`; `*n` of them.  With `name` only those of
 * this name, in whichever group.  Any thread; takes a lock. */
binding_t **binding_all(const char *name, int *n, apr_pool_t *pool);
/** Is there any but the default one? */
int binding_any(void);
/** The number of the next message to a group, for taking its bindings in turn: 0, 1, 2 ...  The counter lives
 * as long as the process.  Any thread; takes a lock. */
_Atomic apr_uint32_t *binding_turn(const char *group);
#endif
