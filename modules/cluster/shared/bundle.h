/* bundle.h - several objects of one kind behind one type of message, told apart by their names
 * SPDX-License-Identifier: Apache-2.0
 *
 * Types of messages are numbers that all nodes agree on; objects have names from the configuration.  A bundle
 * is a machine of one type whose messages, JOINs and snapshots are blocks of a name and what the inner
 * machine wrote.
 *
 * All nodes keep all objects that they hear of, configured here or not: so whoever serves a snapshot has the
 * whole picture, and the state depends on the order of messages alone.  What comes above BUNDLE_OBJECTS_MAX
 * is passed over. */
#ifndef CLUSTER_SHARED_BUNDLE_H
#define CLUSTER_SHARED_BUNDLE_H

#include "cluster/machine/machine.h"

enum { BUNDLE_OBJECTS_MAX = 64, BUNDLE_NAME_MAX = 64 };

struct bundle_kind {
    const struct machine_type *inner;
    const struct machine_local *local; /* of the inner machine */
    void *(*make)(void);               /* an empty state */
    void (*destroy)(void *state);
    /** Another node has come in; may be NULL.  With the object's local. */
    void (*newcomer)(void *local);
};

struct bundle_object {
    char name[BUNDLE_NAME_MAX + 1];
    void *state;
    void *local; /* NULL: this node has nothing to say about it */
};

typedef struct {
    const struct bundle_kind *kind;
    int is_deaf;                                       /* what others say is not kept here */
    struct bundle_object *objects[BUNDLE_OBJECTS_MAX]; /* by name */
    int count;
} bundle_t;

/** The object of this name, made when it is new; NULL: there are too many, or the name is too long. */
struct bundle_object *bundle_object(bundle_t *bundle, const char *name, apr_size_t length);
/** The one that is there, or NULL. */
struct bundle_object *bundle_find(const bundle_t *bundle, const char *name);
void bundle_free(bundle_t *bundle);

/** Functions of a machine_type whose state is a bundle_t; BUNDLE_TYPE() makes one. */
void bundle_apply(void *state, const struct machine_event *event, wire_reader_t *body);
void bundle_join(void *state, const struct machine_event *event, wire_reader_t *body);
void bundle_change(void *state, const struct lease_change *change);
void bundle_clear(void *state);
void bundle_write(const void *state, wire_writer_t *writer);
int bundle_read(void *state, wire_reader_t *reader);

#define BUNDLE_TYPE(name, message)                                                                 \
    {                                                                                              \
        name, message, bundle_apply, bundle_join, NULL, bundle_change, bundle_clear, bundle_write, \
            bundle_read                                                                            \
    }

extern const struct machine_local bundle_local; /* local: bundle_t */

#endif
