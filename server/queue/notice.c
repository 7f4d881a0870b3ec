/* notice.c - a recipient fails for good: its record, its bounce, its end
 * SPDX-License-Identifier: Apache-2.0
 *
 * The bounce is stored and the failed message dropped in one write, so that after a crash there is either the
 * message or its bounce.  When the bounce can not be stored the message waits in the delayed queue, marked
 * E_PERMANENT | E_LOGGED: it is not tried again, and its P record is not written twice.
 * A large body is on disk, so its bounce is made by a job. */
#include "queue/attempt.h"

#include <stdlib.h>
#include <unistd.h>

#include <apr_strings.h>

#include "bounce/bounce.h"
#include "hook/hook.h"

struct notice {
    ec_job_t job;
    struct slot *slot;
    ec_batch_t *bounce;
    bounce_facts_t facts;
    char remote[48], hostname[256], from[384];
};

void queue_hostname(char *buffer, apr_size_t room)
{
    const char *name = conf_str(conf_global(conf_current()), CONF_O_HOSTNAME);

    if (name != NULL) {
        apr_cpystrn(buffer, name, room);
    } else if (gethostname(buffer, room - 1) != 0) {
        apr_cpystrn(buffer, "localhost", room);
    }
}

static struct notice *make_notice(struct slot *slot)
{
    queue_t *queue = slot->attempt->pub.queue;
    const conf_view_t *view = queue_view(queue);
    const ec_batch_t *batch = slot->attempt->pub.batch;
    struct notice *notice = calloc(1, sizeof *notice);
    const char *from = conf_str(view, CONF_O_MAILERDAEMON);

    EC_ASSERT(notice != NULL);
    notice->slot = slot;
    apr_cpystrn(notice->remote, slot->address, sizeof notice->remote);
    queue_hostname(notice->hostname, sizeof notice->hostname);
    if (from != NULL) {
        apr_cpystrn(notice->from, from, sizeof notice->from);
    } else {
        apr_snprintf(notice->from, sizeof notice->from, "mailer-daemon@%s", notice->hostname);
    }
    notice->facts = (bounce_facts_t){
        .batch = batch,
        .recipient = batch->rcpts[slot->entry->rcpt].address,
        .text = reply_text(slot->entry->reply),
        .remote = notice->remote,
        .hostname = notice->hostname,
        .from = notice->from,
        .inline_original = (int)conf_int(view, CONF_O_BOUNCES_INLINE_ORIGINAL),
        .is_expired = (slot->entry->flags & E_EXPIRED) != 0,
        .attempts = slot->entry->attempts + 1,
        .now = ec_loop_now(queue->set->loop),
    };
    return notice;
}

static void on_delayed(void *baton, apr_status_t rv)
{
    attempt_delayed(baton);
}

static void on_stored(void *baton, apr_status_t rv)
{
    struct slot *slot = baton;
    ec_loop_t *loop = slot->attempt->pub.queue->set->loop;

    if (rv == APR_SUCCESS) {
        attempt_entry_gone(slot);
        return;
    }
    ec_log_rv(queue_room_log, EC_LOG_WARNING, rv,
              "a bounce could not be stored, it is made again later domain=%s",
              slot->attempt->pub.queue->domain);
    slot->next = ec_loop_now(loop) + apr_time_from_sec(BOUNCE_AGAIN_SECONDS);
    attempt_submit(slot, SPOOL_STATE, on_delayed);
}

static void work(void *baton)
{
    struct notice *notice = baton;

    notice->bounce = bounce_make(&notice->facts);
}

/* A module has seen it and wants none. */
static int is_unwanted(const struct slot *slot, ec_batch_t *bounce)
{
    ec_verdict_t verdict;
    const char *module;

    HOOK_ASK(&verdict, &module, bounce_made, slot->attempt->pub.batch, (int)slot->entry->rcpt, bounce);
    return verdict == EC_REJECT;
}

static void on_made(void *baton)
{
    struct notice *notice = baton;
    struct slot *slot = notice->slot;
    ec_batch_t *bounce = notice->bounce;

    free(notice);
    if (bounce != NULL && is_unwanted(slot, bounce)) {
        ec_batch_unref(bounce);
        bounce = NULL;
    }
    if (bounce != NULL) {
        queue_inject(slot->attempt->pub.queue->set->loop, bounce, slot->entry->ref, (int)slot->entry->rcpt,
                     on_stored, slot);
    } else {
        attempt_drop(slot);
    }
}

static void finish_with_bounce(struct slot *slot)
{
    struct notice *notice = make_notice(slot);

    if (ec_batch_is_large(notice->facts.batch)) {
        ec_job_run(ec_threadpool_find("IO"), slot->attempt->pub.queue->set->loop, &notice->job, work, on_made,
                   notice);
    } else {
        work(notice);
        on_made(notice);
    }
}

static int wants_bounce(const struct slot *slot)
{
    return slot->attempt->pub.batch->sender[0] != '\0' &&
           conf_int(queue_view(slot->attempt->pub.queue), CONF_O_GENERATE_BOUNCES) != 0;
}

void notice_end(struct slot *slot, const queue_result_t *result)
{
    queue_t *queue = slot->attempt->pub.queue;
    queue_entry_t *entry = slot->entry;

    entry_set_reply(queue, entry, reply_get(queue, result->stage, result->text != NULL ? result->text : ""));
    apr_cpystrn(slot->address, result->address != NULL ? result->address : "", sizeof slot->address);
    if (!(entry->flags & E_LOGGED)) {
        ec_event_t event;

        attempt_event(slot, result, &event);
        HOOK_CALL(log_permanent_failure, &event);
        if (entry->flags & E_EXPIRED) {
            HOOK_CALL(log_expiry, &event);
        }
        queue->n_failed++;
    }
    entry->flags |= E_PERMANENT | E_LOGGED;
    slot->account = entry->flags & E_EXPIRED ? ACCOUNT_expired : ACCOUNT_failed;
    slot->finish = wants_bounce(slot) ? finish_with_bounce : attempt_drop;
}
