/* batch.c - a batch: its texts, its recipients, who holds it
 * SPDX-License-Identifier: Apache-2.0
 *
 * All texts of a batch lie in a chain of bump areas, so that ending a batch is a few
 * calls of free() however many recipients it has.  A batch is built by one thread; from
 * its store on only the count of references changes. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/message.h"
#include "util/text.h"

enum { TEXT_AREA = 512, TEXT_AREA_MAX = 64 * 1024, FIRST_RCPTS = 2 };

struct batch_text {
    batch_text_t *next;
    apr_size_t used, room;
    char data[];
};

/* Room for `length` bytes; areas double, so that a batch to thousands has few of them. */
static char *text_room(ec_batch_t *batch, apr_size_t length)
{
    batch_text_t *area = batch->texts;
    char *at;

    if (area == NULL || area->room - area->used < length) {
        apr_size_t room = area == NULL ? TEXT_AREA : area->room * 2;

        room = room > TEXT_AREA_MAX ? TEXT_AREA_MAX : room;
        room = room < length ? length : room;
        area = malloc(sizeof *area + room);
        EC_ASSERT(area != NULL);
        area->next = batch->texts;
        area->used = 0;
        area->room = room;
        batch->texts = area;
    }
    at = area->data + area->used;
    area->used += length;
    return at;
}

const char *batch_strdup(ec_batch_t *batch, const char *text)
{
    apr_size_t length = strlen(text) + 1;

    return memcpy(text_room(batch, length), text, length);
}

ec_batch_t *batch_create(apr_time_t now, const char *protocol)
{
    ec_batch_t *batch = calloc(1, sizeof *batch);

    if (batch == NULL) {
        return NULL;
    }
    batch->refs = 1;
    batch->id = ec_id_new();
    batch->received = now;
    batch->sender = batch->source = batch->helo = "";
    batch->body.fd = -1;
    batch->protocol = batch_strdup(batch, protocol);
    return batch;
}

void batch_set_sender(ec_batch_t *batch, const char *sender)
{
    batch->sender = batch_strdup(batch, sender);
}

void batch_set_source(ec_batch_t *batch, const char *source, const char *helo, ec_id_t connection)
{
    batch->source = batch_strdup(batch, source);
    batch->helo = batch_strdup(batch, helo);
    batch->connection = connection;
}

static const char *lower_domain(ec_batch_t *batch, const char *address)
{
    const char *at = strrchr(address, '@');
    apr_size_t length;
    char *domain;

    if (at == NULL) {
        return "";
    }
    length = strlen(at + 1);
    domain = memcpy(text_room(batch, length + 1), at + 1, length + 1);
    util_text_lower(domain, length);
    return domain;
}

void batch_add_rcpt_id(ec_batch_t *batch, const char *address, ec_id_t id)
{
    batch_rcpt_t *rcpt;

    if (batch->n_rcpts == batch->room_rcpts) {
        int room = batch->room_rcpts == 0 ? FIRST_RCPTS : batch->room_rcpts * 2;
        batch_rcpt_t *rcpts = realloc(batch->rcpts, (apr_size_t)room * sizeof *rcpts);

        EC_ASSERT(rcpts != NULL);
        batch->rcpts = rcpts;
        batch->room_rcpts = room;
    }
    rcpt = &batch->rcpts[batch->n_rcpts++];
    rcpt->address = batch_strdup(batch, address);
    rcpt->domain = lower_domain(batch, address);
    rcpt->id = id;
    rcpt->binding = NULL;
    rcpt->wish = NULL;
    rcpt->is_dropped = rcpt->is_routed = rcpt->is_group = 0;
}

void batch_route(ec_batch_t *batch, int rcpt, const char *domain)
{
    apr_size_t length = strlen(domain);
    char *copy = memcpy(text_room(batch, length + 1), domain, length + 1);

    util_text_lower(copy, length);
    batch->rcpts[rcpt].domain = copy;
    batch->rcpts[rcpt].is_routed = 1;
}

