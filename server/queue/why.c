/* why.c - why a queue does not move, in one sentence
 * SPDX-License-Identifier: Apache-2.0
 * Thread: the queue's loop. */
#include "queue/show.h"

#include "util/text.h"

void queue_why(queue_t *queue, char *buffer, apr_size_t room)
{
    apr_time_t now = ec_loop_now(queue->set->loop);
    char since[UTIL_DATE_TEXT], next[UTIL_DATE_TEXT];
    util_text_t text;

    util_text_init(&text, buffer, room);
    if (queue->set->is_stopping) {
        util_text_add(&text, "the server is stopping");
    } else if (queue->set->is_held) {
        util_text_add(&text, "the spool is being read after the start: delivery begins when that is done, or "
                             "after 10 seconds");
    } else if (queue_is_suspended(queue)) {
        util_text_add(&text,
                      "delivery is suspended by the configuration (suspend_delivery or default_binding)");
    } else if (queue->set->spool_hold_until > now) {
        util_text_add(&text, "the spool can not be written: nothing is sent until it can");
    } else if (queue->hold_until > now && queue->failures > 0) {
        util_text_addf(&text, "unreachable since %s, next try at %s: %s",
                       util_text_iso_date(since, queue->unreachable_since),
                       util_text_iso_date(next, queue->hold_until), reply_text(queue->reason));
    } else if (queue->hold_until > now) {
        util_text_addf(&text, "no connection could be started, next try at %s",
                       util_text_iso_date(next, queue->hold_until));
    } else if (queue->active.count > 0 && queue_max_sessions(queue) == 0) {
        util_text_add(&text, "max_outbound_connections is 0: no connection is allowed");
    } else if (queue->active.count > 0 && queue->n_sessions >= queue_max_sessions(queue)) {
        util_text_addf(&text, "being delivered over all %d connections that max_outbound_connections allows",
                       queue->n_sessions);
    } else if (queue->active.count > 0 && queue->failures > 0) {
        util_text_addf(&text, "being tried again after %d failures in a row: %s", queue->failures,
                       reply_text(queue->reason));
    } else if (queue->active.count + queue->n_attempted > 0) {
        util_text_addf(&text, "being delivered over %d connections", queue->n_sessions);
    } else if (queue->doomed.count > 0) {
        util_text_add(&text, "failures are being recorded");
    } else if (queue->delayed.count > 0) {
        util_text_addf(&text, "all messages wait for a retry, the first at %s",
                       util_text_iso_date(next, util_heap_first_key(&queue->delayed)));
    } else {
        util_text_add(&text, "empty");
    }
}
