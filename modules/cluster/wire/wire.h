/* wire.h - bytes of cluster messages and snapshots: numbers, texts, nested blocks
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers are base-128, low part first.  A block is a length and its bytes; whoever reads
 * a block ignores what follows the fields it knows, so a newer version may add some
 * at the end.  A reader never leaves its bytes: the first thing that does not fit
 * sets `is_bad`, everything read after that is 0 or empty, and the caller asks once
 * at the end.  A writer grows by malloc; running out of memory ends the process.
 * Pure; any thread. */
#ifndef CLUSTER_WIRE_H
#define CLUSTER_WIRE_H

#include <apr.h>

typedef struct {
    const unsigned char *at, *end;
    int is_bad;
} wire_reader_t;

typedef struct {
    unsigned char *data;
    apr_size_t length, size;
} wire_writer_t;

/** Borrows `data` for as long as the reader is used; of no bytes it may be NULL. */
static inline wire_reader_t wire_reader(const void *data, apr_size_t length)
{
    const unsigned char *bytes = data != NULL ? data : (const unsigned char *)"";
    wire_reader_t reader = { bytes, bytes + length, 0 };

    return reader;
}

static inline int wire_has_more(const wire_reader_t *reader)
{
    return !reader->is_bad && reader->at < reader->end;
}

apr_uint64_t wire_read(wire_reader_t *reader);
/** A number of at most `max`; more is bad. */
apr_uint64_t wire_read_max(wire_reader_t *reader, apr_uint64_t max);
/** Eight bytes, for what is random. */
apr_uint64_t wire_read_fixed(wire_reader_t *reader);
/** A block: its bytes, inside the reader's, and its length (at most `max`). */
const void *wire_read_bytes(wire_reader_t *reader, apr_size_t *length, apr_size_t max);
/** A block, to be read by itself. */
wire_reader_t wire_read_block(wire_reader_t *reader);

/** An empty writer is all zero. */
void wire_free(wire_writer_t *writer);
void wire_write(wire_writer_t *writer, apr_uint64_t number);
void wire_write_fixed(wire_writer_t *writer, apr_uint64_t number);
void wire_write_bytes(wire_writer_t *writer, const void *bytes, apr_size_t length);
/** Append without a length. */
void wire_write_raw(wire_writer_t *writer, const void *bytes, apr_size_t length);
/** Begin a block whose length is not known yet; returns what wire_block_end() wants. */
apr_size_t wire_block_begin(wire_writer_t *writer);
void wire_block_end(wire_writer_t *writer, apr_size_t began);

#endif
