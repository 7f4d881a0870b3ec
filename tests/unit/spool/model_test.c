/* model_test.c - random stories, told to the spool and to a simple model of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever was done, in whatever order, with segments filling, being compacted, removed and
 * used again meanwhile: after a restart, or in what a crash would leave, the open recipients
 * are exactly the model's.  SPOOL_SEED=n and SPOOL_STEPS=n replay one story. */
#include "spool/harness.h"

enum { SEGMENT = 64 * 1024, MAILS = 60, RCPTS = 4, SEEDS = 12, STEPS = 1500, TOGETHER = 8 };

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

static harness_t h;
static model_mail_t mails[MAILS];
static work_t works[TOGETHER];
static int n_works;
static unsigned state;
static apr_uint64_t compacted;

static unsigned any(unsigned below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

static int is_busy(int mail)
{
    for (int i = 0; i < n_works; i++) {
        if (works[i].mail == mail || works[i].settles == mail) {
            return 1;
        }
    }
    return 0;
}

static work_t *new_work(spool_verb_t verb, int mail)
{
    work_t *work = &works[n_works++];

    memset(work, 0, sizeof *work);
    work->step.request.verb = verb;
    work->mail = mail;
    work->settles = -1;
    return work;
}

/* An open recipient of a mail that nothing is under way for; -1 when there is none at this draw. */
static int any_open(int *rcpt)
{
    int mail = (int)any(MAILS);

    if (mails[mail].ref == NULL || is_busy(mail)) {
        return -1;
    }
    do {
        *rcpt = (int)any((unsigned)mails[mail].n_rcpts);
    } while (!mails[mail].rcpts[*rcpt].is_open);
    return mail;
}

static void settle(int mail, int rcpt)
{
    mails[mail].rcpts[rcpt].is_open = 0;
    if (--mails[mail].n_open == 0) {
        mails[mail].ref = NULL;
    }
}

/* ---- what can be done ---------------------------------------------------------------------- */

static void begin_store(int settles, int rcpt)
{
    int mail = (int)any(MAILS);
    model_mail_t *to = &mails[mail];
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
        work->step.request.ref = mails[settles].ref;
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
    work->step.request.ref = mails[mail].ref;
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
    model_mail_t *mail = &mails[work->mail];
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
        snprintf(rcpt->reply, sizeof rcpt->reply, "%s", work->reply);
    } else if (request->verb == SPOOL_MARK) {
        rcpt->is_marked = 1;
    } else {
        settle(work->mail, work->rcpt);
    }
}

static void step_together(void)
{
    unsigned n = 1 + any(TOGETHER);

    for (unsigned i = 0; i < n; i++) {
        begin_any();
    }
    for (int i = 0; i < n_works; i++) {
        harness_await(&works[i].step.is_done);
    }
    for (int i = 0; i < n_works; i++) {
        end_work(&works[i]);
    }
    n_works = 0;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static int find_mail(ec_id_t id)
{
    for (int i = 0; i < MAILS; i++) {
        if (mails[i].ref != NULL && ec_id_equal(mails[i].id, id)) {
            return i;
        }
    }
    return -1;
}

static void compare_one(harness_t *with, const harness_found_t *found, int is_deep)
{
    int i = find_mail(found->batch_id);
    const model_rcpt_t *rcpt;
    char reply[64];

    ck_assert_msg(i >= 0, "settled mail came back");
    rcpt = &mails[i].rcpts[found->rcpt];
    ck_assert_msg(rcpt->is_open, "settled recipient came back");
    ck_assert_int_eq(found->is_in_doubt, rcpt->is_marked);
    ck_assert_int_eq(found->state.attempts, rcpt->attempts);
    ck_assert(found->state.next == rcpt->next);
    if (is_deep) {
        ec_batch_t *batch;

        ck_assert_int_eq(spool_load(with->spool, found->ref, &batch), APR_SUCCESS);
        ck_assert(harness_body_is(batch, mails[i].size, mails[i].seed));
        ec_batch_unref(batch);
        ck_assert_int_eq(spool_load_reply(with->spool, found->ref, found->rcpt, reply, sizeof reply),
                         APR_SUCCESS);
        ck_assert_str_eq(reply, rcpt->reply);
    }
}

static int open_recipients(void)
{
    int n = 0;

    for (int i = 0; i < MAILS; i++) {
        n += mails[i].ref != NULL ? mails[i].n_open : 0;
    }
    return n;
}

static void compare(harness_t *with, int is_deep)
{
    ck_assert_int_eq((int)with->report.damaged, 0);
    ck_assert_int_eq((int)with->report.torn_bytes, 0);
    for (int i = 0; i < with->n_found; i++) {
        compare_one(with, &with->found[i], is_deep);
    }
    ck_assert_int_eq(with->n_found, open_recipients());
}

static void note_compaction(void)
{
    spool_stats_t stats;

    spool_stats(h.spool, &stats);
    compacted += stats.compacted_bytes;
}

static void restart(void)
{
    note_compaction();
    harness_close(&h);
    harness_open(&h);
    compare(&h, 1);
    for (int i = 0; i < h.n_found; i++) {
        mails[find_mail(h.found[i].batch_id)].ref = h.found[i].ref;
    }
}

/* The log moves on while it is copied (compaction), as it does in a crash, but what was answered is in it. */
static void crash(void)
{
    harness_t copy;

    harness_crash(&h, &copy);
    harness_open(&copy);
    compare(&copy, any(4) == 0);
    harness_close(&copy);
    harness_end(&copy);
}

static void load_one(void)
{
    int rcpt, mail = any_open(&rcpt);
    ec_batch_t *batch;

    if (mail >= 0) {
        ck_assert_int_eq(spool_load(h.spool, mails[mail].ref, &batch), APR_SUCCESS);
        ck_assert(harness_body_is(batch, mails[mail].size, mails[mail].seed));
        for (int i = 0; i < mails[mail].n_rcpts; i++) {
            ck_assert_int_eq(batch->rcpts[i].is_dropped, !mails[mail].rcpts[i].is_open);
        }
        ec_batch_unref(batch);
    }
}

static void tell_story(unsigned seed, int steps)
{
    memset(mails, 0, sizeof mails);
    state = seed * 7919u + 1;
    harness_init(&h, SEGMENT);
    h.options.compact_rate = 1 << 30;
    harness_open(&h);
    for (int i = 0; i < steps; i++) {
        step_together();
        load_one();
        if (any(100) == 0) {
            restart();
        } else if (any(60) == 0) {
            crash();
        }
    }
    restart();
    harness_close(&h);
    harness_end(&h);
}

START_TEST(stories)
{
    const char *seed = getenv("SPOOL_SEED"), *steps = getenv("SPOOL_STEPS");

    harness_runtime(1);
    compacted = 0;
    if (seed == NULL || atoi(seed) == _i) {
        tell_story((unsigned)_i, steps != NULL ? atoi(steps) : STEPS);
        ck_assert_msg(compacted > 0, "nothing was compacted: the story tells too little");
    }
    event_runtime_destroy();
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_loop_test(test_case(suite, "model", 300), stories, 0, SEEDS);
}

TEST_MAIN("spool/model", add)
