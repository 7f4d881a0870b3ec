/* members.c - who is in the control group, by what each says of itself
 * SPDX-License-Identifier: Apache-2.0
 *
 * The message: the kind (1 byte), and a block: flags, name, subcluster, address, version.  Texts are bounded
 * and printable: they go to consoles and logs as they are. */
#include "cluster/node/members.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FLAG_MANAGER = 1 };

static void write_text(wire_writer_t *writer, const char *text)
{
    wire_write_bytes(writer, text, strlen(text));
}

void members_write(const struct node_member *member, wire_writer_t *writer)
{
    const unsigned char kind = NODE_CONTROL_WHO;
    apr_size_t block;

    wire_write_raw(writer, &kind, 1);
    block = wire_block_begin(writer);
    wire_write(writer, member->is_manager ? FLAG_MANAGER : 0);
    write_text(writer, member->name);
    write_text(writer, member->subcluster);
    write_text(writer, member->address);
    write_text(writer, member->version);
    wire_block_end(writer, block);
}

static void read_text(wire_reader_t *reader, char *text, apr_size_t size)
{
    apr_size_t length;
    const unsigned char *bytes = wire_read_bytes(reader, &length, size - 1);

    for (apr_size_t i = 0; i < length && !reader->is_bad; i++)
        reader->is_bad |= bytes[i] < ' ' || bytes[i] == 0x7f;
    if (reader->is_bad)
        length = 0;
    memcpy(text, length > 0 ? (const char *)bytes : "", length);
    text[length] = '\0';
}

const char *members_read(struct node_member *member, const void *data, apr_size_t length)
{
    const unsigned char *bytes = data;
    apr_size_t kind = length > 0 ? 1 : 0;
    wire_reader_t reader = wire_reader(bytes + kind, length - kind);
    wire_reader_t block = wire_read_block(&reader);
    apr_uint64_t flags = wire_read(&block);

    memset(member, 0, sizeof(*member));
    member->is_manager = (flags & FLAG_MANAGER) != 0;
    member->in_control = 1;
    read_text(&block, member->name, sizeof(member->name));
    read_text(&block, member->subcluster, sizeof(member->subcluster));
    read_text(&block, member->address, sizeof(member->address));
    read_text(&block, member->version, sizeof(member->version));
    if (reader.is_bad || block.is_bad)
        return "what it says of itself can not be understood";
    return member->name[0] == '\0' ? "it has no name" : NULL;
}

static int by_name(const void *left, const void *right)
{
    const struct node_member *a = left, *b = right;
    int order = strcmp(a->name, b->name);

    if (order != 0)
        return order;
    return a->id != b->id ? (a->id < b->id ? -1 : 1) : (a->pid > b->pid) - (a->pid < b->pid);
}

const struct node_member *members_find(const members_t *members, bus_node_t id, apr_uint32_t pid)
{
    for (int i = 0; i < members->count; i++) {
        if (members->list[i].id == id && members->list[i].pid == pid)
            return &members->list[i];
    }
    return NULL;
}

int members_set(members_t *members, const struct node_member *member)
{
    struct node_member *known = (struct node_member *)members_find(members, member->id, member->pid);

    if (known != NULL && memcmp(known, member, sizeof(*member)) == 0)
        return 0;
    if (known == NULL && members->count == BUS_CPG_MEMBERS_MAX)
        return 0;
    if (known == NULL)
        known = &members->list[members->count++];
    *known = *member;
    qsort(members->list, (apr_size_t)members->count, sizeof(members->list[0]), by_name);
    return 1;
}

const struct node_member *members_namesake(const members_t *members, const struct node_member *member)
{
    for (int i = 0; i < members->count; i++) {
        if (members->list[i].id != member->id && strcasecmp(members->list[i].name, member->name) == 0)
            return &members->list[i];
    }
    return NULL;
}

static int is_here(const struct node_member *member, const struct bus_cpg_member *here, int count)
{
    for (int i = 0; i < count; i++) {
        if (here[i].node == member->id && here[i].pid == member->pid)
            return 1;
    }
    return 0;
}

int members_keep(members_t *members, const struct bus_cpg_member *here, int count)
{
    int kept = 0, unknown = 0;

    for (int i = 0; i < members->count; i++) {
        if (is_here(&members->list[i], here, count))
            members->list[kept++] = members->list[i];
    }
    members->count = kept;
    for (int i = 0; i < count; i++)
        unknown += members_find(members, here[i].node, here[i].pid) == NULL;
    return unknown > 0;
}
