/* records.h - blocks that wait to be sent, as many in one message as fit
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever has something to say appends blocks (wire.h) to a writer; this is the flush of a machine_local.  Pure. */
#ifndef CLUSTER_WIRE_RECORDS_H
#define CLUSTER_WIRE_RECORDS_H

#include "cluster/wire/wire.h"

/* Far below BUS_MESSAGE_MAX. */
enum { RECORDS_BYTES = 128 * 1024 };

/** Whole blocks from the beginning of `waiting`, up to RECORDS_BYTES or one, go to `writer`.  Returns whether there were any. */
int records_take(wire_writer_t *waiting, wire_writer_t *writer);

#endif
