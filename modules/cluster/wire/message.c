/* message.c - the frame of every cluster message
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/wire/message.h"

enum { MAGIC_1 = 0xec, MAGIC_2 = 0x1c };

static const struct {
    int type;
    const char *name;
} names[] = {
#define MESSAGE_NAME(name, number, text) { number, #name },
    MESSAGE_TYPES(MESSAGE_NAME)
#undef MESSAGE_NAME
};

static const char *find_name(int type)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return NULL;
}

int message_is_known(int type)
{
    return find_name(type) != NULL;
}

const char *message_type_name(int type)
{
    const char *name = find_name(type);

    return name == NULL ? "unknown" : name;
}

const char *message_read(struct message *message, const void *data, apr_size_t length)
{
    const unsigned char *bytes = data;
    wire_reader_t reader;

    if (length < 4)
        return "shorter than its frame";
    if (bytes[0] != MAGIC_1 || bytes[1] != MAGIC_2)
        return "not a message of this cluster protocol";
    reader = wire_reader(bytes + 2, length - 2);
    message->version = (int)wire_read_max(&reader, 0xffff);
    message->type = (int)wire_read_max(&reader, MESSAGE_TYPE_END - 1);
    message->stay = wire_read(&reader);
    message->position = wire_read(&reader);
    message->body = wire_read_block(&reader);
    if (reader.is_bad)
        return "frame is cut or damaged";
    return message->version == 0 ? "version 0 does not exist" : NULL;
}

apr_size_t message_begin(wire_writer_t *writer, int type, apr_uint64_t stay, apr_uint64_t position)
{
    static const unsigned char magic[] = { MAGIC_1, MAGIC_2 };

    wire_write_raw(writer, magic, sizeof(magic));
    wire_write(writer, MESSAGE_VERSION);
    wire_write(writer, (apr_uint64_t)type);
    wire_write(writer, stay);
    wire_write(writer, position);
    return wire_block_begin(writer);
}

void message_end(wire_writer_t *writer, apr_size_t began)
{
    wire_block_end(writer, began);
}
