/* doom.c - entries that end, or are delayed, without a try of their own
 * SPDX-License-Identifier: Apache-2.0
 *
 * A domain that does not exist fails all its mail; one that can not be reached for long delays all its mail;
 * what is too old fails where it waits.  Such entries go into the doomed list with the verdict in their flags
 * and the text in their reply.  They are worked off as attempts without a session, many at a time, so that
 * logging, counting, bounces and durability are those of every other attempt.
 *
 * An unreachable domain (queue_unreachable): the first group of messages is told at once; the queue then
 * holds still for 1, 2, 4 ... seconds up to host_failure_retry before it opens another connection.  After
 * mx_failures_to_delay failures in a row, or connect_timeout_to_delay of them, every active message has its
 * attempt counted and is delayed (G9). */
#include "queue/inside.h"

#include <apr_strings.h>

#include <stdlib.h>

/* ---- working off ---------------------------------------------------------------------- */

static void end_one(queue_attempt_t *attempt, int i, const queue_entry_t *entry)
{
    queue_result_t result = { .outcome = entry->flags & E_PERMANENT ? QUEUE_PERMANENT : QUEUE_TRANSIENT,
                              .stage = entry->reply != NULL ? (ec_stage_t)entry->reply->stage
                                                            : EC_STAGE_NOT_CONNECTED,
                              .text = reply_text(entry->reply),
                              .address = "" };

    queue_result(attempt, i, &result);
}

void doom_run(queue_t *queue)
{
    swap_ahead(queue, &queue->doomed);
    while (queue->n_internal < ATTEMPTS_OF_OUR_OWN && attempt_is_ready(&queue->doomed)) {
        attempt_t *attempt = attempt_take(queue, &queue->doomed, NULL, QUEUE_BATCH_MAX);
        int n = attempt_n(attempt);

        for (int i = 0; i < n; i++) {
            end_one(attempt_public(attempt), i, attempt_entry(attempt, i));
        }
    }
}

/* ---- verdicts ---------------------------------------------------------------------------- */

/* Takes the entry, which follows `before` in the active list, and the reply's reference. */
static void doom(queue_t *queue, queue_entry_t *before, queue_entry_t *entry, int flags, queue_reply_t *reply)
{
    list_take_after(&queue->active, before, entry);
    ec_counter_add(queue_gauges.active, -1);
    entry->flags |= (unsigned char)flags;
    entry_set_reply(queue, entry, reply);
    doomed_add(queue, entry);
}

void doom_active(queue_t *queue, int is_all, int flags, ec_stage_t stage, const char *text)
{
    queue_reply_t *reply = reply_get(queue, stage, text);
    apr_int64_t most = conf_int(queue_view(queue), CONF_O_MAX_RECIPIENTS_PER_BATCH);
    const spool_ref_t *ref = queue->active.first != NULL ? queue->active.first->ref : NULL;

    for (apr_int64_t n = 0; queue->active.first != NULL; n++) {
        if (!is_all && (queue->active.first->ref != ref || n >= most)) {
            break;
        }
        reply->refs++;
        doom(queue, NULL, queue->active.first, flags, reply);
    }
    reply_release(queue, reply);
    queue_kick(queue);
}

static queue_reply_t *expired_reply(queue_t *queue, const queue_entry_t *entry)
{
    char text[REPLY_MAX];

    if (entry->attempts == 0) {
        return reply_get(queue, EC_STAGE_NOT_CONNECTED,
                         "554 5.4.5 [internal] expired before being attempted");
    }
    apr_snprintf(text, sizeof text, "554 5.4.7 [internal] exceeded max time without delivery; last: %s",
                 entry->reply != NULL ? entry->reply->text : "-");
    return reply_get(queue, EC_STAGE_NOT_CONNECTED, text);
}

static int is_expired(queue_t *queue, const queue_entry_t *entry)
{
    return ec_loop_now(queue->set->loop) - entry->received >=
           conf_interval(queue_view(queue), CONF_O_MESSAGE_EXPIRATION);
}

