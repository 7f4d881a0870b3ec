/* failure_test.c - disks that refuse, lie or are full
 * SPDX-License-Identifier: Apache-2.0
 *
 * The spool's own calls are made to fail: the n-th one, for each n, or all of them for a while.
 * Whatever happens, an answer is true: what got success is there after a crash at the end,
 * what got an error is not. */
#include <errno.h>

#include "spool/harness.h"

enum { SEGMENT = 32 * 1024, OPS = 24, CALLS = 60 };

static harness_t h;

/* ---- a disk that fails on demand ----------------------------------------------------------------- */

typedef struct {
    int first, last; /* calls that fail, counted from 1; last 0: none */
    int error;
    int is_short; /* half of it is written before that */
} fault_t;

static fault_t write_fault, sync_fault;
static int n_writes, n_syncs; /* atomic */
static int is_broken;         /* atomic: an errno for all calls */
static int is_starved;        /* atomic: no new segment can be made */
static apr_int64_t room;      /* atomic */

static int is_due(const fault_t *fault, int n)
{
    return n >= fault->first && n <= fault->last;
}

static ssize_t faulty_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    int count = __atomic_add_fetch(&n_writes, 1, __ATOMIC_SEQ_CST);

    errno = __atomic_load_n(&is_broken, __ATOMIC_SEQ_CST);
    if (errno != 0) {
        return -1;
    }
    if (__atomic_load_n(&is_starved, __ATOMIC_SEQ_CST) && offset == 0) { /* zeros, and the header */
        errno = ENOSPC;
        return -1;
    }
    if (is_due(&write_fault, count)) {
        struct iovec half = { iov[0].iov_base, iov[0].iov_len / 2 };

        if (write_fault.is_short && half.iov_len > 0 && count == write_fault.first) {
            return pwritev(fd, &half, 1, offset);
        }
        errno = write_fault.error;
        return -1;
    }
    return pwritev(fd, iov, n, offset);
}

static int faulty_fdatasync(int fd)
{
    int count = __atomic_add_fetch(&n_syncs, 1, __ATOMIC_SEQ_CST);

    errno = __atomic_load_n(&is_broken, __ATOMIC_SEQ_CST);
    if (errno != 0) {
        return -1;
    }
    if (is_due(&sync_fault, count)) {
        errno = sync_fault.error; /* what was written is on disk all the same */
        return -1;
    }
    return fdatasync(fd);
}

static apr_int64_t faulty_free_bytes(const char *dir)
{
    return __atomic_load_n(&room, __ATOMIC_SEQ_CST);
}

static const spool_io_t faulty_io = { faulty_pwritev, faulty_fdatasync, faulty_free_bytes, 5000 };

static int n_critical, n_notice; /* atomic */

static void on_log(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    if (level == EC_LOG_CRITICAL) {
        __atomic_add_fetch(&n_critical, 1, __ATOMIC_SEQ_CST);
    } else if (strstr(text, "works again") != NULL) {
        __atomic_add_fetch(&n_notice, 1, __ATOMIC_SEQ_CST);
    }
}

static void setup(void)
{
    test_setup();
    harness_runtime(1);
    harness_init(&h, SEGMENT);
    h.io = &faulty_io;
    write_fault = sync_fault = (fault_t){ 0, 0, 0, 0 };
    n_writes = n_syncs = is_broken = is_starved = n_critical = n_notice = 0;
    room = 1 << 30;
    h.options.reserve = 1 << 20;
    ec_log_sink_add(on_log, NULL);
}

static void teardown(void)
{
    ec_log_sink_remove(on_log, NULL);
    harness_end(&h);
    event_runtime_destroy();
    test_teardown();
}

/* ---- a short story whose answers are believed -------------------------------------------------------- */

typedef struct {
    ec_id_t id;
    spool_ref_t *ref;
    int is_stored, is_open;
} mail_t;

static mail_t mails[OPS];
static int n_mails;

static void tell_story(void)
{
    memset(mails, 0, sizeof mails);
    n_mails = 0;
    for (int i = 0; i < OPS; i++) {
        ec_batch_t *batch = harness_mail(1, 3000, (unsigned)i, NULL);
        mail_t *mail = &mails[n_mails++];

        mail->id = batch->id;
        mail->is_stored = mail->is_open = harness_store(&h, batch) == APR_SUCCESS;
        mail->ref = batch->ref;
        ec_batch_unref(batch);
        if (mail->is_open && i % 3 == 1) {
            harness_note(&h, SPOOL_MARK, mail->ref, 0);
            ck_assert_int_eq(harness_note(&h, SPOOL_DROP, mail->ref, 0), APR_SUCCESS);
            mail->is_open = 0;
        } else if (mail->is_open && i % 3 == 2) {
            ck_assert_int_eq(harness_state(&h, mail->ref, 0, i, 0, "450"), APR_SUCCESS);
        }
    }
}

