/* model_test.c - random stories, told to the spool and to a simple model of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever was done, in whatever order, with segments filling, being compacted, removed and
 * used again meanwhile: after a restart, or in what a crash would leave, the open recipients
 * are exactly the model's.  SPOOL_SEED=n and SPOOL_STEPS=n replay one story. */
#include "spool/story.h"

enum { SEEDS = 12, STEPS = 1500 };

static apr_uint64_t compacted;

/* ---- comparing ------------------------------------------------------------------------------------ */

static int find_mail(ec_id_t id)
{
    for (int i = 0; i < MAILS; i++) {
        if (story->mails[i].ref != NULL && ec_id_equal(story->mails[i].id, id)) {
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
    rcpt = &story->mails[i].rcpts[found->rcpt];
    ck_assert_msg(rcpt->is_open, "settled recipient came back");
    ck_assert_int_eq(found->is_in_doubt, rcpt->is_marked);
    ck_assert_int_eq(found->state.attempts, rcpt->attempts);
    ck_assert(found->state.next == rcpt->next);
    ck_assert_str_eq(found->reply, rcpt->reply);
    if (is_deep) {
        ec_batch_t *batch;

        ck_assert_int_eq(spool_load(with->spool, found->ref, &batch), APR_SUCCESS);
        ck_assert(harness_body_is(batch, story->mails[i].size, story->mails[i].seed));
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
        n += story->mails[i].ref != NULL ? story->mails[i].n_open : 0;
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
        story->mails[find_mail(h.found[i].batch_id)].ref = h.found[i].ref;
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
        ck_assert_int_eq(spool_load(h.spool, story->mails[mail].ref, &batch), APR_SUCCESS);
        ck_assert(harness_body_is(batch, story->mails[mail].size, story->mails[mail].seed));
        for (int i = 0; i < story->mails[mail].n_rcpts; i++) {
            ck_assert_int_eq(batch->rcpts[i].is_dropped, !story->mails[mail].rcpts[i].is_open);
        }
        ec_batch_unref(batch);
    }
}

static void tell_story(unsigned seed, int steps)
{
    story = calloc(1, sizeof *story);
    story->state = seed * 7919u + 1;
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
    free(story);
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
