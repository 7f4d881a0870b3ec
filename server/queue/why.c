/* why.c - why a queue does not move, in one sentence
 * SPDX-License-Identifier: Apache-2.0
 * Thread: the queue's loop. */
#include "queue/show.h"

#include "util/text.h"

/* "scope_max_outbound_connections is reached: 3 of 3 connections in use, set in domain example.com". */
static void say_limit(util_text_t *text, const limit_t *limit)
{
    const char *option = conf_option(limit->opt)->name;
    ec_gate_state_t state;
    int has_part;

    if (limit->is_cluster && !shape_may_use(&limit->user)) {
        util_text_addf(text, "%s is closed: this node has no lease, as it hears too few of the cluster (cluster info), set in %s",
                       option, limit->where);
        return;
    }
    ec_gate_state(limit->user.gate, &state);
    has_part = limit->is_cluster && state.units < state.limit;
    if (limit->kind == LIMIT_SLOTS) {
        util_text_addf(text, "%s is reached: %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT " connections in use",
                       option, state.used, has_part ? state.units : limit->most);
        if (has_part) {
            util_text_addf(text, " here, all that this node has at present of the cluster's %" APR_INT64_T_FMT, limit->most);
        }
    } else {
        util_text_addf(text, "%s is used up: %" APR_INT64_T_FMT " %s in %" APR_INT64_T_FMT " s", option,
                       limit->most, limit->kind == LIMIT_MESSAGES ? "messages" : "connections",
                       apr_time_sec(limit->window));
        if (has_part) {
            util_text_addf(text, ", of which this node has %" APR_INT64_T_FMT " at present", state.units);
        }
    }
    util_text_addf(text, ", set in %s", limit->where);
}

/* What others use, too, and has nothing left.  0: there is no such thing. */
static int say_lack(util_text_t *text, const queue_t *queue)
{
    const limit_t *own = limits_lacking(queue), *host = limits_lacking_host(queue);

    if (queue->active.count == 0 || (own == NULL && host == NULL)) {
        return 0;
    }
    if (queue->n_sessions > 0) {
        util_text_addf(text, "being delivered over %d connections; ", queue->n_sessions);
    }
    if (own == NULL) {
        util_text_add(text, "no MX host may be used now: ");
    }
    say_limit(text, own != NULL ? own : host);
    return 1;
}

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
    } else if (say_lack(&text, queue)) {
        return;
    } else if (queue->active.count > 0 && queue->query != NULL) {
        util_text_add(&text, "name servers are being asked where its mail goes");
    } else if (queue->active.count > 0 && queue->n_sessions >= queue_max_sessions(queue)) {
        util_text_addf(&text, "being delivered over all %d connections that max_outbound_connections allows",
                       queue->n_sessions);
    } else if (queue->active.count > 0 && queue->failures > 0) {
        util_text_addf(&text, "being tried again after %d failures in a row: %s", queue->failures,
                       reply_text(queue->reason));
    } else if (queue->n_attempted == 0 && queue->active.count > 0 && queue->n_sessions > 0) {
        util_text_addf(&text, "being connected, %d connections: show outbound says what each waits for", queue->n_sessions);
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