static int was_found(const harness_t *in, ec_id_t id)
{
    for (int i = 0; i < in->n_found; i++) {
        if (ec_id_equal(in->found[i].batch_id, id)) {
            return 1;
        }
    }
    return 0;
}

static void check_story(void)
{
    harness_t after;

    harness_crash(&h, &after);
    harness_open(&after);
    for (int i = 0; i < n_mails; i++) {
        ck_assert_msg(was_found(&after, mails[i].id) == mails[i].is_open, "mail %d: stored %d open %d", i,
                      mails[i].is_stored, mails[i].is_open);
    }
    ck_assert_int_eq((int)after.report.damaged, 0);
    harness_close(&after);
    harness_end(&after);
}

static const struct {
    const char *what;
    int error, is_short, is_sync, length;
} faults[] = {
    { "one write fails", EIO, 0, 0, 1 },    { "one write fails half way", ENOSPC, 1, 0, 2 },
    { "two writes fail", ENOSPC, 0, 0, 2 }, { "one sync fails", EIO, 0, 1, 1 },
    { "two syncs fail", EIO, 0, 1, 2 },     { "four syncs fail", EIO, 0, 1, 4 },
    { "nine syncs fail", EIO, 0, 1, 9 },
};

START_TEST(nth_call_fails)
{
    int i = _i / CALLS, n = _i % CALLS + 1;
    fault_t fault = { n, n + faults[i].length - 1, faults[i].error, faults[i].is_short };

    *(faults[i].is_sync ? &sync_fault : &write_fault) = fault;
    harness_open(&h);
    tell_story();
    check_story();
    harness_close(&h);
}
END_TEST

/* ---- a disk that is broken for a while -------------------------------------------------------------------
 */

static void await_ready(int is_ready)
{
    while (spool_ready(h.spool) != is_ready) {
        usleep(1000);
    }
}

static const int errors[] = { EIO, ENOSPC, EROFS };

START_TEST(broken_for_a_while)
{
    ec_batch_t *first = harness_mail(1, 100, 1, NULL), *second = harness_mail(1, 100, 2, NULL);
    harness_step_t drop = { .request = { .verb = SPOOL_DROP } },
                   state = { .request = { .verb = SPOOL_STATE } };
    ec_batch_t *refused = harness_mail(1, 100, 3, NULL);
    spool_stats_t stats;

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, first), APR_SUCCESS);
    ck_assert_int_eq(harness_store(&h, second), APR_SUCCESS);
    __atomic_store_n(&is_broken, errors[_i], __ATOMIC_SEQ_CST);
    drop.request.ref = first->ref;
    state.request.ref = second->ref;
    state.request.state = (spool_state_t){ 4, 5, "450 later" };
    harness_start(&h, &drop);
    harness_start(&h, &state);
    ck_assert_int_eq(harness_store(&h, refused), errors[_i]);
    ck_assert_int_eq(harness_note(&h, SPOOL_MARK, second->ref, 0), errors[_i]);
    await_ready(0);
    ck_assert_int_eq(harness_store(&h, refused), errors[_i]);
    spool_stats(h.spool, &stats);
    ck_assert_int_eq(stats.is_failed, 1);
    ck_assert_str_ne(stats.last_error, "");
    ck_assert_int_eq(drop.is_done, 0);
    ck_assert_int_ge(n_critical, 1);
    ck_assert_int_le(n_critical, 2); /* the keeper's and the writer's */
    __atomic_store_n(&is_broken, 0, __ATOMIC_SEQ_CST);
    harness_await(&drop.is_done);
    harness_await(&state.is_done);
    ck_assert_int_eq(drop.rv, APR_SUCCESS);
    ck_assert_int_eq(state.rv, APR_SUCCESS);
    await_ready(1);
    ck_assert_int_eq(n_notice, 1);
    ck_assert_int_eq(harness_store(&h, refused), APR_SUCCESS);
    harness_close(&h);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, 2);
    ck_assert(was_found(&h, second->id) && was_found(&h, refused->id));
    harness_close(&h);
    ec_batch_unref(first);
    ec_batch_unref(second);
    ec_batch_unref(refused);
}
END_TEST

/* Both tries reach the disk, and both times the sync says that they did not; so it does for the wiping. */
START_TEST(refused_mail_does_not_come_back)
{
    ec_batch_t *refused = harness_mail(1, 100, 1, NULL), *kept = harness_mail(1, 100, 2, NULL);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, kept), APR_SUCCESS);
    while (harness_is_busy(&h)) {
        usleep(200);
    }
    sync_fault = (fault_t){ n_syncs + 1, n_syncs + 4, EIO, 0 };
    ck_assert_int_eq(harness_store(&h, refused), EIO);
    await_ready(1);
    harness_close(&h);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, 1);
    ck_assert(was_found(&h, kept->id));
    harness_close(&h);
    ec_batch_unref(refused);
    ec_batch_unref(kept);
}
END_TEST

/* The first try is on disk whole, its sync failed, and it could not be wiped either: only the seal in the
 * next segment says that it does not count. */
