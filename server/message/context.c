/* context.c - variables of connections and messages
 * SPDX-License-Identifier: Apache-2.0 */
#include "message/context.h"

#include <stdlib.h>
#include <string.h>

#include "message/message.h"

/* One variable in the run. */
struct item {
    const char *start, *name, *value, *end;
};

/* The item at `at`; 0 at the end. */
static int item_at(const context_t *context, const char *at, struct item *item)
{
    if (at == NULL || at == context->data + context->used) {
        return 0;
    }
    item->start = at;
    item->name = at + 1;
    item->value = item->name + strlen(item->name) + 1;
    item->end = item->value + strlen(item->value) + 1;
    return 1;
}

static int find(const context_t *context, int kind, const char *name, struct item *item)
{
    for (const char *at = context->data; item_at(context, at, item); at = item->end) {
        if (*item->start == (char)kind && strcmp(item->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void cut(context_t *context, const struct item *item)
{
    char *start = context->data + (item->start - context->data);

    memmove(start, item->end, (apr_size_t)(context->data + context->used - item->end));
    context->used -= (apr_uint32_t)(item->end - item->start);
}

static void reserve(context_t *context, apr_size_t length)
{
    apr_size_t room = context->room == 0 ? 128 : context->room;

    while (room < length) {
        room *= 2;
    }
    if (room > context->room) {
        context->data = realloc(context->data, room);
        EC_ASSERT(context->data != NULL);
        context->room = (apr_uint32_t)room;
    }
}

static void add(context_t *context, int kind, const char *name, apr_size_t name_size, const char *value,
                apr_size_t value_size)
{
    char *at;

    reserve(context, context->used + 1 + name_size + value_size);
    at = context->data + context->used;
    *at = (char)kind;
    memcpy(at + 1, name, name_size);
    memcpy(at + 1 + name_size, value, value_size);
    context->used += (apr_uint32_t)(1 + name_size + value_size);
}

static apr_status_t set(context_t *context, int kind, const char *name, const char *value)
{
    apr_size_t name_size = strlen(name) + 1, value_size = value != NULL ? strlen(value) + 1 : 0;
    apr_size_t used = context->used;
    struct item old;
    int is_there = find(context, kind, name, &old);

    if (is_there) {
        used -= (apr_size_t)(old.end - old.start);
    }
    if (name_size > EC_CONTEXT_NAME_MAX + 1 || value_size > EC_CONTEXT_VALUE_MAX + 1 ||
        (value != NULL && used + 1 + name_size + value_size > EC_CONTEXT_ALL_MAX)) {
        return EC_E_TOO_LONG;
    }
    if (is_there) {
        cut(context, &old);
    }
    if (value != NULL) {
        add(context, kind, name, name_size, value, value_size);
    }
    return APR_SUCCESS;
}

static int is_inside(const context_t *context, const char *text)
{
    return text != NULL && text >= context->data && text < context->data + context->used;
}

apr_status_t context_set(context_t *context, int kind, const char *name, const char *value)
{
    char *copy = is_inside(context, value) ? strdup(value) : NULL;
    apr_status_t rv = name[0] == '\0' ? EC_E_SYNTAX : set(context, kind, name, copy != NULL ? copy : value);

    free(copy);
    return rv;
}

const char *context_get(const context_t *context, int kind, const char *name)
{
    struct item item;

    return find(context, kind, name, &item) ? item.value : NULL;
}

void context_each(const context_t *context, int kind, ec_context_each_fn *each, void *baton)
{
    struct item item;

    for (const char *at = context->data; item_at(context, at, &item); at = item.end) {
        if (*item.start == (char)kind) {
            each(baton, item.name, item.value);
        }
    }
}

void context_copy(context_t *to, const context_t *from, int kind)
{
    struct item item;

    for (const char *at = from->data; item_at(from, at, &item); at = item.end) {
        if (*item.start == (char)kind) {
            context_set(to, kind, item.name, item.value);
        }
    }
}

/* Whole items only: a kind, a name that is not empty, a value. */
static int is_sound(const char *data, apr_size_t length)
{
    const char *at = data, *end = data + length;

    while (at < end) {
        const char *name = at + 1, *value, *stop;

        value = name < end ? memchr(name, '\0', (apr_size_t)(end - name)) : NULL;
        if (value == NULL || value == name || (*at != EC_CONTEXT_CONN && *at != EC_CONTEXT_MESS)) {
            return 0;
        }
        stop = value + 1 < end ? memchr(value + 1, '\0', (apr_size_t)(end - value - 1)) : NULL;
        if (stop == NULL) {
            return 0;
        }
        at = stop + 1;
    }
    return 1;
}

apr_status_t context_take(context_t *context, const char *data, apr_size_t length)
{
    if (length > EC_CONTEXT_ALL_MAX || !is_sound(data, length)) {
        return EC_E_SPOOL_CORRUPT;
    }
    context->used = 0;
    reserve(context, length);
    memcpy(context->data, data, length);
    context->used = (apr_uint32_t)length;
    return APR_SUCCESS;
}

void context_free(context_t *context)
{
    free(context->data);
    *context = (context_t){ 0 };
}

/* ---- of a batch (include/ec/context.h) -------------------------------------------------- */

apr_status_t ec_batch_context_set(ec_batch_t *batch, ec_context_t which, const char *name, const char *value)
{
    return batch->is_sealed ? EC_E_DENIED : context_set(&batch->context, which, name, value);
}

const char *ec_batch_context_get(const ec_batch_t *batch, ec_context_t which, const char *name)
{
    return context_get(&batch->context, which, name);
}

void ec_batch_context_each(const ec_batch_t *batch, ec_context_t which, ec_context_each_fn *each, void *baton)
{
    context_each(&batch->context, which, each, baton);
}
