/* story.h - random stories of mail, told to a spool and to a simple model of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Up to TOGETHER things are under way at a time, each about mail of its own, so that the model
 * knows the outcome whatever the order. */
#ifndef TESTS_SPOOL_STORY_H
#define TESTS_SPOOL_STORY_H

#include "spool/harness.h"

enum { SEGMENT = 64 * 1024, MAILS = 60, RCPTS = 4, TOGETHER = 8 };

typedef struct {
    int is_open, is_marked, attempts;
    apr_time_t next;
    char reply[32];
} model_rcpt_t;

typedef struct {
    ec_id_t id;
    spool_ref_t *ref; /* NULL: the slot is free */
    int n_rcpts, n_open;
    apr_size_t size;
    unsigned seed;
    model_rcpt_t rcpts[RCPTS];
} model_mail_t;

/* Steps that are under way together; each mail is in one of them at most. */
typedef struct {
    harness_step_t step;
    int mail, settles, rcpt;
    char reply[32];
} work_t;

/* Can be in memory that is shared with the process that kills the teller. */
typedef struct {
    model_mail_t mails[MAILS];
    model_mail_t before[MAILS]; /* while is_under_way: what was answered for certain */
    work_t works[TOGETHER];
    int n_works, is_under_way; /* atomic */
    int steps;                 /* atomic */
    unsigned state;            /* of the random numbers */
} story_t;

static harness_t h;
static story_t *story;

static unsigned any(unsigned below)
{
    story->state = story->state * 1664525u + 1013904223u;
    return (story->state >> 8) % below;
}

static int is_busy(int mail)
{
    for (int i = 0; i < story->n_works; i++) {
        if (story->works[i].mail == mail || story->works[i].settles == mail) {
            return 1;
        }
    }
    return 0;
}

static work_t *new_work(spool_verb_t verb, int mail)
{
    work_t *work = &story->works[story->n_works];

    memset(work, 0, sizeof *work);
    work->step.request.verb = verb;
    work->mail = mail;
    work->settles = -1;
    __atomic_store_n(&story->n_works, story->n_works + 1, __ATOMIC_SEQ_CST);
    return work;
}

/* An open recipient of a mail that nothing is under way for; -1 when there is none at this draw. */
static int any_open(int *rcpt)
{
    int mail = (int)any(MAILS);

    if (story->mails[mail].ref == NULL || is_busy(mail)) {
        return -1;
    }
    do {
        *rcpt = (int)any((unsigned)story->mails[mail].n_rcpts);
    } while (!story->mails[mail].rcpts[*rcpt].is_open);
    return mail;
}

static void settle(int mail, int rcpt)
{
    story->mails[mail].rcpts[rcpt].is_open = 0;
    if (--story->mails[mail].n_open == 0) {
        story->mails[mail].ref = NULL;
    }
}

/* ---- what can be done ---------------------------------------------------------------------- */

static void begin_store(int settles, int rcpt)
{
    int mail = (int)any(MAILS);
    model_mail_t *to = &story->mails[mail];
    work_t *work;

    if (to->ref != NULL || is_busy(mail) || mail == settles) {
        return;
    }
    memset(to, 0, sizeof *to);
    to->seed = any(1u << 20);
    to->size = any(20) == 0 ? SEGMENT / 8 + any(3000) : any(6000);
    to->n_rcpts = to->n_open = any(3) == 0 ? 1 + (int)any(RCPTS) : 1;
    work = new_work(SPOOL_STORE, mail);
    work->step.request.batch = harness_mail(to->n_rcpts, to->size, to->seed, NULL);
    to->id = work->step.request.batch->id;
    for (int i = 0; i < to->n_rcpts; i++) {
        to->rcpts[i].is_open = 1;
    }
    if (settles >= 0) {
        work->settles = settles;
        work->rcpt = rcpt;
        work->step.request.ref = story->mails[settles].ref;
        work->step.request.rcpt = rcpt;
    }
    harness_start(&h, &work->step);
}

static void begin_bounce(void)
{
    int rcpt, mail = any_open(&rcpt);

    if (mail >= 0) {
        begin_store(mail, rcpt);
    }
}

static void begin_note(spool_verb_t verb)
{
    int rcpt, mail = any_open(&rcpt);
    work_t *work;

    if (mail < 0) {
        return;
    }
    work = new_work(verb, mail);
    work->rcpt = rcpt;
    work->step.request.ref = story->mails[mail].ref;
    work->step.request.rcpt = rcpt;
    if (verb == SPOOL_STATE) {
        snprintf(work->reply, sizeof work->reply, "450 try %u", any(100000));
        work->step.request.state = (spool_state_t){ (apr_uint16_t)any(1000), any(100000), work->reply };
    }
    harness_start(&h, &work->step);
}

static void begin_any(void)
{
    unsigned choice = any(100);

    if (choice < 30) {
        begin_store(-1, 0);
    } else if (choice < 35) {
        begin_bounce();
    } else if (choice < 50) {
        begin_note(SPOOL_STATE);
    } else if (choice < 62) {
        begin_note(SPOOL_MARK);
    } else {
        begin_note(SPOOL_DROP);
    }
}

/* ---- what has been done counts ----------------------------------------------------------------- */

static void end_work(work_t *work)
{
    const spool_request_t *request = &work->step.request;
    model_mail_t *mail = &story->mails[work->mail];
    model_rcpt_t *rcpt = &mail->rcpts[work->rcpt];

    ck_assert_int_eq(work->step.rv, APR_SUCCESS);
    if (request->verb == SPOOL_STORE) {
        mail->ref = request->batch->ref;
        ck_assert_ptr_nonnull(mail->ref);
        if (work->settles >= 0) {
            settle(work->settles, work->rcpt);
        }
        ec_batch_unref(request->batch);
    } else if (request->verb == SPOOL_STATE) {
        rcpt->is_marked = 0;
        rcpt->attempts = request->state.attempts;
        rcpt->next = request->state.next;
        memcpy(rcpt->reply, work->reply, sizeof rcpt->reply);
    } else if (request->verb == SPOOL_MARK) {
        rcpt->is_marked = 1;
    } else {
        settle(work->mail, work->rcpt);
    }
}

static void step_together(void)
{
    unsigned n = 1 + any(TOGETHER);

    memcpy(story->before, story->mails, sizeof story->before);
    __atomic_store_n(&story->is_under_way, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < n; i++) {
        begin_any();
    }
    for (int i = 0; i < story->n_works; i++) {
        harness_await(&story->works[i].step.is_done);
    }
    for (int i = 0; i < story->n_works; i++) {
        end_work(&story->works[i]);
    }
    __atomic_store_n(&story->is_under_way, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&story->n_works, 0, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&story->steps, 1, __ATOMIC_SEQ_CST);
}

#endif
