/* attempt.c - an attempt: its entries, the mark before the final dot, and how each entry ends
 * SPDX-License-Identifier: Apache-2.0
 *
 * An attempt has one slot per recipient.  A slot's life:
 *
 *   open     taken from the queue
 *   marking  a MARK is on its way to the disk (queue_mark)
 *   ended    queue_result() was given; the entry waits for its record
 *   done     the record is on disk (or could not be written, see below); the entry is gone, delayed or active
 *
 * When all slots are done the attempt is over and its session may go on.  What is written:
 *
 *   delivered             DROP
 *   transient, in doubt   STATE, then the entry is delayed
 *   permanent             DROP, or the STORE of the bounce, which drops in the same write (notice.c)
 *   released              nothing, or after a mark a STATE that takes it back
 *
 * A DROP that fails is asked for again every second and the attempt stays open: its session takes nothing
 * else, so no second message of that connection can come into doubt.  A STATE that fails is let go: the entry
 * is delayed as it should be, only a restart would not know.  A bounce that can not be stored waits in the
 * delayed queue.
 * Thread: the queue's loop. */
#include "queue/attempt.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "hook/hook.h"

/* ---- taking -------------------------------------------------------------------------- */

static int is_ready(const queue_entry_t *entry)
{
    return entry->batch != NULL && !(entry->flags & E_BUSY);
}

int attempt_is_ready(const queue_list_t *list)
{
    return list->first != NULL && is_ready(list->first);
}

int attempt_group(queue_t *queue, const queue_list_t *list)
{
    apr_int64_t most = conf_int(queue_view(queue), CONF_O_MAX_RECIPIENTS_PER_BATCH);
    int n = 0;

    most = most < 1 ? 1 : most > QUEUE_BATCH_MAX ? QUEUE_BATCH_MAX : most;
    for (const queue_entry_t *entry = list->first; entry != NULL && n < most; entry = entry->at.next) {
        if (!is_ready(entry) || entry->ref != list->first->ref) {
            break;
        }
        n++;
    }
    return n;
}

attempt_t *attempt_take(queue_t *queue, queue_list_t *list, queue_session_t *session, int most)
{
    int n = attempt_group(queue, list);
    attempt_t *attempt;

    n = n < most ? n : most;
    if (n == 0) {
        return NULL;
    }
    attempt = calloc(1, sizeof *attempt + (apr_size_t)n * (sizeof attempt->slot[0] + sizeof(int)));
    EC_ASSERT(attempt != NULL);
    attempt->session = session;
    attempt->since = ec_loop_now(queue->set->loop);
    attempt->pub = (queue_attempt_t){
        .queue = queue, .batch = ec_batch_ref(list->first->batch), .n = n, .rcpt = (int *)&attempt->slot[n]
    };
    for (int i = 0; i < n; i++) {
        queue_entry_t *entry = list_take_first(list);

        attempt->slot[i].attempt = attempt;
        attempt->slot[i].entry = entry;
        attempt->pub.rcpt[i] = (int)entry->rcpt;
    }
    util_list_add_last(&queue->attempts, &attempt->link);
    queue->n_attempted += (apr_size_t)n;
    queue->n_internal += session == NULL;
    queue->set->n_internal += session == NULL;
    ec_counter_add(queue_gauges.active, -n);
    ec_counter_add(queue_gauges.attempted, n);
    return attempt;
}

queue_attempt_t *attempt_public(attempt_t *attempt)
{
    return &attempt->pub;
}

static attempt_t *attempt_private(queue_attempt_t *pub)
{
    return UTIL_OWNER(pub, attempt_t, pub);
}

attempt_t *attempt_of(util_link_t *link)
{
    return UTIL_OWNER(link, attempt_t, link);
}

int attempt_n(const attempt_t *attempt)
{
    return attempt->pub.n;
}

queue_entry_t *attempt_entry(const attempt_t *attempt, int i)
{
    return attempt->slot[i].entry;
}

apr_time_t attempt_since(const attempt_t *attempt)
{
    return attempt->since;
}

/* ---- the end of an attempt ---------------------------------------------------------------- */

