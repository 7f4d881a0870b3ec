/* limit.h - replicated: who holds how much of what is limited for all nodes together
 * SPDX-License-Identifier: Apache-2.0
 *
 * A key (a limit at a scope) has `limit` units.  A node says how many it wants to hold
 * (its target); what is free is granted in the order of the messages, first to the
 * one that holds least, then to the one that has waited longest.  A grant is *fresh*
 * until its node has sent something after seeing it, then *firm*; only firm units are
 * used.  Nothing is ever taken from an active node: it gives back.
 *
 * The same machine serves connections (a unit is a slot) and rates (a unit is one
 * message in any window; see throttle/).  Units of a rate can be *tainted*: somebody
 * who is gone may have used them just now, so who gets them waits for one window.
 *
 * Invariant: firm + fresh of all nodes + kept back for departures + frozen <= limit,
 * except just after the limit was lowered, when nothing is granted until it holds.
 * Different nodes may know different limits for a moment; the least counts. */
#ifndef CLUSTER_LIMIT_LIMIT_H
#define CLUSTER_LIMIT_LIMIT_H

#include "cluster/machine/machine.h"
#include "cluster/machine/table.h"

enum {
    LIMIT_MAX = 0x7fffffff,
    LIMIT_KEYS_MAX = 1 << 20 /* what comes above is refused by all in the same way */
};

extern const struct machine_type limit_machine;    /* state: limit_t */
extern const struct machine_type throttle_machine; /* the same, for rates */

/** What one node has of one key. */
struct limit_entry {
    struct limit_holder *holder;
    struct limit_entry *next;                      /* of the key */
    struct limit_entry *holder_next, *holder_prev; /* of the holder */
    struct limit_key *key;
    apr_uint32_t limit; /* that this node knows */
    apr_uint32_t firm, fresh;
    apr_uint32_t tainted; /* of all granted so far; whoever watches sees the difference */
    apr_uint32_t target;
    apr_uint64_t since; /* position of the event since which it waits, or of its last grant */
};

struct limit_key {
    struct table_item item;
    struct limit_entry *entries;
    apr_uint32_t limit; /* the least of the entries', or half of it */
    apr_uint32_t held;  /* by all, departures included */
    apr_uint32_t frozen;
    apr_uint32_t tainted;   /* of what is free */
    apr_uint64_t frozen_at; /* the freeze that `frozen` was taken for */
};

/** Something happened to a key of which this node has a part; `given` is what a message of ours gave back
 * with it.  Called while an event is applied; must not change the state. */
typedef void limit_watch_fn(void *baton, const struct limit_key *key, apr_uint32_t given);

typedef struct {
    table_t keys;
    struct limit_holder *holders; /* active nodes and departures */
    apr_uint64_t freeze;          /* number of the freeze now or last */
    int is_frozen, is_taint_frozen;
    int is_half;               /* one host alone of two: of each limit, half is there */
    apr_uint64_t position;     /* of the last event */
    apr_uint64_t reclaim_from; /* departure of the node that is coming in */
    int is_rate;
    limit_watch_fn *watch; /* NULL: nobody */
    void *watch_baton;
    apr_uint32_t given; /* to tell the watch */
    bus_node_t self;    /* for `watch` only; the state does not depend on it */
} limit_t;

void limit_init(limit_t *limit, int is_rate);
void limit_watch(limit_t *limit, bus_node_t self, limit_watch_fn *watch, void *baton);

/** One record of a LIMIT or THROTTLE message. */
struct limit_record {
    const char *key;
    apr_size_t key_length;
    apr_uint32_t limit, target, give;
    int is_available; /* in JOIN: used without a lease (available mode) */
};
void limit_record_write(wire_writer_t *writer, const struct limit_record *record);
/** Returns whether it was understood. */
int limit_record_read(struct limit_record *record, wire_reader_t *reader);

const struct limit_key *limit_find(const limit_t *limit, const char *key, apr_size_t length);
const struct limit_entry *limit_entry_of(const struct limit_key *key, bus_node_t node);

/** Whose it is; 0: of one that is gone, kept back until its lease is surely over. */
bus_node_t limit_entry_node(const struct limit_entry *entry);

/** How many units `node` should give back so that others get their part: `now`, and `turn` more (0 or 1)
 * when it has had them for a turn. */
void limit_yield(const struct limit_key *key, bus_node_t node, apr_uint32_t *now, apr_uint32_t *turn);

/** Does the invariant hold?  For tests: looks at everything. */
int limit_is_sound(const limit_t *limit);

#endif
