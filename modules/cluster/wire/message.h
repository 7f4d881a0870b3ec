/* message.h - the frame of every cluster message
 * SPDX-License-Identifier: Apache-2.0
 *
 * magic (2 bytes), version, type, stay, position, and a block: the body.
 * A message of another magic is not ours; one of a newer version is read as far as it is
 * known (see wire.h); an unknown type is ignored by all who do not know it, so a new
 * type that changes state may only be sent when every member knows it (view: versions).
 * Pure; any thread. */
#ifndef CLUSTER_WIRE_MESSAGE_H
#define CLUSTER_WIRE_MESSAGE_H

#include "cluster/wire/wire.h"

enum { MESSAGE_VERSION = 1 };

#define MESSAGE_TYPES(X)                                           \
    X(STATE, 1, "what I know, after a new ring or when I come in") \
    X(DECIDE, 2, "waited long enough for the state of others")     \
    X(RESETTLE, 3, "begin again in this ring")                     \
    X(SNAPSHOT, 4, "part of the state, for one that comes in")     \
    X(BEAT, 5, "I am here, and have applied so much")              \
    X(JOIN, 6, "I am in step now, and this is what I hold")        \
    X(LEAVE, 7, "I hold nothing and go")                           \
    X(EVICT, 8, "one that was silent for too long")                \
    X(RELEASE, 9, "the leases of one that is gone have run out")   \
    X(LIMIT, 16, "slots given back and wanted")                    \
    X(THROTTLE, 17, "units of rates given back and wanted")        \
    X(GAUGE, 18, "counts of the sender")                           \
    X(CIDR, 19, "counts of the sender by address")                 \
    X(CACHE, 20, "values by key")                                  \
    X(METRICS, 21, "series of the sender")                         \
    X(MANAGER_METRICS, 22, "series of the sender, for managers")   \
    X(GROUP, 23, "of groups that modules have made")               \
    X(SERIES, 24, "audit series of the sender")                    \
    X(MANAGER_SERIES, 25, "the same, for managers")                \
    X(NUMBERS, 26, "what was added to gauge caches")

#define MESSAGE_ENUM(name, number, text) MESSAGE_##name = number,
enum message_type { MESSAGE_TYPES(MESSAGE_ENUM) MESSAGE_TYPE_END = 256 };
#undef MESSAGE_ENUM

struct message {
    int version;
    int type;              /* below MESSAGE_TYPE_END, perhaps unknown */
    apr_uint64_t stay;     /* of the sender in the state: a message of an earlier one is void */
    apr_uint64_t position; /* events that the sender had applied when it sent this */
    wire_reader_t body;
};

/** Reads the frame; borrows the bytes.  Returns NULL, or what is wrong. */
const char *message_read(struct message *message, const void *data, apr_size_t length);

/** Begins a message in an empty writer, returns what message_end() wants. */
apr_size_t message_begin(wire_writer_t *writer, int type, apr_uint64_t stay, apr_uint64_t position);
void message_end(wire_writer_t *writer, apr_size_t began);

/** Do we know what messages of this type mean? */
int message_is_known(int type);
/** Name of a type for logs and traces; "unknown" otherwise. */
const char *message_type_name(int type);

#endif
