/* damage_test.c - logs that were cut anywhere, or have a wrong bit anywhere
 * SPDX-License-Identifier: Apache-2.0
 *
 * A small log is written with one record a commit, and for each record it is known what it
 * says and where it lies.  Then it is spoiled, recovered, and compared with what must be. */
#include "spool/harness.h"

enum { SEGMENT = 32 * 1024, MAILS = 64, RECORDS = 200, FLIPS = 600 };

typedef struct {
    ec_id_t id;
    apr_size_t size;
    spool_ref_t *ref;
    int is_open[2], attempts[2], is_marked[2];
} mail_t;

/* One record: where it lies, and whom it is about. */
typedef struct {
    apr_uint32_t sequence;
    apr_size_t start, end;
    spool_verb_t verb;
    int mail, rcpt, settles; /* settles: a mail whose recipient 0 this bounce settles, or -1 */
    mail_t after[MAILS];     /* the model once it is written */
} record_t;

static harness_t h, spoiled;
static mail_t mails[MAILS];
static record_t records[RECORDS];
static int n_mails, n_records;

static void setup(void)
{
    test_setup();
    harness_runtime(1);
    harness_init(&h, SEGMENT);
    h.options.is_synced = 0;
    n_mails = n_records = 0;
    memset(mails, 0, sizeof mails);
}

static void teardown(void)
{
    harness_end(&h);
    event_runtime_destroy();
    test_teardown();
}

/* ---- writing the log ------------------------------------------------------------------------ */

static const spool_segment_t *head(void)
{
    return h.spool->segments[h.spool->n_segments - 1];
}

static void put_down(spool_verb_t verb, int mail, int rcpt, int settles)
{
    record_t *record = &records[n_records++];
    const record_t *before = n_records > 1 ? record - 1 : NULL;

    spool_lock(h.spool);
    record->sequence = head()->sequence;
    record->end = head()->end;
    spool_unlock(h.spool);
    record->start = before != NULL && before->sequence == record->sequence ? before->end : SPOOL_START;
    record->verb = verb;
    record->mail = mail;
    record->rcpt = rcpt;
    record->settles = settles;
    memcpy(record->after, mails, sizeof mails);
}

static void store(int n_rcpts, apr_size_t size, int settles)
{
    mail_t *mail = &mails[n_mails];
    ec_batch_t *batch = harness_mail(n_rcpts, size, (unsigned)n_mails, NULL);

    if (settles >= 0) {
        ck_assert_int_eq(harness_bounce(&h, batch, mails[settles].ref, 0), APR_SUCCESS);
        mails[settles].is_open[0] = 0;
    } else {
        ck_assert_int_eq(harness_store(&h, batch), APR_SUCCESS);
    }
    mail->id = batch->id;
    mail->size = size;
    mail->ref = batch->ref;
    mail->is_open[0] = 1;
    mail->is_open[1] = n_rcpts > 1;
    ec_batch_unref(batch);
    put_down(SPOOL_STORE, n_mails++, 0, settles);
}

static void note(spool_verb_t verb, int mail, int rcpt)
{
    if (verb == SPOOL_STATE) {
        ck_assert_int_eq(harness_state(&h, mails[mail].ref, rcpt, 1 + n_records, 5, "451 no"), APR_SUCCESS);
        mails[mail].attempts[rcpt] = 1 + (n_records);
        mails[mail].is_marked[rcpt] = 0;
    } else {
        ck_assert_int_eq(harness_note(&h, verb, mails[mail].ref, rcpt), APR_SUCCESS);
        mails[mail].is_open[rcpt] &= verb != SPOOL_DROP;
        mails[mail].is_marked[rcpt] |= verb == SPOOL_MARK;
    }
    put_down(verb, mail, rcpt, -1);
}

/* Some of everything; with `rounds` above 4 it takes more than one segment. */
static void write_log(int rounds)
{
    harness_open(&h);
    spool_compact_stop(h.spool);
    for (int i = 0; i < rounds; i++) {
        int first = n_mails;

        store(1, 100 + (apr_size_t)i, -1);
        store(2, rounds > 4 ? 1500 : 50, -1);
        note(SPOOL_MARK, first, 0);
        note(SPOOL_STATE, first + 1, 1);
        note(SPOOL_DROP, first, 0);
        note(SPOOL_MARK, first + 1, 0);
        store(1, 20, first + 1);
        note(SPOOL_STATE, first + 1, 1);
        if (i % 2 == 0) {
            note(SPOOL_DROP, first + 1, 1);
        }
    }
}

/* ---- spoiling it ---------------------------------------------------------------------------------- */

static char *segment_path(const harness_t *of, apr_uint32_t sequence)
{
    static char path[SPOOL_PATH];

    snprintf(path, sizeof path, "%s/segments/segment-%08x", of->dir, sequence);
    return path;
}

static void recover_spoiled(void)
{
    spoiled.options.is_synced = 0;
    harness_open(&spoiled);
}

