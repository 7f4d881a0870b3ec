/* sessions.h - what the tests of sessions share: one session, a queue that is none, and a peer that follows a script
 * SPDX-License-Identifier: Apache-2.0
 *
 * The story is one letter and stage code per recipient (fake_queue.h).  The clock is virtual and held, so
 * that nothing times out by chance; a peer that falls silent lets it go. */
#ifndef TESTS_SMTP_OUT_SESSIONS_H
#define TESTS_SMTP_OUT_SESSIONS_H

#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "event/runtime.h"
#include "fake_queue.h"
#include "message/message.h"
#include "peer.h"
#include "runner.h"

enum { TURNS = 20000 };

#define OFFERS_ALL "PIPELINING|SIZE 90000000|8BITMIME|ENHANCEDSTATUSCODES"
#define CONF       "hostname = \"me.test\"\nidle_timeout = 0\n"
#define MESSAGE    "Subject: x\r\n\r\nhello\r\n"

static const char *const here[] = { "127.0.0.1", NULL };

static inline void start(void)
{
    test_setup();
    ck_assert_int_eq(
        event_runtime_create(1, event_clock_virtual(apr_time_from_sec(2000000), test_pool), test_pool),
        APR_SUCCESS);
    event_clock_hold(event_runtime_clock());
}

static inline void stop(void)
{
    event_runtime_stop();
    test_teardown();
    conf_install(NULL); /* no loop is left: the generation is let go */
}

static inline ec_batch_t *make_batch(const char *text, apr_size_t length, int n)
{
    static const body_limits_t limits = { 16384, 1024 * 1024 * 64, "/tmp" };
    ec_batch_t *batch = batch_create(apr_time_from_sec(2000000), "esmtp");

    batch_set_sender(batch, "s@from.test");
    for (int i = 0; i < n; i++) {
        batch_add_rcpt(batch, apr_psprintf(test_pool, "r%d@domain.test", i + 1));
    }
    ck_assert_int_eq(batch_body_append(batch, &limits, text, length), APR_SUCCESS);
    return batch;
}

static inline void add_message(const char *text, int n)
{
    fake_queue_add(make_batch(text, strlen(text), n));
}

static inline void until(event_pred_fn *pred)
{
    ck_assert_msg(event_run_until(ec_loop_at(0), pred, NULL, TURNS),
                  "it never came; story \"%s\" transcript \"%s\"", fake_queue_story(), peer_transcript());
}

static inline int has_mail(void *baton)
{
    return strstr(peer_transcript(), "MAIL") != NULL;
}

static inline int has_quit(void *baton)
{
    return strstr(peer_transcript(), "QUIT") != NULL;
}

static inline void run(const peer_script_t *script, const char *conf, int recipients)
{
    peer_start(script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, conf, NULL), here, peer_port(), test_pool);
    add_message(MESSAGE, recipients);
    fake_queue_open();
    until(fake_queue_is_closed);
}

static inline TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

#endif
