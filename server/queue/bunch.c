/* bunch.c - messages on their way into queues, many in one post
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread: the maker's until it is sent, then the loop's. */
#include "queue/bunch.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_EACH = 64 };

/* ---- making ----------------------------------------------------------------------------- */

apr_uint32_t bunch_text(bunch_t *bunch, const char *text)
{
    apr_size_t length = strlen(text) + 1, place = bunch->texts_used;

    if (place + length > bunch->texts_room) {
        bunch->texts_room = (bunch->texts_room + length) * 2;
        bunch->texts = realloc(bunch->texts, bunch->texts_room);
        EC_ASSERT(bunch->texts != NULL);
    }
    memcpy(bunch->texts + place, text, length);
    bunch->texts_used += length;
    return (apr_uint32_t)place;
}

bunch_t *bunch_create(queue_set_t *set, int room)
{
    apr_size_t texts = (apr_size_t)room * TEXT_EACH;
    bunch_t *bunch = malloc(sizeof *bunch + (apr_size_t)room * sizeof bunch->found[0]);

    EC_ASSERT(bunch != NULL);
    *bunch = (bunch_t){ .set = set, .room = room, .texts_room = texts, .texts = malloc(texts) };
    EC_ASSERT(bunch->texts != NULL);
    bunch_text(bunch, ""); /* so that no text is at place 0 */
    return bunch;
}

void bunch_destroy(bunch_t *bunch)
{
    free(bunch->texts);
    free(bunch);
}

/* ---- on the loop -------------------------------------------------------------------------- */

/* A doubt is counted at the start that finds it.  The mark is taken back, or the next start would find it
 * again beside its own. */
static void take_mark_back(ec_loop_t *loop, const struct found *found, const char *reply)
{
    apr_size_t length = strlen(reply) + 1;
    spool_request_t *request = malloc(sizeof *request + length);

    EC_ASSERT(request != NULL);
    *request = (spool_request_t){ .verb = SPOOL_STATE,
                                  .ref = found->ref,
                                  .rcpt = (int)found->rcpt,
                                  .loop = loop,
                                  .state = { .attempts = found->attempts, .next = found->next } };
    request->state.reply = memcpy(request + 1, reply, length);
    spool_submit_owned(queue_spool, request);
}

static void enter(queue_set_t *set, const bunch_t *bunch, const struct found *found)
{
    queue_t *queue =
        queue_find_or_make(set, found->hash, found->binding, bunch->texts + found->domain, found->is_gateway);
    queue_entry_t *entry = entry_new(set);

    entry->ref = found->ref;
    entry->received = found->received;
    entry->id = found->id;
    entry->rcpt = found->rcpt;
    entry->attempts = found->attempts;
    entry->flags = found->flags;
    entry->dns_failures = found->dns_failures;
    if (found->is_marked) {
        take_mark_back(set->loop, found, bunch->texts + found->reply);
    }
    if (found->reply != 0) {
        queue_reply_t *reply = reply_get(queue, EC_STAGE_UNKNOWN, bunch->texts + found->reply);

        if (reply->is_shared) {
            entry->reply = reply;
        } else {
            reply_release(queue, reply);
        }
    }
    if (found->next > ec_loop_now(set->loop)) {
        delayed_add(queue, entry, found->next);
    } else {
        active_add_last(queue, entry);
    }
    queue_kick(queue);
}

static void on_bunch(void *baton)
{
    bunch_t *bunch = baton;
    apr_int64_t most = conf_int(conf_global(conf_current()), CONF_O_DISK_QUEUE_DRAIN_RATE);

    bunch->set->n_bunches += bunch->taken == 0;
    for (apr_int64_t i = 0; i < most && bunch->taken < bunch->n; i++) {
        enter(bunch->set, bunch, &bunch->found[bunch->taken++]);
    }
    if (bunch->taken < bunch->n) {
        ec_loop_post(bunch->set->loop, &bunch->post, on_bunch, bunch);
        return;
    }
    bunch->set->n_bunches--;
    if (bunch->worked_off != NULL) {
        bunch->worked_off();
    }
    bunch_destroy(bunch);
}

void bunch_send(bunch_t *bunch)
{
    ec_loop_post(bunch->set->loop, &bunch->post, on_bunch, bunch);
}
