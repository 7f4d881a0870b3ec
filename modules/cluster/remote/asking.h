/* asking.h - requests under way: who was asked, what has come of the answers, who will not answer any more
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request ends for each node it was sent to by one of the ENDS below, and as a whole when it has ended for
 * all. Nothing here sends or knows the time by itself, so tests drive it.  One thread. */
#ifndef CLUSTER_REMOTE_ASKING_H
#define CLUSTER_REMOTE_ASKING_H

#include "cluster/bus/bus.h"
#include "cluster/remote/protocol.h"

#define ASKING_ENDS(X)                                                                                 \
    X(WAITING, "no answer yet")                                                                        \
    X(ANSWERED, "answered")                                                                            \
    X(LEFT, "left the cluster before its answer was complete; the command may have run")               \
    X(LATE, "did not answer in time; the command may have run, or be running")                         \
    X(DAMAGED, "sent an answer that could not be read")                                                \
    X(DROPPED, "answered, but the answers under way take more memory than they may")                   \
    X(ALONE, "this manager lost the cluster before the answer was complete; the command may have run") \
    X(ENDED, "this manager ended before the answer was complete; the command may have run")
#define ASKING_END_ENUM(name, text) ASKING_##name,
enum asking_end { ASKING_ENDS(ASKING_END_ENUM) ASKING_END_COUNT };
#undef ASKING_END_ENUM
const char *asking_end_text(enum asking_end end);

enum {
    ASKING_MAX = 64,                     /* requests under way */
    ASKING_BYTES_MAX = 256 * 1024 * 1024 /* of answers that are coming */
};

struct asking_node {
    bus_node_t id;
    apr_uint32_t pid;
    char name[REMOTE_NAME_MAX + 1], subcluster[REMOTE_NAME_MAX + 1];
    enum asking_end end;
    wire_writer_t bytes;      /* of the answer, as far as it has come */
    struct asking_node *next; /* by name */
};

struct asking_events {
    /** It has ended for this node; borrows.  May be NULL. */
    void (*node)(void *baton, const struct asking_node *node);
    /** It has ended for all (borrows the list): the last call. */
    void (*done)(void *baton, const struct asking_node *nodes);
};

typedef struct asking asking_t;

/** `instance`: random; the upper half of all ids. */
asking_t *asking_create(apr_uint32_t instance);
/** Ends what is under way (ENDED). */
void asking_destroy(asking_t *asking);

/** Room for a request to these `n` nodes, of which name, subcluster, id and pid are copied.  Keeps `events`
 * and `baton` until done.  Returns its id, or 0 when there are too many under way. */
apr_uint64_t asking_begin(asking_t *asking, const struct asking_node *nodes, int n, apr_time_t deadline,
                          const struct asking_events *events, void *baton);
/** Is this id one of ours? */
int asking_is_ours(const asking_t *asking, apr_uint64_t id);
void asking_piece(asking_t *asking, bus_node_t sender, apr_uint32_t pid, const struct remote_piece *piece);
/** Who is there now; only id and pid are read.  `end`: what becomes of the others, LEFT or ALONE. */
void asking_members(asking_t *asking, const struct asking_node *nodes, int n, enum asking_end end);
void asking_time(asking_t *asking, apr_time_t now);
/** The next deadline; 0: none. */
apr_time_t asking_next(const asking_t *asking);

#endif
