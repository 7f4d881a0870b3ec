/* attempt.h - what an attempt is made of; for attempt.c, notice.c and doom.c
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include "queue/inside.h"

struct slot {
    attempt_t *attempt;
    queue_entry_t *entry;              /* NULL when done */
    spool_request_t request;           /* the one under way */
    void (*finish)(struct slot *slot); /* writes the end; set with the result */
    apr_time_t next;                   /* of the next attempt */
    util_link_t stuck;                 /* in set->stuck */
    account_t account;
    char address[48]; /* of the server that refused, for the bounce */
    unsigned char is_marking, is_marked, is_ended;
};

struct attempt {
    util_link_t link;         /* of the queue */
    queue_session_t *session; /* NULL: our own */
    apr_time_t since;
    int n_results, n_done, n_marking;
    spool_done_fn *mark_done;
    void *mark_baton;
    apr_status_t mark_rv;
    ec_post_fn *settled;
    void *settled_baton;
    ec_post_t post;
    queue_attempt_t pub;
    struct slot slot[];
};

/** Put a request about the slot's entry to the spool; `done` gets the slot. */
void attempt_submit(struct slot *slot, spool_verb_t verb, spool_done_fn *done);
void attempt_drop(struct slot *slot);
/** The entry's end is on disk: count it as slot->account. */
void attempt_entry_gone(struct slot *slot);
/** The entry waits until slot->next. */
void attempt_delayed(struct slot *slot);
void attempt_slot_done(struct slot *slot);
void attempt_event(const struct slot *slot, const queue_result_t *result, ec_event_t *event);

/* notice.c */
/** The entry fails for good: P record, and a bounce or a drop when slot->finish runs. */
void notice_end(struct slot *slot, const queue_result_t *result);
#endif