START_TEST(second_try_replaces_the_first)
{
    ec_batch_t *mail = harness_mail(1, 100, 1, NULL), *kept = harness_mail(1, 100, 2, NULL);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, kept), APR_SUCCESS);
    while (harness_is_busy(&h)) {
        usleep(200);
    }
    sync_fault = (fault_t){ n_syncs + 1, n_syncs + 1, EIO, 0 };
    write_fault = (fault_t){ n_writes + 2, n_writes + 2, EIO, 0 };
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, mail->ref, 0), APR_SUCCESS);
    harness_close(&h);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, 1);
    ck_assert(was_found(&h, kept->id));
    harness_close(&h);
    ec_batch_unref(mail);
    ec_batch_unref(kept);
}
END_TEST

START_TEST(disk_nearly_full)
{
    ec_batch_t *first = harness_mail(1, 100, 1, NULL), *second = harness_mail(1, 100, 2, NULL);
    spool_stats_t stats;

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, first), APR_SUCCESS);
    __atomic_store_n(&room, 1000, __ATOMIC_SEQ_CST);
    await_ready(0);
    spool_stats(h.spool, &stats); /* the console says why */
    ck_assert_int_eq(stats.is_failed, 1);
    ck_assert_ptr_nonnull(strstr(stats.last_error, "nearly full"));
    ck_assert_int_eq(harness_store(&h, second), ENOSPC);
    ck_assert_int_eq(harness_note(&h, SPOOL_MARK, first->ref, 0), APR_SUCCESS);
    ck_assert_int_eq(harness_state(&h, first->ref, 0, 1, 0, NULL), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, first->ref, 0), APR_SUCCESS);
    ck_assert_int_eq(n_critical, 1);
    __atomic_store_n(&room, 1 << 30, __ATOMIC_SEQ_CST);
    await_ready(1);
    spool_stats(h.spool, &stats);
    ck_assert_str_eq(stats.last_error, "");
    ck_assert_int_eq(harness_store(&h, second), APR_SUCCESS);
    harness_close(&h);
    ec_batch_unref(first);
    ec_batch_unref(second);
}
END_TEST

/* The disk has no room for another segment: the end of the last one is for what ends messages. */
START_TEST(no_next_segment)
{
    ec_batch_t *mail[2 * SEGMENT / 3000];
    int n = 0;

    harness_open(&h);
    while (harness_is_busy(&h)) {
        usleep(200);
    }
    __atomic_store_n(&is_starved, 1, __ATOMIC_SEQ_CST);
    for (apr_status_t rv = APR_SUCCESS; rv == APR_SUCCESS; n++) {
        ck_assert_int_lt(n, TEST_COUNT(mail));
        mail[n] = harness_mail(1, 3000, (unsigned)n, NULL);
        rv = harness_store(&h, mail[n]);
        ck_assert(rv == APR_SUCCESS || rv == ENOSPC);
    }
    ck_assert_int_ge(n, SEGMENT / 4096);
    await_ready(0);
    ck_assert_int_eq(n_critical, 1);
    ck_assert_int_eq(harness_note(&h, SPOOL_MARK, mail[0]->ref, 0), APR_SUCCESS);
    ck_assert_int_eq(harness_state(&h, mail[1]->ref, 0, 1, 2, "450"), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, mail[0]->ref, 0), APR_SUCCESS);
    __atomic_store_n(&is_starved, 0, __ATOMIC_SEQ_CST);
    await_ready(1);
    ck_assert_int_eq(harness_store(&h, mail[n - 1]), APR_SUCCESS);
    harness_close(&h);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, n - 1);
    harness_close(&h);
    for (int i = 0; i < n; i++) {
        ec_batch_unref(mail[i]);
    }
}
END_TEST

/* Stopped while broken: the answers say so, and what was stored before is there. */
START_TEST(closed_while_broken)
{
    ec_batch_t *mail = harness_mail(1, 100, 1, NULL);
    harness_step_t drop = { .request = { .verb = SPOOL_DROP } };

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    __atomic_store_n(&is_broken, EIO, __ATOMIC_SEQ_CST);
    drop.request.ref = mail->ref;
    harness_start(&h, &drop);
    harness_close(&h);
    harness_await(&drop.is_done);
    ck_assert_int_eq(drop.rv, EIO);
    __atomic_store_n(&is_broken, 0, __ATOMIC_SEQ_CST);
    harness_open(&h);
    ck_assert_int_eq(h.n_found, 1);
    harness_close(&h);
    ec_batch_unref(mail);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("failure");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, nth_call_fails, 0, TEST_COUNT(faults) * CALLS);
    tcase_add_loop_test(tcase, broken_for_a_while, 0, TEST_COUNT(errors));
    tcase_add_test(tcase, refused_mail_does_not_come_back);
    tcase_add_test(tcase, second_try_replaces_the_first);
    tcase_add_test(tcase, disk_nearly_full);
    tcase_add_test(tcase, no_next_segment);
    tcase_add_test(tcase, closed_while_broken);
}

TEST_MAIN("spool/failure", add)
