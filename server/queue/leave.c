/* leave.c - mail whose binding has left the configuration
 * SPDX-License-Identifier: Apache-2.0
 *
 * It goes where bind_now() says: to the binding of the same name when that is in another group now, else to
 * the default one (message-flow.md E3).  The spool still has the name that it was given: a restart decides in
 * the same way, and a binding that has come back gets its mail back then.  What is in an attempt, is being
 * read, or shall fail anyway stays until that is over; whatever comes back into the queue makes it be looked
 * at again.
 *
 * Mail that is queued under the name of a gateway keeps that: whose it was is known to the spool alone. */
#include "queue/bunch.h"

#include <stdlib.h>

struct leave {
    queue_t *queue;
    binding_t *binding;
    queue_name_t name;
    bunch_t *bunch;
};

static int may_leave(const queue_entry_t *entry)
{
    return !(entry->flags & (E_BUSY | E_PERMANENT));
}

static void pack(struct leave *leave, queue_entry_t *entry, apr_time_t next)
{
    bunch_t *bunch = leave->bunch;

    bunch->found[bunch->n] = (struct found){
        .ref = entry->ref,
        .received = entry->received,
        .next = next,
        .hash = leave->name.hash,
        .binding = leave->binding,
        .id = entry->id,
        .rcpt = entry->rcpt,
        .attempts = entry->attempts,
        .flags = entry->flags,
        .dns_failures = entry->dns_failures,
        .domain = bunch->n == 0 ? bunch_text(bunch, leave->name.domain) : bunch->found[0].domain,
        .reply = entry->reply != NULL ? bunch_text(bunch, entry->reply->text) : 0,
        .is_gateway = leave->name.is_gateway != 0,
    };
    bunch->n++;
    ec_counter_add(queue_gauges.held, 1); /* before it goes: the account never has a gap */
    entry_free(leave->queue, entry);
}

static void pack_active(struct leave *leave)
{
    queue_list_t *list = &leave->queue->active;
    queue_entry_t *before = NULL, *entry = list->first, *next;

    for (; entry != NULL && leave->bunch->n < leave->bunch->room; entry = next) {
        next = entry->at.next;
        if (may_leave(entry)) {
            list_take_after(list, before, entry);
            ec_counter_add(queue_gauges.active, -1);
            pack(leave, entry, 0);
        } else {
            before = entry;
        }
    }
}

static void pack_delayed(struct leave *leave)
{
    util_heap_t *heap = &leave->queue->delayed;
    queue_entry_t *found[BUNCH];
    int n = 0;

    for (apr_size_t i = 0; i < heap->count && n < leave->bunch->room - leave->bunch->n; i++) {
        queue_entry_t *entry = heap->entries[i].item;

        if (may_leave(entry)) {
            found[n++] = entry;
        }
    }
    for (int i = 0; i < n; i++) {
        apr_time_t next = delayed_next(leave->queue, found[i]);

        delayed_remove(leave->queue, found[i]);
        pack(leave, found[i], next);
    }
}

void leave_run(queue_t *queue)
{
    conf_t *conf = conf_current();
    struct leave leave = { .queue = queue, .binding = bind_now(conf, queue->group, queue->binding) };
    apr_size_t n = queue->active.count + queue->delayed.count;

    if (leave.binding == queue->bound || n == 0) {
        return; /* it has come back: the next look at the queue knows */
    }
    if (queue->is_gateway) {
        leave.name = (queue_name_t){ .hash = name_hash(leave.binding, queue->domain),
                                     .domain = queue->domain,
                                     .is_gateway = 1 };
    } else {
        leave.name = name_resolve(queue->set->names, conf, leave.binding, queue->domain);
    }
    leave.bunch = bunch_create(queue_set_of(leave.name.hash), n < BUNCH ? (int)n : BUNCH);
    pack_active(&leave);
    pack_delayed(&leave);
    if (leave.bunch->n == 0) {
        bunch_destroy(leave.bunch);
        return;
    }
    if (leave.bunch->n == leave.bunch->room) {
        queue_kick(queue);
    }
    bunch_send(leave.bunch);
}
