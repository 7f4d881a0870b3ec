/* machine.h - what a replicated state machine is
 * SPDX-License-Identifier: Apache-2.0
 *
 * A machine's state changes by messages and by changes of who may hold something, in
 * one order that is the same on all nodes, and by nothing else: no clock, no I/O, no
 * randomness.  A node that comes in reads the state at a point of the order and goes
 * on from there.  Each node also has a local half beside the state: what this node
 * uses and wants, which makes messages (replica.h drives both). */
#ifndef CLUSTER_MACHINE_MACHINE_H
#define CLUSTER_MACHINE_MACHINE_H

#include <apr_time.h>

#include "cluster/bus/bus.h"
#include "cluster/lease/lease.h"
#include "cluster/wire/message.h"

struct machine_event {
    bus_node_t sender;
    apr_uint64_t position; /* of this event in the order */
};

struct machine_type {
    const char *name;
    int message; /* the type of its messages; also the number of its part of a snapshot */
    /** A message of an active node.  What does not fit is skipped by all in the same way. */
    void (*apply)(void *state, const struct machine_event *event, wire_reader_t *body);
    /** What a node holds as it comes in, between JOINED and SETTLED; may be NULL. */
    void (*join)(void *state, const struct machine_event *event, wire_reader_t *body);
    /** A node has said that it had applied all up to `position`; may be NULL. */
    void (*heard)(void *state, bus_node_t node, apr_uint64_t position);
    void (*change)(void *state, const struct lease_change *change);
    void (*clear)(void *state);
    void (*write)(const void *state, wire_writer_t *writer);
    /** Into a cleared state.  Returns whether it was understood. */
    int (*read)(void *state, wire_reader_t *reader);
};

/** The local half: one per machine and node, any of them NULL. */
struct machine_local {
    /** The state is in step and this node is active: use it.  Or (`is_active` 0) it is neither any more. */
    void (*active)(void *local, int is_active, apr_time_t now);
    /** What this node holds, for its JOIN. */
    void (*join)(void *local, wire_writer_t *writer, apr_time_t now);
    /** Everything that must be told to others now, into one message.  Returns whether there is something. */
    int (*flush)(void *local, wire_writer_t *writer, apr_time_t now);
    /** Has something happened that only a message of ours completes, whatever it says? */
    int (*wants_beat)(void *local);
    /** The lease has run out: stop using what it covered, now.  Or it is good (again). */
    void (*lease)(void *local, int is_good, apr_time_t now);
    /** When flush() should be asked again without other cause; 0: not before something happens. */
    apr_time_t (*next)(const void *local);
};

struct machine {
    const struct machine_type *type;
    void *state;
    const struct machine_local *local_type; /* NULL: this node only listens */
    void *local;
};

#endif