static const harness_found_t *find(ec_id_t id, int rcpt)
{
    for (int i = 0; i < spoiled.n_found; i++) {
        if (ec_id_equal(spoiled.found[i].batch_id, id) && spoiled.found[i].rcpt == rcpt) {
            return &spoiled.found[i];
        }
    }
    return NULL;
}

static int is_readable(const harness_found_t *found, int mail)
{
    ec_batch_t *batch;
    int is_right;

    if (spool_load(spoiled.spool, found->ref, &batch) != APR_SUCCESS) {
        return 0;
    }
    is_right = harness_body_is(batch, mails[mail].size, (unsigned)mail);
    ec_batch_unref(batch);
    return is_right;
}

/* Does recovery say exactly what `model` says? */
static int is_like(const mail_t *model)
{
    int n = 0;

    for (int i = 0; i < MAILS; i++) {
        for (int k = 0; k < 2; k++) {
            const harness_found_t *found = model[i].is_open[k] ? find(model[i].id, k) : NULL;

            if (!model[i].is_open[k]) {
                continue;
            }
            n++;
            if (found == NULL || found->is_in_doubt != model[i].is_marked[k] ||
                found->state.attempts != model[i].attempts[k] || !is_readable(found, i)) {
                return 0;
            }
        }
    }
    return n == spoiled.n_found;
}

/* ---- cut ---------------------------------------------------------------------------------------------- */

static void check_cut(apr_size_t length)
{
    static const mail_t nothing[MAILS];
    const mail_t *before = nothing, *after = NULL;
    int is_inside = 0;

    for (int i = 0; i < n_records; i++) {
        if (records[i].end <= length) {
            before = records[i].after;
        } else if (after == NULL && length + SPOOL_ALIGN > records[i].end) {
            after = records[i].after; /* only the padding is missing */
        } else if (records[i].start < length) {
            is_inside = 1;
        }
    }
    if (!is_like(after == NULL ? before : after)) {
        ck_assert_msg(after != NULL && is_like(before), "cut at %lu", (unsigned long)length);
    }
    if (is_inside) {
        ck_assert_msg(spoiled.report.torn_bytes > 0, "cut at %lu is not reported", (unsigned long)length);
    }
    ck_assert_int_eq((int)spoiled.report.damaged, length < SPOOL_START);
}

START_TEST(cut_anywhere)
{
    apr_size_t end;

    write_log(2);
    end = records[n_records - 1].end;
    ck_assert_uint_eq(records[0].sequence, records[n_records - 1].sequence);
    for (apr_size_t length = SPOOL_START - 8; length <= end; length++) {
        harness_crash(&h, &spoiled);
        ck_assert_int_eq(truncate(segment_path(&spoiled, records[0].sequence), (off_t)length), 0);
        recover_spoiled();
        check_cut(length);
        harness_close(&spoiled);
        harness_end(&spoiled);
    }
    harness_close(&h);
}
END_TEST

static int is_held, n_held; /* atomic */

static ssize_t held_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
    if (__atomic_load_n(&is_held, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&n_held, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&is_held, __ATOMIC_SEQ_CST)) {
            usleep(100);
        }
    }
    return pwritev(fd, iov, n, offset);
}

/* The last three are sure to be one commit: they gather while the write of the first is held. */
static void store_together(ec_batch_t **batches, harness_step_t *steps)
{
    while (harness_is_busy(&h)) {
        usleep(200);
    }
    __atomic_store_n(&is_held, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 4; i++) {
        memset(&steps[i], 0, sizeof steps[i]);
        steps[i].request.verb = SPOOL_STORE;
        steps[i].request.batch = batches[i];
        harness_start(&h, &steps[i]);
        while (i == 0 && !__atomic_load_n(&n_held, __ATOMIC_SEQ_CST)) {
            usleep(100);
        }
    }
    __atomic_store_n(&is_held, 0, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 4; i++) {
        harness_await(&steps[i].is_done);
    }
}

/* As after a loss of power: the first part of the last commit is not on disk, the rest is. */
START_TEST(hole_in_last_commit)
{
    spool_io_t io = spool_io_system;
    ec_batch_t *batches[4];
    harness_step_t steps[4];
    apr_size_t from;
    int fd;

    io.pwritev = held_pwritev;
    h.io = &io;
    write_log(1);
    for (int i = 0; i < 4; i++) {
        batches[i] = harness_mail(1, 300, (unsigned)i, NULL);
    }
    store_together(batches, steps);
    from = batches[1]->ref->offset;
    harness_crash(&h, &spoiled);
    fd = open(segment_path(&spoiled, records[0].sequence), O_RDWR);
    ck_assert_int_eq((int)pwrite(fd, "XXXXXXXXXXXXXXXX", 16, (off_t)from + 40), 16);
    close(fd);
    recover_spoiled();
    ck_assert_int_gt((int)spoiled.report.torn_bytes, 0);
    ck_assert_int_eq((int)spoiled.report.damaged, 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(find(batches[i]->id, 0) != NULL, i != 1);
    }
    for (int i = 0; i < n_mails; i++) {
        ck_assert_int_eq(find(mails[i].id, 0) != NULL, mails[i].is_open[0]);
    }
    ck_assert_int_ge(harness_files(&spoiled, "damaged", "segment-"), 1);
    harness_close(&spoiled);
    harness_end(&spoiled);
    for (int i = 0; i < 4; i++) {
        ec_batch_unref(batches[i]);
    }
    harness_close(&h);
}
END_TEST