static void on_over(void *baton)
{
    attempt_t *attempt = baton;
    queue_t *queue = attempt->pub.queue;

    util_list_remove(&attempt->link);
    if (attempt->session != NULL) {
        attempt->session->attempt = NULL;
    } else {
        queue->n_internal--;
        queue->set->n_internal--;
    }
    queue_kick(queue);
    ec_batch_unref(attempt->pub.batch);
    if (attempt->settled != NULL) {
        attempt->settled(attempt->settled_baton);
    }
    set_check_stopped(queue->set);
    free(attempt);
}

void attempt_slot_done(struct slot *slot)
{
    attempt_t *attempt = slot->attempt;
    queue_t *queue = attempt->pub.queue;

    slot->entry = NULL;
    queue->n_attempted--;
    ec_counter_add(queue_gauges.attempted, -1);
    if (++attempt->n_done == attempt->pub.n) {
        ec_loop_post(queue->set->loop, &attempt->post, on_over, attempt);
    }
}

void queue_settled(queue_attempt_t *pub, ec_post_fn *done, void *baton)
{
    attempt_t *attempt = attempt_private(pub);

    EC_ASSERT(attempt->settled == NULL && attempt->n_results < pub->n);
    attempt->settled = done;
    attempt->settled_baton = baton;
}

/* ---- the mark ------------------------------------------------------------------------------- */

static void on_mark_written(void *baton, apr_status_t rv)
{
    struct slot *slot = baton;
    attempt_t *attempt = slot->attempt;
    queue_set_t *set = attempt->pub.queue->set;

    slot->is_marking = 0;
    if (rv != APR_SUCCESS) {
        attempt->mark_rv = rv;
        set->spool_hold_until = ec_loop_now(set->loop) + apr_time_from_sec(SPOOL_AGAIN_SECONDS);
    } else {
        slot->is_marked = 1;
    }
    attempt->n_marking--;
    if (slot->is_ended) {
        slot->finish(slot); /* the result came while the mark was on its way */
    }
    if (attempt->n_marking == 0 && attempt->n_results < attempt->pub.n) {
        attempt->mark_done(attempt->mark_baton, attempt->mark_rv);
    }
}

void queue_mark(queue_attempt_t *pub, spool_done_fn *done, void *baton)
{
    attempt_t *attempt = attempt_private(pub);

    EC_ASSERT(attempt->n_marking == 0 && attempt->n_results < pub->n);
    attempt->mark_done = done;
    attempt->mark_baton = baton;
    attempt->mark_rv = APR_SUCCESS;
    for (int i = 0; i < pub->n; i++) {
        struct slot *slot = &attempt->slot[i];

        if (!slot->is_ended) {
            attempt->n_marking++;
            slot->is_marking = 1;
            attempt_submit(slot, SPOOL_MARK, on_mark_written);
        }
    }
}

void attempt_submit(struct slot *slot, spool_verb_t verb, spool_done_fn *done)
{
    slot->request = (spool_request_t){ .verb = verb,
                                       .ref = slot->entry->ref,
                                       .rcpt = (int)slot->entry->rcpt,
                                       .loop = slot->attempt->pub.queue->set->loop,
                                       .done = done,
                                       .baton = slot };
    if (verb == SPOOL_STATE) {
        slot->request.state =
            (spool_state_t){ .attempts = slot->entry->attempts,
                             .next = slot->next,
                             .reply = slot->entry->reply != NULL ? slot->entry->reply->text : NULL };
    }
    spool_submit(queue_spool, &slot->request);
}

/* ---- drop ------------------------------------------------------------------------------------- */

static void on_dropped(void *baton, apr_status_t rv);

static void on_stuck_timer(void *baton)
{
    queue_set_t *set = baton;
    util_link_t *link;

    while ((link = util_list_take_first(&set->stuck)) != NULL) {
        attempt_submit(UTIL_OWNER(link, struct slot, stuck), SPOOL_DROP, on_dropped);
    }
}

static void on_dropped(void *baton, apr_status_t rv)
{
    struct slot *slot = baton;
    queue_set_t *set = slot->attempt->pub.queue->set;

    if (rv == APR_SUCCESS) {
        attempt_entry_gone(slot);
        return;
    }
    util_list_add_last(&set->stuck, &slot->stuck);
    if (!ec_timer_is_running(&set->stuck_timer)) {
        ec_timer_start(&set->stuck_timer, set->loop, apr_time_from_sec(SPOOL_AGAIN_SECONDS), on_stuck_timer,
                       set);
    }
}