binding_t *batch_binding(const ec_batch_t *batch, int rcpt)
{
    return batch->rcpts[rcpt].binding != NULL ? batch->rcpts[rcpt].binding : &binding_default;
}

void batch_add_rcpt(ec_batch_t *batch, const char *address)
{
    batch_add_rcpt_id(batch, address, ec_id_new());
}

static void batch_destroy(ec_batch_t *batch)
{
    batch_text_t *area = batch->texts;

    util_slots_end(&batch->slots);
    context_free(&batch->context);
    batch_body_forget(batch);
    if (batch->body.fd >= 0) {
        close(batch->body.fd);
    }
    if (batch->body.path != NULL) {
        if (batch->ref == NULL) {
            unlink(batch->body.path); /* never stored: nobody else knows of it */
        }
        free(batch->body.path);
    }
    while (area != NULL) {
        batch_text_t *next = area->next;

        free(area);
        area = next;
    }
    free(batch->rcpts);
    free(batch);
}

ec_batch_t *ec_batch_ref(ec_batch_t *batch)
{
    __atomic_add_fetch(&batch->refs, 1, __ATOMIC_RELAXED);
    return batch;
}

void ec_batch_unref(ec_batch_t *batch)
{
    if (__atomic_sub_fetch(&batch->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        batch_destroy(batch);
    }
}

apr_size_t batch_memory(const ec_batch_t *batch)
{
    apr_size_t sum = sizeof *batch + (apr_size_t)batch->room_rcpts * sizeof *batch->rcpts;

    for (const batch_text_t *area = batch->texts; area != NULL; area = area->next) {
        sum += sizeof *area + area->room;
    }
    sum += batch->context.room;
    for (const body_block_t *block = batch->body.first; block != NULL; block = block->next) {
        sum += sizeof *block + block->room;
    }
    return sum;
}

ec_id_t ec_batch_id(const ec_batch_t *batch)
{
    return batch->id;
}

ec_id_t ec_batch_connection(const ec_batch_t *batch)
{
    return batch->connection;
}

apr_time_t ec_batch_received(const ec_batch_t *batch)
{
    return batch->received;
}

const char *ec_batch_sender(const ec_batch_t *batch)
{
    return batch->sender;
}

const char *ec_batch_source(const ec_batch_t *batch)
{
    return batch->source;
}

const char *ec_batch_protocol(const ec_batch_t *batch)
{
    return batch->protocol;
}

apr_size_t ec_batch_size(const ec_batch_t *batch)
{
    return batch->body.size;
}

int ec_batch_flags(const ec_batch_t *batch)
{
    return batch->flags;
}

int ec_batch_recipients(const ec_batch_t *batch)
{
    return batch->n_rcpts;
}

static const batch_rcpt_t *rcpt_at(const ec_batch_t *batch, int i)
{
    EC_ASSERT(i >= 0 && i < batch->n_rcpts);
    return &batch->rcpts[i];
}

const char *ec_batch_recipient(const ec_batch_t *batch, int i)
{
    return rcpt_at(batch, i)->address;
}

const char *ec_batch_domain(const ec_batch_t *batch, int i)
{
    return rcpt_at(batch, i)->domain;
}

ec_id_t ec_batch_message_id(const ec_batch_t *batch, int i)
{
    return rcpt_at(batch, i)->id;
}

const char *ec_batch_binding(const ec_batch_t *batch, int i)
{
    const batch_rcpt_t *rcpt = rcpt_at(batch, i);

    return rcpt->binding == NULL && rcpt->wish != NULL && !rcpt->is_group ? rcpt->wish : batch_binding(batch, i)->name;
}

const char *ec_batch_binding_group(const ec_batch_t *batch, int i)
{
    const batch_rcpt_t *rcpt = rcpt_at(batch, i);

    return rcpt->binding == NULL && rcpt->wish != NULL && rcpt->is_group ? rcpt->wish : batch_binding(batch, i)->group;
}
