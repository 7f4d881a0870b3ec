/* spool_test.c - what is stored comes back, what is settled does not
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <apr_strings.h>

#include "event/thread.h"
#include "spool/harness.h"

enum { SEGMENT = 64 * 1024 };

static harness_t h;

static void setup(void)
{
    test_setup();
    harness_runtime(1);
    harness_init(&h, SEGMENT);
}

static void teardown(void)
{
    if (h.spool != NULL) {
        harness_close(&h);
    }
    harness_end(&h);
    event_runtime_destroy();
    test_teardown();
}

static void reopen(void)
{
    harness_close(&h);
    harness_open(&h);
}

static const struct {
    const char *what;
    int n_rcpts;
    apr_size_t size;
} mails[] = {
    { "empty body", 1, 0 },
    { "one byte", 1, 1 },
    { "small", 1, 500 },
    { "two blocks", 2, 5000 },
    { "as large as fits into a segment's share", 3, SEGMENT / 8 },
    { "larger than that: a file of its own", 1, SEGMENT / 8 + 1 },
    { "larger than a segment", 2, SEGMENT * 3 },
    { "many recipients", 500, 100 },
};

START_TEST(store_load_recover)
{
    ec_batch_t *mail = harness_mail(mails[_i].n_rcpts, mails[_i].size, 7, NULL), *back;

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ck_assert_int_eq(spool_load(h.spool, mail->ref, &back), APR_SUCCESS);
    ck_assert(harness_body_is(back, mails[_i].size, 7));
    ec_batch_unref(back);
    reopen();
    ck_assert_int_eq(h.n_found, mails[_i].n_rcpts);
    ck_assert_int_eq((int)h.report.batches, 1);
    ck_assert_int_eq((int)h.report.recipients, mails[_i].n_rcpts);
    ck_assert_int_eq((int)h.report.torn_bytes, 0);
    ck_assert_int_eq((int)h.report.damaged, 0);
    for (int i = 0; i < h.n_found; i++) {
        ck_assert(ec_id_equal(h.found[i].id, ec_batch_message_id(mail, i)));
        ck_assert(ec_id_equal(h.found[i].batch_id, ec_batch_id(mail)));
        ck_assert_str_eq(h.found[i].recipient, ec_batch_recipient(mail, i));
        ck_assert_str_eq(h.found[i].domain, "example7.org");
        ck_assert_str_eq(h.found[i].sender, "sender@example.com");
        ck_assert_int_eq(h.found[i].rcpt, i);
        ck_assert_uint_eq(h.found[i].size, mails[_i].size);
        ck_assert_int_eq(h.found[i].is_in_doubt, 0);
    }
    ck_assert_int_eq(spool_load(h.spool, h.found[0].ref, &back), APR_SUCCESS);
    ck_assert(harness_body_is(back, mails[_i].size, 7));
    for (int i = 0; i < back->n_rcpts; i++) {
        ck_assert_ptr_eq(batch_binding(back, i), harness_binding(ec_batch_recipient(back, i)));
    }
    ck_assert_str_eq(back->source, "192.0.2.1");
    ck_assert_str_eq(back->helo, "client.example.com");
    ck_assert_str_eq(back->protocol, "esmtp");
    ck_assert(back->received == mail->received);
    ck_assert(ec_id_equal(back->connection, mail->connection));
    ec_batch_unref(back);
    ec_batch_unref(mail);
}
END_TEST

START_TEST(settled_stays_settled)
{
    ec_batch_t *mail = harness_mail(3, 100, 1, NULL), *back;

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, mail->ref, 1), APR_SUCCESS);
    ck_assert_int_eq(spool_load(h.spool, mail->ref, &back), APR_SUCCESS);
    ck_assert_int_eq(back->rcpts[0].is_dropped, 0);
    ck_assert_int_eq(back->rcpts[1].is_dropped, 1);
    ec_batch_unref(back);
    ec_batch_unref(mail);
    reopen();
    ck_assert_int_eq(h.n_found, 2);
    ck_assert_int_eq(h.found[0].rcpt, 0);
    ck_assert_int_eq(h.found[1].rcpt, 2);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, h.found[0].ref, 0), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, h.found[1].ref, 2), APR_SUCCESS);
    reopen();
    ck_assert_int_eq(h.n_found, 0);
}
END_TEST

START_TEST(states_and_doubt)
{
    ec_batch_t *mail = harness_mail(2, 100, 1, NULL);
    char reply[64], longest[3000];

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ck_assert_int_eq(spool_load_reply(h.spool, mail->ref, 0, reply, sizeof reply), APR_SUCCESS);
    ck_assert_str_eq(reply, "");
    ck_assert_int_eq(harness_state(&h, mail->ref, 0, 3, 777, "450 later"), APR_SUCCESS);
    ck_assert_int_eq(harness_note(&h, SPOOL_MARK, mail->ref, 1), APR_SUCCESS);
    ck_assert_int_eq(spool_load_reply(h.spool, mail->ref, 0, reply, sizeof reply), APR_SUCCESS);
    ck_assert_str_eq(reply, "450 later");
    ec_batch_unref(mail);
    reopen();
    ck_assert_int_eq(h.n_found, 2);
    ck_assert_int_eq((int)h.report.in_doubt, 1);
    ck_assert_int_eq(h.found[0].state.attempts, 3);
    ck_assert_int_eq((int)h.found[0].state.next, 777);
    ck_assert_int_eq(h.found[0].is_in_doubt, 0);
    ck_assert_int_eq(h.found[1].is_in_doubt, 1);
    ck_assert_int_eq(spool_load_reply(h.spool, h.found[0].ref, 0, reply, sizeof reply), APR_SUCCESS);
    ck_assert_str_eq(reply, "450 later");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_int_eq(harness_state(&h, h.found[1].ref, 1, 1, 0, longest), APR_SUCCESS);
    reopen();
    ck_assert_int_eq((int)h.report.in_doubt, 0);
    ck_assert_int_eq(h.found[1].state.attempts, 1);
    ck_assert_int_eq(spool_load_reply(h.spool, h.found[1].ref, 1, longest, sizeof longest), APR_SUCCESS);
    ck_assert_uint_eq(strlen(longest), 1024);
}
END_TEST

START_TEST(bounce_settles)
{
    ec_batch_t *mail = harness_mail(1, 100, 1, NULL), *bounce = harness_mail(1, 50, 2, NULL);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ck_assert_int_eq(harness_bounce(&h, bounce, mail->ref, 0), APR_SUCCESS);
    reopen();
    ck_assert_int_eq(h.n_found, 1);
    ck_assert(ec_id_equal(h.found[0].batch_id, bounce->id));
    ec_batch_unref(mail);
    ec_batch_unref(bounce);
}
END_TEST

START_TEST(lock_is_exclusive)
{
    spool_t *second = NULL;
    const char *why = NULL;

    harness_open(&h);
    ck_assert_int_eq(spool_open(&second, &h.options, ec_log_root(), &why, test_pool), EC_E_SPOOL_LOCKED);
    ck_assert_ptr_nonnull(strstr(why, h.dir));
    harness_close(&h);
    ck_assert_int_eq(spool_open(&second, &h.options, ec_log_root(), &why, test_pool), APR_SUCCESS);
    spool_close(second);
}
END_TEST

static void unlock_soon(void *baton)
{
    apr_sleep(50000); /* so that it is likely to be awaited; sooner would do as well */
    close(*(int *)baton);
}

