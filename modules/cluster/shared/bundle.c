/* bundle.c - several objects of one kind behind one type of message
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/shared/bundle.h"

/* ---- objects, by name ------------------------------------------------------------------------ */

/* Where it is, or would be. */
static int place_of(const bundle_t *bundle, const char *name, int *is_there)
{
    int low = 0, high = bundle->count;

    while (low < high) {
        int middle = (low + high) / 2;

        if (strcmp(bundle->objects[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < bundle->count && strcmp(bundle->objects[low]->name, name) == 0;
    return low;
}

struct bundle_object *bundle_find(const bundle_t *bundle, const char *name)
{
    int is_there, place = place_of(bundle, name, &is_there);

    return is_there ? bundle->objects[place] : NULL;
}

struct bundle_object *bundle_object(bundle_t *bundle, const char *name, apr_size_t length)
{
    char copy[BUNDLE_NAME_MAX + 1] = "";
    struct bundle_object *object;
    int is_there, place;

    if (length == 0 || length > BUNDLE_NAME_MAX || memchr(name, '\0', length) != NULL)
        return NULL;
    memcpy(copy, name, length);
    place = place_of(bundle, copy, &is_there);
    if (is_there || bundle->count == BUNDLE_OBJECTS_MAX)
        return is_there ? bundle->objects[place] : NULL;
    object = calloc(1, sizeof(*object));
    if (object == NULL)
        abort();
    memcpy(object->name, copy, sizeof(copy));
    object->state = bundle->kind->make();
    memmove(&bundle->objects[place + 1], &bundle->objects[place],
            (apr_size_t)(bundle->count - place) * sizeof(bundle->objects[0]));
    bundle->objects[place] = object;
    bundle->count++;
    return object;
}

void bundle_free(bundle_t *bundle)
{
    for (int i = 0; i < bundle->count; i++) {
        bundle->kind->destroy(bundle->objects[i]->state);
        free(bundle->objects[i]);
    }
    bundle->count = 0;
}

/* ---- the state --------------------------------------------------------------------------------- */

/* A block of a name and what the inner machine wrote.  NULL: none that can be kept. */
static struct bundle_object *read_object(bundle_t *bundle, wire_reader_t *body, wire_reader_t *block)
{
    const char *name;
    apr_size_t length;

    *block = wire_read_block(body);
    name = wire_read_bytes(block, &length, BUNDLE_NAME_MAX);
    return block->is_bad || bundle->is_deaf ? NULL : bundle_object(bundle, name, length);
}

static void write_name(wire_writer_t *writer, const struct bundle_object *object)
{
    wire_write_bytes(writer, object->name, strlen(object->name));
}

static void take(bundle_t *bundle, const struct machine_event *event, wire_reader_t *body, int is_join)
{
    while (wire_has_more(body)) {
        wire_reader_t block;
        struct bundle_object *object = read_object(bundle, body, &block);

        if (object != NULL)
            (is_join ? bundle->kind->inner->join : bundle->kind->inner->apply)(object->state, event, &block);
    }
}

void bundle_apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    take(state, event, body, 0);
}

void bundle_join(void *state, const struct machine_event *event, wire_reader_t *body)
{
    bundle_t *bundle = state;

    if (bundle->kind->inner->join != NULL)
        take(bundle, event, body, 1);
}

void bundle_change(void *state, const struct lease_change *change)
{
    bundle_t *bundle = state;

    for (int i = 0; i < bundle->count; i++) {
        struct bundle_object *object = bundle->objects[i];

        bundle->kind->inner->change(object->state, change);
        if (change->kind == LEASE_JOINED && object->local != NULL && bundle->kind->newcomer != NULL)
            bundle->kind->newcomer(object->local);
    }
}

void bundle_clear(void *state)
{
    bundle_t *bundle = state;

    for (int i = 0; i < bundle->count; i++)
        bundle->kind->inner->clear(bundle->objects[i]->state);
}

void bundle_write(const void *state, wire_writer_t *writer)
{
    const bundle_t *bundle = state;

    for (int i = 0; i < bundle->count; i++) {
        apr_size_t began = writer->length, block = wire_block_begin(writer), before;

        write_name(writer, bundle->objects[i]);
        before = writer->length;
        bundle->kind->inner->write(bundle->objects[i]->state, writer);
        if (writer->length == before)
            writer->length = began; /* nothing in it: the same as if it was not there */
        else
            wire_block_end(writer, block);
    }
}

int bundle_read(void *state, wire_reader_t *reader)
{
    bundle_t *bundle = state;

    while (wire_has_more(reader)) {
        wire_reader_t block;
        struct bundle_object *object = read_object(bundle, reader, &block);

        if (object != NULL && !bundle->kind->inner->read(object->state, &block))
            return 0;
        if (block.is_bad)
            return 0;
    }
    return !reader->is_bad;
}

/* ---- the local halves ---------------------------------------------------------------------------- */

/* One object a message. */
static int flush(void *local, wire_writer_t *writer, apr_time_t now)
{
    bundle_t *bundle = local;

    for (int i = 0; i < bundle->count; i++) {
        apr_size_t began = writer->length, block;

        if (bundle->objects[i]->local == NULL)
            continue;
        block = wire_block_begin(writer);
        write_name(writer, bundle->objects[i]);
        if (bundle->kind->local->flush(bundle->objects[i]->local, writer, now)) {
            wire_block_end(writer, block);
            return 1;
        }
        writer->length = began;
    }
    return 0;
}

static void join(void *local, wire_writer_t *writer, apr_time_t now)
{
    bundle_t *bundle = local;

    if (bundle->kind->local->join == NULL)
        return;
    for (int i = 0; i < bundle->count; i++) {
        apr_size_t block;

        if (bundle->objects[i]->local == NULL)
            continue;
        block = wire_block_begin(writer);
        write_name(writer, bundle->objects[i]);
        bundle->kind->local->join(bundle->objects[i]->local, writer, now);
        wire_block_end(writer, block);
    }
}

static apr_time_t next_time(const void *local)
{
    const bundle_t *bundle = local;
    apr_time_t next = 0;

    for (int i = 0; i < bundle->count; i++) {
        const void *inner = bundle->objects[i]->local;
        apr_time_t due = inner != NULL ? bundle->kind->local->next(inner) : 0;

        next = next == 0 || (due != 0 && due < next) ? due : next;
    }
    return next;
}

const struct machine_local bundle_local = { NULL, join, flush, NULL, NULL, next_time };