/* ---- flip ------------------------------------------------------------------------------------------------
 */

static const record_t *record_at(apr_uint32_t sequence, apr_size_t offset)
{
    for (int i = 0; i < n_records; i++) {
        if (records[i].sequence == sequence && records[i].start <= offset && offset < records[i].end) {
            return &records[i];
        }
    }
    return NULL;
}

/* Nothing is lost and nothing comes back but by the record that was hit. */
static void check_flip(const record_t *hit)
{
    for (int i = 0; i < n_mails; i++) {
        for (int k = 0; k < 2; k++) {
            const harness_found_t *found = find(mails[i].id, k);
            int is_lost = hit != NULL && hit->verb == SPOOL_STORE && hit->mail == i;
            int is_back = hit != NULL && ((hit->verb == SPOOL_DROP && hit->mail == i && hit->rcpt == k) ||
                                          (hit->settles == i && k == 0));

            if (mails[i].is_open[k] && !is_lost) {
                ck_assert_ptr_nonnull(found);
                ck_assert(is_readable(found, i));
            } else if (!mails[i].is_open[k] && !is_back) {
                ck_assert_msg(found == NULL, "settled mail came back");
            }
        }
    }
}

START_TEST(flip_anywhere)
{
    unsigned seed = 4711;

    write_log(16);
    ck_assert_uint_gt(records[n_records - 1].sequence, records[0].sequence);
    for (int i = 0; i < FLIPS; i++) {
        const record_t *record;
        apr_size_t offset;
        unsigned char byte;
        int fd;

        seed = seed * 1664525u + 1013904223u;
        record = &records[(seed >> 8) % (unsigned)n_records];
        offset = record->start + (seed >> 3) % (record->end - record->start);
        harness_crash(&h, &spoiled);
        fd = open(segment_path(&spoiled, record->sequence), O_RDWR);
        ck_assert_int_eq((int)pread(fd, &byte, 1, (off_t)offset), 1);
        byte ^= (unsigned char)(1u << (seed >> 28 & 7));
        ck_assert_int_eq((int)pwrite(fd, &byte, 1, (off_t)offset), 1);
        close(fd);
        recover_spoiled();
        check_flip(record_at(record->sequence, offset));
        if (offset < record->end - SPOOL_ALIGN) { /* else it may be padding */
            ck_assert_msg(spoiled.report.damaged + spoiled.report.torn_bytes > 0,
                          "not reported: segment %u offset %lu", record->sequence, (unsigned long)offset);
        }
        harness_close(&spoiled);
        harness_end(&spoiled);
    }
    harness_close(&h);
}
END_TEST

START_TEST(lost_header)
{
    static const char zeros[SPOOL_PAGE];
    int fd;

    write_log(2);
    harness_crash(&h, &spoiled);
    fd = open(segment_path(&spoiled, records[0].sequence), O_RDWR);
    ck_assert_int_eq((int)pwrite(fd, zeros, sizeof zeros, 0), sizeof zeros);
    close(fd);
    recover_spoiled();
    ck_assert_int_eq((int)spoiled.report.damaged, 1);
    for (int i = 0; i < n_mails; i++) {
        ck_assert_int_eq(find(mails[i].id, 0) != NULL, mails[i].is_open[0]);
    }
    harness_close(&spoiled);
    harness_end(&spoiled);
    harness_close(&h);
}
END_TEST

/* A message that is damaged while the server runs. */
START_TEST(damage_is_told_on_load)
{
    ec_batch_t *batch;
    int fd;

    write_log(1);
    fd = open(segment_path(&h, records[1].sequence), O_RDWR);
    ck_assert_int_eq((int)pwrite(fd, "X", 1, (off_t)records[2].end - 60), 1);
    ck_assert_int_eq((int)pwrite(fd, "XXXXXXXX", 8, (off_t)records[6].end - 16), 8);
    close(fd);
    ck_assert_int_eq(records[6].verb, SPOOL_STORE);
    ck_assert_int_eq(spool_load(h.spool, mails[records[6].mail].ref, &batch), EC_E_SPOOL_CORRUPT);
    harness_close(&h);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("damage");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, cut_anywhere);
    tcase_add_test(tcase, hole_in_last_commit);
    tcase_add_test(tcase, flip_anywhere);
    tcase_add_test(tcase, lost_header);
    tcase_add_test(tcase, damage_is_told_on_load);
}

TEST_MAIN("spool/damage", add)
