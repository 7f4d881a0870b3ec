/* loops_test.c - four loops store, mark and settle while others read and the compactor moves
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the thread sanitizer above all. */
#include <ec/job.h>

#include "spool/harness.h"

enum { SEGMENT = 64 * 1024, LOOPS = 4, LIVES = 12, MAILS_EACH = 150, KEPT = 60, READS = 400 };

static harness_t h;
static int running; /* atomic */

/* A life stores one mail after the other and sees each to its end. */
typedef struct {
    spool_request_t request;
    ec_post_t post;
    ec_batch_t *batch;
    int left, n_dropped;
} life_t;

static void next_step(void *baton, apr_status_t rv);

static void submit(life_t *life, spool_verb_t verb)
{
    spool_request_t *request = &life->request;

    memset(request, 0, sizeof *request);
    request->verb = verb;
    request->batch = verb == SPOOL_STORE ? life->batch : NULL;
    request->ref = verb == SPOOL_STORE ? NULL : life->batch->ref;
    request->rcpt = life->n_dropped;
    request->state = (spool_state_t){ 1, 2, "450 later" };
    request->loop = ec_loop_self();
    request->done = next_step;
    request->baton = life;
    spool_submit(h.spool, request);
}

static void begin_mail(life_t *life)
{
    if (life->left-- == 0) {
        __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
        return;
    }
    life->n_dropped = 0;
    life->batch = harness_mail(2, 2000, (unsigned)life->left, NULL);
    submit(life, SPOOL_STORE);
}

static void next_step(void *baton, apr_status_t rv)
{
    static const spool_verb_t after[] = {
        [SPOOL_STORE] = SPOOL_MARK, [SPOOL_MARK] = SPOOL_STATE, [SPOOL_STATE] = SPOOL_DROP
    };
    life_t *life = baton;

    ck_assert_int_eq(rv, APR_SUCCESS);
    if (life->request.verb != SPOOL_DROP) {
        submit(life, after[life->request.verb]);
    } else if (++life->n_dropped < 2) {
        submit(life, SPOOL_MARK);
    } else {
        ec_batch_unref(life->batch);
        begin_mail(life);
    }
}

static void on_start(void *baton)
{
    begin_mail(baton);
}

/* A reader loads mail that stays, over and over. */
typedef struct {
    ec_job_t job;
    spool_ref_t *ref;
    unsigned seed;
    int left, is_right;
} reader_t;

static void read_work(void *baton)
{
    reader_t *reader = baton;
    ec_batch_t *batch;

    reader->is_right = spool_load(h.spool, reader->ref, &batch) == APR_SUCCESS;
    if (reader->is_right) {
        reader->is_right = harness_body_is(batch, 1500, reader->seed);
        ec_batch_unref(batch);
    }
}

static void read_done(void *baton)
{
    reader_t *reader = baton;

    ck_assert(reader->is_right);
    if (--reader->left == 0) {
        __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    } else {
        ec_job_run(ec_threadpool_find("SwapIn"), ec_loop_self(), &reader->job, read_work, read_done, reader);
    }
}

static int all_ended(void *baton)
{
    return __atomic_load_n(&running, __ATOMIC_SEQ_CST) == 0;
}

START_TEST(all_at_once)
{
    static life_t lives[LIVES];
    static reader_t readers[KEPT];
    spool_stats_t stats;

    harness_runtime(LOOPS);
    harness_init(&h, SEGMENT);
    h.options.compact_rate = 1 << 30;
    harness_open(&h);
    for (int i = 0; i < KEPT; i++) {
        ec_batch_t *kept = harness_mail(1, 1500, (unsigned)i, NULL);

        ck_assert_int_eq(harness_store(&h, kept), APR_SUCCESS);
        readers[i].ref = kept->ref;
        readers[i].seed = (unsigned)i;
        readers[i].left = READS / KEPT;
        ec_batch_unref(kept);
    }
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    running = LIVES + KEPT;
    for (int i = 0; i < LIVES; i++) {
        lives[i].left = MAILS_EACH;
        ec_loop_post(ec_loop_at(i % LOOPS), &lives[i].post, on_start, &lives[i]);
    }
    for (int i = 0; i < KEPT; i++) {
        ec_job_run(ec_threadpool_find("SwapIn"), ec_loop_at(0), &readers[i].job, read_work, read_done,
                   &readers[i]);
    }
    while (!event_run_until(ec_loop_at(0), all_ended, NULL, 1000)) {
    }
    spool_stats(h.spool, &stats);
    ck_assert_int_eq((int)stats.batches, KEPT);
    ck_assert_msg(stats.compacted_bytes > 0, "nothing was moved");
    event_runtime_stop();
    harness_close(&h);
    event_runtime_destroy();
    harness_runtime(1);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, KEPT);
    harness_close(&h);
    harness_end(&h);
    event_runtime_destroy();
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_test(test_case(suite, "loops", 300), all_at_once);
}

TEST_MAIN("spool/loops", add)