void doom_expired(queue_t *queue)
{
    apr_time_t now = ec_loop_now(queue->set->loop);
    queue_entry_t *before = NULL;

    if (now - queue->scanned < conf_interval(queue_view(queue), CONF_O_DELAYED_QUEUE_SCAN_INTERVAL)) {
        return;
    }
    queue->scanned = now;
    for (queue_entry_t *entry = queue->active.first, *next; entry != NULL; entry = next) {
        next = entry->at.next;
        if (is_expired(queue, entry)) {
            doom(queue, before, entry, E_PERMANENT | E_EXPIRED, expired_reply(queue, entry));
        } else {
            before = entry;
        }
    }
    if (queue->doomed.count > 0) {
        doom_run(queue);
    }
}

int doom_first_if_expired(queue_t *queue)
{
    queue_entry_t *entry = queue->active.first;

    if (entry == NULL || !conf_int(queue_view(queue), CONF_O_NEVER_ATTEMPT_EXPIRED_MESSAGES) ||
        !is_expired(queue, entry)) {
        return 0;
    }
    doom(queue, NULL, entry, E_PERMANENT | E_EXPIRED, expired_reply(queue, entry));
    queue_kick(queue);
    return 1;
}

/* ---- unreachable --------------------------------------------------------------------------- */

static apr_interval_time_t back_off(queue_t *queue)
{
    apr_interval_time_t longest = conf_interval(queue_view(queue), CONF_O_HOST_FAILURE_RETRY);
    apr_interval_time_t delay = apr_time_from_sec(1);

    for (int i = 1; i < queue->failures && delay < longest; i++) {
        delay *= 2;
    }
    return delay < longest || longest < apr_time_from_sec(1) ? delay : longest;
}

static int is_long_unreachable(queue_t *queue, apr_time_t now)
{
    const conf_view_t *view = queue_view(queue);
    apr_int64_t failures = conf_int(view, CONF_O_MX_FAILURES_TO_DELAY);
    apr_interval_time_t time = conf_interval(view, CONF_O_CONNECT_TIMEOUT_TO_DELAY);

    return (failures > 0 && queue->failures >= failures) ||
           (time > 0 && now - queue->unreachable_since >= time);
}

static void note_failure(queue_t *queue, apr_time_t now, const queue_result_t *result)
{
    if (queue->failures++ == 0) {
        queue->unreachable_since = now;
    }
    reply_release(queue, queue->reason);
    queue->reason = reply_get(queue, result->stage, result->text);
    queue->hold_until = now + back_off(queue);
}

static int has_configured_way(queue_t *queue)
{
    const conf_view_t *view = queue_view(queue);
    const ec_value_t *routes = conf_get(view, CONF_O_ROUTES);

    return queue->is_gateway || conf_str(view, CONF_O_GATEWAY) != NULL ||
           (routes != NULL && routes->list != NULL);
}

static void unreachable_for_now(queue_t *queue, const queue_session_t *session, const queue_result_t *result)
{
    apr_time_t now = ec_loop_now(queue->set->loop);
    int is_dns = queue->route_rv == EC_E_DNS_TRANSIENT;

    if (now < queue->hold_until) {
        return; /* known already: several sessions failed together */
    }
    note_failure(queue, now, result);
    if (queue->n_worked - session->has_worked > 0) {
        return; /* other sessions are being served: only open no more for a while */
    }
    doom_active(queue, is_long_unreachable(queue, now), is_dns ? E_DNS : 0, result->stage, result->text);
}

void queue_unreachable(queue_session_t *session, const queue_result_t *result)
{
    queue_t *queue = session->queue;
    char text[REPLY_MAX];

    if (result->outcome != QUEUE_PERMANENT) {
        unreachable_for_now(queue, session, result);
    } else if (has_configured_way(queue)) {
        queue_result_t soft = *result;

        apr_snprintf(text, sizeof text,
                     "451 4.4.4 [internal] the configured gateway or routes lead nowhere: %s", result->text);
        soft.text = text;
        unreachable_for_now(queue, session, &soft);
    } else {
        /* Here the permanent failure of a look-up becomes P records for all that waits now. */
        doom_active(queue, 1, E_PERMANENT, result->stage, result->text);
    }
}