/* A server that was killed may have it for a moment more. */
START_TEST(lock_is_awaited)
{
    const char *why = NULL;
    pthread_t thread;
    int fd;

    harness_open(&h);
    harness_close(&h);
    fd = open(apr_pstrcat(test_pool, h.dir, "/lock", NULL), O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(event_thread_start(&thread, "unlock", 0, unlock_soon, &fd), APR_SUCCESS);
    ck_assert_int_eq(spool_open(&h.spool, &h.options, ec_log_root(), &why, test_pool), APR_SUCCESS);
    pthread_join(thread, NULL);
}
END_TEST

static int large_files(void)
{
    return harness_files(&h, "large", "body-");
}

/* The keeper removes files when it finds the time. */
static void await_large_files(int n)
{
    while (large_files() != n) {
        usleep(1000);
    }
}

START_TEST(large_bodies)
{
    body_limits_t limits = { 16384, 10000, NULL };
    ec_batch_t *mail, *left, *back;

    harness_open(&h);
    limits.large_dir = spool_large_dir(h.spool);
    mail = harness_mail(1, 200000, 5, &limits);
    left = harness_mail(1, 200000, 6, &limits);
    ck_assert(ec_batch_is_large(mail));
    ck_assert_int_eq(large_files(), 2);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    ec_batch_unref(mail); /* the file is the spool's now */
    ck_assert_int_eq(large_files(), 2);
    reopen();
    ck_assert_int_eq(large_files(), 1); /* the unfinished one has gone */
    ck_assert_int_eq(h.n_found, 1);
    ck_assert_int_eq(spool_load(h.spool, h.found[0].ref, &back), APR_SUCCESS);
    ck_assert(ec_batch_is_large(back));
    ck_assert(harness_body_is(back, 200000, 5));
    ec_batch_unref(back);
    ck_assert_int_eq(large_files(), 1);
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, h.found[0].ref, 0), APR_SUCCESS);
    await_large_files(0);
    ec_batch_unref(left);
}
END_TEST

