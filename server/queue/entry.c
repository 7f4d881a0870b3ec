/* entry.c - entries, their memory, their last replies, and the places they can be in
 * SPDX-License-Identifier: Apache-2.0
 *
 * Entries come from slabs of the loop and go back to its free list, so one costs its 64 bytes and nothing
 * more.
 * Thread: the queue's loop. */
#include "queue/inside.h"

#include <stdlib.h>
#include <string.h>

enum { SLAB_ENTRIES = 1023 };

struct entry_slab {
    struct entry_slab *next;
    queue_entry_t entries[SLAB_ENTRIES];
};

_Static_assert(sizeof(queue_entry_t) <= 64, "a waiting message costs more than it may");

static void add_slab(queue_set_t *set)
{
    struct entry_slab *slab = malloc(sizeof *slab);

    EC_ASSERT(slab != NULL);
    slab->next = set->slabs;
    set->slabs = slab;
    for (int i = SLAB_ENTRIES - 1; i >= 0; i--) {
        slab->entries[i].at.next = set->free_entries;
        set->free_entries = &slab->entries[i];
    }
}

queue_entry_t *entry_new(queue_set_t *set)
{
    queue_entry_t *entry;

    if (set->free_entries == NULL) {
        add_slab(set);
    }
    entry = set->free_entries;
    set->free_entries = entry->at.next;
    memset(entry, 0, sizeof *entry);
    return entry;
}

void entry_free(queue_t *queue, queue_entry_t *entry)
{
    EC_ASSERT(!(entry->flags & E_BUSY));
    entry_swap_out(queue, entry);
    entry_set_reply(queue, entry, NULL);
    entry->at.next = queue->set->free_entries;
    queue->set->free_entries = entry;
    ec_counter_add(queue_gauges.held, -1);
}

void entry_free_slabs(queue_set_t *set)
{
    for (struct entry_slab *slab = set->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        free(slab);
    }
    set->slabs = NULL;
    set->free_entries = NULL;
}

/* ---- batches ----------------------------------------------------------------------- */

static void count_resident(queue_t *queue, int n)
{
    queue->n_resident += (apr_size_t)n;
    queue->set->n_resident += (apr_size_t)n;
    ec_counter_add(queue_gauges.resident, n);
}

void entry_set_batch(queue_t *queue, queue_entry_t *entry, ec_batch_t *batch)
{
    EC_ASSERT(entry->batch == NULL && batch != NULL);
    entry->batch = batch;
    count_resident(queue, 1);
}

void entry_swap_out(queue_t *queue, queue_entry_t *entry)
{
    if (entry->batch != NULL) {
        ec_batch_unref(entry->batch);
        entry->batch = NULL;
        count_resident(queue, -1);
    }
}

/* ---- replies ------------------------------------------------------------------------- */

static void copy_clean(char *to, const char *from, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)from[i];

        to[i] = c < 0x20 || c == 0x7f ? ' ' : from[i];
    }
    to[length] = '\0';
}

queue_reply_t *reply_get(queue_t *queue, ec_stage_t stage, const char *text)
{
    apr_size_t length = strnlen(text, REPLY_MAX - 1);
    queue_reply_t *reply = malloc(sizeof *reply + length + 1);

    EC_ASSERT(reply != NULL);
    *reply = (queue_reply_t){ .refs = 1, .stage = (unsigned char)stage };
    copy_clean(reply->text, text, length);
    for (queue_reply_t *old = queue->replies; old != NULL; old = old->next) {
        if (old->stage == reply->stage && strcmp(old->text, reply->text) == 0) {
            free(reply);
            old->refs++;
            return old;
        }
    }
    if (queue->n_replies < REPLIES_SHARED) {
        reply->is_shared = 1;
        reply->next = queue->replies;
        queue->replies = reply;
        queue->n_replies++;
    }
    return reply;
}

void reply_release(queue_t *queue, queue_reply_t *reply)
{
    if (reply == NULL || --reply->refs > 0) {
        return;
    }
    if (reply->is_shared) {
        queue_reply_t **link = &queue->replies;

        while (*link != reply) {
            link = &(*link)->next;
        }
        *link = reply->next;
        queue->n_replies--;
    }
    free(reply);
}

void entry_set_reply(queue_t *queue, queue_entry_t *entry, queue_reply_t *reply)
{
    queue_reply_t *old = entry->reply;

    entry->reply = reply;
    reply_release(queue, old);
}

const char *reply_text(const queue_reply_t *reply)
{
    return reply != NULL ? reply->text : "";
}

/* ---- lists ---------------------------------------------------------------------------- */

void list_add_last(queue_list_t *list, queue_entry_t *entry)
{
    entry->at.next = NULL;
    if (list->last != NULL) {
        list->last->at.next = entry;
    } else {
        list->first = entry;
    }
    list->last = entry;
    list->count++;
}

void list_add_first(queue_list_t *list, queue_entry_t *entry)
{
    entry->at.next = list->first;
    list->first = entry;
    if (list->last == NULL) {
        list->last = entry;
    }
    list->count++;
}

void list_take_after(queue_list_t *list, queue_entry_t *before, queue_entry_t *entry)
{
    if (before != NULL) {
        before->at.next = entry->at.next;
    } else {
        list->first = entry->at.next;
    }
    if (list->last == entry) {
        list->last = before;
    }
    entry->at.next = NULL;
    list->count--;
}

queue_entry_t *list_take_first(queue_list_t *list)
{
    queue_entry_t *entry = list->first;

    if (entry != NULL) {
        list_take_after(list, NULL, entry);
    }
    return entry;
}

/* ---- places ------------------------------------------------------------------------------ */

/* The gauge "active" covers both lists: doomed entries wait for us, not for time. */

void active_add_last(queue_t *queue, queue_entry_t *entry)
{
    list_add_last(&queue->active, entry);
    ec_counter_add(queue_gauges.active, 1);
}

void active_add_first(queue_t *queue, queue_entry_t *entry)
{
    list_add_first(&queue->active, entry);
    ec_counter_add(queue_gauges.active, 1);
}

void doomed_add(queue_t *queue, queue_entry_t *entry)
{
    list_add_last(&queue->doomed, entry);
    ec_counter_add(queue_gauges.active, 1);
}

void delayed_add(queue_t *queue, queue_entry_t *entry, apr_time_t next)
{
    if (!(entry->flags & E_BUSY)) {
        entry_swap_out(queue, entry);
    }
    entry->at.slot = 0;
    util_heap_add(&queue->delayed, entry, next);
    ec_counter_add(queue_gauges.delayed, 1);
}

void delayed_remove(queue_t *queue, queue_entry_t *entry)
{
    util_heap_remove(&queue->delayed, entry);
    ec_counter_add(queue_gauges.delayed, -1);
}

apr_time_t delayed_next(const queue_t *queue, const queue_entry_t *entry)
{
    return queue->delayed.entries[entry->at.slot - 1].key;
}