void attempt_drop(struct slot *slot)
{
    attempt_submit(slot, SPOOL_DROP, on_dropped);
}

void attempt_entry_gone(struct slot *slot)
{
    account_add(slot->account, 1);
    entry_free(slot->attempt->pub.queue, slot->entry);
    attempt_slot_done(slot);
}

/* ---- delay and release ---------------------------------------------------------------------------- */

static void on_state_written(void *baton, apr_status_t rv)
{
    attempt_delayed(baton);
}

void attempt_delayed(struct slot *slot)
{
    queue_t *queue = slot->attempt->pub.queue;
    queue_entry_t *entry = slot->entry;

    if (entry->reply != NULL && !entry->reply->is_shared && !(entry->flags & E_PERMANENT)) {
        entry_set_reply(queue, entry, NULL); /* the spool has the text */
    }
    delayed_add(queue, entry, slot->next);
    attempt_slot_done(slot);
}

static void finish_delay(struct slot *slot)
{
    attempt_submit(slot, SPOOL_STATE, on_state_written);
}

static void back_to_front(struct slot *slot)
{
    attempt_t *attempt = slot->attempt;

    if (attempt->session != NULL) {
        active_add_first(attempt->pub.queue, slot->entry);
    } else {
        doomed_add(attempt->pub.queue, slot->entry);
    }
    attempt_slot_done(slot);
}

static void on_mark_taken_back(void *baton, apr_status_t rv)
{
    back_to_front(baton);
}

static void finish_release(struct slot *slot)
{
    if (slot->is_marked) {
        attempt_submit(slot, SPOOL_STATE, on_mark_taken_back);
    } else {
        back_to_front(slot);
    }
}

/* ---- results ------------------------------------------------------------------------------------------ */

void attempt_event(const struct slot *slot, const queue_result_t *result, ec_event_t *event)
{
    const attempt_t *attempt = slot->attempt;
    const ec_batch_t *batch = attempt->pub.batch;
    const queue_entry_t *entry = slot->entry;
    apr_time_t now = ec_loop_now(attempt->pub.queue->set->loop);

    *event = (ec_event_t){
        .when = now,
        .id = entry->id,
        .batch_id = batch->id,
        .connection = attempt->pub.connection,
        .sender = batch->sender,
        .recipient = batch->rcpts[entry->rcpt].address,
        .domain = attempt->pub.queue->domain,
        .binding = attempt->pub.queue->binding,
        .group = attempt->pub.queue->group,
        .protocol = "",
        .address = result->address != NULL ? result->address : "",
        .text = result->text != NULL ? result->text : "",
        .size = result->size,
        .stage = result->stage,
        .retries = entry->attempts,
        .age = now - entry->received,
        .message_size = ec_batch_size(batch),
        .batch = batch,
    };
}

static void end_delivered(struct slot *slot, const queue_result_t *result)
{
    queue_t *queue = slot->attempt->pub.queue;
    ec_event_t event;

    attempt_event(slot, result, &event);
    HOOK_CALL(log_delivery, &event);
    queue->n_delivered++;
    slot->account = ACCOUNT_delivered;
    slot->finish = attempt_drop;
}

static const char *const verdict_text[] = {
    [RETRY_TOO_OFTEN] = "554 5.4.7 [internal] exceeded max retries without delivery",
    [RETRY_TOO_OLD] = "554 5.4.7 [internal] exceeded max time without delivery",
};

/* The last reply says more than our own words, so both go into the record and the bounce. */
static void give_up(struct slot *slot, const queue_result_t *result, const char *why, int is_expired)
{
    char text[REPLY_MAX];
    queue_result_t end = *result;

    apr_snprintf(text, sizeof text, "%s; last: %s", why,
                 result->text != NULL && result->text[0] ? result->text : "-");
    end.text = text;
    slot->entry->flags |= is_expired ? E_EXPIRED : 0;
    notice_end(slot, &end);
}