START_TEST(too_long_an_envelope)
{
    ec_batch_t *mail = harness_mail(3000, 100, 1, NULL), *small = harness_mail(1, 100, 1, NULL);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), EC_E_TOO_LONG);
    ck_assert_int_eq(harness_store(&h, small), APR_SUCCESS);
    ec_batch_unref(mail);
    ec_batch_unref(small);
}
END_TEST

/* Dead segments become spares or go: the store does not grow with what has passed through. */
START_TEST(segments_are_used_again)
{
    spool_stats_t stats;

    harness_open(&h);
    for (unsigned i = 0; i < 300; i++) {
        ec_batch_t *mail = harness_mail(1, 4000, i, NULL);

        ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
        ck_assert_int_eq(harness_note(&h, SPOOL_DROP, mail->ref, 0), APR_SUCCESS);
        ec_batch_unref(mail);
    }
    spool_stats(h.spool, &stats);
    ck_assert_int_le((int)stats.segments, 2);
    ck_assert_int_eq((int)stats.batches, 0);
    ck_assert_int_eq((int)stats.live_bytes, 0);
    reopen();
    ck_assert_int_eq(h.n_found, 0);
    ck_assert_int_eq((int)h.report.damaged, 0);
    ck_assert_int_le((int)h.report.segments, 8);
}
END_TEST

/* Mail that comes while the old segments are not read yet. */
START_TEST(new_mail_before_recovery)
{
    ec_batch_t *old = harness_mail(1, 100, 1, NULL), *new = harness_mail(1, 100, 2, NULL);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, old), APR_SUCCESS);
    harness_close(&h);
    harness_open_only(&h);
    ck_assert_int_eq(harness_store(&h, new), APR_SUCCESS);
    harness_recover(&h);
    ck_assert_int_eq(h.n_found, 1);
    ck_assert(ec_id_equal(h.found[0].batch_id, old->id));
    ck_assert_int_eq(harness_note(&h, SPOOL_DROP, h.found[0].ref, 0), APR_SUCCESS);
    reopen();
    ck_assert_int_eq(h.n_found, 1);
    ck_assert(ec_id_equal(h.found[0].batch_id, new->id));
    ec_batch_unref(old);
    ec_batch_unref(new);
}
END_TEST

START_TEST(owned_requests)
{
    ec_batch_t *mail = harness_mail(1, 100, 1, NULL);
    spool_request_t *mark = calloc(1, sizeof *mark), *drop = calloc(1, sizeof *drop);

    harness_open(&h);
    ck_assert_int_eq(harness_store(&h, mail), APR_SUCCESS);
    *mark = (spool_request_t){ .verb = SPOOL_MARK, .ref = mail->ref };
    *drop = (spool_request_t){ .verb = SPOOL_DROP, .ref = mail->ref };
    spool_submit_owned(h.spool, mark);
    spool_submit_owned(h.spool, drop);
    reopen(); /* close writes what was requested */
    ck_assert_int_eq(h.n_found, 0);
    ec_batch_unref(mail);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("spool");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, store_load_recover, 0, TEST_COUNT(mails));
    tcase_add_test(tcase, settled_stays_settled);
    tcase_add_test(tcase, states_and_doubt);
    tcase_add_test(tcase, bounce_settles);
    tcase_add_test(tcase, lock_is_exclusive);
    tcase_add_test(tcase, lock_is_awaited);
    tcase_add_test(tcase, large_bodies);
    tcase_add_test(tcase, too_long_an_envelope);
    tcase_add_test(tcase, segments_are_used_again);
    tcase_add_test(tcase, new_mail_before_recovery);
    tcase_add_test(tcase, owned_requests);
}

TEST_MAIN("spool/spool", add)
