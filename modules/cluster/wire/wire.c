/* wire.c - numbers, texts and blocks of cluster messages
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/wire/wire.h"

/* Blocks that are written in place have a length of this many bytes: enough for 2^28. */
enum { BLOCK_LENGTH_BYTES = 4 };

/* Most messages are no longer than that. */
enum { WRITER_SIZE_MIN = 256 };

apr_uint64_t wire_read(wire_reader_t *reader)
{
    apr_uint64_t number = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        unsigned char byte;

        if (reader->is_bad || reader->at >= reader->end)
            break;
        byte = *reader->at++;
        if (shift == 63 && byte > 1)
            break;
        number |= (apr_uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return number;
    }
    reader->is_bad = 1;
    return 0;
}

apr_uint64_t wire_read_max(wire_reader_t *reader, apr_uint64_t max)
{
    apr_uint64_t number = wire_read(reader);

    if (number <= max)
        return number;
    reader->is_bad = 1;
    return 0;
}

apr_uint64_t wire_read_fixed(wire_reader_t *reader)
{
    apr_uint64_t number = 0;

    if (reader->is_bad || reader->end - reader->at < 8) {
        reader->is_bad = 1;
        return 0;
    }
    for (int i = 0; i < 8; i++)
        number |= (apr_uint64_t)*reader->at++ << (8 * i);
    return number;
}

const void *wire_read_bytes(wire_reader_t *reader, apr_size_t *length, apr_size_t max)
{
    apr_uint64_t wanted = wire_read(reader);
    const void *bytes = reader->at;

    *length = 0;
    if (reader->is_bad || wanted > max || wanted > (apr_uint64_t)(reader->end - reader->at)) {
        reader->is_bad = 1;
        return "";
    }
    *length = (apr_size_t)wanted;
    reader->at += wanted;
    return bytes;
}

wire_reader_t wire_read_block(wire_reader_t *reader)
{
    apr_size_t length;
    const void *bytes = wire_read_bytes(reader, &length, (apr_size_t)-1 >> 1);
    wire_reader_t block = wire_reader(bytes, length);

    block.is_bad = reader->is_bad;
    return block;
}

static unsigned char *room_for(wire_writer_t *writer, apr_size_t more)
{
    if (writer->length + more > writer->size) {
        writer->size = (writer->length + more) * 2;
        if (writer->size < WRITER_SIZE_MIN)
            writer->size = WRITER_SIZE_MIN;
        writer->data = realloc(writer->data, writer->size);
        if (writer->data == NULL)
            abort();
    }
    writer->length += more;
    return writer->data + writer->length - more;
}

void wire_free(wire_writer_t *writer)
{
    free(writer->data);
    memset(writer, 0, sizeof(*writer));
}

void wire_write(wire_writer_t *writer, apr_uint64_t number)
{
    unsigned char bytes[10];
    int count = 0;

    do {
        bytes[count++] = (unsigned char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        number >>= 7;
    } while (number != 0);
    memcpy(room_for(writer, count), bytes, count);
}

void wire_write_fixed(wire_writer_t *writer, apr_uint64_t number)
{
    unsigned char *bytes = room_for(writer, 8);

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
}

void wire_write_raw(wire_writer_t *writer, const void *bytes, apr_size_t length)
{
    if (length > 0)
        memcpy(room_for(writer, length), bytes, length);
}

void wire_write_bytes(wire_writer_t *writer, const void *bytes, apr_size_t length)
{
    wire_write(writer, length);
    wire_write_raw(writer, bytes, length);
}

apr_size_t wire_block_begin(wire_writer_t *writer)
{
    room_for(writer, BLOCK_LENGTH_BYTES);
    return writer->length;
}

void wire_block_end(wire_writer_t *writer, apr_size_t began)
{
    apr_size_t length = writer->length - began;
    unsigned char *at = writer->data + began - BLOCK_LENGTH_BYTES;

    for (int i = 0; i < BLOCK_LENGTH_BYTES; i++, length >>= 7)
        at[i] = (unsigned char)((length & 0x7f) | (i + 1 < BLOCK_LENGTH_BYTES ? 0x80 : 0));
    if (length != 0)
        abort();
}