static int too_many_lookups(queue_t *queue, queue_entry_t *entry)
{
    apr_int64_t most = conf_int(queue_view(queue), CONF_O_DNS_FAILURES_TO_PURGE);

    if (!(entry->flags & E_DNS)) {
        return 0;
    }
    entry->flags &= (unsigned char)~E_DNS;
    if (entry->dns_failures < 255) {
        entry->dns_failures++;
    }
    return most > 0 && entry->dns_failures >= most;
}

static void log_transient(struct slot *slot, const queue_result_t *result)
{
    ec_event_t event;

    attempt_event(slot, result, &event);
    HOOK_CALL(log_transient_failure, &event);
    account_add(ACCOUNT_transient, 1);
    slot->attempt->pub.queue->n_transient++;
}

static apr_interval_time_t spread(queue_t *queue, const attempt_t *attempt, const queue_entry_t *entry)
{
    apr_int64_t fuzz = conf_int(queue_view(queue), CONF_O_DELAYED_BINDING_DOMAIN_FUZZ);

    /* Only mass requeues are spread (message-flow.md G8). */
    return attempt->session == NULL && fuzz > 0 ? apr_time_from_sec((entry->id.counter + entry->rcpt) % fuzz)
                                                : 0;
}

static void end_transient(struct slot *slot, const queue_result_t *result)
{
    queue_t *queue = slot->attempt->pub.queue;
    queue_entry_t *entry = slot->entry;
    apr_time_t now = ec_loop_now(queue->set->loop);
    retry_rules_t rules;
    retry_verdict_t verdict;
    int failures = entry->attempts < 65535 ? entry->attempts + 1 : 65535;

    log_transient(slot, result);
    retry_rules(&rules, queue_view(queue));
    verdict = retry_verdict(&rules, failures, now - entry->received);
    if (too_many_lookups(queue, entry)) {
        give_up(slot, result, "554 5.4.4 [internal] domain lookup failed", 0);
    } else if (verdict != RETRY_AGAIN) {
        give_up(slot, result, verdict_text[verdict], 1);
    } else {
        entry->attempts = (apr_uint16_t)failures;
        slot->next = now + retry_delay(&rules, failures) + spread(queue, slot->attempt, entry);
        entry_set_reply(queue, entry,
                        reply_get(queue, result->stage, result->text != NULL ? result->text : ""));
        slot->finish = finish_delay;
    }
}

static void end_in_doubt(struct slot *slot, const queue_result_t *result)
{
    queue_result_t doubt = *result;

    if (doubt.text == NULL || doubt.text[0] == '\0') {
        doubt.text = "451 4.4.2 [internal] no reply to the final dot: delivery in doubt";
    }
    ec_counter_add(queue_gauges.in_doubt, 1);
    end_transient(slot, &doubt);
}

static void end_released(struct slot *slot, const queue_result_t *result)
{
    slot->finish = finish_release;
}

/* A host that speaks about messages can be reached. */
static void reached(queue_t *queue)
{
    if (queue->failures > 0) {
        queue->failures = 0;
        queue->unreachable_since = queue->hold_until = 0;
        reply_release(queue, queue->reason);
        queue->reason = NULL;
    }
}

static void (*const end_as[])(struct slot *slot, const queue_result_t *result) = {
    [QUEUE_DELIVERED] = end_delivered, [QUEUE_TRANSIENT] = end_transient, [QUEUE_PERMANENT] = notice_end,
    [QUEUE_IN_DOUBT] = end_in_doubt,   [QUEUE_RELEASE] = end_released,
};

void queue_result(queue_attempt_t *pub, int i, const queue_result_t *result)
{
    attempt_t *attempt = attempt_private(pub);
    struct slot *slot = &attempt->slot[i];

    EC_ASSERT(i >= 0 && i < pub->n && !slot->is_ended);
    slot->is_ended = 1;
    slot->entry->flags &= (unsigned char)~E_IN_DOUBT;
    attempt->n_results++;
    if (attempt->session != NULL && result->outcome != QUEUE_RELEASE &&
        result->stage != EC_STAGE_NOT_CONNECTED) {
        reached(pub->queue);
        pub->queue->goal += result->outcome == QUEUE_DELIVERED && i == 0;
    }
    end_as[result->outcome](slot, result);
    if (!slot->is_marking) {
        slot->finish(slot);
    }
}
